package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

const (
	queryPrompt = "meshd> "
	queryMore   = "   ... "
	queryHelp   = "End a query with ; or an empty line. Leave with exit, Ctrl-D or Ctrl-C.\n"
)

// prompt asks one query after the other on a terminal.
func (v *queryVerb) prompt(cmd *cobra.Command, p *output.Printer, c *caller.Client) error {
	in, ok := p.In.(*os.File)
	if !ok {
		return errors.New("there is no terminal")
	}
	fmt.Fprint(p.Err, queryHelp)
	history := openHistory(historyFile())
	typed := newTyped(in, p.Err, history)
	for {
		text, err := typed.query(cmd.Context())
		switch {
		case errors.Is(err, io.EOF):
			fmt.Fprintln(p.Err)
			return nil
		case err != nil:
			return err
		}
		switch strings.TrimSpace(strings.TrimSuffix(text, ";")) {
		case "":
			continue
		case "exit", "quit", ":exit", ":quit", ":q":
			return nil
		case "help", ":help", "?":
			fmt.Fprint(p.Err, queryHelp)
			continue
		}
		history.keep(oneLine(text))
		if err := v.ask(cmd, p, c, text); err != nil {
			if cmd.Context().Err() != nil {
				return err
			}
			fmt.Fprintln(p.Err, "error: "+err.Error())
		}
	}
}

// typed reads what is typed on a terminal. All lines come through one Terminal:
// it reads ahead, and has the rest of what was pasted.
type typed struct {
	in *os.File
	t  *term.Terminal
}

func newTyped(in *os.File, out io.Writer, history *queryHistory) *typed {
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, out}, queryPrompt)
	t.History = history
	return &typed{in, t}
}

// query reads lines until one ends with a semicolon, or is empty. The terminal
// is raw only while a line is typed, so that a query can be interrupted.
func (d *typed) query(ctx context.Context) (string, error) {
	var text strings.Builder
	for {
		prompt := queryPrompt
		if text.Len() > 0 {
			prompt = queryMore
		}
		line, err := d.line(ctx, prompt)
		if err != nil {
			return "", err
		}
		trimmed := strings.TrimSpace(line)
		if trimmed == "" {
			return text.String(), nil
		}
		text.WriteString(line + "\n")
		if word := strings.TrimSpace(text.String()); strings.HasSuffix(trimmed, ";") || !strings.ContainsAny(word, " \t\n") {
			return text.String(), nil
		}
	}
}

func (d *typed) line(ctx context.Context, prompt string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	before, err := term.MakeRaw(int(d.in.Fd()))
	if err != nil {
		return "", fmt.Errorf("asking on the terminal: %w", err)
	}
	defer func() { _ = term.Restore(int(d.in.Fd()), before) }()
	d.t.SetPrompt(prompt)
	if w, h, err := term.GetSize(int(d.in.Fd())); err == nil && w > 0 {
		_ = d.t.SetSize(w, h)
	}
	return d.t.ReadLine()
}

// oneLine is a query on one line that means the same: comments to the end of a
// line go, and line breaks become spaces, or \n in a text.
func oneLine(query string) string {
	query = strings.TrimSpace(query)
	var b strings.Builder
	quote := byte(0) // the text or name that we are in
	for i := 0; i < len(query); i++ {
		c, two := query[i], query[i:min(i+2, len(query))]
		switch {
		case quote != 0 && quote != '`' && c == '\\' && len(two) == 2 && two[1] != '\n':
			b.WriteString(two)
			i++
			continue
		case quote != 0 && quote != '`' && c == '\n':
			b.WriteString(`\n`)
			continue
		case c == '\n':
			c = ' '
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case two == "//":
			i += strings.IndexByte(query[i:]+"\n", '\n')
			c = ' '
		case two == "/*":
			end := strings.Index(query[i+2:], "*/")
			if end < 0 {
				end = len(query) - i - 4
			}
			b.WriteString(strings.ReplaceAll(query[i:i+end+4], "\n", " "))
			i += end + 3
			continue
		case c == '\'' || c == '"' || c == '`':
			quote = c
		}
		b.WriteByte(c)
	}
	return strings.TrimSpace(b.String())
}

// queryHistory is what was asked, the newest last. It implements term.History.
type queryHistory struct {
	path string
	list []string
}

const maxHistory = 500

// historyFile is where queries are kept, as the XDG base directories say; empty
// where there is no home.
func historyFile() string {
	state := os.Getenv("XDG_STATE_HOME")
	if state == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		state = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(state, "meshd", "query_history")
}

// openHistory reads the history; a file that cannot be read is an empty one.
func openHistory(path string) *queryHistory {
	h := &queryHistory{path: path}
	f, err := os.Open(path)
	if err != nil {
		return h
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, maxHistory*maxQueryText))
	lines.Buffer(nil, maxQueryText)
	for lines.Scan() {
		h.list = append(h.list, lines.Text())
	}
	h.list = h.list[max(0, len(h.list)-maxHistory):]
	return h
}

// Add implements term.History. Lines are not kept: a query may have several.
func (*queryHistory) Add(string) {}

// keep keeps a query, in the file too.
func (h *queryHistory) keep(query string) {
	if query == "" || len(h.list) > 0 && h.list[len(h.list)-1] == query {
		return
	}
	h.list = append(h.list, query)
	h.list = h.list[max(0, len(h.list)-maxHistory):]
	if h.path == "" || os.MkdirAll(filepath.Dir(h.path), 0o700) != nil {
		return
	}
	_ = os.WriteFile(h.path, []byte(strings.Join(h.list, "\n")+"\n"), 0o600) // the history is no more than a help
}

// Len implements term.History.
func (h *queryHistory) Len() int { return len(h.list) }

// At implements term.History: 0 is the newest.
func (h *queryHistory) At(i int) string { return h.list[len(h.list)-1-i] }

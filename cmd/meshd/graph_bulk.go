package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/client"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// importLine is one line of the answer of POST /graph/import: how far it is, or
// why it ended early. The last line is the whole and says done, so that an
// import cut short is not taken for a finished one.
type importLine struct {
	Nodes int `json:"nodes"`
	Edges int `json:"edges"`
	// Errors counts the lines refused so far.
	Errors int  `json:"errors"`
	Done   bool `json:"done"`
	// Line is set for a refused line, with Sentence; without it Sentence says
	// why the import ended early.
	Line     int    `json:"line"`
	Sentence string `json:"error"`
}

// maxAnswerLine bounds one line of a streamed answer.
const maxAnswerLine = 1 << 20

func graphImport(a *app) *cobra.Command {
	var namespace string
	return inNamespace(a.asks(&cobra.Command{
		Use:   "import FILE",
		Short: "Load nodes and edges from a file of JSON lines, - for standard input",
		Long: `import loads a file of JSON lines, each a node or an edge named by keys:

  {"node":{"key":"ada","type":"person","label":"Ada","properties":{"born":1815}}}
  {"edge":{"source":"ada","target":"notes","type":"WROTE","weight":1}}

A node whose key is there already is changed, so the same file can be loaded
again. Refused lines are told with their number; the others are loaded.`,
		Example: "  meshd graph import people.jsonl\n  gunzip -c big.jsonl.gz | meshd graph import -",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *client.Client) error {
			in, size, err := a.input(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			p := a.printer()
			bar := p.NewProgress("importing", size)
			defer bar.Done()
			res, err := c.Open(cmd.Context(), client.Request{
				Method: "POST", Path: "/graph/import", Query: url.Values{"session_id": {namespace}},
				Stream: io.TeeReader(in, bar), ContentType: "application/x-ndjson", Accept: "application/x-ndjson", Timeout: -1,
			})
			if err != nil {
				return err
			}
			defer res.Body.Close()
			return followImport(p, bar, res)
		}),
	}), &namespace)
}

// input opens a file, or standard input for "-", with its size or -1.
func (a *app) input(ctx context.Context, path string) (io.ReadCloser, int64, error) {
	if path == "-" {
		return io.NopCloser(newInterruptibleReader(ctx, a.in)), -1, nil
	}
	f, info, err := openData(ctx, path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return struct {
			io.Reader
			io.Closer
		}{newInterruptibleReader(ctx, f), f}, -1, nil
	}
	return f, info.Size(), nil
}

// followImport reads the answer while the file is still on its way.
func followImport(p *output.Printer, bar *output.Progress, res *http.Response) error {
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxAnswerLine)
	var last importLine
	for lines.Scan() {
		var l importLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return fmt.Errorf("the answer of the node cannot be read: %w", err)
		}
		if p.JSON {
			if err := p.Line(json.RawMessage(lines.Bytes())); err != nil {
				return err
			}
		}
		if l.Line > 0 {
			p.Hint("line %d: %s", l.Line, output.Clean(l.Sentence))
			continue
		}
		if l.Sentence != "" {
			return exit.New(exit.Failed, output.Clean(l.Sentence), "what was loaded before stays; the same file can be loaded again")
		}
		last = l
		bar.Describe(fmt.Sprintf("%d nodes, %d edges", l.Nodes, l.Edges))
	}
	if err := lines.Err(); err != nil || !last.Done {
		return &exit.Error{Code: exit.Unknown, Sentence: "the connection broke before the end of the import", Next: "load the same file again; what is there already stays as it is", Err: err}
	}
	bar.Done()
	p.Say("%d nodes and %d edges are loaded", last.Nodes, last.Edges)
	if last.Errors > 0 {
		return exit.New(exit.Failed, fmt.Sprintf("%d lines were refused", last.Errors), "correct them and load the file again")
	}
	return nil
}

func graphExport(a *app) *cobra.Command {
	var namespace, file string
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:     "export",
		Short:   "Print a namespace as JSON lines that import reads",
		Example: "  meshd graph export > people.jsonl\n  meshd graph export --output people.jsonl",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *client.Client) error {
			res, err := c.Open(cmd.Context(), client.Request{
				Method: "GET", Path: "/graph/export", Query: url.Values{"session_id": {namespace}}, Own: true, Accept: "application/x-ndjson",
			})
			if err != nil {
				return err
			}
			defer res.Body.Close()
			p := a.printer()
			if file == "" {
				return copyAnswer(a.out, res.Body)
			}
			bar := p.NewProgress("exporting", res.ContentLength)
			defer bar.Done()
			return toFile(file, io.TeeReader(res.Body, bar))
		}),
	}), &namespace)
	cmd.Flags().StringVarP(&file, "output", "o", "", "write to this file, all or nothing")
	return cmd
}

func copyAnswer(to io.Writer, from io.Reader) error {
	if _, err := io.Copy(to, from); err != nil {
		return exit.New(exit.Failed, "the export is incomplete: "+err.Error(), "repeat it")
	}
	return nil
}

// toFile writes beside path and renames, so that path is never half of it.
func toFile(path string, from io.Reader) error {
	tmp := path + ".part"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return exit.New(exit.Usage, path+" cannot be written: "+plainReason(err), "name a file where this user may write")
	}
	err = copyAnswer(f, from)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		_ = os.Remove(tmp)
	}
	return err
}

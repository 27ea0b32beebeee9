package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/graphsync"
)

// queryAnswer is POST /graph/query.
type queryAnswer struct {
	Columns []string            `json:"columns"`
	Rows    [][]json.RawMessage `json:"rows"`
	Count   int                 `json:"count"`
	Stats   struct {
		Expansions int     `json:"expansions"`
		Millis     float64 `json:"ms"`
	} `json:"stats"`
	Plan string `json:"plan,omitempty"`
}

// queryVerb is one use of `graph query`.
type queryVerb struct {
	a         *app
	namespace string
	format    string
	file      string
	params    []string
	maxRows   int
	timeout   time.Duration
	when      whenFlags
	body      map[string]any
}

func graphQuery(a *app) *cobra.Command {
	v := &queryVerb{a: a}
	cmd := v.when.flags(inNamespace(a.asks(&cobra.Command{
		Use:   "query [QUERY]",
		Short: "Ask the graph in openCypher",
		Long: "Ask the graph in openCypher (MATCH, OPTIONAL MATCH, WHERE, WITH, UNWIND, RETURN, ORDER BY, LIMIT, UNION…); it reads only.\n" +
			"A node's type is its label, and its key and label are properties of those names. EXPLAIN before a query shows how it would be answered.\n" +
			"Without a query, on a terminal, it prompts for one after the other, and keeps a history.",
		Example: "  meshd graph query 'MATCH (p:person)-[:knows]->(q) RETURN p.label, count(q) ORDER BY count(q) DESC LIMIT 10'\n" +
			"  meshd graph query 'MATCH p = shortestPath((a {key: $from})-[*..6]-(b {key: $to})) RETURN p' --param from=ada --param to=babbage\n" +
			"  meshd graph query --file report.cypher --format csv > report.csv\n  meshd graph query",
		Args: cobra.MaximumNArgs(1),
		RunE: a.asking(v.run),
	}), &v.namespace))
	f := cmd.Flags()
	f.StringArrayVarP(&v.params, "param", "p", nil, "a parameter, NAME=VALUE; VALUE is JSON, or else a text (repeatable)")
	f.StringVar(&v.format, "format", "table", "table, json or csv")
	f.StringVarP(&v.file, "file", "f", "", "file with the query, - for standard input")
	f.IntVar(&v.maxRows, "max-rows", 0, "fail where there would be more rows (default 10000)")
	f.DurationVar(&v.timeout, "timeout", 0, "how long the query may take (default 5s, at most 10s)")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"table", "json", "csv"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (v *queryVerb) run(cmd *cobra.Command, args []string, c *caller.Client) error {
	switch v.format {
	case "table", "json", "csv":
	default:
		return exit.New(exit.Usage, "--format does not take \""+v.format+"\"", "say table, json or csv")
	}
	if err := v.prepare(); err != nil {
		return err
	}
	p := v.a.printer()
	p.JSON = p.JSON || v.format == "json"
	text := ""
	switch {
	case len(args) == 1 && v.file != "":
		return exit.New(exit.Usage, "the query is given twice", "give it as a word or by --file")
	case len(args) == 1:
		text = args[0]
	case v.file == "" && p.Interactive():
		return v.prompt(cmd, p, c)
	default:
		var err error
		if text, err = v.read(p.In); err != nil {
			return err
		}
	}
	return v.ask(cmd, p, c, text)
}

// prepare makes the part of the request that all queries share.
func (v *queryVerb) prepare() error {
	params := map[string]any{}
	for _, word := range v.params {
		name, text, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return exit.New(exit.Usage, "--param \""+word+"\" is not of the form NAME=VALUE", "for example: --param from=ada")
		}
		params[name] = value(text)
	}
	v.body = map[string]any{"session_id": v.namespace, "parameters": params}
	if v.maxRows != 0 {
		v.body["max_rows"] = v.maxRows
	}
	if v.timeout != 0 {
		v.body["timeout"] = v.timeout.String()
	}
	q := url.Values{}
	if err := v.when.set(q); err != nil {
		return err
	}
	for name := range q {
		v.body[name] = q.Get(name)
	}
	return nil
}

const maxQueryText = graphsync.MaxQuery

func (v *queryVerb) read(in io.Reader) (string, error) {
	if v.file != "" && v.file != "-" {
		f, err := os.Open(v.file)
		if err != nil {
			return "", exit.New(exit.Usage, "the query cannot be read: "+err.Error(), "name a file by --file, or - for standard input")
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxQueryText+1))
	if err != nil {
		return "", fmt.Errorf("reading the query: %w", err)
	}
	if len(text) > maxQueryText {
		return "", exit.New(exit.Usage, "the query is longer than 256 KiB", "give large values as parameters")
	}
	return string(text), nil
}

func (v *queryVerb) ask(cmd *cobra.Command, p *output.Printer, c *caller.Client, text string) error {
	v.body["query"] = text
	var out queryAnswer
	err := c.Do(cmd.Context(), caller.Request{Method: http.MethodPost, Path: "/graph/query", Body: v.body, Reads: true, Own: true}, &out)
	if err != nil {
		if p.Err != nil && !p.JSON {
			fmt.Fprint(p.Err, pointAt(text, err))
		}
		return err
	}
	if v.format == "csv" && !p.JSON {
		return printCSV(p.Out, &out)
	}
	return p.Result(out, func() error { return printQuery(p, &out) })
}

func printQuery(p *output.Printer, out *queryAnswer) error {
	if out.Plan != "" {
		_, err := fmt.Fprintln(p.Out, strings.TrimRight(out.Plan, "\n"))
		return err
	}
	rows := make([][]string, len(out.Rows))
	for i, row := range out.Rows {
		for _, cell := range row {
			rows[i] = append(rows[i], cellText(cell))
		}
	}
	if err := p.Table("no rows", out.Columns, rows); err != nil {
		return err
	}
	p.Hint("%d rows, %.1f ms, %d expansions", out.Count, out.Stats.Millis, out.Stats.Expansions)
	return nil
}

// printCSV writes the table by RFC 4180. Null is empty; what is no text, number
// or truth is JSON.
func printCSV(w io.Writer, out *queryAnswer) error {
	c := csv.NewWriter(w)
	if err := c.Write(out.Columns); err != nil {
		return err
	}
	for _, row := range out.Rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = csvText(cell)
		}
		if err := c.Write(cells); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func csvText(cell json.RawMessage) string {
	var s string
	switch {
	case string(cell) == "null":
		return ""
	case json.Unmarshal(cell, &s) == nil:
		return s
	}
	return string(cell)
}

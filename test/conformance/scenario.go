package conformance

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	gherkin "github.com/cucumber/gherkin/go/v26"
	"github.com/cucumber/messages/go/v21"
)

// Scenario is one question and what should come of it.
type Scenario struct {
	File  string // under the directory that was read
	Group string // the directory of File
	Name  string
	Graph string   // a named graph, or empty
	Setup []string // queries with CREATE, run first
	// Params are cells of the kit's notation by name.
	Params map[string]string
	Query  string
	Want   Want
	// Skip says why it cannot be run here: it writes, or needs a procedure.
	Skip string
}

// Want is the expected outcome: an error, or a table.
type Want struct {
	Error   bool
	Class   string
	Detail  string
	Compile bool // false: at run time, or at any time
	AnyTime bool

	Columns []string
	Rows    [][]string
	Ordered bool
	// LooseLists says that lists have no order.
	LooseLists bool
}

// Read reads all feature files below a directory, outlines expanded.
func Read(dir string) ([]Scenario, error) {
	var all []Scenario
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".feature" {
			return err
		}
		list, err := readFeature(dir, path)
		all = append(all, list...)
		return err
	})
	return all, err
}

func readFeature(dir, path string) ([]Scenario, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	ids := 0
	id := func() string { ids++; return strconv.Itoa(ids) }
	doc, err := gherkin.ParseGherkinDocument(f, id)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	name, err := filepath.Rel(dir, path)
	if err != nil {
		return nil, err
	}
	var list []Scenario
	for _, p := range gherkin.Pickles(*doc, path, id) {
		s := Scenario{File: name, Group: filepath.ToSlash(filepath.Dir(name)), Name: p.Name, Params: map[string]string{}}
		for _, step := range p.Steps {
			if err := s.step(step); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", path, p.Name, err)
			}
		}
		list = append(list, s)
	}
	return list, nil
}

var (
	namedGraph = regexp.MustCompile(`^the (.+) graph$`)
	raised     = regexp.MustCompile(`^an? (\w+) should be raised at (compile time|runtime|any time): (.+)$`)
)

func (s *Scenario) step(step *messages.PickleStep) error {
	text := step.Text
	switch {
	case text == "an empty graph", text == "any graph":
	case namedGraph.MatchString(text):
		s.Graph = namedGraph.FindStringSubmatch(text)[1]
	case text == "having executed:":
		s.Setup = append(s.Setup, docString(step))
	case text == "parameters are:":
		for _, row := range rows(step) {
			s.Params[row[0]] = row[1]
		}
	case strings.HasPrefix(text, "there exists a procedure"):
		s.Skip = "needs a procedure"
	case text == "executing query:":
		s.Query = docString(step)
	case text == "executing control query:":
		s.Skip = "writes"
	case strings.HasPrefix(text, "the result should be, in any order"), strings.HasPrefix(text, "the result should be, in order"),
		strings.HasPrefix(text, "the result should be (ignoring element order for lists)"):
		s.Want.Ordered = strings.Contains(text, "in order")
		s.Want.LooseLists = strings.Contains(text, "ignoring element order")
		table := rows(step)
		if len(table) == 0 {
			return fmt.Errorf("%q has no table", text)
		}
		s.Want.Columns, s.Want.Rows = table[0], table[1:]
	case text == "the result should be empty":
	case text == "no side effects":
	case text == "the side effects should be:":
		s.Skip = "writes"
	case raised.MatchString(text):
		m := raised.FindStringSubmatch(text)
		s.Want = Want{Error: true, Class: m[1], Detail: m[3], Compile: m[2] == "compile time", AnyTime: m[2] == "any time"}
	default:
		return fmt.Errorf("unknown step %q", text)
	}
	return nil
}

func docString(step *messages.PickleStep) string {
	if step.Argument == nil || step.Argument.DocString == nil {
		return ""
	}
	return step.Argument.DocString.Content
}

func rows(step *messages.PickleStep) (out [][]string) {
	if step.Argument == nil || step.Argument.DataTable == nil {
		return nil
	}
	for _, r := range step.Argument.DataTable.Rows {
		cells := make([]string, len(r.Cells))
		for i, c := range r.Cells {
			cells[i] = c.Value
		}
		out = append(out, cells)
	}
	return out
}

package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// Target is what is asked: a graph in memory, or a node.
type Target interface {
	// Load makes the target hold this graph and no other; ErrCannotHold if it is
	// not able to.
	Load(ctx context.Context, g *graph.Memory) error
	// Run asks. Cells are in the kit's notation. What the query language refuses is
	// a *fault.Error; parameters that cannot be given are ErrCannotHold.
	Run(ctx context.Context, query string, params value.Map) (columns []string, rows [][]string, err error)
}

// Outcome of a scenario.
type Outcome uint8

// The outcomes. Refused is an error where an answer was expected, Loose an error
// of another class, detail or time than expected, Wrong an answer that is not
// the one expected, which must never be.
const (
	Passed Outcome = iota
	Loose
	Refused
	Wrong
	Skipped
)

// Judge runs one scenario. The text says what was wrong.
func Judge(ctx context.Context, t Target, s *Scenario, dir string) (Outcome, string) {
	if s.Skip != "" {
		return Skipped, s.Skip
	}
	g, params, err := prepare(ctx, s, dir)
	if err != nil {
		return Skipped, err.Error()
	}
	err = t.Load(ctx, g)
	var columns []string
	var rows [][]string
	if err == nil {
		columns, rows, err = t.Run(ctx, s.Query, params)
	}
	var f *fault.Error
	switch {
	case errors.Is(err, ErrCannotHold):
		return Skipped, err.Error()
	case err != nil && !errors.As(err, &f):
		return Refused, err.Error()
	case f != nil && !s.Want.Error:
		return Refused, fmt.Sprintf("%s %s: %v", f.Class, f.Detail, f)
	case f != nil:
		if string(f.Class) != s.Want.Class || f.Detail != s.Want.Detail || !s.Want.AnyTime && f.Compile != s.Want.Compile {
			return Loose, fmt.Sprintf("%s %s (compile time %v) instead of %s %s (%v): %v", f.Class, f.Detail, f.Compile, s.Want.Class, s.Want.Detail, s.Want.Compile, f)
		}
		return Passed, ""
	case s.Want.Error:
		return Wrong, fmt.Sprintf("an answer instead of %s %s: %v %v", s.Want.Class, s.Want.Detail, columns, rows)
	}
	return s.Want.compare(columns, rows)
}

func prepare(ctx context.Context, s *Scenario, dir string) (*graph.Memory, value.Map, error) {
	g := graph.NewMemory()
	setup := s.Setup
	if s.Graph != "" {
		text, err := named(dir, s.Graph)
		if err != nil {
			return nil, nil, err
		}
		setup = append([]string{text}, setup...)
	}
	params := value.Map{}
	for name, cell := range s.Params {
		v, err := literal(ctx, cell)
		if err != nil {
			return nil, nil, fmt.Errorf("parameter %s: %w", name, err)
		}
		params[name] = v
	}
	for _, src := range setup {
		if err := Create(ctx, g, src, params); err != nil {
			return nil, nil, err
		}
	}
	return g, params, nil
}

// named finds the queries of a named graph beside or above the features.
func named(dir, name string) (string, error) {
	for _, path := range []string{filepath.Join("graphs", name, name+".cypher"), filepath.Join("..", "graphs", name, name+".cypher")} {
		if text, err := os.ReadFile(filepath.Join(dir, path)); err == nil {
			return string(text), nil
		}
	}
	return "", fmt.Errorf("the graph %q is not there", name)
}

func (w *Want) compare(columns []string, rows [][]string) (Outcome, string) {
	want, err := w.lines(w.Rows)
	if err != nil {
		return Skipped, err.Error()
	}
	got, err := w.lines(rows)
	if err != nil {
		return Wrong, err.Error()
	}
	if len(want) == 0 && len(got) == 0 && len(w.Columns) == 0 {
		return Passed, ""
	}
	if !slices.Equal(columns, w.Columns) {
		return Wrong, fmt.Sprintf("columns %q instead of %q", columns, w.Columns)
	}
	if !w.Ordered {
		slices.Sort(want)
		slices.Sort(got)
	}
	if !slices.Equal(want, got) {
		return Wrong, fmt.Sprintf("\n  got  %q\n  want %q", got, want)
	}
	return Passed, ""
}

func (w *Want) lines(rows [][]string) ([]string, error) {
	out := make([]string, 0, len(rows))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, c := range row {
			var err error
			if cells[i], err = Canonical(c, w.LooseLists); err != nil {
				return nil, err
			}
		}
		out = append(out, strings.Join(cells, " | "))
	}
	return out, nil
}

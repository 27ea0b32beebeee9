// Package cypher answers queries of a read-only part of openCypher 9 over a graph
// that it is shown.
//
// A query is read (parse), refused if it means nothing (check), planned (plan)
// and run (exec). It never changes anything, it sees no graph but the Reader's,
// and all it takes is bounded by Limits. What it does not know it refuses, with
// the place: it gives no wrong answers.
package cypher

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/check"
	"github.com/meshd/meshd/graphsync/cypher/exec"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/parse"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// Limits are what one query may take: rows of the answer, expansions, bytes held
// at once, time. Zero means no bound.
type Limits = function.Limits

// Result is an answer.
type Result struct {
	Columns []string
	Rows    [][]value.Value
	Stats   Stats
}

// Stats are what an answer took. Plan is how EXPLAIN tells that the query would be
// worked off; then there are no rows.
type Stats struct {
	Rows       int
	Expansions int
	Bytes      int // held at once, at most
	Plan       string
}

// Query is a query that has been read. It may be run any number of times, also at
// once.
type Query struct{ form *ast.Query }

// Prepare reads a query. Its errors, and those of all that follows, are
// *fault.Error, unless the graph or the context failed.
func Prepare(src string) (*Query, error) {
	form, err := parse.Parse(src)
	if err != nil {
		return nil, err
	}
	if _, err := check.Check(form, check.Options{}); err != nil {
		return nil, err
	}
	return &Query{form: form}, nil
}

// Explain says that the query only asks for its plan.
func (q *Query) Explain() bool { return q.form.Explain }

// Run answers a query with these parameters from a graph.
func Run(ctx context.Context, src string, params value.Map, g graph.Reader, lim Limits) (*Result, error) {
	form, err := parse.Parse(src)
	if err != nil {
		return nil, err
	}
	return (&Query{form: form}).Run(ctx, params, g, lim)
}

// Run answers the query with these parameters from a graph.
func (q *Query) Run(ctx context.Context, params value.Map, g graph.Reader, lim Limits) (*Result, error) {
	result := &Result{}
	columns, stats, err := q.Each(ctx, params, g, lim, nil, func(budget *function.Budget, row []value.Value) error {
		bytes := rowBytes
		for _, v := range row {
			bytes += value.Size(v)
		}
		result.Rows = append(result.Rows, append([]value.Value(nil), row...))
		return budget.Hold(bytes)
	})
	if err != nil {
		return nil, err
	}
	result.Columns, result.Stats = columns, stats
	return result, nil
}

// rowBytes is what a row of an answer takes beside its values.
const rowBytes = 48

// Each is Run that hands on each row as it comes. The row is written over
// afterwards. Begin, which may be nil, is told the columns before the first.
func (q *Query) Each(
	ctx context.Context, params value.Map, g graph.Reader, lim Limits,
	begin func(columns []string) error, row func(budget *function.Budget, row []value.Value) error,
) ([]string, Stats, error) {
	if params == nil {
		params = value.Map{}
	}
	if _, err := check.Check(q.form, check.Options{Params: params}); err != nil {
		return nil, Stats{}, err
	}
	budget := function.NewBudget(ctx, lim)
	env := &function.Env{Ctx: ctx, Graph: g, Params: params, Now: time.Now(), Random: rand.Float64, Budget: budget}
	program, err := exec.New(q.form, env)
	if err != nil {
		return nil, Stats{}, err
	}
	columns := program.Columns()
	if begin != nil {
		if err := begin(columns); err != nil {
			return nil, Stats{}, err
		}
	}
	if q.form.Explain {
		return columns, Stats{Plan: program.Explain()}, nil
	}
	err = program.Run(func(values []value.Value) error {
		if err := budget.Row(); err != nil {
			return err
		}
		return row(budget, values)
	})
	stats := Stats{Rows: budget.Rows(), Expansions: budget.Expansions(), Bytes: budget.Bytes()}
	return columns, stats, err
}

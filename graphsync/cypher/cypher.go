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
	if params == nil {
		params = value.Map{}
	}
	if _, err := check.Check(q.form, check.Options{Params: params}); err != nil {
		return nil, err
	}
	budget := function.NewBudget(ctx, lim)
	env := &function.Env{Ctx: ctx, Graph: g, Params: params, Now: time.Now(), Random: rand.Float64, Budget: budget}
	program, err := exec.New(q.form, env)
	if err != nil {
		return nil, err
	}
	result := &Result{Columns: program.Columns()}
	if q.form.Explain {
		result.Stats.Plan = program.Explain()
		return result, nil
	}
	err = program.Run(func(row []value.Value) error {
		if err := budget.Row(); err != nil {
			return err
		}
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
	result.Stats.Expansions, result.Stats.Bytes = budget.Expansions(), budget.Bytes()
	return result, nil
}

// rowBytes is what a row of an answer takes beside its values.
const rowBytes = 48

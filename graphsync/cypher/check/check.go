// Package check refuses queries that mean nothing, before anything is read:
// variables that do not exist or are used as two things, aggregates where no
// group is, types that evidently do not fit, clauses in an order that makes no
// query. What it refuses, and under which name, is openCypher's choice; it is
// refused whether or not there would be a row.
//
// It looks at the form alone and never at a graph. Types are followed only as far
// as they are evident from literals, patterns and functions: where anything else
// is possible, the executor decides.
package check

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// Options are what a check depends on besides the query.
type Options struct {
	// Params are the parameters that are given; nil leaves them unchecked.
	Params value.Map
	// AllowCreate lets CREATE through, for those who fill graphs in tests.
	AllowCreate bool
}

// Info is what the check found out.
type Info struct {
	// Columns are the names of the answer's columns; none where the query ends with
	// CREATE.
	Columns []string
}

// Check looks at a whole query. Its errors are *fault.Error with the place; it
// gives the first.
func Check(q *ast.Query, opt Options) (*Info, error) {
	c := &checker{opt: opt, terms: newTerms(), dropped: map[string]bool{}}
	columns := c.query(q, nil)
	if c.err != nil {
		return nil, c.err
	}
	return &Info{Columns: columns}, nil
}

// checker goes on behind its first error, which is the only one it keeps: every
// method gives some answer whatever it has found.
type checker struct {
	opt   Options
	err   *fault.Error
	terms *terms
	// dropped are the variables that some projection left behind.
	dropped map[string]bool
	weight  int
	// gone is, behind a projection that groups or drops duplicates, the scope before
	// it: a pattern there does not take such a name for a new one.
	gone *scope
	// known finds the expressions that a projection has already computed, while
	// what stands behind it is checked.
	known func(e ast.Expr, sc *scope) (typ, bool)
}

func (c *checker) fail(pos fault.Pos, detail, format string, args ...any) {
	if c.err == nil {
		c.err = fault.At(pos, fault.Syntax, detail, format, args...)
	}
}

func (c *checker) unsupported(pos fault.Pos, format string, args ...any) {
	if c.err == nil {
		c.err = fault.At(pos, fault.Unsupported, "Unsupported", format, args...)
	}
}

// maxWeight bounds what grows with the product of two parts of a query: the
// variables that its clauses and patterns see, all together, and the items that
// its sort keys are compared with. A plan holds about as much.
const maxWeight = 500_000

func (c *checker) weigh(pos fault.Pos, n int) {
	c.weight += n
	if c.weight > maxWeight && c.err == nil {
		c.err = fault.At(pos, fault.Limit, "QueryTooLong", "the query has too many clauses and patterns for its variables, or sort keys for its columns")
		c.err.Limit = "length"
	}
}

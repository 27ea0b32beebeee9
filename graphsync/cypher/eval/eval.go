// Package eval turns expressions into closures over rows.
//
// A row is a fixed frame of slots; Scope says which slot a variable has. What can
// be known at compile time is computed then, once. It knows no patterns and no
// clauses: those who do supply the hooks of Compiler.
package eval

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// Row is the values of one row by slot. An Fn may write to the slots of its own
// inner variables.
type Row = []value.Value

// Fn computes an expression. It is for one goroutine at a time per row.
type Fn func(env *function.Env, row Row) (value.Value, error)

// Pred is an expression as a predicate: true, or not (false or null).
type Pred func(env *function.Env, row Row) (bool, error)

// Compiler compiles expressions in a scope. A nil hook means that what it stands
// for is refused.
type Compiler struct {
	Scope *Scope
	// Pattern compiles a pattern comprehension to an Fn that gives a list.
	Pattern func(s *Scope, p *ast.Pattern, where, x ast.Expr) (Fn, error)
	// Exists compiles EXISTS {} to an Fn that gives a boolean. A pattern as a
	// predicate comes here too, as a query of one MATCH.
	Exists func(s *Scope, q *ast.Query) (Fn, error)
	// Path compiles shortestPath, or allShortestPaths, as an expression.
	Path func(s *Scope, p *ast.Pattern) (Fn, error)
	// Aggregate says in which slot the result of an aggregate stands.
	Aggregate func(c *ast.Call) (slot int, ok bool)
	// Known says of any expression that its value stands in a slot already, as
	// that of a grouping key.
	Known func(e ast.Expr) (slot int, ok bool)
}

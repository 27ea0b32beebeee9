package eval

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
)

// Compile compiles an expression. Errors are *fault.Error.
func (c *Compiler) Compile(e ast.Expr) (Fn, error) {
	return nil, fault.At(e.Place(), fault.Unsupported, "", "this expression is not supported")
}

// Predicate compiles an expression whose value must be a boolean or null.
func (c *Compiler) Predicate(e ast.Expr) (Pred, error) {
	return nil, fault.At(e.Place(), fault.Unsupported, "", "this expression is not supported")
}

package eval

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// Folded is the value that an expression was folded to; ok is false where it
// hangs on anything but itself, or fails.
func Folded(e ast.Expr) (v value.Value, ok bool) {
	x, err := (&Compiler{Scope: NewScope()}).compile(e)
	return x.value, err == nil && x.constant
}

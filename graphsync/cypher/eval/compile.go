package eval

import (
	"context"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// code is a compiled expression. One that is constant has its value already.
type code struct {
	fn       Fn
	constant bool
	value    value.Value
}

// Compile compiles an expression. Errors are *fault.Error.
func (c *Compiler) Compile(e ast.Expr) (Fn, error) {
	x, err := c.compile(e)
	return x.fn, err
}

// inside is the compiler for an inner scope.
func (c *Compiler) inside() *Compiler {
	inner := *c
	inner.Scope = c.Scope.Child()
	return &inner
}

func (c *Compiler) compile(e ast.Expr) (code, error) {
	if c.Known != nil {
		if slot, ok := c.Known(e); ok {
			return slotCode(slot), nil
		}
	}
	switch e := e.(type) {
	case *ast.Null:
		return constant(value.Null), nil
	case *ast.Bool:
		return constant(value.Bool(e.Value)), nil
	case *ast.Int:
		return constant(value.Int(e.Value)), nil
	case *ast.Float:
		return constant(value.Float(e.Value)), nil
	case *ast.String:
		return constant(value.String(e.Value)), nil
	case *ast.Param:
		return code{fn: param(e)}, nil
	case *ast.Var:
		return c.variable(e)
	case *ast.List:
		return c.list(e)
	case *ast.Map:
		return c.mapLiteral(e)
	case *ast.MapProjection:
		return c.mapProjection(e)
	case *ast.Property:
		return c.property(e)
	case *ast.Index:
		return c.index(e)
	case *ast.Slice:
		return c.slice(e)
	case *ast.Unary:
		return c.unary(e)
	case *ast.Binary:
		return c.binary(e)
	case *ast.Comparison:
		return c.comparison(e)
	case *ast.IsNull:
		return c.isNull(e)
	case *ast.HasLabels:
		return c.hasLabels(e)
	case *ast.Call:
		return c.call(e)
	case *ast.Case:
		return c.caseOf(e)
	case *ast.ListComp:
		return c.listComp(e)
	case *ast.Quantified:
		return c.quantified(e)
	case *ast.Reduce:
		return c.reduce(e)
	case *ast.PatternComp:
		return c.patternComp(e)
	case *ast.PatternExpr:
		return c.patternExpr(e)
	case *ast.Exists:
		return c.exists(e.At, e.Query)
	}
	return code{}, fault.At(e.Place(), fault.Unsupported, "", "this expression is not supported")
}

func constant(v value.Value) code {
	return code{
		fn:       func(*function.Env, Row) (value.Value, error) { return v, nil },
		constant: true,
		value:    v,
	}
}

func slotCode(slot int) code {
	return code{fn: func(_ *function.Env, row Row) (value.Value, error) { return row[slot], nil }}
}

// foldBytes is how large a constant may be that is computed before the query runs.
const foldBytes = 64 << 10

// folded computes fn now if all that it needs is constant. What fails is left to
// fail when it is run: it may never be.
func folded(fn Fn, parts ...code) code {
	for i := range parts {
		if !parts[i].constant {
			return code{fn: fn}
		}
	}
	ctx := context.Background()
	env := &function.Env{Ctx: ctx, Budget: function.NewBudget(ctx, function.Limits{Bytes: foldBytes})}
	v, err := fn(env, nil)
	if err != nil {
		return code{fn: fn}
	}
	return constant(v)
}

func wrongType(pos fault.Pos, what string, v value.Value) error {
	return fault.Run(pos, fault.Type, "InvalidArgumentType", "%s, but this is %s", what, v.Kind())
}

func (c *Compiler) variable(e *ast.Var) (code, error) {
	slot, ok := c.Scope.Lookup(e.Name)
	if !ok {
		return code{}, fault.At(e.At, fault.Syntax, "UndefinedVariable", "the variable %s is not defined", e.Name)
	}
	return slotCode(slot), nil
}

func param(e *ast.Param) Fn {
	return func(env *function.Env, _ Row) (value.Value, error) {
		v, ok := env.Params[e.Name]
		if !ok {
			return value.Null, fault.Run(e.At, fault.Parameter, "MissingParameter", "the parameter $%s is not given", e.Name)
		}
		return v, nil
	}
}

func (c *Compiler) compileAll(es []ast.Expr) ([]code, error) {
	codes := make([]code, len(es))
	for i := range es {
		var err error
		if codes[i], err = c.compile(es[i]); err != nil {
			return nil, err
		}
	}
	return codes, nil
}

package check

import (
	"fmt"
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/function"
)

// call checks a function and its arguments.
func (c *checker) call(e *ast.Call, sc *scope, u use) typ {
	f, ok := function.Lookup(e.Name)
	if !ok {
		hint := ""
		if other := elsewhere[strings.ToLower(e.Name)]; other != "" {
			hint = ": write " + other
		}
		c.fail(e.At, "UnknownFunction", "there is no function %s%s", e.Name, hint)
		return unknown
	}
	in := u
	if f.Aggregate {
		in = u&^grouped | aggregating
	}
	args := make([]typ, len(e.Args))
	for i, x := range e.Args {
		args[i] = c.expr(x, sc, in)
	}
	switch {
	case f.Aggregate:
		c.aggregate(e, u)
	case e.Distinct:
		c.fail(e.At, "UnexpectedSyntax", "DISTINCT is of aggregates, and %s is none", f.Name)
	case random(strings.ToLower(f.Name)) && u&aggregating != 0:
		c.fail(e.At, "NonConstantExpression", "%s cannot be inside of an aggregate", f.Name)
	}
	if !e.Star {
		c.arguments(e, f, args)
	}
	return result(f, args)
}

// elsewhere are functions of other query languages, and what they are here.
var elsewhere = map[string]string{
	"len": "size(x)", "strlen": "size(x)", "substr": "substring(x, from, length)", "concat": "x + y",
	"ifnull": "coalesce(x, y)", "nvl": "coalesce(x, y)", "now": "datetime()", "year": "x.year", "month": "x.month", "day": "x.day",
	"toint": "toInteger(x)", "int": "toInteger(x)", "float": "toFloat(x)", "string": "toString(x)", "first": "head(x)",
	"regexmatch": "x =~ 'a.*'", "contains": "x CONTAINS y", "starts_with": "x STARTS WITH y", "ends_with": "x ENDS WITH y",
	"filter": "[x IN list WHERE …]", "extract": "[x IN list | …]", "group_concat": "collect(x)", "median": "percentileCont(x, 0.5)",
}

// aggregate refuses an aggregate where there is no group.
func (c *checker) aggregate(e *ast.Call, u use) {
	switch {
	case u&aggregating != 0:
		c.fail(e.At, "NestedAggregation", "an aggregate cannot be inside of another")
	case u&grouped == 0:
		c.fail(e.At, "InvalidAggregation", "%s is an aggregate: it can only be in what WITH and RETURN give", e.Name)
	}
}

func (c *checker) arguments(e *ast.Call, f *function.Func, args []typ) {
	if n := len(args); n < f.Min || f.Max >= 0 && n > f.Max || n == 0 && f.Aggregate {
		c.fail(e.At, "InvalidNumberOfArguments", "%s takes %s, but there are %d", f.Name, arity(f), n)
		return
	}
	if f.Name == "exists" {
		switch e.Args[0].(type) {
		case *ast.Property, *ast.Index:
		default:
			c.fail(e.Args[0].Place(), "InvalidArgumentExpression", "exists() is asked of a property or a pattern")
		}
	}
	for i, t := range args {
		c.want(e.Args[i], t, f.Arg(i), f.Name+"() takes")
	}
}

func arity(f *function.Func) string {
	arguments := func(n int) string {
		if n == 1 {
			return "1 argument"
		}
		return fmt.Sprintf("%d arguments", n)
	}
	least := f.Min
	if f.Aggregate {
		least = max(least, 1) // count(*) is no call with none
	}
	switch {
	case f.Max < 0:
		return "at least " + arguments(least)
	case least == f.Max:
		return arguments(least)
	}
	return fmt.Sprintf("%d to %s", least, arguments(f.Max))
}

// result is what is evident of what a function gives. Of some it depends on the
// arguments what the elements of a list are.
func result(f *function.Func, args []typ) typ {
	if len(args) == 1 {
		switch f.Name {
		case "collect":
			return listOf(args[0])
		case "head", "last":
			return either(args[0].element(), nothing)
		case "tail":
			return listOf(args[0].element())
		case "nodes":
			return listOf(node)
		case "relationships":
			return listOf(rel)
		}
	}
	return of(f.Result)
}

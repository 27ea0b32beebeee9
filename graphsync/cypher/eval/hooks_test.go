package eval_test

import (
	"slices"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/eval"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

func TestScope(t *testing.T) {
	s := eval.NewScope()
	a, b := s.Bind("a"), s.Bind("b")
	inner := s.Child()
	hidden, free := inner.Bind("a"), inner.Slot()
	other := s.Child()
	other.BindTo("c", a)
	for _, c := range []struct {
		scope *eval.Scope
		name  string
		want  int
	}{{s, "a", a}, {inner, "a", hidden}, {inner, "b", b}, {other, "a", a}, {other, "c", a}} {
		if got, ok := c.scope.Lookup(c.name); !ok || got != c.want {
			t.Errorf("%s is in slot %d, %v, want %d", c.name, got, ok, c.want)
		}
	}
	if _, ok := s.Lookup("c"); ok {
		t.Error("a name is seen outside of its scope")
	}
	if slots := []int{a, b, hidden, free}; len(slices.Compact(slices.Sorted(slices.Values(slots)))) != 4 || s.Size() != 4 {
		t.Error("slots are shared:", slots, s.Size())
	}
	if got := other.Names(); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Error(got)
	}
}

// TestHooks sees that what others compile is asked of them, with the scope in which
// it stands.
func TestHooks(t *testing.T) {
	gives := func(what string) eval.Fn {
		return func(*function.Env, eval.Row) (value.Value, error) { return value.String(what), nil }
	}
	c := &eval.Compiler{
		Scope: eval.NewScope(),
		Pattern: func(s *eval.Scope, _ *ast.Pattern, where, x ast.Expr) (eval.Fn, error) {
			if _, ok := s.Lookup("x"); !ok || where == nil || x == nil {
				t.Error("the comprehension lost something")
			}
			return gives("pattern"), nil
		},
		Exists: func(_ *eval.Scope, q *ast.Query) (eval.Fn, error) {
			if m, ok := q.Parts[0].Clauses[0].(*ast.Match); !ok || len(m.Patterns) != 1 {
				t.Error("no pattern in", q)
			}
			return gives("exists"), nil
		},
		Path: func(*eval.Scope, *ast.Pattern) (eval.Fn, error) { return gives("path"), nil },
		Aggregate: func(call *ast.Call) (int, bool) {
			return 0, call.Star
		},
		Known: func(e ast.Expr) (int, bool) {
			p, ok := e.(*ast.Property)
			return 1, ok && p.Key == "known"
		},
	}
	c.Scope.Bind("count")
	c.Scope.Bind("property")
	c.Scope.Bind("a")
	row := func() eval.Row {
		row := make(eval.Row, c.Scope.Size())
		row[0], row[1] = value.Int(7), value.Int(8)
		return row
	}
	for _, test := range []struct{ text, want string }{
		{"[x IN [1] | [(a)-->() WHERE x > 0 | 1]]", "['pattern']"},
		{"exists((a)-->())", "'exists'"},
		{"EXISTS { (a)-->() }", "'exists'"},
		{"shortestPath((a)-[*]->(a))", "'path'"},
		{"count(*) + 1", "8"},
		{"a.known + 1", "9"},
		{"a.known > 7", "true"},
		{"exists(a.known)", "true"},
		{"sum(a)", "SyntaxError InvalidAggregation"},
	} {
		e, err := expression(test.text)
		if err != nil {
			t.Fatal(test.text, err)
		}
		var v value.Value
		fn, err := c.Compile(e)
		if err == nil {
			v, err = fn(newBench().env(function.Limits{}), append(row(), make(eval.Row, 8)...))
		}
		if got := shown(nil, v, err); got != test.want {
			t.Errorf("%s is %s, want %s", test.text, got, test.want)
		}
	}
	// Who supplies nothing gets no patterns.
	bare := &eval.Compiler{Scope: c.Scope}
	for _, text := range []string{"[(a)-->() | 1]", "exists((a)-->())", "shortestPath((a)-[*]->(a))", "count(*)"} {
		e, err := expression(text)
		if err != nil {
			t.Fatal(text, err)
		}
		if _, err := bare.Compile(e); err == nil {
			t.Errorf("%s is compiled", text)
		}
	}
}

func TestConstant(t *testing.T) {
	for text, want := range map[string]string{
		"1 + 2 * 3":              "7",
		"[1, {a: 'x'}][1].a":     "'x'",
		"range(1, 3)":            "[1, 2, 3]",
		"toUpper('a') + 1":       "'A1'",
		"NOT 1 IN [2] XOR false": "true",
	} {
		e, err := expression(text)
		if err != nil {
			t.Fatal(text, err)
		}
		v, ok := eval.Folded(e)
		if got := value.Format(v, nil); !ok || got != want {
			t.Errorf("%s is %s, %v, want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"$a", "rand()", "1 / 0", "timestamp()", "range(1, 100000)", "unknown()", "date()"} {
		e, err := expression(text)
		if err != nil {
			t.Fatal(text, err)
		}
		if v, ok := eval.Folded(e); ok {
			t.Errorf("%s is constant: %s", text, value.Format(v, nil))
		}
	}
}

package eval_test

import (
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/eval"
	"github.com/meshd/meshd/graphsync/cypher/function"
)

// predicates are what filters are made of, with what they may allocate per row.
var predicates = []struct {
	text   string
	allocs float64
}{
	{"a.x = 1", 0},
	{"a.x > 0 AND a.name = 'Ann'", 0},
	{"a.x + 1 = 2", 0},
	{"a.name STARTS WITH 'A'", 0},
	{"a.name =~ 'A.*'", 0},
	{"a.x IN [1, 2, 3]", 0},
	{"a.x IN [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", 0},
	{"a.x + 9 IN $long", 0},
	{"a:A AND NOT b:A", 0},
	{"size(a.list) = 2", 0},
	{"id(a) < id(b)", 0},
	{"any(x IN a.list WHERE x = 2)", 0},
	{"r.since >= 2000 AND type(r) = 'T'", 0},
	{"CASE WHEN a.x = 1 THEN true ELSE false END", 0},
	{"coalesce(a.missing, a.x) = 1", 0},
}

func (b *bench) predicate(t testing.TB, text string) (eval.Pred, eval.Row) {
	t.Helper()
	e, err := expression(text)
	if err != nil {
		t.Fatal(err)
	}
	c := &eval.Compiler{Scope: eval.NewScope()}
	slots := map[string]int{}
	for name := range b.vars {
		slots[name] = c.Scope.Bind(name)
	}
	p, err := c.Predicate(e)
	if err != nil {
		t.Fatal(err)
	}
	row := make(eval.Row, c.Scope.Size())
	for name, slot := range slots {
		row[slot] = b.vars[name]
	}
	return p, row
}

func TestFiltersAllocateNothing(t *testing.T) {
	b := newBench()
	for _, c := range predicates {
		p, row := b.predicate(t, c.text)
		env := b.env(function.Limits{})
		if holds, err := p(env, row); err != nil || !holds {
			t.Errorf("%s: %v, %v", c.text, holds, err)
		}
		if n := testing.AllocsPerRun(100, func() { _, _ = p(env, row) }); n > c.allocs {
			t.Errorf("%s allocates %v times a row, want at most %v", c.text, n, c.allocs)
		}
	}
}

func BenchmarkFilter(b *testing.B) {
	bench := newBench()
	for _, c := range predicates {
		b.Run(c.text, func(b *testing.B) {
			p, row := bench.predicate(b, c.text)
			env := bench.env(function.Limits{})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p(env, row); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

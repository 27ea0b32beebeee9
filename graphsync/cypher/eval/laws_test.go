package eval_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/graphsync/cypher/eval"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// laws are pairs of expressions of $list, $x and $i that always have the same value.
var laws = [][2]string{
	{"$x IN $list", "any(y IN $list WHERE y = $x)"},
	{"$x IN $list", "$x IN [y IN $list | y]"},
	{"NOT $x IN $list", "none(y IN $list WHERE y = $x)"},
	{"NOT $x IN $list", "all(y IN $list WHERE y <> $x)"},
	{"all(y IN $list WHERE y > $x)", "none(y IN $list WHERE NOT y > $x)"},
	{"any(y IN $list WHERE y > $x)", "NOT all(y IN $list WHERE NOT y > $x)"},
	{"none(y IN $list WHERE y > $x)", "NOT any(y IN $list WHERE y > $x)"},
	{"any(y IN $list WHERE y > $x)", "reduce(a = false, y IN $list | a OR y > $x)"},
	{"all(y IN $list WHERE y > $x)", "reduce(a = true, y IN $list | a AND y > $x)"},
	{"size([y IN $list WHERE y = $x])", "reduce(n = 0, y IN $list | CASE WHEN y = $x THEN n + 1 ELSE n END)"},
	{"any(y IN $list WHERE y IS NULL) OR single(y IN $list WHERE y IS NOT NULL)", "any(y IN $list WHERE y IS NULL) OR size($list) = 1"},
	{"$list[$i]", "CASE WHEN $i < 0 THEN reverse($list)[-1 - $i] ELSE head($list[$i..]) END"},
	{"$list[..$i] + $list[$i..]", "CASE WHEN size($list) = 0 THEN [] ELSE [y IN $list] END"},
	{"size($list[$i..])", "CASE WHEN $i >= 0 THEN size($list) - size($list[..$i]) ELSE size(reverse($list)[..-$i]) END"},
	{"reverse(reverse($list))", "$list"},
	{"tail([$x] + $list)", "$list"},
	{"last($list + [$x])", "$x"},
	{"$x < $i < 2", "$x < $i AND $i < 2"},
	{"$x <> $i", "NOT $x = $i"},
	{"$x = $i XOR $x < $i", "$i = $x XOR $i > $x"},
	{"coalesce($x, $i)", "CASE WHEN $x IS NULL THEN $i ELSE $x END"},
	{"CASE $x WHEN $i THEN 1 WHEN 'a' THEN 2 ELSE 3 END", "CASE WHEN $x = $i THEN 1 WHEN $x = 'a' THEN 2 ELSE 3 END"},
	{"{k: $x, l: $list}['l'][$i]", "$list[$i]"},
	{"range(0, $i)", "reverse(range($i, 0, -1))"},
}

func TestLaws(t *testing.T) {
	item := rapid.SampledFrom([]value.Value{
		value.Null, value.Int(0), value.Int(1), value.Int(2), value.Float(1), value.Float(1.5), value.Float(math.NaN()),
		value.Float(0), value.String("a"), value.String(""), value.Bool(true), value.List(nil),
		value.List([]value.Value{value.Int(1), value.Null}), value.MapOf(value.Map{"a": value.Null}),
	})
	b := newBench()
	type law struct{ left, right eval.Fn }
	var compiled []law
	c := &eval.Compiler{Scope: eval.NewScope()}
	for _, texts := range laws {
		var l law
		for i, fn := range []*eval.Fn{&l.left, &l.right} {
			e, err := expression(texts[i])
			if err != nil {
				t.Fatal(texts[i], err)
			}
			if *fn, err = c.Compile(e); err != nil {
				t.Fatal(texts[i], err)
			}
		}
		compiled = append(compiled, l)
	}
	row := make(eval.Row, c.Scope.Size())
	rapid.Check(t, func(t *rapid.T) {
		env := b.env(function.Limits{Bytes: 1 << 20})
		list := rapid.SliceOfN(item, 0, 12).Draw(t, "list")
		// Of simple values only, a long list is searched by key.
		if rapid.Bool().Draw(t, "simple") {
			for i, v := range list {
				if v.IsNull() || v.Kind() == value.KindList || v.Kind() == value.KindMap {
					list[i] = value.Int(int64(i))
				}
			}
		}
		env.Params = value.Map{
			"list": value.List(list),
			"x":    item.Draw(t, "x"),
			"i":    value.Int(rapid.Int64Range(-14, 14).Draw(t, "i")),
		}
		for i, law := range compiled {
			left, err := law.left(env, row)
			got := shown(b.graph, left, err)
			right, err := law.right(env, row)
			if want := shown(b.graph, right, err); got != want {
				t.Fatalf("%s is %s, but %s is %s", laws[i][0], got, laws[i][1], want)
			}
		}
	})
}

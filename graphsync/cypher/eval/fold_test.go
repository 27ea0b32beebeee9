package eval_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/graphsync/cypher/eval"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

var leaves = []string{
	"null", "true", "false", "0", "1", "2", "-1", "9223372036854775807", "1.5", "1.0", "''", "'a'", "'ab'", "'1'",
	"[]", "[1, null]", "[1, 2, 3, 4, 5, 6, 7, 8, 9]", "['a', 'b']", "{}", "{a: 1, b: null}", "date('2020-01-02')", "duration('P1D')",
}

// forms are expressions with holes.
var forms = []string{
	"(% + %)", "(% - %)", "(% * %)", "(% / %)", "(% % %)", "(% ^ %)", "(-%)", "(% = %)", "(% <> %)", "(% < %)", "(% >= %)",
	"(% < % <= %)", "(% AND %)", "(% OR %)", "(% XOR %)", "(NOT %)", "(% IN %)", "(% STARTS WITH %)", "(% CONTAINS %)", "(% =~ %)",
	"(% IS NULL)", "(% IS NOT NULL)", "[%, %]", "{a: %, b: %}", "(%)[%]", "(%)[%..%]", "(%).a", "(%).year",
	"CASE % WHEN % THEN % ELSE % END", "CASE WHEN % THEN % END", "coalesce(%, %)", "size(%)", "toString(%)", "toInteger(%)",
	"head(%)", "reverse(%)", "tail(%)", "keys(%)", "abs(%)", "round(%)", "substring(%, %)", "split(%, %)", "left(%, %)",
	"[x IN % WHERE x = % | x]", "all(x IN % WHERE x > %)", "single(x IN % WHERE x = %)", "reduce(s = %, x IN % | s + x)",
}

// drawn builds an expression of which each leaf is written by leaf.
func drawn(t *rapid.T, depth int, leaf func(text string) string) string {
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "stop") == 0 {
		return leaf(rapid.SampledFrom(leaves).Draw(t, "leaf"))
	}
	form := rapid.SampledFrom(forms).Draw(t, "form")
	form = strings.Replace(form, " % ", " \x00 ", strings.Count(form, "% % %")) // the operator
	var out strings.Builder
	for _, r := range form {
		switch r {
		case '%':
			out.WriteString(drawn(t, depth-1, leaf))
		case 0:
			out.WriteByte('%')
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// TestFoldingChangesNothing computes expressions of literals, of which much is
// known before the query runs, and the same ones of parameters, of which nothing is.
func TestFoldingChangesNothing(t *testing.T) {
	b := newBench()
	known := map[string]value.Value{}
	for _, text := range leaves {
		v, err := b.eval(text, function.Limits{})
		if err != nil {
			t.Fatal(text, err)
		}
		known[text] = v
	}
	compute := func(t *rapid.T, text string, params value.Map) string {
		e, err := expression(text)
		if err != nil {
			t.Fatal(text, err)
		}
		c := &eval.Compiler{Scope: eval.NewScope()}
		fn, err := c.Compile(e)
		if err != nil {
			t.Fatal(text, err)
		}
		env := b.env(function.Limits{Bytes: 1 << 20})
		env.Params = params
		v, err := fn(env, make(eval.Row, c.Scope.Size()))
		return shown(b.graph, v, err)
	}
	rapid.Check(t, func(t *rapid.T) {
		params := value.Map{}
		literal := drawn(t, 3, func(text string) string {
			name := fmt.Sprint("p", len(params))
			params[name] = known[text]
			return "\x01" + name + "\x02" + text + "\x03"
		})
		var plain, bound strings.Builder
		for part := range strings.SplitSeq(literal, "\x03") {
			before, rest, _ := strings.Cut(part, "\x01")
			name, text, has := strings.Cut(rest, "\x02")
			plain.WriteString(before + text)
			bound.WriteString(before)
			if has {
				bound.WriteString("$" + name)
			}
		}
		got, want := compute(t, plain.String(), nil), compute(t, bound.String(), params)
		if got != want {
			t.Fatalf("%s is %s, but of parameters %s", plain.String(), got, want)
		}
	})
}

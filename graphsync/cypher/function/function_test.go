package function

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// allNames are the functions there are, in order.
func allNames() []string {
	names := make([]string, 0, len(registry))
	for _, f := range registry {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return names
}

func TestNamesAreFound(t *testing.T) {
	for _, name := range allNames() {
		for _, as := range []string{name, strings.ToUpper(name), strings.ToLower(name)} {
			f, ok := Lookup(as)
			if !ok || f.Name != name {
				t.Errorf("%s is not found as %s", name, as)
			}
			if ok && (f.Eval == nil) == (f.New == nil) {
				t.Errorf("%s is neither a function nor an aggregate", name)
			}
		}
	}
	for _, name := range strings.Fields(`
		id labels type properties keys exists size length nodes relationships startNode endNode head last tail
		range reverse coalesce timestamp toInteger toFloat toString toBoolean abs ceil floor round rand sign e exp
		log log10 sqrt pi sin cos tan cot asin acos atan atan2 degrees radians haversin left right substring
		replace split trim lTrim rTrim toUpper toLower count sum avg min max collect stDev stDevP
		percentileCont percentileDisc`) {
		if _, ok := Lookup(name); !ok {
			t.Errorf("there is no %s", name)
		}
	}
}

// Whatever a function is given, it answers or refuses.
func TestFunctionsTakeAnything(t *testing.T) {
	given := values(t, nil, true, 0, -1, 1<<40, 1.5, "", "a", "2020-01-01", []any{}, []any{1, "a", nil},
		map[string]any{}, map[string]any{"a": 1, "year": 2020})
	env := testEnv(Limits{Bytes: 1 << 20})
	env.Random = func() float64 { return 0 }
	for _, name := range allNames() {
		f, _ := Lookup(name)
		if f.Aggregate {
			continue
		}
		var each func(args []value.Value)
		each = func(args []value.Value) {
			if len(args) >= f.Min && (f.Max < 0 || len(args) <= f.Max) {
				if v, err := f.Eval(env, fault.Pos{}, args); err == nil && f.Result != 0 && !f.Result.Has(v.Kind()) {
					t.Errorf("%s%s is %s, which is not of its type", name, value.Format(value.List(args), nil), value.Format(v, nil))
				}
			}
			if len(args) == 3 || len(args) == f.Max {
				return
			}
			for _, v := range given {
				each(append(args[:len(args):len(args)], v))
			}
		}
		each(nil)
	}
}

func FuzzPattern(f *testing.F) {
	f.Add(`(a+)+$`, strings.Repeat("a", 100)+"b")
	f.Add(`(x{1,100}){1,10}`, "x")
	f.Add(`\`, "")
	f.Add(`)(`, "")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		p, err := compilePattern(fault.Pos{}, pattern)
		if err != nil {
			return
		}
		got, err := p.Matches(NewBudget(t.Context(), Limits{}), fault.Pos{}, text)
		if err != nil {
			return
		}
		alone, err := regexp.Compile(pattern)
		if err != nil {
			t.Fatalf("%q is taken", pattern)
		}
		if got && !alone.MatchString(text) {
			t.Errorf("%q matches all of %q, but nothing in it", pattern, text)
		}
	})
}

func TestPatternsMatchAll(t *testing.T) {
	env := testEnv(Limits{})
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"a|b", "ab", false},
		{"a|ab", "ab", true},
		{"(?i)AB", "ab", true},
		{"", "", true},
		{"", "a", false},
		{"a\n", "a\n", true},
		{"a$", "a", true},
		{"a", "a\n", false},
		{`\Qa.b`, "a.b", true},
		{`(?s)a.b`, "a\nb", true},
		{`a(?i)b|c`, "aB", true},
	} {
		p, err := env.Pattern(fault.Pos{}, c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Matches(env.Budget, fault.Pos{}, c.text); err != nil || got != c.want {
			t.Errorf("%q =~ %q is not %v (%v)", c.text, c.pattern, c.want, err)
		}
	}
	for range 2 * maxPatterns {
		if _, err := env.Pattern(fault.Pos{}, strings.Repeat("a", len(env.patterns)+100)); err != nil {
			t.Fatal(err)
		}
	}
	if len(env.patterns) > maxPatterns {
		t.Error("kept", len(env.patterns), "patterns")
	}
	if _, err := compilePattern(fault.Pos{}, strings.Repeat("a", maxPattern+1)); limitOf(err) != "length" {
		t.Error(err)
	}
	for _, pattern := range []string{"(?:" + strings.Repeat("[a-z]", 800) + "){1000}", strings.Repeat("(a{30}){30}", 100)} {
		if _, err := compilePattern(fault.Pos{}, pattern); limitOf(err) != "length" {
			t.Error(err)
		}
	}
	p, err := compilePattern(fault.Pos{}, "(a?b?c?d?){500}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Matches(env.Budget, fault.Pos{}, strings.Repeat("x", 1<<20)); limitOf(err) != "time" {
		t.Error(err)
	}
	// One that could close the group around it is no pattern by itself.
	if _, err := compilePattern(fault.Pos{}, ")|(?:"); err == nil {
		t.Error("an unbalanced pattern is taken")
	}
}

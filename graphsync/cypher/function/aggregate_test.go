package function

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/temporal"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

func testEnv(limits Limits) *Env {
	ctx := context.Background()
	return &Env{Ctx: ctx, Budget: NewBudget(ctx, limits)}
}

func values(t *testing.T, xs ...any) []value.Value {
	t.Helper()
	list := make([]value.Value, len(xs))
	for i, x := range xs {
		list[i] = valueOf(t, x)
	}
	return list
}

func valueOf(t *testing.T, x any) value.Value {
	t.Helper()
	switch x := x.(type) {
	case nil:
		return value.Null
	case value.Value:
		return x
	case bool:
		return value.Bool(x)
	case int:
		return value.Int(int64(x))
	case int64:
		return value.Int(x)
	case float64:
		return value.Float(x)
	case string:
		return value.String(x)
	case []any:
		return value.List(values(t, x...))
	case map[string]any:
		m := value.Map{}
		for k, v := range x {
			m[k] = valueOf(t, v)
		}
		return value.MapOf(m)
	}
	t.Fatalf("%T is no value", x)
	return value.Null
}

func gather(env *Env, name string, distinct bool, vs []value.Value, more ...value.Value) (value.Value, error) {
	f, ok := Lookup(name)
	if !ok || !f.Aggregate {
		return value.Null, errors.New("no aggregate " + name)
	}
	acc := f.New(distinct)
	pos := fault.Pos{Line: 1, Column: 1}
	for _, v := range vs {
		if err := acc.Add(env, pos, append([]value.Value{v}, more...)); err != nil {
			return value.Null, err
		}
	}
	return acc.Result()
}

func shown(v value.Value, err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		if f.Class == fault.Limit {
			return "limit " + f.Limit
		}
		return string(f.Class) + " " + f.Detail
	}
	return value.Format(v, nil)
}

func TestAggregates(t *testing.T) {
	mixed := values(t, 1, "a", nil, []any{1, 2}, 0.2, "b")
	nan := value.Float(math.NaN())
	day := value.Duration(temporal.Duration{Days: 1})
	for _, c := range []struct {
		name     string
		distinct bool
		of       []value.Value
		want     string
	}{
		{"count", false, values(t, 1, nil, 1, "a"), "3"},
		{"count", true, values(t, 1, nil, 1.0, "a"), "2"},
		{"count", true, []value.Value{nan, nan}, "1"},
		{"count", false, nil, "0"},
		{"sum", false, nil, "0"},
		{"sum", false, values(t, nil), "0"},
		{"sum", false, values(t, 1, nil, 2), "3"},
		{"sum", false, values(t, 1, 0.5), "1.5"},
		{"sum", true, values(t, 1, 1.0, 2), "3"},
		{"sum", false, values(t, math.MaxInt64, 1), "ArithmeticError IntegerOverflow"},
		{"sum", false, values(t, "a"), "TypeError InvalidArgumentValue"},
		{"sum", false, []value.Value{day, day}, "'P2D'"},
		{"sum", false, []value.Value{day, value.Int(1)}, "TypeError InvalidArgumentValue"},
		{"avg", false, nil, "null"},
		{"avg", false, values(t, 1, 2), "1.5"},
		{"avg", false, values(t, 2, nil, 4), "3.0"},
		{"avg", false, values(t, math.MaxInt64, math.MaxInt64), "9223372036854776000.0"},
		{"avg", true, values(t, 1, 1, 2), "1.5"},
		{"avg", false, []value.Value{day, value.Duration(temporal.Duration{Days: 3})}, "'P2D'"},
		{"avg", false, values(t, true), "TypeError InvalidArgumentValue"},
		{"min", false, nil, "null"},
		{"min", false, values(t, nil, nil), "null"},
		{"min", false, values(t, 2, 1.5, 3), "1.5"},
		{"max", false, values(t, 2, 1.5, 3), "3"},
		{"min", false, values(t, "b", "a"), "'a'"},
		{"max", false, mixed, "1"},
		{"min", false, mixed, "[1, 2]"},
		{"max", false, values(t, []any{1}, []any{2}, []any{2, 1}), "[2, 1]"},
		{"max", false, []value.Value{nan, value.Int(1)}, "NaN"},
		{"min", false, values(t, true, false), "false"},
		{"collect", false, nil, "[]"},
		{"collect", false, mixed, "[1, 'a', [1, 2], 0.2, 'b']"},
		{"collect", true, values(t, 1, 1.0, nil, "a", "a"), "[1, 'a']"},
		{"stDev", false, nil, "0.0"},
		{"stDev", false, values(t, 5), "0.0"},
		{"stDev", false, values(t, 1, 3, nil), "1.4142135623730951"},
		{"stDevP", false, values(t, 1, 3), "1.0"},
		{"stDevP", false, nil, "0.0"},
		{"stDev", false, values(t, "a"), "TypeError InvalidArgumentValue"},
	} {
		if got := shown(gather(testEnv(Limits{}), c.name, c.distinct, c.of)); got != c.want {
			t.Errorf("%s(%v %s) is %s, want %s", c.name, c.distinct, value.Format(value.List(c.of), nil), got, c.want)
		}
	}
}

func TestPercentiles(t *testing.T) {
	numbers := values(t, 30, 10, nil, 20)
	for _, c := range []struct {
		name  string
		of    []value.Value
		share any
		want  string
	}{
		{"percentileDisc", numbers, 0.0, "10"},
		{"percentileDisc", numbers, 0.33, "10"},
		{"percentileDisc", numbers, 0.34, "20"},
		{"percentileDisc", numbers, 0.5, "20"},
		{"percentileDisc", numbers, 1, "30"},
		{"percentileCont", numbers, 0.0, "10.0"},
		{"percentileCont", numbers, 0.25, "15.0"},
		{"percentileCont", numbers, 0.5, "20.0"},
		{"percentileCont", numbers, 1.0, "30.0"},
		{"percentileDisc", nil, 0.5, "null"},
		{"percentileCont", values(t, nil), 0.5, "null"},
		{"percentileDisc", numbers, 1.1, "ArgumentError NumberOutOfRange"},
		{"percentileCont", numbers, -1, "ArgumentError NumberOutOfRange"},
		{"percentileCont", numbers, "x", "TypeError InvalidArgumentValue"},
		{"percentileCont", numbers, nil, "TypeError InvalidArgumentValue"},
		{"percentileDisc", values(t, "a"), 0.5, "TypeError InvalidArgumentValue"},
	} {
		if got := shown(gather(testEnv(Limits{}), c.name, false, c.of, values(t, c.share)...)); got != c.want {
			t.Errorf("%s at %v is %s, want %s", c.name, c.share, got, c.want)
		}
	}
	if v, err := gather(testEnv(Limits{}), "percentileCont", false, numbers, value.Float(math.NaN())); err == nil {
		t.Error("NaN is a share:", value.Format(v, nil))
	}
}

func TestCountOfRows(t *testing.T) {
	f, _ := Lookup("COUNT")
	acc := f.New(false)
	for range 3 {
		if err := acc.Add(testEnv(Limits{}), fault.Pos{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := acc.Result(); err != nil || v.AsInt() != 3 {
		t.Error(v, err)
	}
}

func TestAggregatesAreBounded(t *testing.T) {
	var texts []value.Value
	for i := range 1000 {
		texts = append(texts, value.String(string(rune('a'+i%26))+string(rune(i+0x100))))
	}
	for _, c := range []struct {
		name     string
		distinct bool
	}{{"collect", false}, {"count", true}} {
		if got := shown(gather(testEnv(Limits{Bytes: 10000}), c.name, c.distinct, texts)); got != "limit memory" {
			t.Errorf("%s: %s", c.name, got)
		}
	}
	deep := value.Null
	for range MaxDepth {
		deep = value.List([]value.Value{deep})
	}
	if got := shown(gather(testEnv(Limits{}), "collect", false, []value.Value{deep})); got != "limit depth" {
		t.Error(got)
	}
}

func TestCountAllocatesNothing(t *testing.T) {
	env := testEnv(Limits{})
	args := []value.Value{value.Int(1)}
	for _, name := range []string{"count", "sum", "avg", "min", "max", "stDev"} {
		f, _ := Lookup(name)
		acc := f.New(false)
		if n := testing.AllocsPerRun(100, func() { _ = acc.Add(env, fault.Pos{}, args) }); n > 0 {
			t.Errorf("%s allocates %v times a row", name, n)
		}
	}
}

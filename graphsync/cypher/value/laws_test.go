package value

import (
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/graphsync/cypher/temporal"
)

// anyValue draws from few simple values, so that equal ones are met, and nests
// them.
func anyValue() *rapid.Generator[Value] {
	d := func(i int64) temporal.Duration {
		return temporal.Duration{Months: i % 2, Days: i * 30, Seconds: i}
	}
	simple := rapid.SampledFrom([]Value{
		Null, Null, Bool(true), Bool(false),
		Int(0), Int(1), Int(2), Int(-1), Int(1 << 53), Int(1<<53 + 1), Int(math.MaxInt64), Int(math.MinInt64),
		Float(0), Float(math.Copysign(0, -1)), Float(1), Float(1.5), Float(1 << 53), Float(1 << 63), Float(-1 << 63),
		nan, Float(math.Float64frombits(0x7ff8000000000002)), Float(math.Inf(1)), Float(math.Inf(-1)),
		String(""), String("a"), String("b"), String("ab"), String("a\x00"),
		Node(0), Node(1), RelOf(&Rel{ID: 0}), RelOf(&Rel{ID: 1, Type: "T"}),
		PathOf(&Path{Nodes: []uint64{0}}),
		PathOf(&Path{Nodes: []uint64{0, 1}, Rels: []*Rel{{ID: 1}}}),
		PathOf(&Path{Nodes: []uint64{0, 1}, Rels: []*Rel{{ID: 2}}}),
		Date(temporal.Date{Days: 1}), Date(temporal.Date{Days: 2}),
		LocalTime(temporal.LocalTime{Nanos: 1}), Time(temporal.Time{Nanos: 1}),
		Time(temporal.Time{Nanos: 3600e9 + 1, Offset: 3600}),
		LocalDateTime(temporal.LocalDateTime{Seconds: 1}),
		DateTime(temporal.DateTime{Seconds: 1}), DateTime(temporal.DateTime{Seconds: 1, Offset: 3600}),
		DateTime(temporal.DateTime{Seconds: 1, Offset: 3600, Zone: "Europe/Berlin"}),
		Duration(d(0)), Duration(d(1)), Duration(d(2)), Duration(temporal.Duration{Days: 1}), Duration(temporal.Duration{Seconds: 86400}),
	})
	nested := func(inner *rapid.Generator[Value]) *rapid.Generator[Value] {
		return rapid.OneOf(simple, simple,
			rapid.Map(rapid.SliceOfN(inner, 0, 3), List),
			rapid.Map(rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "ab"}), inner, 0, 3), MapOf))
	}
	return nested(nested(simple))
}

func TestOrderIsTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vs := rapid.SliceOfN(anyValue(), 3, 3).Draw(t, "values")
		a, b, c := vs[0], vs[1], vs[2]
		if Order(a, a) != 0 {
			t.Fatalf("%s is not of its own order", Format(a, nil))
		}
		if Order(a, b) != -Order(b, a) {
			t.Fatalf("Order(%s, %s) is not the reverse of the other", Format(a, nil), Format(b, nil))
		}
		slices.SortFunc(vs, Order)
		if Order(vs[0], vs[2]) > 0 {
			t.Fatalf("%s, %s, %s do not sort", Format(a, nil), Format(b, nil), Format(c, nil))
		}
	})
}

// equivalent is openCypher's equivalence, the sameness of DISTINCT and of grouping:
// as Equal, but null is the same as null, and NaN as NaN.
func equivalent(a, b Value) bool { return Order(a, b) == 0 }

func TestOrderAgreesWithKeysAndEquality(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyValue().Draw(t, "a"), anyValue().Draw(t, "b")
		names := Format(a, nil) + " and " + Format(b, nil)
		same := string(AppendKey(nil, a)) == string(AppendKey(nil, b))
		if equivalent(a, b) != same {
			t.Fatalf("%s: equivalent is %v, but same keys is %v", names, equivalent(a, b), same)
		}
		eq := Equal(a, b)
		if eq.IsTrue() && !same {
			t.Fatalf("%s are equal but not equivalent", names)
		}
		if Format(eq, nil) != Format(Equal(b, a), nil) {
			t.Fatalf("%s: equality is not symmetric", names)
		}
		less, greater := Less(a, b), Greater(a, b)
		if Format(less, nil) != Format(Less(a, b), nil) || Format(greater, nil) != Format(Less(b, a), nil) {
			t.Fatalf("%s: > is not < the other way round", names)
		}
		if less.IsTrue() && (greater.IsTrue() || eq.IsTrue() || Order(a, b) >= 0) {
			t.Fatalf("%s: less, but not so by others", names)
		}
		if eq.IsTrue() && less.IsTrue() {
			t.Fatalf("%s: equal and less", names)
		}
		if LessEqual(a, b).IsTrue() != (less.IsTrue() || eq.IsTrue()) && a.kind != KindMap && a.kind < KindNode {
			t.Fatalf("%s: <= is not < or =", names)
		}
	})
}

func TestKeysEndByThemselves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(anyValue(), 0, 4).Draw(t, "a")
		b := rapid.SliceOfN(anyValue(), 0, 4).Draw(t, "b")
		var ka, kb []byte
		for _, v := range a {
			ka = AppendKey(ka, v)
		}
		for _, v := range b {
			kb = AppendKey(kb, v)
		}
		if same := slices.EqualFunc(a, b, equivalent); same != (string(ka) == string(kb)) {
			t.Fatalf("%s and %s: the same is %v", Format(List(a), nil), Format(List(b), nil), same)
		}
	})
}

func TestLogicLaws(t *testing.T) {
	three := []Value{Null, Bool(false), Bool(true)}
	same := func(law string, a, b Value) {
		t.Helper()
		if Format(a, nil) != Format(b, nil) {
			t.Errorf("%s: %s is not %s", law, Format(a, nil), Format(b, nil))
		}
	}
	for _, a := range three {
		same("double negation", Not(Not(a)), a)
		for _, b := range three {
			same("De Morgan", Not(And(a, b)), Or(Not(a), Not(b)))
			same("De Morgan", Not(Or(a, b)), And(Not(a), Not(b)))
			same("commutative and", And(a, b), And(b, a))
			same("commutative or", Or(a, b), Or(b, a))
			same("commutative xor", Xor(a, b), Xor(b, a))
			same("xor", Xor(a, b), And(Or(a, b), Not(And(a, b))))
			for _, c := range three {
				same("associative and", And(And(a, b), c), And(a, And(b, c)))
				same("associative or", Or(Or(a, b), c), Or(a, Or(b, c)))
				same("associative xor", Xor(Xor(a, b), c), Xor(a, Xor(b, c)))
				same("distributive", And(a, Or(b, c)), Or(And(a, b), And(a, c)))
			}
		}
	}
}

func TestIntegerArithmeticIsExactOrAnError(t *testing.T) {
	operators := []struct {
		name  string
		apply func(a, b Value) (Value, error)
		exact func(z, x, y *big.Int) *big.Int
	}{
		{"+", Add, (*big.Int).Add},
		{"-", Sub, (*big.Int).Sub},
		{"*", Mul, (*big.Int).Mul},
		{"/", Div, (*big.Int).Quo},
		{"%", Mod, (*big.Int).Rem},
	}
	number := rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{0, 1, -1, 2, math.MaxInt64, math.MinInt64, math.MinInt64 + 1, 1 << 32}))
	rapid.Check(t, func(t *rapid.T) {
		x, y := number.Draw(t, "x"), number.Draw(t, "y")
		for _, op := range operators {
			got, err := op.apply(Int(x), Int(y))
			if y == 0 && (op.name == "/" || op.name == "%") {
				if err == nil {
					t.Fatalf("%d %s 0 is %s", x, op.name, Format(got, nil))
				}
				continue
			}
			want := op.exact(new(big.Int), big.NewInt(x), big.NewInt(y))
			if want.IsInt64() != (err == nil) || err == nil && got.AsInt() != want.Int64() {
				t.Fatalf("%d %s %d is %s (%v), want %s", x, op.name, y, Format(got, nil), err, want)
			}
		}
	})
}

func TestSizeCountsWhatIsShared(t *testing.T) {
	v := ints(1, 2)
	for range 200 {
		v = list(v, v)
	}
	if Size(v) < math.MaxUint32 || Depth(v) != 201 {
		t.Errorf("size %d, depth %d", Size(v), Depth(v))
	}
	if Size(String("12345678"))-Size(String("")) != 8 {
		t.Error("a text does not count its bytes")
	}
}

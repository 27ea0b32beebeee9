package value

import (
	"math"
	"testing"
)

func ints(n ...int64) Value {
	var l []Value
	for _, i := range n {
		l = append(l, Int(i))
	}
	return List(l)
}

func list(l ...Value) Value { return List(l) }

var nan = Float(math.NaN())

func TestEqual(t *testing.T) {
	yes, no := Bool(true), Bool(false)
	one := Int(1)
	for _, c := range []struct{ a, b, want Value }{
		{Null, Null, Null},
		{one, Null, Null},
		{one, Float(1), yes},
		{Int(math.MaxInt64), Float(math.MaxInt64), no},
		{Int(1<<53 + 1), Float(1 << 53), no},
		{Int(1 << 53), Float(1 << 53), yes},
		{Int(math.MinInt64), Float(math.MinInt64), yes},
		{nan, nan, no},
		{nan, one, no},
		{Float(0), Float(math.Copysign(0, -1)), yes},
		{one, String("1"), no},
		{one, yes, no},
		{yes, yes, yes},
		{String(""), String(""), yes},
		{String("a"), String("b"), no},
		{list(), list(), yes},
		{list(), list(Null), no},
		{list(Null), list(one), Null},
		{list(one, Null), list(Int(2), Null), no},
		{list(Null, one), list(Null, Int(2)), no},
		{list(one), one, no},
		{list(list(Null)), list(list(one)), Null},
		{MapOf(nil), MapOf(Map{}), yes},
		{MapOf(Map{"a": Null}), MapOf(Map{}), no},
		{MapOf(Map{"a": Null}), MapOf(Map{"b": Null}), no},
		{MapOf(Map{"a": Null}), MapOf(Map{"a": Null}), Null},
		{MapOf(Map{"a": Null, "b": one}), MapOf(Map{"a": Null, "b": Int(2)}), no},
		{MapOf(Map{"a": one}), MapOf(Map{"a": Float(1)}), yes},
		{Node(1), Node(1), yes},
		{Node(1), RelOf(&Rel{ID: 1}), no},
	} {
		for _, got := range []Value{Equal(c.a, c.b), Equal(c.b, c.a)} {
			if Format(got, nil) != Format(c.want, nil) {
				t.Errorf("%s = %s is %s, want %s", Format(c.a, nil), Format(c.b, nil), Format(got, nil), Format(c.want, nil))
			}
		}
	}
}

func TestCompare(t *testing.T) {
	yes, no := Bool(true), Bool(false)
	one, two := Int(1), Int(2)
	for _, c := range []struct{ a, b, less, lessEqual Value }{
		{one, two, yes, yes},
		{one, one, no, yes},
		{one, Float(1.5), yes, yes},
		{Float(1.5), one, no, no},
		{one, Null, Null, Null},
		{Null, Null, Null, Null},
		{nan, one, no, no},
		{one, nan, no, no},
		{nan, nan, no, no},
		{one, String("a"), Null, Null},
		{nan, String("a"), Null, Null},
		{String("a"), String("b"), yes, yes},
		{String("ab"), String("b"), yes, yes},
		{String(""), String("a"), yes, yes},
		{no, yes, yes, yes},
		{ints(1), ints(1, 0), yes, yes},
		{ints(1, 2), ints(1, 3), yes, yes},
		{ints(2), ints(1, 3), no, no},
		{list(one, Null), ints(1), no, no},
		{list(one, Null), ints(1, 2), Null, Null},
		{ints(1, 2), list(Int(3), Null), yes, yes},
		{list(one, String("a")), list(one, Null), Null, Null},
		{list(one, String("a")), list(one, one), Null, Null},
		{MapOf(nil), MapOf(nil), Null, Null},
		{Node(1), Node(2), Null, Null},
		{Int(1<<53 + 1), Float(1 << 53), no, no},
		{Float(1 << 53), Int(1<<53 + 1), yes, yes},
		{Int(math.MaxInt64), Float(math.Inf(1)), yes, yes},
		{Float(-1.5), Int(-1), yes, yes},
	} {
		check := func(op string, got, want Value) {
			t.Helper()
			if Format(got, nil) != Format(want, nil) {
				t.Errorf("%s %s %s is %s, want %s", Format(c.a, nil), op, Format(c.b, nil), Format(got, nil), Format(want, nil))
			}
		}
		check("<", Less(c.a, c.b), c.less)
		check("<=", LessEqual(c.a, c.b), c.lessEqual)
		if Equal(c.a, c.a).IsTrue() && Equal(c.b, c.b).IsTrue() {
			check(">", Greater(c.a, c.b), Not(c.lessEqual))
			check(">=", GreaterEqual(c.a, c.b), Not(c.less))
		}
	}
}

func TestOrderOfTypes(t *testing.T) {
	rel := RelOf(&Rel{ID: 1, From: 1, To: 2, Type: "T"})
	rising := []Value{
		MapOf(nil), MapOf(Map{"a": Int(2)}), MapOf(Map{"b": Int(1)}), MapOf(Map{"a": Int(1), "b": Int(1)}),
		Node(0), Node(5), rel,
		list(), list(String("a")), list(Int(1)), list(Int(1), String("z")), list(Int(1), Int(0)), list(Int(1), Null), list(Null),
		PathOf(&Path{Nodes: []uint64{1}}), PathOf(&Path{Nodes: []uint64{1, 2}, Rels: []*Rel{rel.AsRel()}}),
		String(""), String("A"), String("a"), String("ab"), Bool(false), Bool(true),
		Float(math.Inf(-1)), Int(-1), Int(0), Float(0.5), Int(1), Float(1.5), Float(math.Inf(1)), nan, Null,
	}
	for i, a := range rising {
		for j, b := range rising {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := Order(a, b); got != want {
				t.Errorf("Order(%s, %s) = %d, want %d", Format(a, nil), Format(b, nil), got, want)
			}
			if same := string(AppendKey(nil, a)) == string(AppendKey(nil, b)); same != (i == j) {
				t.Errorf("the keys of %s and %s: same is %v", Format(a, nil), Format(b, nil), same)
			}
		}
	}
	if Order(Int(1), Float(1)) != 0 {
		t.Error("1 and 1.0 are not of the same order")
	}
}

func TestIn(t *testing.T) {
	for _, c := range []struct {
		x, list Value
		want    string
	}{
		{Int(1), ints(), "false"},
		{Null, ints(), "false"},
		{Null, ints(1), "null"},
		{Int(1), Null, "null"},
		{Int(1), list(Null, Int(1)), "true"},
		{Int(1), list(Null, Int(2)), "null"},
		{Int(1), ints(2, 3), "false"},
		{Int(1), list(Float(1)), "true"},
		{ints(1), list(ints(1)), "true"},
		{ints(1), ints(1), "false"},
		{list(Null), list(ints(1)), "null"},
		{ints(1, 2), list(list(Int(1), Null)), "null"},
		{ints(3, 2), list(list(Int(1), Null)), "false"},
	} {
		if got := Format(In(c.x, c.list), nil); got != c.want {
			t.Errorf("%s IN %s is %s, want %s", Format(c.x, nil), Format(c.list, nil), got, c.want)
		}
	}
}

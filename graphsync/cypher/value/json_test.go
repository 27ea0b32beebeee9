package value

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/graphsync/cypher/temporal"
)

// small is a graph of one relationship: (0:A {x: 1})-[0:T {y: 2}]->(1).
type small struct{ broken bool }

func (s small) NodeParts(id uint64) ([]string, Map, error) {
	switch {
	case s.broken:
		return nil, nil, errors.New("broken")
	case id == 0:
		return []string{"A", "odd label"}, Map{"x": Int(1)}, nil
	}
	return nil, nil, nil
}

func (s small) RelParts(*Rel) (Map, error) {
	if s.broken {
		return nil, errors.New("broken")
	}
	return Map{"y": Float(2)}, nil
}

func TestWritten(t *testing.T) {
	rel := &Rel{ID: 7, From: 0, To: 1, Type: "T"}
	for _, c := range []struct {
		v          Value
		text, json string
	}{
		{Null, `null`, `null`},
		{Bool(true), `true`, `true`},
		{Int(-1), `-1`, `-1`},
		{Float(1), `1.0`, `1.0`},
		{Float(1e-9), `1e-9`, `1e-9`},
		{Float(-1e300), `-1e300`, `-1e300`},
		{Float(1.25e-7), `1.25e-7`, `1.25e-7`},
		{nan, `NaN`, `"NaN"`},
		{Float(math.Inf(1)), `Infinity`, `"Infinity"`},
		{Float(math.Inf(-1)), `-Infinity`, `"-Infinity"`},
		{String(`a'b\"`), `'a\'b\\"'`, `"a'b\\\""`},
		{String("\xff"), "'\xff'", `"` + "�" + `"`},
		{list(Int(1), list()), `[1, []]`, `[1,[]]`},
		{MapOf(Map{"b": Int(1), "a b": Null}), "{`a b`: null, b: 1}", `{"a b":null,"b":1}`},
		{Node(0), "(:A:`odd label` {x: 1})", `{"id":0,"labels":["A","odd label"],"properties":{"x":1}}`},
		{Node(1), `()`, `{"id":1,"labels":[],"properties":{}}`},
		{RelOf(rel), `[:T {y: 2.0}]`, `{"id":7,"type":"T","source_id":0,"target_id":1,"properties":{"y":2.0}}`},
		{PathOf(&Path{Nodes: []uint64{1, 0}, Rels: []*Rel{rel}}), "<()<-[:T {y: 2.0}]-(:A:`odd label` {x: 1})>",
			`{"nodes":[{"id":1,"labels":[],"properties":{}},{"id":0,"labels":["A","odd label"],"properties":{"x":1}}],` +
				`"relationships":[{"id":7,"type":"T","source_id":0,"target_id":1,"properties":{"y":2.0}}]}`},
		{Date(temporal.Date{Days: 0}), `'1970-01-01'`, `"1970-01-01"`},
	} {
		if got := Format(c.v, small{}); got != c.text {
			t.Errorf("text %s, want %s", got, c.text)
		}
		got, err := AppendJSON(nil, c.v, small{})
		if err != nil || string(got) != c.json {
			t.Errorf("JSON %s (%v), want %s", got, err, c.json)
		}
		if !json.Valid(got) {
			t.Errorf("%s is no JSON", got)
		}
	}
	if got := Format(PathOf(&Path{Nodes: []uint64{0, 1}, Rels: []*Rel{rel}}), nil); got != "<(#0)-[:T #7]->(#1)>" {
		t.Error(got)
	}
	if got := Format(RelOf(rel), small{broken: true}); got != "[:T #7]" {
		t.Error(got)
	}
	for _, v := range []Value{Node(0), RelOf(rel), list(Node(0)), MapOf(Map{"a": Node(0)}),
		PathOf(&Path{Nodes: []uint64{0}})} {
		if _, err := AppendJSON(nil, v, small{broken: true}); err == nil {
			t.Errorf("%s is written though it cannot be read", Format(v, nil))
		}
	}
}

func TestFromJSON(t *testing.T) {
	for text, want := range map[string]string{
		` {"a": [1, 2.0, 1e2, "x", null, true]} `: `{a: [1, 2.0, 100.0, 'x', null, true]}`,
		`9223372036854775807`:                     `9223372036854775807`,
		`-0`:                                      `0`,
		`-0.0`:                                    `-0.0`,
		`"é"`:                                     `'é'`,
		`[]`:                                      `[]`,
		`{}`:                                      `{}`,
	} {
		v, err := FromJSON([]byte(text))
		if got := Format(v, nil); err != nil || got != want {
			t.Errorf("%s is %s (%v), want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		``, `1 2`, `[1`, `{"a"}`, `{"a":1,"a":2}`, `nul`, `9223372036854775808`, `1e999`, `'a'`, `[1,]`,
		strings.Repeat("[", 1000) + strings.Repeat("]", 1000), strings.Repeat(`{"a":`, 1_000_000),
	} {
		if v, err := FromJSON([]byte(text)); err == nil {
			t.Errorf("%.40s is %s", text, Format(v, nil))
		}
	}
}

func TestFromGo(t *testing.T) {
	v, err := FromGo(map[string]any{
		"a": []any{nil, true, 1, int64(2), uint64(3), 1.5, "x", json.Number("7"), json.Number("7.0")},
		"b": []string{"y"}, "c": Int(9),
	})
	const want = `{a: [null, true, 1, 2, 3, 1.5, 'x', 7, 7.0], b: ['y'], c: 9}`
	if got := Format(v, nil); err != nil || got != want {
		t.Errorf("%s (%v), want %s", got, err, want)
	}
	var deep any = 1
	for range 1000 {
		deep = []any{deep}
	}
	for _, x := range []any{struct{}{}, uint64(1 << 63), []any{struct{}{}}, map[string]any{"a": 'x'}, json.Number("1e"), deep} {
		if v, err := FromGo(x); err == nil {
			t.Errorf("%T is %.40s", x, Format(v, nil))
		}
	}
}

func TestJSONReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue().Draw(t, "v")
		text, err := AppendJSON(nil, v, small{})
		if err != nil {
			t.Fatal(err)
		}
		back, err := FromJSON(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if plain(v) && !Equivalent(v, back) {
			t.Fatalf("%s came back as %s", text, Format(back, nil))
		}
	})
}

// plain says that JSON has everything that v is made of.
func plain(v Value) bool {
	switch v.Kind() {
	case KindFloat:
		return !math.IsNaN(v.AsFloat()) && !math.IsInf(v.AsFloat(), 0)
	case KindList:
		for _, x := range v.AsList() {
			if !plain(x) {
				return false
			}
		}
		return true
	case KindMap:
		for _, x := range v.AsMap() {
			if !plain(x) {
				return false
			}
		}
		return true
	}
	return v.Kind() <= KindString
}

func FuzzFromJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5,"x",null,true]}`, `-0.0`, `"\ud800"`, `[[[[]]]]`, `1e400`, `9223372036854775808`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := FromJSON(text)
		if err != nil {
			return
		}
		written, err := AppendJSON(nil, v, nil)
		if err != nil || !json.Valid(written) {
			t.Fatalf("%q is written as %q (%v)", text, written, err)
		}
		back, err := FromJSON(written)
		if err != nil || !Equivalent(v, back) {
			t.Fatalf("%q came back as %s (%v)", text, Format(back, nil), err)
		}
	})
}

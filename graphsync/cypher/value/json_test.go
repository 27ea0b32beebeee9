package value

import (
	"errors"
	"math"
	"strings"
	"testing"

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
		v    Value
		text string
	}{
		{Null, `null`},
		{Bool(true), `true`},
		{Int(-1), `-1`},
		{Float(1), `1.0`},
		{Float(1e-9), `1e-9`},
		{Float(-1e300), `-1e300`},
		{Float(1.25e-7), `1.25e-7`},
		{nan, `NaN`},
		{Float(math.Inf(1)), `Infinity`},
		{Float(math.Inf(-1)), `-Infinity`},
		{String(`a'b\"`), `'a\'b\\"'`},
		{String("\xff"), "'\xff'"},
		{list(Int(1), list()), `[1, []]`},
		{MapOf(Map{"b": Int(1), "a b": Null}), "{`a b`: null, b: 1}"},
		{Node(0), "(:A:`odd label` {x: 1})"},
		{Node(1), `()`},
		{RelOf(rel), `[:T {y: 2.0}]`},
		{PathOf(&Path{Nodes: []uint64{1, 0}, Rels: []*Rel{rel}}), "<()<-[:T {y: 2.0}]-(:A:`odd label` {x: 1})>"},
		{Date(temporal.Date{Days: 0}), `'1970-01-01'`},
	} {
		if got := Format(c.v, small{}); got != c.text {
			t.Errorf("text %s, want %s", got, c.text)
		}
	}
	if got := Format(PathOf(&Path{Nodes: []uint64{0, 1}, Rels: []*Rel{rel}}), nil); got != "<(#0)-[:T #7]->(#1)>" {
		t.Error(got)
	}
	if got := Format(RelOf(rel), small{broken: true}); got != "[:T #7]" {
		t.Error(got)
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

func FuzzFromJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5,"x",null,true]}`, `-0.0`, `"\ud800"`, `[[[[]]]]`, `1e400`, `9223372036854775808`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := FromJSON(text)
		if err != nil {
			return
		}
		if _, err := FromJSON([]byte(" " + string(text))); err != nil {
			t.Fatalf("%q is read, but not behind a space: %v", text, err)
		}
		if d := Depth(v); d > MaxJSONDepth {
			t.Fatalf("%q is %d levels deep", text, d)
		}
	})
}

package graphsync

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
)

func TestSchema(t *testing.T) {
	s := newService(t)
	in := Schema{Closed: true,
		NodeTypes: map[string]NodeRule{"Person": {Required: []string{"born", "a\"b"}}, "City": {}},
		EdgeTypes: map[string]EdgeRule{"LIVES_IN": {Single: true, From: []string{"Person"}, To: []string{"City"}}, "KNOWS": {}},
	}
	set := func(in Schema) string {
		res, _, err := s.SetSchema(bg, alice, "s", in)
		if err != nil {
			t.Fatal(err)
		}
		return res.Status
	}
	if a, b := set(in), set(in); a != StatusCreated || b != StatusUnchanged {
		t.Fatal(a, b)
	}
	got, _, err := s.GetSchema(bg, stale, "s")
	if err != nil || got.EdgeTypes["LIVES_IN"].To[0] != "City" || len(got.NodeTypes["Person"].Required) != 2 || !got.Closed {
		t.Fatalf("%+v %v", got, err)
	}
	props := json.RawMessage(`{"born":1815,"a\"b":null}`)
	for _, x := range []struct {
		op          Op
		code, field string
	}{
		{Op{Op: OpCreateNode, Type: "Dog", Label: ptr("x")}, CodeSchema, "type"},
		{Op{Op: OpCreateNode, Type: "Person", Label: ptr("x")}, CodeSchema, "properties"},
		{Op{Op: OpCreateNode, Type: "Person", Label: ptr("x"), Properties: json.RawMessage(`{"born":1}`)}, CodeSchema, "properties"},
		{Op{Op: OpCreateNode, Type: "Person", Label: ptr("Ada"), Key: "ada", Properties: props}, "", ""},
		{Op{Op: OpCreateNode, Type: "City", Label: ptr("London"), Key: "london"}, "", ""},
		{Op{Op: OpCreateNode, Type: "City", Label: ptr("Paris"), Key: "paris"}, "", ""},
		{Op{Op: OpUpdateNode, Key: "ada", Properties: json.RawMessage(`{}`)}, CodeSchema, "properties"},
		{Op{Op: OpUpdateNode, Key: "ada", Properties: json.RawMessage(`{"x":1}`), Merge: true}, "", ""},
		{Op{Op: OpUpdateNode, Key: "london", Type: "Person"}, CodeSchema, "properties"},
		{Op{Op: OpUpdateNode, Key: "london", Type: "Dog"}, CodeSchema, "type"},
		{Op{Op: OpUpsertNode, Key: "ada", Type: "Person", Label: ptr("Ada")}, CodeSchema, "properties"},
		{Op{Op: OpCreateEdge, Source: "ada", Target: "london", Type: "LIKES"}, CodeSchema, "type"},
		{Op{Op: OpCreateEdge, Source: "london", Target: "paris", Type: "LIVES_IN"}, CodeSchema, "source"},
		{Op{Op: OpCreateEdge, Source: "ada", Target: "ada", Type: "LIVES_IN"}, CodeSchema, "target"},
		{Op{Op: OpCreateEdge, Source: "ada", Target: "london", Type: "LIVES_IN"}, "", ""},
	} {
		if _, _, err := s.Batch(bg, alice, "s", []Op{x.op}); code(err) != x.code || field(err) != x.field {
			t.Errorf("%+v: %v (%q), want %q %q", x.op, err, field(err), x.code, x.field)
		}
	}
	if _, _, err := s.CreateNode(bg, alice, NewNode{SessionID: "o", NodeType: "Dog", Label: "x"}); err != nil {
		t.Fatal("another namespace:", err)
	}
	if a := set(Schema{}); a != StatusDeleted {
		t.Fatal(a)
	}
	if got, _, err := s.GetSchema(bg, stale, "s"); err != nil || !reflect.DeepEqual(got, Schema{}) {
		t.Fatalf("%+v %v", got, err)
	}
	if _, _, err := s.CreateNode(bg, alice, NewNode{SessionID: "s", NodeType: "Dog", Label: "x"}); err != nil {
		t.Fatal(err)
	}
}

// A fact of a type with one value at a time ends the one before it.
func TestSingleValued(t *testing.T) {
	s := newService(t)
	if _, _, err := s.SetSchema(bg, alice, "s", Schema{EdgeTypes: map[string]EdgeRule{"LIVES_IN": {Single: true}}}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"p", "a", "b", "c", "d"} {
		mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: key, Key: key})
	}
	year := func(y int) *time.Time { x := time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC); return &x }
	put := func(o Op) OpResult {
		t.Helper()
		o.Source, o.Type = "p", "LIVES_IN"
		res, _, err := s.Batch(bg, alice, "s", []Op{o})
		if err != nil {
			t.Fatal(err)
		}
		return res[0]
	}
	facts := func(w When) string {
		page, _, err := s.ListEdges(bg, stale, EdgeQuery{Namespace: "s", Type: "LIVES_IN", When: w})
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, e := range page.Edges {
			n, _, err := s.GetNode(bg, stale, "s", e.TargetID)
			if err != nil {
				t.Fatal(err)
			}
			span := n.Key
			if e.ValidFrom != nil {
				span += fmt.Sprint(" ", e.ValidFrom.Year())
			}
			if e.ValidTo != nil {
				span += fmt.Sprint("-", e.ValidTo.Year())
			}
			out = append(out, span)
		}
		return strings.Join(out, ", ")
	}
	put(Op{Op: OpCreateEdge, Target: "a", ValidFrom: year(1990)})
	put(Op{Op: OpCreateEdge, Target: "b", ValidFrom: year(2000)})
	if got := facts(When{AnyValid: true}); got != "a 1990-2000, b 2000" {
		t.Fatal(got)
	}
	if got := facts(When{ValidAt: *year(1995)}); got != "a 1990" && got != "a 1990-2000" {
		t.Fatal(got)
	}
	now := put(Op{Op: OpCreateEdge, Target: "c"}) // since now
	if got, want := facts(When{}), fmt.Sprint("c ", time.Now().UTC().Year()); got != want {
		t.Fatal(got)
	}
	if same := put(Op{Op: OpUpsertEdge, Target: "c"}); same.ID != now.ID || same.Status != StatusUnchanged {
		t.Fatalf("%+v after %+v", same, now)
	}
	put(Op{Op: OpCreateEdge, Target: "d", ValidFrom: year(2000)}) // instead of b, which was so for no time then
	if got, want := facts(When{AnyValid: true}), fmt.Sprintf("a 1990-2000, c %d, d 2000-%[1]d", time.Now().UTC().Year()); got != want {
		t.Fatal(got, want)
	}
	// What is told late ends when the next began, and so does what is opened again.
	put(Op{Op: OpCreateEdge, Target: "b", ValidFrom: year(1980)})
	first := put(Op{Op: OpUpsertEdge, Target: "a", ValidFrom: year(1990)})
	if _, _, err := s.Batch(bg, alice, "s", []Op{{Op: OpUpdateEdge, ID: first.ID, ValidTo: &time.Time{}}}); err != nil {
		t.Fatal(err)
	}
	if got, want := facts(When{AnyValid: true}), fmt.Sprintf("a 1990-2000, b 1980-1990, c %d, d 2000-%[1]d", time.Now().UTC().Year()); got != want {
		t.Fatal(got, want)
	}
	for _, at := range []int{1985, 1995, 2010, time.Now().Year() + 1} {
		if got := facts(When{ValidAt: *year(at)}); strings.Contains(got, ",") || got == "" {
			t.Errorf("in %d: %q", at, got)
		}
	}
}

func FuzzVerbRecords(f *testing.F) {
	f.Add(consensus.Encode(&obsRecord{stamp: stamp{Version: 1}, Text: "t", Props: []byte(`{"a":1}`)}))
	f.Add(consensus.Encode(&vectorRecord{stamp: stamp{Version: 1}, Data: []byte{0, 0, 128, 63}}))
	f.Add(consensus.Encode(&schemaRecord{Closed: true, Nodes: []nodeRule{{Type: "n", Required: []string{"a"}}}, Edges: []edgeRule{{Type: "e", Single: true, From: []string{"n"}}}}))
	f.Add(consensus.Encode(&mergeRecord{NS: 1, Source: 2, Target: 3, Record: consensus.Encode(&nodeRecord{stamp: stamp{Version: 1}, Type: 1, Label: "l"}),
		Edges: []movedThing{{ID: 1, Sum: 2, Ends: 1}}, Twice: []savedThing{{ID: 1, Record: []byte{1}}}}))
	f.Add(consensus.Encode(&erasureRecord{Kind: kindNode, NS: 1, ID: 2, Reason: "r"}))
	f.Fuzz(func(t *testing.T, in []byte) {
		if o, err := decodeObs(in); err == nil {
			again, err := decodeObs(o.encode(nil))
			if err != nil || !same(&again, &o) {
				t.Fatalf("%x: %v", in, err)
			}
			o.wire()
			o.sum()
		}
		if rec, err := decodeVector(in); err == nil && !goodVector(rec.Data) {
			t.Fatal("a bad vector passes")
		}
		if rec, err := decodeSchema(in); err == nil {
			o := op{}
			out := rec.schema()
			if r := prepareSchema(&Op{Schema: &out}, &o); r != nil {
				t.Fatalf("%x: %v", in, r)
			}
		}
		if m, err := decodeMerge(in); err == nil {
			if _, err := decodeNode(m.Record); err != nil {
				t.Fatal(err)
			}
			m.holds()
		}
		if e, err := decodeErasure(in); err == nil && (e.Kind < kindNode || e.Kind > kindObservation) {
			t.Fatal("a bad kind passes")
		}
		if at, _, ok := parseObsValue(1, in); ok && at.node > maxID {
			t.Fatal("a bad place passes")
		}
	})
}

// An observation written by hand is to the byte what consensus.Encode writes.
func TestObservationCode(t *testing.T) {
	at, until, sure := int64(-5), int64(1<<40), 0.25
	for _, o := range []obsRecord{
		{stamp: stamp{Version: 1, CreatedRev: 2, CreatedAt: 3}, Text: "t"},
		{stamp: stamp{1, 2, 3, 4, 5, 6, 7, 8}, Text: "größe", Props: []byte(`{"a":1}`), provenance: provenance{&at, &until, "s", &sure, 9}},
	} {
		got := o.encode(nil)
		if want := consensus.Encode(&o); string(got) != string(want) {
			t.Fatalf("%x, want %x", got, want)
		}
		if back, err := decodeObs(got); err != nil || !reflect.DeepEqual(back, o) {
			t.Fatalf("%+v %v, want %+v", back, err, o)
		}
	}
}

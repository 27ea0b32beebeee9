package graphsync

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestObservationLife(t *testing.T) {
	s := newService(t)
	n := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "Ada", Key: "ada"})
	from := time.Date(1843, 9, 1, 0, 0, 0, 0, time.UTC)
	in := NewObservation{SessionID: "s", Key: "ADA", Text: "wrote notes", Properties: json.RawMessage(`{"b": 1}`),
		Provenance: Provenance{ValidFrom: &from, Provenance: "a letter", Confidence: ptr(0.5)}}
	o, added, out, err := s.AddObservation(bg, alice, in)
	if err != nil || !added || o.NodeID != n.ID || o.Text != in.Text || string(o.Properties) != `{"b":1}` || o.CreatedBy != "alice" ||
		!o.ValidFrom.Equal(from) || o.Provenance.Provenance != "a letter" || *o.Confidence != 0.5 || o.ValidTo != nil || out.Revision != 2 {
		t.Fatalf("%+v %v %+v %v", o, added, out, err)
	}
	again, added, out, err := s.AddObservation(bg, alice, NewObservation{NodeID: n.ID, Text: "wrote notes"})
	if err != nil || added || again.ID != o.ID || out.Revision != 2 {
		t.Fatalf("%+v %v %+v %v", again, added, out, err)
	}
	res, _, err := s.Batch(bg, alice, "s", []Op{
		{Op: OpAddObservation, Key: "ada", Text: "wrote notes"}, {Op: OpAddObservation, Key: "ada", Text: "liked numbers"},
		{Op: OpAddObservation, Key: "ada", Text: "liked numbers"}, {Op: OpDeleteObservation, Key: "ada", Text: "liked horses"},
		{Op: OpDeleteObservation, Key: "ada", Text: "wrote notes"}, {Op: OpDeleteObservation, Key: "nobody", Text: "x"},
	})
	want := []string{StatusUnchanged, StatusCreated, StatusUnchanged, StatusUnchanged, StatusDeleted, StatusUnchanged}
	for i := range want {
		if err != nil || res[i].Status != want[i] {
			t.Fatalf("%+v %v, want %v", res, err, want)
		}
	}
	if _, _, err := s.GetObservation(bg, stale, "s", o.ID); code(err) != CodeNotFound {
		t.Fatalf("an ended observation: %v", err)
	}
	if _, _, err := s.GetObservation(bg, stale, "o", res[1].ID); code(err) != CodeNotFound {
		t.Fatalf("from another namespace: %v", err)
	}
	st, _, err := s.Stats(bg, stale, "s")
	if err != nil || st.Observations != 1 {
		t.Fatalf("%+v %v", st, err)
	}
	if existed, _, err := s.DeleteObservation(bg, alice, "o", res[1].ID); err != nil || existed {
		t.Fatal("deleted from another namespace", err)
	}
	if existed, _, err := s.DeleteObservation(bg, alice, "", res[1].ID); err != nil || !existed {
		t.Fatal(existed, err)
	}
}

func TestObservationPages(t *testing.T) {
	s := newService(t)
	a := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a", Key: "a"})
	b := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "b", Key: "b"})
	var ops []Op
	for i := range 7 {
		ops = append(ops, Op{Op: OpAddObservation, ID: a.ID, Text: fmt.Sprint("a", i)}, Op{Op: OpAddObservation, ID: b.ID, Text: fmt.Sprint("b", i)})
	}
	if _, _, err := s.Batch(bg, alice, "s", ops); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		q    ObservationQuery
		want string
	}{
		{ObservationQuery{Key: "A"}, "a0 a1 a2 a3 a4 a5 a6"},
		{ObservationQuery{NodeID: b.ID, Newest: true}, "b6 b5 b4 b3 b2 b1 b0"},
		{ObservationQuery{}, "a0 a1 a2 a3 a4 a5 a6 b0 b1 b2 b3 b4 b5 b6"},
		{ObservationQuery{Newest: true}, "b6 b5 b4 b3 b2 b1 b0 a6 a5 a4 a3 a2 a1 a0"},
	} {
		var got []string
		x.q.Namespace, x.q.Limit = "s", 3
		for {
			page, _, err := s.ListObservations(bg, stale, x.q)
			if err != nil || page.Count != len(page.Observations) || page.Truncated {
				t.Fatalf("%+v %v", page, err)
			}
			for _, o := range page.Observations {
				got = append(got, o.Text)
			}
			if x.q.Cursor = page.Cursor; x.q.Cursor == "" {
				break
			}
		}
		if strings.Join(got, " ") != x.want {
			t.Fatalf("%+v: %v", x.q, got)
		}
	}
	long := strings.Repeat("x", MaxText-10)
	for i := range 80 {
		if _, _, _, err := s.AddObservation(bg, alice, NewObservation{SessionID: "s", Key: "a", Text: fmt.Sprint(long, i)}); err != nil {
			t.Fatal(err)
		}
	}
	page, _, err := s.ListObservations(bg, stale, ObservationQuery{Namespace: "s", Key: "a"})
	if err != nil || !page.Truncated || page.Cursor == "" {
		t.Fatalf("%d %v %q %v", page.Count, page.Truncated, page.Cursor, err)
	}
	for _, q := range []ObservationQuery{{Namespace: "s", Key: "a", NodeID: 1}, {Namespace: ""}, {Namespace: "s", Limit: -1}, {Namespace: "s", Cursor: "!"}} {
		if _, _, err := s.ListObservations(bg, stale, q); code(err) != CodeInvalid {
			t.Fatalf("%+v: %v", q, err)
		}
	}
	for _, q := range []ObservationQuery{{Namespace: "s", Key: "zz"}, {Namespace: "o", NodeID: a.ID}, {Namespace: "s", NodeID: 999}} {
		if _, _, err := s.ListObservations(bg, stale, q); code(err) != CodeNotFound {
			t.Fatalf("%+v: %v", q, err)
		}
	}
}

// What every refusal of the newer verbs says, before anything is proposed.
func TestVerbRefusals(t *testing.T) {
	s := newService(t)
	mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a", Key: "k"})
	at := func(y int) *time.Time { x := time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC); return &x }
	nan := float32(0)
	nan /= nan
	for i, x := range []struct {
		op    Op
		field string
	}{
		{Op{Op: OpAddObservation, Text: "x"}, "key"},
		{Op{Op: OpAddObservation, Key: "k"}, "text"},
		{Op{Op: OpAddObservation, Key: "k", Text: " \n"}, "text"},
		{Op{Op: OpAddObservation, Key: "k", Text: "\xff"}, "text"},
		{Op{Op: OpAddObservation, Key: "k", Text: strings.Repeat("x", MaxText+1)}, "text"},
		{Op{Op: OpAddObservation, Key: "k", Text: "x", ValidFrom: at(10000)}, "valid_from"},
		{Op{Op: OpAddObservation, Key: "k", Text: "x", ValidFrom: at(-1)}, "valid_from"},
		{Op{Op: OpAddObservation, Key: "k", Text: "x", ValidFrom: at(2000), ValidTo: at(2000)}, "valid_to"},
		{Op{Op: OpAddObservation, Key: "k", Text: "x", ExpiresAt: at(1969)}, "expires_at"},
		{Op{Op: OpAddObservation, Key: "k", Text: "x", Confidence: ptr(1.5)}, "confidence"},
		{Op{Op: OpAddObservation, Key: "k", Text: "x", Confidence: ptr(-0.5)}, "confidence"},
		{Op{Op: OpAddObservation, Key: "k", Text: "x", Provenance: ptr(strings.Repeat("x", MaxProvenance+1))}, "provenance"},
		{Op{Op: OpAddObservation, Key: "k", Text: "x", Weight: ptr(1.0)}, "weight"},
		{Op{Op: OpDeleteObservation, ID: 1, Text: "x"}, "text"},
		{Op{Op: OpDeleteObservation, ID: 1, Key: "k"}, "key"},
		{Op{Op: OpDeleteObservation, ID: 1, NodeID: 1}, "node_id"},
		{Op{Op: OpDeleteObservation, ID: 1 << 41}, "id"},
		{Op{Op: OpDeleteObservation, Key: "k"}, "text"},
		{Op{Op: OpDeleteObservation, Text: "x"}, "key"},
		{Op{Op: OpAddAlias, Key: "k"}, "alias"},
		{Op{Op: OpAddAlias, Key: "k", Alias: " "}, "alias"},
		{Op{Op: OpSetVector, Key: "k", Vector: []float32{1}}, "model"},
		{Op{Op: OpSetVector, Key: "k", Model: "m"}, "vector"},
		{Op{Op: OpSetVector, Key: "k", Model: "m", Vector: []float32{1, nan}}, "vector"},
		{Op{Op: OpSetVector, Key: "k", Model: "m", Vector: make([]float32, MaxDimension+1)}, "vector"},
		{Op{Op: OpMergeNodes, Source: "k"}, "target"},
		{Op{Op: OpUndoMerge}, "id"},
		{Op{Op: OpSetSchema}, "schema"},
		{Op{Op: OpSetSchema, Schema: &Schema{NodeTypes: map[string]NodeRule{"a b": {}}}}, "schema"},
		{Op{Op: OpSetSchema, Schema: &Schema{NodeTypes: map[string]NodeRule{"a": {Required: []string{""}}}}}, "schema"},
		{Op{Op: OpSetSchema, Schema: &Schema{EdgeTypes: map[string]EdgeRule{"a": {From: []string{"?"}}}}}, "schema"},
		{Op{Op: OpSetSchema, Schema: &Schema{Closed: true, EdgeTypes: map[string]EdgeRule{"a": {To: []string{"b"}}}}}, "schema"},
		{Op{Op: OpSetRetention, Days: 1 << 40}, "days"},
		{Op{Op: OpSetRetention, Bytes: 5}, "bytes"},
		{Op{Op: OpEraseNode, Key: "k", Reason: strings.Repeat("x", MaxReason+1)}, "reason"},
		{Op{Op: OpEraseEdge}, "id"},
		{Op{Op: OpEraseObservation, ID: 1, Text: "x"}, "text"},
		{Op{Op: OpCreateEdge, Source: "k", Target: "k", Type: "T", ValidFrom: at(2001), ValidTo: at(2000)}, "valid_to"},
	} {
		if _, _, err := s.Batch(bg, alice, "s", []Op{x.op}); code(err) != CodeInvalid || field(err) != x.field {
			t.Errorf("%d %+v: %v (field %q), want %q", i, x.op, err, field(err), x.field)
		}
	}
}

// What was said is read as of a revision, under the node it was said of then.
func TestObservationsAsOf(t *testing.T) {
	s := newService(t)
	a := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a", Key: "a"})
	mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "b", Key: "b"})
	var revs []uint64
	batch := func(ops ...Op) []OpResult {
		res, out, err := s.Batch(bg, alice, "s", ops)
		if err != nil {
			t.Fatal(err)
		}
		revs = append(revs, out.Revision)
		return res
	}
	texts := func(key string, rev uint64, newest bool) string {
		var got []string
		q := ObservationQuery{Namespace: "s", Key: key, When: When{Revision: rev}, Newest: newest, Limit: 1}
		for {
			page, _, err := s.ListObservations(bg, stale, q)
			if code(err) == CodeNotFound {
				return "none"
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range page.Observations {
				got = append(got, o.Text)
			}
			if q.Cursor = page.Cursor; q.Cursor == "" {
				return strings.Join(got, " ")
			}
		}
	}
	batch(Op{Op: OpAddObservation, Key: "a", Text: "1"}, Op{Op: OpAddObservation, Key: "a", Text: "2"})
	batch(Op{Op: OpAddObservation, Key: "b", Text: "2"}, Op{Op: OpAddObservation, Key: "b", Text: "3"}, Op{Op: OpDeleteObservation, Key: "a", Text: "1"})
	merge := batch(Op{Op: OpMergeNodes, Source: "a", Target: "b"})
	batch(Op{Op: OpAddObservation, Key: "a", Text: "4"})
	batch(Op{Op: OpUndoMerge, ID: merge[0].ID})
	batch(Op{Op: OpDeleteNode, Key: "b"})
	for _, x := range []struct {
		key  string
		step int
		want string
	}{{"a", 0, "1 2"}, {"b", 0, ""}, {"a", 1, "2"}, {"b", 1, "2 3"}, {"a", 2, "2 3"}, {"b", 2, "2 3"}, {"b", 3, "2 3 4"}, {"a", 4, "2"}, {"b", 4, "2 3 4"}, {"a", 5, "2"}, {"b", 5, "none"}} {
		if got := texts(x.key, revs[x.step], false); got != x.want {
			t.Errorf("%s at step %d: %q, want %q", x.key, x.step, got, x.want)
		}
	}
	if got := texts("b", revs[3], true); got != "4 3 2" {
		t.Error(got)
	}
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	for _, p := range []Provenance{{ValidTo: &past}, {ValidFrom: &future}} {
		if _, _, _, err := s.AddObservation(bg, alice, NewObservation{NodeID: a.ID, Text: fmt.Sprint(p.ValidTo), Provenance: p}); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []struct {
		when When
		want int
	}{{When{}, 1}, {When{AnyValid: true}, 3}, {When{ValidAt: past.Add(-time.Minute)}, 2}, {When{ValidAt: future.Add(time.Minute)}, 2}} {
		page, _, err := s.ListObservations(bg, stale, ObservationQuery{Namespace: "s", Key: "a", When: x.when})
		if err != nil || page.Count != x.want {
			t.Errorf("%+v: %+v %v, want %d", x.when, page, err, x.want)
		}
	}
}

package graphsync

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
)

func newService(t testing.TB) *Service {
	t.Helper()
	return NewService(consensustest.New(NewPart()))
}

func code(err error) string {
	var r *consensus.Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func field(err error) string {
	var r *consensus.Refusal
	if errors.As(err, &r) {
		return r.Details["field"]
	}
	return ""
}

var (
	bg    = context.Background()
	alice = WriteOptions{Author: "alice"}
	stale = consensus.ReadOptions{}
)

func ptr[T any](v T) *T { return &v }

func mustCreate(t testing.TB, s *Service, in NewNode) Node {
	t.Helper()
	n, _, err := s.CreateNode(bg, alice, in)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNodeLife(t *testing.T) {
	s := newService(t)
	n := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "Person", Label: "Ada", Key: "Ada  Lovelace", Properties: json.RawMessage(`{"b":1, "a":[true]}`)})
	if n.ID == 0 || n.Version != 1 || string(n.Properties) != `{"a":[true],"b":1}` || n.CreatedBy != "alice" || n.NodeType != "Person" {
		t.Fatalf("created %+v", n)
	}
	if _, _, err := s.CreateNode(bg, alice, NewNode{SessionID: "s", NodeType: "x", Label: "y", Key: "ada lovelace"}); code(err) != CodeKeyExists {
		t.Fatalf("taken key: %v", err)
	}
	got, info, err := s.GetNode(bg, stale, "", n.ID)
	if err != nil || info.Revision != 1 || got.Key != "Ada  Lovelace" || !got.CreatedAt.Equal(n.CreatedAt) {
		t.Fatalf("got %+v %+v %v", got, info, err)
	}
	if _, _, err := s.GetNode(bg, stale, "other", n.ID); code(err) != CodeNotFound {
		t.Fatalf("other namespace: %v", err)
	}
	up, out, err := s.UpdateNode(bg, WriteOptions{Author: "bob"}, "", n.ID, NodePatch{Properties: json.RawMessage(`{"b":null,"c":{"d":null}}`), Merge: true, IfVersion: 1})
	if err != nil || string(up.Properties) != `{"a":[true],"c":{}}` || up.Version != 2 || up.UpdatedBy != "bob" || out.Revision != 2 {
		t.Fatalf("updated %+v %+v %v", up, out, err)
	}
	if _, _, err := s.UpdateNode(bg, alice, "", n.ID, NodePatch{Label: ptr("x"), IfVersion: 1}); code(err) != CodePrecondition {
		t.Fatalf("old version: %v", err)
	}
	same, out, err := s.UpdateNode(bg, alice, "", n.ID, NodePatch{Label: ptr("Ada")})
	if err != nil || same.Version != 2 || out.Revision != 2 {
		t.Fatalf("no change: %+v %+v %v", same, out, err)
	}
	byKey, _, err := s.GetNodeByKey(bg, stale, "s", "ADA LOVELACE")
	if err != nil || byKey.ID != n.ID {
		t.Fatalf("by key: %+v %v", byKey, err)
	}
	if existed, _, err := s.DeleteNode(bg, alice, "s", n.ID, 0); !existed || err != nil {
		t.Fatal(existed, err)
	}
	if existed, _, err := s.DeleteNode(bg, alice, "s", n.ID, 0); existed || err != nil {
		t.Fatal(existed, err)
	}
	again := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "Person", Label: "Ada", Key: "Ada Lovelace"})
	if again.ID == n.ID {
		t.Fatal("an id was used twice")
	}
}

func TestEdgeLife(t *testing.T) {
	s := newService(t)
	a := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a", Key: "a"})
	b := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "b"})
	other := mustCreate(t, s, NewNode{SessionID: "o", NodeType: "n", Label: "c"})
	e, _, err := s.CreateEdge(bg, alice, NewEdge{SessionID: "s", Source: "A", TargetID: b.ID, EdgeType: "USES", Weight: ptr(0.1), Predicate: ptr("p")})
	if err != nil || e.SourceID != a.ID || e.TargetID != b.ID || e.Weight != 0.1 || e.Properties != nil {
		t.Fatalf("%+v %v", e, err)
	}
	if _, _, err := s.CreateEdge(bg, alice, NewEdge{SourceID: a.ID, TargetID: other.ID, EdgeType: "USES"}); code(err) != CodeInvalid || field(err) != "target" {
		t.Fatalf("across namespaces: %v", err)
	}
	if _, _, err := s.CreateEdge(bg, alice, NewEdge{SessionID: "s", Source: "zz", TargetID: b.ID, EdgeType: "USES"}); code(err) != CodeNotFound || field(err) != "source" {
		t.Fatalf("unknown key: %v", err)
	}
	up, _, err := s.UpdateEdge(bg, alice, "s", e.ID, EdgePatch{Weight: ptr(1.0), Properties: json.RawMessage(`{"x":1}`)})
	if err != nil || up.Weight != 1 || up.Predicate != "p" || string(up.Properties) != `{"x":1}` || up.Version != 2 {
		t.Fatalf("%+v %v", up, err)
	}
	if _, _, err := s.DeleteNode(bg, alice, "", b.ID, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.GetEdge(bg, stale, "", e.ID); code(err) != CodeNotFound {
		t.Fatalf("an edge outlived its end: %v", err)
	}
	if existed, _, err := s.DeleteEdge(bg, alice, "", e.ID, 0); existed || err != nil {
		t.Fatal(existed, err)
	}
}

func TestBatchAllOrNothing(t *testing.T) {
	s := newService(t)
	ops := []Op{
		{Op: OpCreateNode, Type: "n", Label: ptr("a"), Key: "a"},
		{Op: OpCreateNode, Type: "n", Label: ptr("b"), Key: "b"},
		{Op: OpCreateEdge, Source: "a", Target: "b", Type: "T"},
		{Op: OpUpdateNode, Key: "b", Label: ptr("B")},
	}
	bad := append(ops[:4:4], Op{Op: OpCreateEdge, Source: "a", Target: "c", Type: "T"})
	_, _, err := s.Batch(bg, alice, "s", bad)
	var r *consensus.Refusal
	if !errors.As(err, &r) || r.Code != CodeNotFound || r.Details["op"] != "4" || r.Details["field"] != "target" {
		t.Fatalf("%v", err)
	}
	if _, _, err := s.GetNodeByKey(bg, stale, "s", "a"); code(err) != CodeNotFound {
		t.Fatalf("half a batch took effect: %v", err)
	}
	res, out, err := s.Batch(bg, alice, "s", ops)
	if err != nil || len(res) != 4 || out.Revision != 1 || res[3].Version != 2 || res[2].Status != StatusCreated {
		t.Fatalf("%+v %v", res, err)
	}
	_, refused, _, err := s.ApplyEach(bg, alice, "s", bad)
	if err != nil || len(refused) != 3 || refused[2].Index != 4 {
		t.Fatalf("%+v %v", refused, err)
	}
}

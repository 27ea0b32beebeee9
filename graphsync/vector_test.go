package graphsync

import (
	"slices"
	"testing"
)

func TestAliases(t *testing.T) {
	s := newService(t)
	a := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a", Key: "a"})
	b := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "b", Key: "b"})
	n, _, err := s.AddAlias(bg, alice, "s", a.ID, "The  First", 1)
	if err != nil || n.Version != 2 {
		t.Fatalf("%+v %v", n, err)
	}
	for _, taken := range []string{"B", "the first"} {
		if _, _, err := s.AddAlias(bg, alice, "s", map[bool]uint64{true: a.ID, false: b.ID}[taken == "B"], taken, 0); code(err) != CodeKeyExists || field(err) != "alias" {
			t.Fatalf("%q: %v", taken, err)
		}
	}
	if got, _, err := s.GetNodeByKey(bg, stale, "s", "THE FIRST"); err != nil || got.ID != a.ID {
		t.Fatalf("%+v %v", got, err)
	}
	if _, _, err := s.CreateNode(bg, alice, NewNode{SessionID: "s", NodeType: "n", Label: "x", Key: "The First"}); code(err) != CodeKeyExists {
		t.Fatalf("a key that is an alias: %v", err)
	}
	for _, same := range []string{"A", "the  FIRST"} {
		if n, _, err := s.AddAlias(bg, alice, "s", a.ID, same, 0); err != nil || n.Version != 2 {
			t.Fatalf("%q again: %+v %v", same, n, err)
		}
	}
	if _, _, err := s.AddAlias(bg, alice, "s", a.ID, "x", 1); code(err) != CodePrecondition {
		t.Fatal(err)
	}
	if n, _, err := s.RemoveAlias(bg, alice, "s", a.ID, "A", 0); err != nil || n.Version != 2 {
		t.Fatalf("a key is no alias: %+v %v", n, err)
	}
	if n, _, err := s.RemoveAlias(bg, alice, "s", a.ID, "the first", 2); err != nil || n.Version != 3 {
		t.Fatalf("%+v %v", n, err)
	}
	if _, _, err := s.GetNodeByKey(bg, stale, "s", "The First"); code(err) != CodeNotFound {
		t.Fatal(err)
	}
	var ops []Op
	for i := range MaxAliases + 1 {
		ops = append(ops, Op{Op: OpAddAlias, Key: "b", Alias: "b" + itoa(uint64(i))})
	}
	if _, _, err := s.Batch(bg, alice, "s", ops); code(err) != CodeTooLarge {
		t.Fatal(err)
	}
	if _, _, err := s.Batch(bg, alice, "s", ops[1:]); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.DeleteNode(bg, alice, "s", b.ID, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.GetNodeByKey(bg, stale, "s", "b7"); code(err) != CodeNotFound {
		t.Fatal("an alias outlived its node", err)
	}
}

func TestVectors(t *testing.T) {
	s := newService(t)
	a := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a", Key: "a"})
	b := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "b", Key: "b"})
	other := mustCreate(t, s, NewNode{SessionID: "o", NodeType: "n", Label: "c"})
	set := func(id uint64, model string, v ...float32) string {
		res, _, err := s.SetVector(bg, alice, "", id, model, v)
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
		return res.Status
	}
	if got := []string{set(a.ID, "m", 1, 2), set(a.ID, "m", 1, 2), set(a.ID, "m", 1, 2, 3), set(b.ID, "m", 4, 5, 6), set(other.ID, "m", 7), set(a.ID, "k", 9)}; !slices.Equal(got,
		[]string{StatusCreated, StatusUnchanged, StatusUpdated, StatusCreated, StatusCreated, StatusCreated}) {
		t.Fatal(got)
	}
	if _, _, err := s.SetVector(bg, alice, "s", b.ID, "m", []float32{1, 2}); code(err) != CodeInvalid || field(err) != "vector" {
		t.Fatal("another dimension:", err)
	}
	got, _, err := s.GetVector(bg, stale, "s", a.ID, "m")
	if err != nil || !slices.Equal(got.Vector, []float32{1, 2, 3}) || got.Version != 2 || got.Model != "m" || got.SessionID != "s" {
		t.Fatalf("%+v %v", got, err)
	}
	var all []uint64
	collect := func(v Vector) error { all = append(all, v.NodeID*10+uint64(len(v.Vector))); return nil }
	pos, rev, err := s.Vectors(bg, stale, VectorPosition{}, collect)
	if err != nil || rev == 0 || !slices.Equal(all, []uint64{a.ID*10 + 3, a.ID*10 + 1, b.ID*10 + 3, other.ID*10 + 1}) {
		t.Fatal(all, rev, err)
	}
	if _, _, err := s.Vectors(bg, stale, pos, collect); err != nil || len(all) != 4 {
		t.Fatal(all, err)
	}
	if existed, _, err := s.DeleteVector(bg, alice, "s", b.ID, "m"); err != nil || !existed {
		t.Fatal(existed, err)
	}
	if existed, _, err := s.DeleteVector(bg, alice, "s", b.ID, "m"); err != nil || existed {
		t.Fatal(existed, err)
	}
	if existed, _, err := s.DeleteVector(bg, alice, "s", a.ID, "m"); err != nil || !existed {
		t.Fatal(existed, err)
	}
	set(b.ID, "m", 1) // the last one took the dimension with it
	st, _, err := s.Stats(bg, stale, "s")
	if err != nil || st.Vectors != 2 || st.Models["m"] != 1 || st.Models["k"] != 1 {
		t.Fatalf("%+v %v", st, err)
	}
	if _, _, err := s.GetVector(bg, stale, "s", a.ID, "m"); code(err) != CodeNotFound {
		t.Fatal(err)
	}
}

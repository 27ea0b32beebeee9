package graphsync

import (
	"fmt"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
)

// longLife gives a node many versions, several of some commands, merges it away
// and brings it back, and returns what its label was as of each revision; ""
// where it was gone.
func longLife(t *testing.T, s *Service, rounds int) (id uint64, was map[uint64]string) {
	t.Helper()
	was = map[uint64]string{}
	res, out, err := s.Batch(bg, alice, "s", []Op{{Op: OpCreateNode, Type: "n", Label: ptr("0"), Key: "hot"}, {Op: OpCreateNode, Type: "n", Label: ptr("other"), Key: "other"}})
	if err != nil {
		t.Fatal(err)
	}
	id = res[0].ID
	was[out.Revision] = "0"
	for i := range rounds {
		label := fmt.Sprint(i + 1)
		ops := []Op{{Op: OpUpdateNode, ID: id, Label: &label}}
		if i%2 == 1 {
			ops = append([]Op{{Op: OpUpdateNode, ID: id, Label: ptr("never seen")}}, ops...)
		}
		if _, out, err = s.Batch(bg, alice, "s", ops); err != nil {
			t.Fatal(err)
		}
		was[out.Revision] = label
		if i%7 != 3 {
			continue
		}
		merge, out, err := s.Batch(bg, alice, "s", []Op{{Op: OpMergeNodes, SourceID: id, Target: "other"}})
		if err != nil {
			t.Fatal(err)
		}
		was[out.Revision] = ""
		undo := []Op{{Op: OpUndoMerge, ID: merge[0].ID}}
		if i%3 == 0 { // nothing of the second merge is to be seen
			undo = append(undo, Op{Op: OpMergeNodes, SourceID: id, Target: "other"}, Op{Op: OpUndoMerge, ID: merge[0].ID + 1})
		}
		if _, out, err = s.Batch(bg, alice, "s", undo); err != nil {
			t.Fatal(err)
		}
		was[out.Revision] = label
	}
	return id, was
}

// A chain of versions is followed to each of them, over gaps and by the marks.
func TestLongHistory(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	mem := consensustest.New(NewPart())
	mem.Now = func() time.Time { return now }
	s := NewService(mem)
	id, was := longLife(t, s, 400)
	marks := 0
	look := func(fn func(v *view) error) {
		t.Helper()
		if _, err := mem.View(bg, stale, func(r consensus.Reader) error { return fn(&view{r: r}) }); err != nil {
			t.Fatal(err)
		}
	}
	look(func(v *view) error {
		for range v.r.Scan(tNodeMark, nil, nil) {
			marks++
		}
		return account(v.r)
	})
	if marks < 10 || marks > 60 {
		t.Fatalf("%d marks", marks)
	}
	check := func() {
		t.Helper()
		kept, _, err := s.Retention(bg, stale)
		if err != nil {
			t.Fatal(err)
		}
		for rev, label := range was {
			n, _, err := s.GetNodeAt(bg, stale, When{Revision: rev}, "s", id)
			switch {
			case rev < kept.OldestRevision:
				if code(err) != CodeCompacted {
					t.Fatalf("as of %d, where %d is the oldest: %v", rev, kept.OldestRevision, err)
				}
				continue
			case (label == "") != (code(err) == CodeNotFound) || label != "" && n.Label != label:
				t.Fatalf("as of %d it was %q, want %q: %v", rev, n.Label, label, err)
			}
			page, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: "s", When: When{Revision: rev}})
			if err != nil || (label != "") != (len(page.Nodes) == 2) || label != "" && page.Nodes[1].Label != label {
				t.Fatalf("listed as of %d: %+v %v, want %q", rev, page.Nodes, err, label)
			}
		}
	}
	check()
	// Each page of the history goes on where the one before ended, and a
	// watcher is told each version as it was.
	for cursor, seen := "", 0; ; {
		page, _, err := s.History(bg, stale, "s", id, 7, cursor)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			if want, ok := was[v.Revision]; !ok || v.Node != nil && v.Node.Label != want || (v.What == "merged") != (want == "") {
				t.Fatalf("%+v, want %q", v, want)
			}
			seen++
		}
		if cursor = page.Cursor; cursor == "" {
			if seen != len(was) {
				t.Fatalf("%d of %d revisions have a version", seen, len(was))
			}
			break
		}
	}
	look(func(v *view) error {
		c := change{kind: kindNode, deed: changeUpdated, id: id, ns: v.namespace("s")}
		for rev, label := range was {
			if c.rev = rev; label == "" {
				continue
			}
			data, err := v.changedNode(&c, false)
			if err != nil || data == nil || object(data)["label"] != label {
				return fmt.Errorf("the change of %d left %s, want %q: %w", rev, data, label, err)
			}
		}
		return nil
	})
	// As it is forgotten, what is left stays whole.
	now = now.Add(48 * time.Hour)
	for days := uint64(1); ; days = 3 - days {
		if _, err := s.SetRetention(bg, alice, days, 0); err != nil {
			t.Fatal(err)
		}
		now = now.Add(48 * time.Hour)
		look(func(v *view) error { return account(v.r) })
		kept, _, err := s.Retention(bg, stale)
		if err != nil {
			t.Fatal(err)
		}
		if check(); kept.Changes == 1 {
			break
		}
	}
	for _, table := range []consensus.Table{tNodeHist, tNodeMark, tNodeGone} {
		look(func(v *view) error {
			for k := range v.r.Scan(table, nil, nil) {
				return fmt.Errorf("%s keeps %x", table, k)
			}
			return nil
		})
	}
}

// Erasing a node with more past than one command may remove leaves nothing,
// whether it is there or gone, and in between no read finds what was not so.
func TestEraseLongHistory(t *testing.T) {
	for _, gone := range []bool{false, true} {
		mem := consensustest.New(NewPart())
		s := NewService(mem)
		id, was := longLife(t, s, 60)
		for i := range maxCascade {
			label := fmt.Sprint("secret", i)
			_, out, err := s.UpdateNode(bg, alice, "s", id, NodePatch{Label: &label})
			if err != nil {
				t.Fatal(err)
			}
			was[out.Revision] = label
		}
		if gone {
			if _, _, err := s.DeleteNode(bg, alice, "s", id, 0); err != nil {
				t.Fatal(err)
			}
		}
		o, r := prepare(&Op{Op: OpEraseNode, ID: id})
		if r != nil {
			t.Fatal(r)
		}
		o.Flags |= isPartial
		if _, _, err := s.propose(bg, alice, command{Namespace: "s", Ops: []op{o}}); err != nil {
			t.Fatal(err)
		}
		if !gone {
			if _, _, err := s.UpdateNode(bg, alice, "s", id, NodePatch{Label: ptr("secret still")}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := mem.View(bg, stale, account); err != nil {
			t.Fatal(err)
		}
		left := 0
		for rev, label := range was {
			n, _, err := s.GetNodeAt(bg, stale, When{Revision: rev}, "s", id)
			if err == nil && n.Label == label {
				left++
			} else if code(err) != CodeNotFound {
				t.Fatalf("as of %d it was %q, want %q: %v", rev, n.Label, label, err)
			}
		}
		if left == 0 || left >= 200 {
			t.Fatalf("%d versions are left", left)
		}
		if _, err := s.EraseNode(bg, alice, Target{ID: id}, "asked"); err != nil {
			t.Fatal(err)
		}
		if found := where(t, mem, "secret"); len(found) > 0 {
			t.Fatal(found)
		}
		if _, err := mem.View(bg, stale, func(r consensus.Reader) error {
			for k := range r.Scan(tNodeHist, nil, nil) {
				if readID(k[8:]) == id {
					return fmt.Errorf("%x is kept", k)
				}
			}
			prefix := appendID(nil, id)
			for k := range r.Scan(tNodeMark, prefix, after(prefix)) {
				return fmt.Errorf("%x is kept", k)
			}
			return account(r)
		}); err != nil {
			t.Fatal(err)
		}
	}
}

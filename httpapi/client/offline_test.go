package client

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/meshd/meshd/graphsync"
)

// What is written while cut off is read at once, survives the death of the
// process, and reaches the mesh once.
func TestOfflineWritesReachTheMesh(t *testing.T) {
	m := newMesh(t)
	m.do(graphsync.Op{Op: graphsync.OpCreateNode, Type: "note", Label: ptr("theirs"), Key: "theirs"})
	path := filepath.Join(t.TempDir(), "replica")
	o := m.offline(m.client("a"), path)
	catchUp(t, o)
	m.cutOff(true)
	theirs, err := o.NodeByKey("THEIRS")
	if err != nil {
		t.Fatal(err)
	}
	var mine, edge uint64
	if err := o.Write(func(b *Batch) error {
		if mine, err = b.Do(node("mine", "mine")); err != nil {
			return err
		}
		if edge, err = b.Do(graphsync.Mutation{Op: graphsync.Op{Op: graphsync.OpCreateEdge, SourceID: mine, TargetID: theirs.ID, Type: "SEES"}}); err != nil {
			return err
		}
		_, err = b.Do(graphsync.Mutation{Op: graphsync.Op{Op: graphsync.OpAddObservation, ID: mine, Text: "said offline"}})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if !Local(mine) || !Local(edge) || o.Pending() != 3 {
		t.Fatalf("%x %x, %d pending", mine, edge, o.Pending())
	}
	if _, err := o.CatchUp(t.Context()); !errors.Is(err, ErrUnreachable) {
		t.Fatalf("cut off, catching up says %v", err)
	}
	look := func() {
		t.Helper()
		n, err := o.Node(mine)
		if err != nil || n.Label != "mine" {
			t.Fatalf("%+v %v", n, err)
		}
		edges, err := o.EdgesOf(theirs.ID)
		if err != nil || len(edges) != 1 || edges[0].SourceID != n.ID {
			t.Fatalf("%+v %v", edges, err)
		}
		said, err := o.ObservationsOf(mine)
		if err != nil || len(said) != 1 || said[0].Text != "said offline" || said[0].NodeID != n.ID {
			t.Fatalf("%+v %v", said, err)
		}
		all, err := o.Nodes(0, 10)
		if err != nil || len(all) != 2 {
			t.Fatalf("%+v %v", all, err)
		}
	}
	look()
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	o = m.offline(m.client("a"), path)
	look()
	m.cutOff(false)
	r := catchUp(t, o)
	if r.Pushed != 3 || r.Applied != 3 || o.Pending() != 0 {
		t.Fatalf("%+v, %d pending", r, o.Pending())
	}
	look() // under the same ids
	same(t, "replica", base(o), m.at(m.client("a"), o.Revision()))
	if n, _ := o.Node(mine); Local(n.ID) || n.Version != 1 {
		t.Errorf("the mesh's own is %+v", n)
	}
	if r := catchUp(t, o); r.Pushed != 0 || r.Changes != 0 {
		t.Errorf("again: %+v", r)
	}
}

func ptr[T any](v T) *T { return &v }

// An answer that is lost is asked for again, and the mutations take effect once.
func TestALostAnswerPushesOnce(t *testing.T) {
	m := newMesh(t)
	o := m.replica("a")
	catchUp(t, o)
	if _, err := o.Do(node("once", "")); err != nil { // without a key, twice would be two
		t.Fatal(err)
	}
	pushes := 0
	m.faulty(func(r *http.Request, after bool) bool {
		if r.URL.Path == "/sync/push" && after {
			if pushes++; pushes <= 3 {
				return true
			}
		}
		return false
	})
	for range 3 {
		if _, err := o.CatchUp(t.Context()); err != nil && !errors.Is(err, ErrUnreachable) {
			t.Fatal(err)
		}
	}
	m.faulty(nil)
	if _, err := o.Do(node("later", "")); err != nil {
		t.Fatal(err)
	}
	catchUp(t, o)
	all, err := o.Nodes(0, 10)
	if err != nil || len(all) != 2 || all[0].Label != "once" || all[1].Label != "later" {
		t.Errorf("%+v %v", all, err)
	}
}

// Fields that nobody else has touched go in over what others did; those that
// somebody has are a problem, and the mesh's value is shown until it is settled.
func TestConflictsAreListedAndSettled(t *testing.T) {
	m := newMesh(t)
	id := m.do(graphsync.Op{Op: graphsync.OpCreateNode, Type: "note", Label: ptr("n"), Properties: []byte(`{"a":1,"b":1}`)})[0].ID
	o := m.replica("a")
	catchUp(t, o)
	m.do(graphsync.Op{Op: graphsync.OpUpdateNode, ID: id, Properties: []byte(`{"a":2}`), Merge: true})
	if _, err := o.Do(props(id, `{"b":5}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Do(props(id, `{"a":9}`)); err != nil {
		t.Fatal(err)
	}
	if n, _ := o.Node(id); string(n.Properties) != `{"a":9,"b":5}` {
		t.Fatalf("before: %s", n.Properties)
	}
	r := catchUp(t, o)
	if r.Rebased != 1 || r.Problems != 1 {
		t.Fatalf("%+v", r)
	}
	if n, _ := o.Node(id); string(n.Properties) != `{"a":2,"b":5}` {
		t.Fatalf("after: %s", n.Properties)
	}
	list, err := o.Problems()
	if err != nil || len(list) != 1 || list[0].Result.Status != graphsync.PushConflict || list[0].Result.ConflictID == 0 || list[0].Mutation.Seq != 2 {
		t.Fatalf("%+v %v", list, err)
	}
	c := m.client("a")
	open, err := c.Conflicts(t.Context(), ns, "", 0)
	if err != nil || len(open.Conflicts) != 1 || open.Conflicts[0].Namespace() != ns || open.Conflicts[0].Seq != 2 {
		t.Fatalf("%+v %v", open, err)
	}
	if err := o.Resolve(t.Context(), list[0], graphsync.Resolution{Keep: graphsync.KeepPushed}); err != nil {
		t.Fatal(err)
	}
	catchUp(t, o)
	if n, _ := o.Node(id); string(n.Properties) != `{"a":9,"b":5}` {
		t.Errorf("settled: %s", n.Properties)
	}
	if list, _ := o.Problems(); len(list) != 0 {
		t.Errorf("still listed: %+v", list)
	}
	if open, _ := c.Conflicts(t.Context(), ns, "", 0); len(open.Conflicts) != 0 {
		t.Errorf("still open: %+v", open)
	}
}

// A file that is older than what the mesh has from it is found out; Renew makes
// it another client, and what may be there twice is told.
func TestACopyIsFoundOut(t *testing.T) {
	m := newMesh(t)
	path := filepath.Join(t.TempDir(), "replica")
	o := m.offline(m.client("a"), path)
	catchUp(t, o)
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o = m.offline(m.client("a"), path)
	for _, label := range []string{"one", "two"} {
		if _, err := o.Do(node(label, "")); err != nil {
			t.Fatal(err)
		}
	}
	catchUp(t, o)
	if err := errors.Join(o.Close(), os.WriteFile(path, old, 0o600)); err != nil {
		t.Fatal(err)
	}
	o = m.offline(m.client("a"), path)
	if _, err := o.Do(node("other", "")); err != nil {
		t.Fatal(err)
	}
	if _, err := o.CatchUp(t.Context()); !errors.Is(err, ErrCopied) {
		t.Fatalf("a copy catches up: %v", err)
	}
	if err := o.Renew(); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Do(node("new", "")); err != nil {
		t.Fatal(err)
	}
	catchUp(t, o)
	list, err := o.Problems()
	if err != nil || len(list) != 1 || list[0].Result.Status != StatusUnknown || *list[0].Mutation.Label != "other" {
		t.Fatalf("%+v %v", list, err)
	}
	all, _ := o.Nodes(0, 10)
	if len(all) != 3 || all[2].Label != "new" {
		t.Errorf("%+v", all)
	}
}

// The file is one process's at a time, of one namespace, and must be whole.
func TestOfflineRefusesWhatIsNotItsFile(t *testing.T) {
	m := newMesh(t)
	path := filepath.Join(t.TempDir(), "replica")
	c := m.client("a")
	o := m.offline(c, path)
	if _, err := OpenOffline(OfflineConfig{Client: c, Path: path, Namespace: ns}); err == nil {
		t.Error("opened twice")
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenOffline(OfflineConfig{Client: c, Path: path, Namespace: "another"}); err == nil {
		t.Error("opened as another namespace's")
	}
	if err := os.WriteFile(path, []byte("no replica at all, but some text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenOffline(OfflineConfig{Client: c, Path: path, Namespace: ns}); err == nil {
		t.Error("opened something else")
	}
}

// A write that is given up leaves no trace.
func TestAWriteIsAllOrNothing(t *testing.T) {
	m := newMesh(t)
	o := m.replica("a")
	stop := errors.New("stop")
	if err := o.Write(func(b *Batch) error {
		if _, err := b.Do(node("gone", "gone")); err != nil {
			return err
		}
		return stop
	}); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if _, err := o.NodeByKey("gone"); !errors.Is(err, ErrNotFound) || o.Pending() != 0 {
		t.Errorf("%v, %d pending", err, o.Pending())
	}
	for what, mutation := range map[string]graphsync.Mutation{
		"no label":   {Op: graphsync.Op{Op: graphsync.OpCreateNode, Type: "note"}},
		"no node":    props(7, `{}`),
		"no verb":    {Op: graphsync.Op{Op: "erase_node", ID: 1}},
		"if_version": {Op: graphsync.Op{Op: graphsync.OpCreateNode, Type: "note", Label: ptr("x"), IfVersion: 1}},
	} {
		if _, err := o.Do(mutation); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	if _, err := o.Do(node("there", "gone")); err != nil {
		t.Error(err)
	}
}

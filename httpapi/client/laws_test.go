package client

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/graphsync"
)

// world is some replicas of a mesh, and what is to hold of them.
type world struct {
	*rapid.T
	m        *oneNode
	now      time.Time
	paths    []string
	replicas []*Offline
	made     map[string]bool // labels of nodes that clients made; false: somebody may have ended it
	labels   int
}

// Whatever is written where, whatever is lost on the way, whoever dies when and
// however much of its history the mesh forgets: after catching up a replica is
// what the mesh was at its revision, and in the end all are the same, nothing
// is pending, and what was accepted is there once.
func TestReplicasConverge(t *testing.T) {
	if os.Getenv("MESHD_TEST_LONG") == "" { // each of them syncs a file often
		checks := "25"
		if testing.Short() {
			checks = "8"
		}
		if err := flag.Set("rapid.checks", checks); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{T: rt, m: newMesh(t), now: time.Now(), made: map[string]bool{}}
		w.m.state.Now = func() time.Time { return w.now }
		if _, err := w.m.graph.SetRetention(context.Background(), graphsync.WriteOptions{Author: "admin"}, 1, 0); err != nil {
			rt.Fatal(err)
		}
		dir := t.TempDir()
		for i := range rapid.IntRange(1, 3).Draw(rt, "replicas") {
			w.paths = append(w.paths, filepath.Join(dir, fmt.Sprintf("%p-%d", w, i)))
			w.replicas = append(w.replicas, nil)
			w.open(i)
		}
		defer func() {
			for _, o := range w.replicas {
				_ = o.Close()
			}
		}()
		for range rapid.IntRange(5, 40).Draw(rt, "steps") {
			i := rapid.IntRange(0, len(w.replicas)-1).Draw(rt, "who")
			switch rapid.SampledFrom([]string{"write", "write", "write", "catch up", "catch up", "catch up badly", "die", "other", "forget"}).Draw(rt, "what") {
			case "write":
				w.write(i)
			case "catch up":
				w.catchUp(i, false)
			case "catch up badly":
				w.catchUp(i, true)
			case "die":
				w.open(i)
			case "other":
				w.other()
			case "forget": // what is older than a day, with the writes that follow
				w.now = w.now.Add(48 * time.Hour)
				for range 3 {
					w.other()
				}
			}
		}
		for range 2 {
			for i := range w.replicas {
				w.catchUp(i, false)
			}
		}
		w.check()
	})
}

// open opens a replica, anew where it is open: what a commit has not written
// is lost with the process, so its end needs no violence.
func (w *world) open(i int) {
	if w.replicas[i] != nil {
		_ = w.replicas[i].Close()
	}
	c, err := New(Config{Nodes: []Node{{w.m.url, w.m.pin}}, Key: "same", Patience: time.Millisecond})
	if err != nil {
		w.Fatal(err)
	}
	if w.replicas[i], err = OpenOffline(OfflineConfig{Client: c, Path: w.paths[i], Namespace: ns}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) label() string {
	w.labels++
	return fmt.Sprintf("n%d", w.labels)
}

// write makes one to three mutations at a replica.
func (w *world) write(i int) {
	o := w.replicas[i]
	made := map[string]bool{}
	err := o.Write(func(b *Batch) error {
		var last uint64
		for range rapid.IntRange(1, 3).Draw(w.T, "mutations") {
			m := w.mutation(o, b, last, made)
			id, err := b.Do(m)
			if err != nil && !misfit(err) {
				return err
			}
			if err == nil {
				last = id
			} else if m.Label != nil {
				delete(made, *m.Label)
			}
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	for label, alive := range made {
		w.made[label] = alive && (w.made[label] || !has(w.made, label))
	}
}

func has(m map[string]bool, k string) bool { _, ok := m[k]; return ok }

func (w *world) mutation(o *Offline, b *Batch, last uint64, made map[string]bool) graphsync.Mutation {
	pick := func(name string) uint64 {
		var ids []uint64
		if last != 0 {
			ids = append(ids, last)
		}
		for id, n := range b.v.nodes {
			if n != nil {
				ids = append(ids, id)
			}
		}
		_ = b.v.base.(stored).bkt.Bucket(bktNodes).ForEach(func(_, text []byte) error {
			var n graphsync.Node
			_ = json.Unmarshal(text, &n)
			if len(ids) < 20 {
				ids = append(ids, n.ID)
			}
			return nil
		})
		if len(ids) == 0 {
			return 1
		}
		return ids[rapid.IntRange(0, len(ids)-1).Draw(w.T, name)]
	}
	gone := func(id uint64) {
		if n, err := b.v.node(b.v.now(id)); err == nil {
			made[n.Label] = false
		}
	}
	op := graphsync.Op{Op: rapid.SampledFrom([]string{graphsync.OpCreateNode, graphsync.OpCreateNode, graphsync.OpUpsertNode, graphsync.OpUpdateNode, graphsync.OpDeleteNode,
		graphsync.OpCreateEdge, graphsync.OpUpsertEdge, graphsync.OpAddObservation, graphsync.OpDeleteObservation, graphsync.OpAddAlias, graphsync.OpMergeNodes}).Draw(w.T, "op")}
	m := graphsync.Mutation{Op: op}
	switch op.Op {
	case graphsync.OpCreateNode:
		label := w.label()
		made[label] = true
		m.Type, m.Label = "note", &label
	case graphsync.OpUpsertNode: // whose label anybody may replace
		label := "keyed"
		m.Type, m.Label, m.Key = "keyed", &label, rapid.SampledFrom([]string{"k1", "K1", "k2"}).Draw(w.T, "key")
	case graphsync.OpUpdateNode:
		m.ID, m.Properties, m.Merge = pick("node"), json.RawMessage(rapid.SampledFrom([]string{`{"a":1}`, `{"a":2}`, `{"b":{"c":3}}`, `{"a":null}`}).Draw(w.T, "properties")), true
	case graphsync.OpDeleteNode:
		m.ID, m.Cascade = pick("node"), rapid.Bool().Draw(w.T, "cascade")
		gone(m.ID)
	case graphsync.OpCreateEdge, graphsync.OpUpsertEdge:
		m.SourceID, m.TargetID, m.Type = pick("source"), pick("target"), rapid.SampledFrom([]string{"SEES", "KNOWS"}).Draw(w.T, "type")
	case graphsync.OpAddObservation:
		m.ID, m.Text = pick("node"), rapid.SampledFrom([]string{"x", "y", "z"}).Draw(w.T, "text")
	case graphsync.OpDeleteObservation:
		m.NodeID, m.Text = pick("node"), rapid.SampledFrom([]string{"x", "y"}).Draw(w.T, "text")
	case graphsync.OpAddAlias:
		m.ID, m.Alias = pick("node"), rapid.SampledFrom([]string{"k3", "k4"}).Draw(w.T, "alias")
	case graphsync.OpMergeNodes:
		m.SourceID, m.TargetID = pick("source"), pick("target")
		gone(m.SourceID)
		gone(m.TargetID) // which an upsert of the source's key may rename
	}
	return m
}

// other writes at the mesh.
func (w *world) other() {
	label := w.label()
	ops := []graphsync.Op{{Op: graphsync.OpCreateNode, Type: "note", Label: &label}, {Op: graphsync.OpUpsertNode, Type: "keyed", Label: &label, Key: "k2"}}
	if rapid.Bool().Draw(w.T, "edge") {
		ops = append(ops, graphsync.Op{Op: graphsync.OpUpsertEdge, Source: "k2", Target: "k2", Type: "SEES"})
	}
	if _, _, err := w.m.graph.Batch(context.Background(), graphsync.WriteOptions{Author: "other"}, ns, ops); err != nil {
		w.Fatal(err)
	}
}

func (w *world) catchUp(i int, badly bool) {
	o := w.replicas[i]
	if badly {
		bad := rapid.IntRange(1, 6).Draw(w.T, "which request")
		after := rapid.Bool().Draw(w.T, "its answer is lost")
		asked := 0
		w.m.faulty(func(_ *http.Request, answered bool) bool {
			if answered == after {
				asked++
			}
			return answered == after && asked >= bad
		})
		defer w.m.faulty(nil)
	}
	_, err := o.CatchUp(context.Background())
	if err != nil {
		if !badly || !errors.Is(err, ErrUnreachable) {
			w.Fatal(err)
		}
		return
	}
	if o.Pending() != 0 {
		w.Errorf("%d are pending after catching up", o.Pending())
	}
	w.m.faulty(nil)
	same(w.T, fmt.Sprintf("replica %d at %d", i, o.Revision()), base(o), w.m.at(o.client, o.Revision()))
}

func (w *world) check() {
	now := w.m.at(w.replicas[0].client, 0)
	problems := map[string]bool{}
	for i, o := range w.replicas {
		same(w.T, fmt.Sprintf("replica %d in the end", i), base(o), now)
		list, err := o.Problems()
		if err != nil {
			w.Fatal(err)
		}
		for _, p := range list {
			if p.Mutation.Label != nil {
				problems[*p.Mutation.Label] = true
			}
		}
		// Without pending mutations nothing lies over what the mesh has.
		if len(o.over.nodes)+len(o.over.edges)+len(o.over.observations)+len(o.over.keys) > 0 {
			w.Errorf("replica %d shows more than the mesh has: %+v", i, o.over)
		}
	}
	times := map[string]int{}
	for _, text := range now {
		var i graphsync.SnapshotItem
		if err := json.Unmarshal([]byte(text), &i); err != nil {
			w.Fatal(err)
		}
		if i.Node != nil && i.Node.NodeType == "note" {
			times[i.Node.Label]++
		}
	}
	for label, alive := range w.made {
		if times[label] > 1 || alive && times[label] != 1 && !problems[label] {
			w.Errorf("%s is there %d times", label, times[label])
		}
	}
}

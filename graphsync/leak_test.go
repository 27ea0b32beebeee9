package graphsync

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
)

// genAny makes operations of every verb on few names; what expires or ends to
// be true does so soon after start.
func genAny(start time.Time, merges []uint64, verbs int) *rapid.Generator[Op] {
	soon := ptr(start.Add(5 * time.Second))
	keys := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
	return rapid.Custom(func(t *rapid.T) Op {
		key := keys.Draw(t, "key")
		switch rapid.IntRange(0, verbs).Draw(t, "verb") {
		case 0, 1:
			return Op{Op: OpUpsertNode, Key: key, Type: "n", Label: ptr(key), ExpiresAt: rapid.SampledFrom([]*time.Time{nil, nil, nil, soon}).Draw(t, "expires")}
		case 2:
			return Op{Op: OpUpdateNode, Key: key, Label: ptr(rapid.SampledFrom([]string{"x", "y"}).Draw(t, "label"))}
		case 3:
			return Op{Op: OpUpsertEdge, Type: "T", Source: key, Target: keys.Draw(t, "to"), Weight: ptr(float64(rapid.IntRange(0, 3).Draw(t, "weight")))}
		case 4:
			return Op{Op: OpCreateEdge, Type: "U", Source: key, Target: keys.Draw(t, "to"), ValidTo: soon}
		case 5:
			return Op{Op: OpAddAlias, Key: key, Alias: strings.Repeat(keys.Draw(t, "alias"), 2)}
		case 6:
			return Op{Op: OpRemoveAlias, Key: key, Alias: strings.Repeat(keys.Draw(t, "alias"), 2)}
		case 7, 8:
			return Op{Op: OpAddObservation, Key: key, Text: rapid.SampledFrom([]string{"one", "two"}).Draw(t, "text")}
		case 9:
			return Op{Op: OpDeleteObservation, Key: key, Text: "one"}
		case 10:
			return Op{Op: OpMergeNodes, Source: key, Target: keys.Draw(t, "into")}
		case 11:
			return Op{Op: OpUndoMerge, ID: rapid.SampledFrom(append(merges, 1)).Draw(t, "merge")}
		case 12:
			return Op{Op: OpDeleteNode, Key: key}
		case 14:
			return Op{Op: OpEraseNode, Key: key, Reason: "asked"}
		}
		return Op{Op: OpSetVector, Key: key, Model: "m", Vector: []float32{1, 2}}
	})
}

// account compares what the counters say of log and history with what is there.
func account(r consensus.Reader) error {
	v := view{r: r}
	held := v.held()
	var count, size uint64
	for _, table := range []consensus.Table{tLog, tNodeHist, tNodeMark, tEdgeHist, tSPOHist, tOPSHist, tKeyHist, tObsHist} {
		for k, val := range r.Scan(table, nil, nil) {
			size += uint64(len(k) + len(val))
			if table == tLog {
				count++
			}
		}
	}
	if held.count != count || held.bytes != size {
		return fmt.Errorf("the counters say %d changes and %d bytes, there are %d and %d", held.count, held.bytes, count, size)
	}
	return nil
}

// snapshot is all that reads show of the namespace "s".
func snapshot(t *rapid.T, s *Service, when When, ids uint64) string {
	var b strings.Builder
	show := func(v any, err error) {
		if err == nil {
			line, _ := json.Marshal(v)
			b.Write(line)
		} else if b.WriteString(code(err)); code(err) != CodeNotFound {
			t.Fatal(err)
		}
		b.WriteByte('\n')
	}
	nodes, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: "s", When: when, Limit: MaxLimit})
	show(nodes, err)
	edges, _, err := s.ListEdges(bg, stale, EdgeQuery{Namespace: "s", When: when, Limit: MaxLimit})
	show(edges, err)
	for _, n := range nodes.Nodes {
		in, _, err := s.ListEdges(bg, stale, EdgeQuery{Namespace: "s", Target: n.ID, When: when, Limit: MaxLimit})
		show(in, err)
		near, _, err := s.Neighbors(bg, stale, NeighborQuery{Namespace: "s", ID: n.ID, When: when, Depth: 3})
		if slices.SortFunc(near.Nodes, func(a, b Neighbor) int { return cmp.Compare(a.ID, b.ID) }); err == nil {
			show(near.Nodes, nil)
		}
	}
	for _, key := range []string{"a", "b", "c", "d", "e", "aa", "bb", "cc", "dd", "ee"} {
		n, _, err := s.GetNodeByKeyAt(bg, stale, when, "s", key)
		show(n, err)
	}
	for id := uint64(1); id < ids; id++ {
		n, _, err := s.GetNodeAt(bg, stale, when, "s", id)
		show(n, err)
		e, _, err := s.GetEdgeAt(bg, stale, when, "s", id)
		show(e, err)
	}
	return b.String()
}

// As of a revision is shown what was shown then, whatever was done. Forgetting
// all of it leaves nothing, and the counters always tell what is kept.
func TestNothingLeaks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Now().Add(1000 * time.Hour).Truncate(time.Millisecond) // the mesh's clock leads this node's
		start := now
		mem := consensustest.New(NewPart())
		mem.Now = func() time.Time { return now }
		s := NewService(mem)
		look := func(what func(r consensus.Reader) error) {
			if _, err := mem.View(bg, stale, what); err != nil {
				t.Fatal(err)
			}
		}
		// An erasure takes the past away too.
		verbs := rapid.SampledFrom([]int{13, 14}).Draw(t, "verbs")
		var merges []uint64
		shown, made, last, ids := map[uint64]string{}, map[uint64]uint64{}, uint64(0), uint64(1)
		for range rapid.IntRange(1, 30).Draw(t, "commands") {
			now = now.Add(time.Second)
			ops := rapid.SliceOfN(genAny(start, merges, verbs), 1, 6).Draw(t, "ops")
			res, _, out, err := s.ApplyEach(bg, alice, "s", ops)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range res {
				if ids = max(ids, r.ID+1); ops[i].Op == OpMergeNodes && r.ID != 0 {
					merges = append(merges, r.ID)
				}
			}
			if out.Revision > last && verbs == 13 {
				last = out.Revision
				shown[last], made[last] = snapshot(t, s, When{}, ids), ids
			}
			look(account)
		}
		for rev, want := range shown {
			if got := snapshot(t, s, When{Revision: rev}, made[rev]); got != want {
				t.Fatalf("as of %d\n got %s\nwant %s", rev, got, want)
			}
		}
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			if _, _, err := s.Batch(bg, alice, "s", []Op{{Op: OpDeleteNode, Key: key}}); err != nil {
				t.Fatal(err)
			}
		}
		for days, left := uint64(89), uint64(0); left != 1; days = 179 - days {
			now = now.AddDate(0, 0, 100)
			if _, err := s.SetRetention(bg, alice, days, 0); err != nil {
				t.Fatal(err)
			}
			got, _, err := s.Retention(bg, stale)
			if err != nil {
				t.Fatal(err)
			}
			left = got.Changes
		}
		look(account)
		look(func(r consensus.Reader) error {
			for _, table := range tables {
				for k, v := range r.Scan(table, nil, nil) {
					switch table {
					case tMeta, tSym, tSymr, tLog, tMerge, tErased:
					default:
						return fmt.Errorf("%s keeps %x %x", table, k, v)
					}
				}
			}
			return nil
		})
	})
}

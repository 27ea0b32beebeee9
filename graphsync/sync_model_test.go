package graphsync

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
)

// replica is what a client makes of a snapshot and of events.
type replica map[string]string

func (r replica) apply(t *rapid.T, f *WatchFilter, e *Event) {
	if e.EntityType != EntityNode && e.EntityType != EntityEdge && e.EntityType != EntityObservation {
		return
	}
	name := e.EntityType + itoa(e.EntityID)
	switch e.Operation {
	case OperationDelete, OperationMerge, OperationExpire, OperationErase:
		delete(r, name)
		return
	}
	if e.Omitted {
		t.Fatal("values were left out")
	}
	var n Node
	if e.EntityType == EntityNode && e.Data != nil {
		if err := json.Unmarshal(e.Data, &n); err != nil {
			t.Fatal(err)
		}
	}
	if e.Data == nil || n.ID != 0 && len(f.NodeTypes) > 0 && !slices.Contains(f.NodeTypes, n.NodeType) {
		delete(r, name)
		return
	}
	r[name] = string(e.Data)
}

func (r replica) add(t *rapid.T, i *SnapshotItem) {
	name, thing := "", any(nil)
	switch {
	case i.Node != nil:
		name, thing = EntityNode+itoa(i.Node.ID), i.Node
	case i.Edge != nil:
		name, thing = EntityEdge+itoa(i.Edge.ID), i.Edge
	default:
		name, thing = EntityObservation+itoa(i.Observation.ID), i.Observation
	}
	if r[name] != "" {
		t.Fatalf("the snapshot has %s twice: %s and %+v", name, r[name], *i)
	}
	text, err := json.Marshal(thing)
	if err != nil {
		t.Fatal(err)
	}
	r[name] = string(text)
}

// snapshot reads all of one, and calls between after each page but the last.
func takeSnapshot(t *rapid.T, y Sync, f WatchFilter, at uint64, limit int, between func()) (replica, string) {
	r := replica{}
	q := SnapshotQuery{WatchFilter: f, At: at, Limit: limit}
	for {
		page, _, err := y.Snapshot(bg, stale, alice, q)
		if err != nil {
			t.Fatal(err)
		}
		for i := range page.Items {
			r.add(t, &page.Items[i])
		}
		if page.Cursor == "" {
			return r, page.Token
		}
		q.Cursor, q.At = page.Cursor, 0
		between()
	}
}

func same2(t *rapid.T, what string, got, want replica) {
	if maps.Equal(got, want) {
		return
	}
	for name := range maps.Keys(want) {
		if got[name] != want[name] {
			t.Fatalf("%s: %s is\n%s\nwant\n%s", what, name, got[name], want[name])
		}
	}
	for name := range maps.Keys(got) {
		if _, ok := want[name]; !ok {
			t.Fatalf("%s: %s is %s, and should not be", what, name, got[name])
		}
	}
}

// writer writes what comes, online and by pushes.
type writer struct {
	s     *Service
	y     Sync
	now   time.Time
	model *model
	seqs  map[string]uint64
}

func newWriter() *writer {
	w := &writer{now: time.UnixMilli(1_700_000_000_000), model: &model{next: 20, nodes: map[uint64]modelNode{}, edges: map[uint64]modelEdge{}}, seqs: map[string]uint64{}}
	mem := consensustest.New(NewPart())
	mem.Now = func() time.Time { return w.now }
	w.s = NewService(mem)
	w.y = w.s.Sync("mesh")
	return w
}

func (w *writer) write(t *rapid.T) {
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "ms")) * time.Millisecond)
	ops := rapid.SliceOfN(genOp(w.model), 1, 6).Draw(t, "ops")
	if rapid.Bool().Draw(t, "online") {
		if _, _, _, err := w.s.ApplyEach(bg, alice, rapid.SampledFrom([]string{"s", "s", "o"}).Draw(t, "ns"), ops); err != nil {
			t.Fatal(err)
		}
		return
	}
	w.push(t, ops)
}

func (w *writer) push(t *rapid.T, ops []Op) {
	client := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "client")
	p := Push{Namespace: "s", ClientID: client, BaseRevision: rapid.Uint64Range(0, w.revision(t)).Draw(t, "base")}
	for _, o := range ops {
		w.seqs[client]++
		o.IfVersion = 0
		p.Mutations = append(p.Mutations, Mutation{Seq: w.seqs[client], Op: o, Cascade: o.Op == OpDeleteNode && rapid.Bool().Draw(t, "cascade")})
	}
	a, _, err := w.y.Push(bg, alice, p)
	if err != nil || len(a.Results) != len(ops) {
		t.Fatal(a, err)
	}
}

func (w *writer) revision(t *rapid.T) uint64 {
	info, err := w.s.read(bg, stale, func(*view) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return info.Revision
}

func genFilter(t *rapid.T) WatchFilter {
	return WatchFilter{Namespace: "s",
		Kinds:     rapid.SampledFrom([][]string{nil, nil, {EntityNode}, {EntityEdge, EntityObservation}}).Draw(t, "kinds"),
		NodeTypes: rapid.SampledFrom([][]string{nil, nil, {"T"}, {"t", "USES"}}).Draw(t, "node types"),
		EdgeTypes: rapid.SampledFrom([][]string{nil, nil, {"T"}}).Draw(t, "edge types")}
}

// What a client has at a token is the graph as of it, whatever page it is on;
// and a snapshot with the changes behind it leaves out nothing and repeats
// nothing, though others write all the while.
func TestSyncPrefixes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWriter()
		f := genFilter(t)
		client, token, seen := replica{}, "", uint64(0)
		pull := func(limit int) bool {
			page, _, err := w.y.Changes(bg, stale, ChangesQuery{WatchFilter: f, Since: token, Detail: DetailValues, Limit: limit})
			if err != nil {
				t.Fatal(err)
			}
			for i, e := range page.Events {
				if e.Revision <= seen && seen != 0 {
					t.Fatalf("revision %d comes again after %d", e.Revision, seen)
				}
				if i > 0 && (e.Revision < page.Events[i-1].Revision || e.Revision == page.Events[i-1].Revision && e.Order <= page.Events[i-1].Order) {
					t.Fatal("out of order")
				}
				client.apply(t, &f, e)
			}
			token, seen = page.Token, page.Revision
			if seen > 0 {
				then, _ := takeSnapshot(t, w.y, f, seen, 0, nil)
				same2(t, fmt.Sprintf("at %d", seen), client, then)
			}
			return page.UpToDate
		}
		for range rapid.IntRange(8, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				pull(rapid.IntRange(1, 5).Draw(t, "limit"))
			case 1:
				snap, from := takeSnapshot(t, w.y, f, 0, rapid.IntRange(1, 4).Draw(t, "page"), func() { w.write(t) })
				client, token = snap, from
				at, err := w.y.Position(f, from)
				if err != nil {
					t.Fatal(err)
				}
				seen = at.Revision
			default:
				w.write(t)
			}
		}
		for !pull(3) {
		}
		now, _ := takeSnapshot(t, w.y, f, 0, 0, nil)
		same2(t, "at the end", client, now)
	})
}

// broken is a state whose answers get lost, before or after they take effect.
type broken struct {
	consensus.State
	t *rapid.T
}

func (b broken) Propose(ctx context.Context, p consensus.Proposal) (consensus.Outcome, error) {
	switch rapid.IntRange(0, 4).Draw(b.t, "breaks") {
	case 0:
		return consensus.Outcome{}, consensus.ErrUnknown
	case 1:
		if _, err := b.State.Propose(ctx, p); err != nil {
			return consensus.Outcome{}, err
		}
		return consensus.Outcome{}, consensus.ErrUnknown
	}
	return b.State.Propose(ctx, p)
}

// Every mutation takes effect once and is answered the same, however often it
// is pushed, in whatever portions, and whatever answers get lost.
func TestPushExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mem := consensustest.New(NewPart())
		sound := NewService(mem)
		y := NewService(broken{mem, t}).Sync("mesh")
		queue := make([]Mutation, rapid.IntRange(1, 40).Draw(t, "mutations"))
		for i := range queue {
			queue[i] = Mutation{Seq: uint64(i + 1), Op: Op{Op: OpCreateNode, Type: "t", Label: ptr(fmt.Sprint("n", i))}}
			if i > 0 && i%3 == 0 {
				queue[i] = Mutation{Seq: uint64(i + 1), Op: Op{Op: OpCreateEdge, Type: "T", Weight: ptr(float64(i))}, SourceRef: uint64(i - 1), TargetRef: uint64(i)}
			}
		}
		answers := map[uint64]MutationResult{}
		for acked := uint64(0); acked < uint64(len(queue)); {
			// The client may have forgotten a few answers.
			from := acked - min(acked, rapid.Uint64Range(0, 5).Draw(t, "back"))
			to := min(uint64(len(queue)), from+rapid.Uint64Range(1, 15).Draw(t, "size"))
			a, _, err := y.Push(bg, alice, Push{Namespace: "s", ClientID: "c", Mutations: queue[from:to]})
			if err != nil {
				continue
			}
			for _, r := range a.Results {
				r.Repeated = false
				if was, ok := answers[r.Seq]; ok && !reflect.DeepEqual(was, r) {
					t.Fatalf("answered %+v, and then %+v", was, r)
				}
				if answers[r.Seq] = r; r.Status != PushApplied {
					t.Fatalf("%+v", r)
				}
			}
			acked = max(acked, to)
		}
		labels := map[string]int{}
		page, _, err := sound.ListNodes(bg, stale, NodeQuery{Namespace: "s", Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range page.Nodes {
			labels[n.Label]++
			if labels[n.Label] > 1 {
				t.Fatalf("%s is there twice", n.Label)
			}
		}
		edges, _, err := sound.ListEdges(bg, stale, EdgeQuery{Namespace: "s", Limit: 1000})
		if err != nil || len(edges.Edges)+len(page.Nodes) != len(queue) {
			t.Fatal(len(edges.Edges), len(page.Nodes), len(queue), err)
		}
	})
}

// Of clients that count with if_rev, none loses a step of another.
func TestPushNoLostUpdate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWriter()
		if _, _, err := w.s.Batch(bg, alice, "s", []Op{upsert("n", `{"count":0}`)}); err != nil {
			t.Fatal(err)
		}
		type reader struct {
			rev   uint64
			count int
			seq   uint64
		}
		clients := make([]reader, 3)
		steps := 0
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			i := rapid.IntRange(0, 2).Draw(t, "client")
			c := &clients[i]
			if c.rev == 0 || rapid.Bool().Draw(t, "read") {
				n, info, err := w.s.GetNodeByKey(bg, stale, "s", "n")
				if err != nil {
					t.Fatal(err)
				}
				var props struct{ Count int }
				if err := json.Unmarshal(n.Properties, &props); err != nil {
					t.Fatal(err)
				}
				c.rev, c.count = info.Revision, props.Count
				continue
			}
			c.seq++
			a, _, err := w.y.Push(bg, alice, Push{Namespace: "s", ClientID: fmt.Sprint(i), BaseRevision: c.rev, Mutations: []Mutation{{Seq: c.seq, IfRev: c.rev, Op: set("n", fmt.Sprintf(`{"count":%d}`, c.count+1))}}})
			if err != nil {
				t.Fatal(err)
			}
			if a.Results[0].Status == PushApplied {
				steps++
				c.count++
			} else if a.Results[0].Reason != ReasonIfRev {
				t.Fatalf("%+v", a)
			}
		}
		if n, _, err := w.s.GetNodeByKey(bg, stale, "s", "n"); err != nil || string(n.Properties) != fmt.Sprintf(`{"count":%d}`, steps) {
			t.Fatalf("%d steps were taken: %s %v", steps, n.Properties, err)
		}
	})
}

// Clients that were cut off and have come back all have the same graph.
func TestSyncConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWriter()
		if _, _, err := w.y.Configure(bg, alice, "s", "", SyncConfig{Strategy: rapid.SampledFrom(strategies[:]).Draw(t, "strategy")}); err != nil {
			t.Fatal(err)
		}
		type client struct {
			replica
			token string
			seq   uint64
			queue []Mutation
		}
		f := WatchFilter{Namespace: "s"}
		clients := make([]*client, 3)
		for i := range clients {
			clients[i] = &client{replica: replica{}}
		}
		pull := func(c *client) {
			for {
				page, _, err := w.y.Changes(bg, stale, ChangesQuery{WatchFilter: f, Since: c.token, Detail: DetailValues})
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page.Events {
					c.apply(t, &f, e)
				}
				if c.token = page.Token; page.UpToDate {
					return
				}
			}
		}
		push := func(i int) {
			c := clients[i]
			if len(c.queue) == 0 {
				return
			}
			a, _, err := w.y.Push(bg, alice, Push{Namespace: "s", ClientID: fmt.Sprint(i), BaseToken: c.token, Mutations: c.queue})
			if err != nil || len(a.Results) != len(c.queue) {
				t.Fatal(a, err)
			}
			c.queue = nil
		}
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			i := rapid.IntRange(0, 2).Draw(t, "client")
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				push(i)
				pull(clients[i])
			default:
				for _, o := range rapid.SliceOfN(genOp(w.model), 1, 4).Draw(t, "ops") {
					o.IfVersion = 0
					clients[i].seq++
					clients[i].queue = append(clients[i].queue, Mutation{Seq: clients[i].seq, Op: o})
				}
				if clients[i].token == "" {
					pull(clients[i])
				}
			}
		}
		for i := range clients {
			push(i)
		}
		now, _ := takeSnapshot(t, w.y, f, 0, 0, nil)
		for i, c := range clients {
			pull(c)
			same2(t, fmt.Sprint("client ", i), c.replica, now)
		}
		// All conflicts can be settled, and then there are none.
		for {
			page, _, err := w.y.Conflicts(bg, stale, ConflictQuery{Limit: 2})
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Conflicts) == 0 {
				break
			}
			for _, c := range page.Conflicts {
				how := rapid.SampledFrom([]string{KeepCurrent, KeepPushed}).Draw(t, "keep")
				_, _, err := w.y.Resolve(bg, alice, "s", c.ID, Resolution{Keep: how})
				if err != nil && how == KeepPushed {
					_, _, err = w.y.Resolve(bg, alice, "s", c.ID, Resolution{Keep: KeepCurrent})
				}
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		err := w.look(func(v *view) error {
			for _, table := range []consensus.Table{tConflict, tConflictOf} {
				for k := range v.r.Scan(table, nil, nil) {
					t.Fatalf("%s has %x", table, k)
				}
			}
			if n := v.count(v.namespace("s"), countConflictBytes, 0); n != 0 {
				t.Fatal(n)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range clients {
			pull(c)
		}
		now, _ = takeSnapshot(t, w.y, f, 0, 0, nil)
		same2(t, "after all is settled", clients[0].replica, now)
	})
}

func (w *writer) look(fn func(*view) error) error {
	_, err := w.s.read(bg, stale, fn)
	return err
}

// Unless the namespace says so, no client overwrites a value that it has not
// seen; and none is lost: it took effect, or it is a conflict.
func TestPushNeverOverwritesUnseen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWriter()
		strategy := rapid.SampledFrom([]string{StrategyVectorClock, StrategyManual}).Draw(t, "strategy")
		if _, _, err := w.y.Configure(bg, alice, "s", "", SyncConfig{Strategy: strategy}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.s.Batch(bg, alice, "s", []Op{upsert("n", `{}`)}); err != nil {
			t.Fatal(err)
		}
		type wrote struct {
			rev    uint64
			client int
			value  int
		}
		fields := map[string]wrote{} // who gave it the value that it has
		bases, seqs, versions := [3]uint64{}, [3]uint64{}, [3]uint64{}
		for value := range rapid.IntRange(5, 40).Draw(t, "steps") {
			i := rapid.IntRange(0, 2).Draw(t, "client")
			if bases[i] == 0 || rapid.IntRange(0, 3).Draw(t, "pull") == 0 {
				bases[i] = w.revision(t)
				n, _, err := w.s.GetNodeByKey(bg, stale, "s", "n")
				if err != nil {
					t.Fatal(err)
				}
				versions[i] = n.Version
			}
			var list []Mutation
			var names []string
			for range rapid.IntRange(1, 3).Draw(t, "mutations") {
				seqs[i]++
				name := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name")
				names = append(names, name)
				o := set("n", fmt.Sprintf(`{%q:%d}`, name, 10*value+len(list)))
				list = append(list, Mutation{Seq: seqs[i], Op: o})
			}
			a, _, err := w.y.Push(bg, alice, Push{Namespace: "s", ClientID: fmt.Sprint(i), BaseRevision: bases[i], Mutations: list})
			if err != nil {
				t.Fatal(err)
			}
			for k, r := range a.Results {
				was, name := fields[names[k]], names[k]
				free := was.client == i || was.rev <= bases[i]
				switch took := r.Status == PushApplied || r.Status == PushRebased; {
				case took != free && (took || r.Version-versions[i] < maxCompared):
					t.Fatalf("client %d with base %d gave %s another value than %+v: %+v", i, bases[i], name, was, r)
				case took:
					fields[name] = wrote{a.Revision, i, 10*value + k}
				case r.Status != PushConflict || r.ConflictID == 0:
					t.Fatalf("%+v", r)
				}
			}
		}
		n, _, err := w.s.GetNodeByKey(bg, stale, "s", "n")
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]int{}
		if err := json.Unmarshal(n.Properties, &have); err != nil {
			t.Fatal(err)
		}
		for name, f := range fields {
			if have[name] != f.value {
				t.Fatalf("%s is %d, and was given %+v", name, have[name], f)
			}
		}
	})
}

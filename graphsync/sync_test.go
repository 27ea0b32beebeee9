package graphsync

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus/consensustest"
)

// syncBench is a graph with clients that push to it.
type syncBench struct {
	*testing.T
	state *consensustest.Local
	s     *Service
	y     Sync
	now   time.Time
	seqs  map[string]uint64
}

func newSyncBench(t *testing.T) *syncBench {
	b := &syncBench{T: t, state: consensustest.New(NewPart()), now: time.UnixMilli(1_700_000_000_000), seqs: map[string]uint64{}}
	b.state.Now = func() time.Time { return b.now }
	b.s = NewService(b.state)
	b.y = b.s.Sync("mesh-a")
	return b
}

// revision is the present one.
func (b *syncBench) revision() uint64 {
	b.Helper()
	info, err := b.s.read(bg, stale, func(*view) error { return nil })
	if err != nil {
		b.Fatal(err)
	}
	return info.Revision
}

// batch writes as somebody who is online.
func (b *syncBench) batch(ops ...Op) []OpResult {
	b.Helper()
	res, _, err := b.s.Batch(bg, WriteOptions{Author: "online"}, "s", ops)
	if err != nil {
		b.Fatal(err)
	}
	return res
}

// push sends mutations of a client with the next numbers.
func (b *syncBench) push(client string, base uint64, list ...Mutation) []MutationResult {
	b.Helper()
	for i := range list {
		b.seqs[client]++
		list[i].Seq = b.seqs[client]
	}
	a, _, err := b.y.Push(bg, alice, Push{Namespace: "s", ClientID: client, BaseRevision: base, Mutations: list})
	if err != nil || len(a.Results) != len(list) || a.LastSeq != b.seqs[client] {
		b.Fatalf("pushed: %+v %v", a, err)
	}
	return a.Results
}

func (b *syncBench) policy(strategy string) {
	b.Helper()
	if _, _, err := b.y.Configure(bg, alice, "s", "", SyncConfig{Strategy: strategy}); err != nil {
		b.Fatal(err)
	}
}

func (b *syncBench) node(key string) Node {
	b.Helper()
	n, _, err := b.s.GetNodeByKey(bg, stale, "s", key)
	if err != nil {
		b.Fatalf("node %q: %v", key, err)
	}
	return n
}

func (b *syncBench) conflicts() []Conflict {
	b.Helper()
	page, _, err := b.y.Conflicts(bg, stale, ConflictQuery{Namespace: "s"})
	if err != nil {
		b.Fatal(err)
	}
	return page.Conflicts
}

func (b *syncBench) edges() []Edge {
	b.Helper()
	page, _, err := b.s.ListEdges(bg, stale, EdgeQuery{Namespace: "s", When: When{AnyValid: true}})
	if err != nil {
		b.Fatal(err)
	}
	return page.Edges
}

func mut(o Op) Mutation { return Mutation{Op: o} }

func upsert(key string, props string) Op {
	return Op{Op: OpUpsertNode, Type: "t", Label: ptr(key), Key: key, Properties: json.RawMessage(props)}
}

func set(key string, patch string) Op {
	return Op{Op: OpUpdateNode, Key: key, Properties: json.RawMessage(patch), Merge: true}
}

// want checks a result: "status", "status reason" or "status code".
func (b *syncBench) want(r MutationResult, want string) {
	b.Helper()
	got := r.Status
	if r.Reason+r.Code != "" {
		got += " " + r.Reason + r.Code
	}
	if got != want {
		b.Fatalf("mutation %d came to %q, want %q: %+v", r.Seq, got, want, r)
	}
}

// What a client and others do to the same field, by policy.
func TestPushFieldsByPolicy(t *testing.T) {
	for _, c := range []struct {
		name, strategy string
		// A node {"a":1,"b":1} is there at the base; online and pushed change it.
		online, pushed string
		result         string
		after          string
	}{
		{"nobody else", "", ``, `{"a":2}`, "applied", `{"a":2,"b":1}`},
		{"another field", "", `{"b":5}`, `{"a":2}`, "rebased", `{"a":2,"b":5}`},
		{"the same value", "", `{"a":2}`, `{"a":2}`, "rebased", `{"a":2,"b":1}`},
		{"there and back", "", `{"a":1}`, `{"a":2}`, "applied", `{"a":2,"b":1}`},
		{"the same field", "", `{"a":7}`, `{"a":2,"b":2}`, "conflict changed", `{"a":7,"b":1}`},
		{"removed", "", `{"a":null}`, `{"a":2}`, "conflict changed", `{"b":1}`},
		{"removes", "", `{"a":7}`, `{"a":null}`, "conflict changed", `{"a":7,"b":1}`},
		{"both remove", "", `{"a":null}`, `{"a":null}`, "rebased", `{"b":1}`},
		{"both add", "", `{"c":7}`, `{"c":2}`, "conflict changed", `{"a":1,"b":1,"c":7}`},
		{"last", StrategyLastWriteWins, `{"a":7,"c":3}`, `{"a":2}`, "rebased", `{"a":2,"b":1,"c":3}`},
		{"last removes", StrategyLastWriteWins, `{"a":7}`, `{"a":null}`, "rebased", `{"b":1}`},
		{"both", StrategyManual, `{"a":7}`, `{"a":2,"b":2}`, "conflict kept_both", `{"a":7,"a~ID":2,"b":2}`},
		{"both, removed", StrategyManual, `{"a":7}`, `{"a":null}`, "conflict kept_both", `{"a":7,"a~ID":null,"b":1}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newSyncBench(t)
			if c.strategy != "" {
				b.policy(c.strategy)
			}
			b.batch(upsert("n", `{"a":1,"b":1}`))
			base := b.revision()
			if c.online != "" {
				b.batch(set("n", c.online))
			}
			r := b.push("c", base, mut(set("n", c.pushed)))[0]
			b.want(r, c.result)
			after := c.after
			if r.ConflictID != 0 {
				after = string(jsonReplace(after, "ID", itoa(r.ConflictID)))
				if list := b.conflicts(); len(list) != 1 || list[0].ID != r.ConflictID || list[0].EntityID != r.ID || list[0].Seq != 1 || list[0].ClientID != "c" || list[0].Author != "alice" || !slices.Equal(list[0].Fields, []string{"properties.a"}) && c.name != "both add" {
					t.Fatalf("conflicts: %+v", list)
				}
				if r.Current == nil {
					t.Fatal("the conflict does not say what is there")
				}
			} else if len(b.conflicts()) != 0 {
				t.Fatal("a conflict came up")
			}
			if got := b.node("n"); string(got.Properties) != after {
				t.Fatalf("it has %s, want %s", got.Properties, after)
			}
			// The same again is the same answer, and nothing more.
			rev := b.revision()
			again, _, err := b.y.Push(bg, alice, Push{Namespace: "s", ClientID: "c", BaseRevision: base, Mutations: []Mutation{{Seq: 1, Op: set("n", c.pushed)}}})
			if err != nil || b.revision() != rev || !again.Results[0].Repeated {
				t.Fatalf("again: %+v %v", again, err)
			}
			again.Results[0].Repeated = false
			if fmt.Sprint(again.Results[0]) != fmt.Sprint(r) {
				t.Fatalf("again: %+v, was %+v", again.Results[0], r)
			}
		})
	}
}

func jsonReplace(s, old, with string) []byte {
	return []byte(replaceAll(s, old, with))
}

func replaceAll(s, old, with string) string {
	for i := 0; i+len(old) <= len(s); i++ {
		if s[i:i+len(old)] == old {
			return s[:i] + with + replaceAll(s[i+len(old):], old, with)
		}
	}
	return s
}

// What a client gave a field itself is what it believes it to have.
func TestPushOwnChangesAreNoConflict(t *testing.T) {
	b := newSyncBench(t)
	b.batch(upsert("n", `{"a":1}`))
	base := b.revision()
	for _, r := range b.push("c", base, mut(set("n", `{"a":2}`)), mut(set("n", `{"a":3}`))) {
		b.want(r, "applied")
	}
	b.want(b.push("c", base, mut(set("n", `{"a":4}`)))[0], "applied")
	b.batch(set("n", `{"b":9}`))
	b.want(b.push("c", base, mut(set("n", `{"a":5}`)))[0], "rebased")
	b.want(b.push("c", base, mut(set("n", `{"b":1}`)))[0], "conflict changed")
	b.batch(set("n", `{"a":6}`))
	b.want(b.push("c", base, mut(set("n", `{"a":7}`)))[0], "conflict changed")
	b.want(b.push("other", base, mut(set("n", `{"b":2}`)))[0], "conflict changed")
	if got := string(b.node("n").Properties); got != `{"a":6,"b":9}` {
		t.Fatal(got)
	}
}

// A client that replaces the properties changes those that it changed.
func TestPushReplacesWhatTheClientKnew(t *testing.T) {
	b := newSyncBench(t)
	b.batch(upsert("n", `{"a":1,"b":1}`))
	base := b.revision()
	b.batch(set("n", `{"c":1}`))
	b.want(b.push("c", base, mut(Op{Op: OpUpdateNode, Key: "n", Properties: json.RawMessage(`{"a":1,"d":1}`)}))[0], "rebased")
	if got := string(b.node("n").Properties); got != `{"a":1,"c":1,"d":1}` {
		t.Fatal(got)
	}
	b.want(b.push("c", base, mut(upsert("n", `{"a":1}`)))[0], "rebased") // takes away its own d
	if got := string(b.node("n").Properties); got != `{"a":1,"c":1}` {
		t.Fatal(got)
	}
}

// Adding a node by key gives the one that is there, and adds what it lacks.
func TestPushCreatesOnce(t *testing.T) {
	b := newSyncBench(t)
	create := func(key, props string) Mutation {
		return mut(Op{Op: OpCreateNode, Type: "t", Label: ptr(key), Key: key, Properties: json.RawMessage(props)})
	}
	first := b.push("a", 0, create("n", `{"a":1}`))[0]
	b.want(first, "applied")
	second := b.push("b", 0, create("N", `{"b":1}`))[0]
	b.want(second, "conflict changed") // its label is another
	third := b.push("c", 0, create("n", `{"b":1}`), create("n", `{"a":2}`), mut(Op{Op: OpAddObservation, NodeID: 0, Text: "seen"}))
	b.want(third[0], "rebased")
	b.want(third[1], "conflict changed")
	b.want(third[2], "invalid INVALID")
	for _, r := range []MutationResult{second, third[0], third[1]} {
		if r.ID != first.ID {
			t.Fatalf("%+v, the node is %d", r, first.ID)
		}
	}
	if got := string(b.node("n").Properties); got != `{"a":1,"b":1}` {
		t.Fatal(got)
	}
}

// What was made earlier is named by its number, over pushes too.
func TestPushRefs(t *testing.T) {
	b := newSyncBench(t)
	r := b.push("c", 0,
		mut(Op{Op: OpCreateNode, Type: "t", Label: ptr("one")}),
		mut(Op{Op: OpCreateNode, Type: "t", Label: ptr("two")}),
		Mutation{Op: Op{Op: OpCreateEdge, Type: "T"}, SourceRef: 1, TargetRef: 2},
		Mutation{Op: Op{Op: OpAddObservation, Text: "said"}, NodeRef: 1},
		Mutation{Op: Op{Op: OpUpdateNode, Label: ptr("1")}, Ref: 1},
		Mutation{Op: Op{Op: OpUpdateEdge, Weight: ptr(2.5)}, Ref: 3},
		Mutation{Op: Op{Op: OpUpdateNode, Label: ptr("x")}, Ref: 9},
		Mutation{Op: Op{Op: OpUpdateNode, Label: ptr("x")}, Ref: 7},
		Mutation{Op: Op{Op: OpUpdateNode, Label: ptr("x")}, Ref: 3},
	)
	for _, x := range r[:6] {
		b.want(x, "applied")
	}
	b.want(r[6], "invalid INVALID")
	b.want(r[7], "invalid NOT_FOUND")
	b.want(r[8], "invalid NOT_FOUND")
	r2 := b.push("c", 0,
		Mutation{Op: Op{Op: OpDeleteObservation}, Ref: 4},
		Mutation{Op: Op{Op: OpDeleteObservation, Text: "said"}, NodeRef: 1},
		Mutation{Op: Op{Op: OpDeleteEdge}, Ref: 3},
		Mutation{Op: Op{Op: OpDeleteEdge}, Ref: 3},
		Mutation{Op: Op{Op: OpMergeNodes}, SourceRef: 1, TargetRef: 2},
		Mutation{Op: Op{Op: OpAddAlias, Alias: "zwei"}, Ref: 1},
		Mutation{Op: Op{Op: OpDeleteNode}, Ref: 2},
	)
	for i, x := range r2 {
		want := "applied"
		if i == 5 {
			want = "rebased" // the node is another by now
		}
		b.want(x, want)
	}
	if n, _, err := b.s.GetNode(bg, stale, "s", r[0].ID); code(err) != CodeNotFound {
		t.Fatal(n, err)
	}
}

// A gap is refused with the number that is expected.
func TestPushSequence(t *testing.T) {
	b := newSyncBench(t)
	one := func(seq uint64) Push {
		return Push{Namespace: "s", ClientID: "c", Mutations: []Mutation{{Seq: seq, Op: Op{Op: OpCreateNode, Type: "t", Label: ptr("n")}}}}
	}
	_, _, err := b.y.Push(bg, alice, one(2))
	if code(err) != CodeSeqGap || detail(err, "expected") != "1" || detail(err, "unknown_client") != "true" {
		t.Fatal(err)
	}
	for seq := uint64(1); seq <= 3; seq++ {
		if a, _, err := b.y.Push(bg, alice, one(seq)); err != nil || a.LastSeq != seq {
			t.Fatal(a, err)
		}
	}
	_, _, err = b.y.Push(bg, alice, one(5))
	if code(err) != CodeSeqGap || detail(err, "expected") != "4" || detail(err, "unknown_client") != "" {
		t.Fatal(err)
	}
	gap := one(4)
	gap.Mutations = append(gap.Mutations, one(6).Mutations...)
	if _, _, err = b.y.Push(bg, alice, gap); code(err) != CodeSeqGap || detail(err, "expected") != "5" {
		t.Fatal(err)
	}
	// Another principal's client of that name is another.
	if a, _, err := b.y.Push(bg, WriteOptions{Author: "bob"}, one(1)); err != nil || a.Results[0].Repeated {
		t.Fatal(a, err)
	}
	mixed := one(3)
	mixed.Mutations = append(mixed.Mutations, one(4).Mutations...)
	a, _, err := b.y.Push(bg, alice, mixed)
	if err != nil || !a.Results[0].Repeated || a.Results[1].Repeated || a.Results[0].Status != PushApplied || a.LastSeq != 4 {
		t.Fatal(a, err)
	}
	stats, _, err := b.s.Stats(bg, stale, "s")
	if err != nil || stats.Nodes != 5 {
		t.Fatal(stats, err)
	}
}

// Results that are forgotten answer duplicate.
func TestPushForgetsOldResults(t *testing.T) {
	b := newSyncBench(t)
	for range 4 {
		list := make([]Mutation, MaxPush)
		for i := range list {
			list[i] = mut(Op{Op: OpAddObservation, ID: 99, Text: "x"})
		}
		b.push("c", 0, list...)
	}
	a, _, err := b.y.Push(bg, alice, Push{Namespace: "s", ClientID: "c", Mutations: []Mutation{{Seq: 1, Op: Op{Op: OpCreateNode, Type: "t", Label: ptr("n")}}}})
	if err != nil || a.Results[0].Status != PushDuplicate || a.Results[0].Repeated {
		t.Fatal(a, err)
	}
	a, _, err = b.y.Push(bg, alice, Push{Namespace: "s", ClientID: "c", Mutations: []Mutation{{Seq: 3000, Op: Op{Op: OpCreateNode, Type: "t", Label: ptr("n")}}}})
	if err != nil || a.Results[0].Status != PushInvalid || !a.Results[0].Repeated {
		t.Fatal(a, err)
	}
}

// What is for something that others deleted is kept, and brings nothing back.
func TestPushToWhatIsGone(t *testing.T) {
	b := newSyncBench(t)
	res := b.batch(upsert("n", `{}`), upsert("m", `{}`), Op{Op: OpCreateEdge, Source: "n", Target: "m", Type: "T"})
	n, e := res[0].ID, res[2].ID
	base := b.revision()
	b.batch(Op{Op: OpDeleteNode, Key: "n"})
	r := b.push("c", base,
		mut(set("n", `{"a":1}`)),
		mut(Op{Op: OpUpdateNode, ID: n, Label: ptr("x")}),
		mut(upsert("n", `{"a":1}`)),
		mut(Op{Op: OpAddObservation, ID: n, Text: "late"}),
		mut(Op{Op: OpCreateEdge, Source: "n", Target: "m", Type: "T"}),
		mut(Op{Op: OpUpdateEdge, ID: e, Weight: ptr(3.0)}),
		mut(Op{Op: OpAddAlias, Key: "n", Alias: "nn"}),
		mut(Op{Op: OpMergeNodes, Source: "n", Target: "m"}),
		mut(Op{Op: OpDeleteEdge, ID: e}),
		mut(Op{Op: OpDeleteNode, ID: n}),
		mut(Op{Op: OpDeleteNode, Key: "never"}),
		mut(set("never", `{"a":1}`)),
	)
	for i, x := range r {
		switch {
		case i < 8:
			b.want(x, "conflict deleted")
		case i < 11:
			b.want(x, "applied")
		default:
			b.want(x, "invalid NOT_FOUND")
		}
	}
	if _, _, err := b.s.GetNodeByKey(bg, stale, "s", "n"); code(err) != CodeNotFound || len(b.edges()) != 0 {
		t.Fatal("something came back")
	}
	if list := b.conflicts(); len(list) != 8 {
		t.Fatalf("%+v", list)
	}
	// A client that knows that it is gone, or never knew it, makes another.
	b.want(b.push("c", b.revision(), mut(upsert("n", `{"a":2}`)))[0], "applied")
	if b.node("n").ID == n {
		t.Fatal("the node came back")
	}
}

// A client may delete and make again what it made itself.
func TestPushOwnDeletion(t *testing.T) {
	b := newSyncBench(t)
	b.batch(upsert("n", `{"a":1}`))
	base := b.revision()
	r := b.push("c", base, mut(Op{Op: OpDeleteNode, Key: "n"}), mut(upsert("n", `{"b":1}`)), mut(set("n", `{"c":1}`)), mut(Op{Op: OpDeleteNode, Key: "n"}))
	r = append(r, b.push("c", base, mut(upsert("n", `{"d":1}`)), mut(set("n", `{"d":2}`)))...)
	for _, x := range r {
		b.want(x, "applied")
	}
	if got := string(b.node("n").Properties); got != `{"d":2}` {
		t.Fatal(got)
	}
}

// Deleting a node is restricted by what the client cannot have known of.
func TestPushDeleteNode(t *testing.T) {
	for _, c := range []struct {
		name   string
		known  []Op // before the base
		online []Op
		own    []Mutation
		casc   bool
		policy string
		want   string
	}{
		{"alone", nil, nil, nil, false, "", "applied"},
		{"with an edge it knew", []Op{{Op: OpCreateEdge, Source: "n", Target: "m", Type: "T"}}, nil, nil, false, "", "applied"},
		{"with its own edge", nil, nil, []Mutation{mut(Op{Op: OpCreateEdge, Source: "n", Target: "m", Type: "T"})}, false, "", "applied"},
		{"with another's edge", nil, []Op{{Op: OpCreateEdge, Source: "m", Target: "n", Type: "T"}}, nil, false, "", "conflict in_use"},
		{"with another's observation", nil, []Op{{Op: OpAddObservation, Key: "n", Text: "o"}}, nil, false, "", "conflict in_use"},
		{"with another's edge, last write wins", nil, []Op{{Op: OpCreateEdge, Source: "m", Target: "n", Type: "T"}}, nil, false, StrategyLastWriteWins, "conflict in_use"},
		{"cascade", nil, []Op{{Op: OpCreateEdge, Source: "m", Target: "n", Type: "T"}}, nil, true, "", "applied"},
		{"changed", nil, []Op{set("n", `{"x":1}`)}, nil, false, "", "conflict changed"},
		{"changed, last write wins", nil, []Op{set("n", `{"x":1}`)}, nil, false, StrategyLastWriteWins, "rebased"},
		{"merged", nil, []Op{{Op: OpMergeNodes, Source: "n", Target: "m"}}, nil, false, "", "conflict merged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newSyncBench(t)
			if c.policy != "" {
				b.policy(c.policy)
			}
			b.batch(upsert("n", `{}`), upsert("m", `{}`))
			if c.known != nil {
				b.batch(c.known...)
			}
			base := b.revision()
			if c.online != nil {
				b.batch(c.online...)
			}
			r := b.push("c", base, append(c.own, Mutation{Op: Op{Op: OpDeleteNode, Key: "n"}, Cascade: c.casc})...)
			last := r[len(r)-1]
			b.want(last, c.want)
			_, _, err := b.s.GetNodeByKey(bg, stale, "s", "n")
			if gone := last.Status != PushConflict; gone != (code(err) == CodeNotFound) {
				t.Fatal(gone, err)
			}
		})
	}
}

// Late writes to the old key of a merged node follow its alias.
func TestPushFollowsMerges(t *testing.T) {
	b := newSyncBench(t)
	res := b.batch(upsert("old", `{"a":1}`), upsert("new", `{"b":1}`), upsert("x", `{}`))
	base := b.revision()
	b.batch(Op{Op: OpMergeNodes, Source: "old", Target: "new"})
	r := b.push("c", base,
		mut(Op{Op: OpAddObservation, ID: res[0].ID, Text: "late"}),
		mut(Op{Op: OpCreateEdge, Source: "old", Target: "x", Type: "T"}),
		mut(set("old", `{"c":1}`)),
		mut(Op{Op: OpMergeNodes, Source: "old", Target: "new"}),
	)
	for i, x := range r {
		want := "rebased"
		if i == 3 {
			want = "applied"
		}
		b.want(x, want)
	}
	if n := b.node("new"); string(n.Properties) != `{"a":1,"b":1,"c":1}` || b.edges()[0].SourceID != n.ID {
		t.Fatal(n, b.edges())
	}
}

// Edges that say the same are one; others stand side by side.
func TestPushEdgesCommute(t *testing.T) {
	b := newSyncBench(t)
	b.batch(upsert("n", `{}`), upsert("m", `{}`))
	edge := func(weight float64) Mutation {
		return mut(Op{Op: OpCreateEdge, Source: "n", Target: "m", Type: "T", Weight: &weight, Properties: json.RawMessage(`{"w":1}`)})
	}
	one := b.push("a", 0, edge(1), edge(2))
	two := b.push("b", 0, edge(2), edge(1), edge(3))
	for _, r := range append(one, two...) {
		b.want(r, "applied")
	}
	if one[0].ID != two[1].ID || one[1].ID != two[0].ID || len(b.edges()) != 3 {
		t.Fatal(one, two)
	}
	// An upsert is for the one that is there.
	up := b.push("c", 0, mut(Op{Op: OpUpsertEdge, Source: "n", Target: "m", Type: "T", Predicate: ptr("p")}))[0]
	b.want(up, "rebased")
	if up.ID != one[0].ID {
		t.Fatal(up)
	}
	b.want(b.push("d", 0, mut(Op{Op: OpUpdateEdge, ID: up.ID, Predicate: ptr("q"), Weight: ptr(4.0)}))[0], "conflict changed")
	b.want(b.push("d", b.revision(), mut(Op{Op: OpUpdateEdge, ID: up.ID, Predicate: ptr("q"), Weight: ptr(4.0)}))[0], "applied")
}

// A newer fact of a type with one value at a time ends the older; two that
// begin together are at odds.
func TestPushSingleValued(t *testing.T) {
	day := func(d int) *time.Time { at := time.Date(2025, 1, d, 0, 0, 0, 0, time.UTC); return &at }
	for _, c := range []struct {
		strategy, same string
		count          int
	}{{StrategyVectorClock, "conflict valid_from", 2}, {StrategyLastWriteWins, "applied", 2}, {StrategyManual, "conflict kept_both", 3}} {
		t.Run(c.strategy, func(t *testing.T) {
			b := newSyncBench(t)
			b.policy(c.strategy)
			if _, _, err := b.s.SetSchema(bg, alice, "s", Schema{EdgeTypes: map[string]EdgeRule{"LIVES_IN": {Single: true}}}); err != nil {
				t.Fatal(err)
			}
			b.batch(upsert("p", `{}`), upsert("x", `{}`), upsert("y", `{}`))
			lives := func(where string, from, at *time.Time) Mutation {
				return Mutation{Op: Op{Op: OpCreateEdge, Source: "p", Target: where, Type: "LIVES_IN", ValidFrom: from}, At: at}
			}
			b.want(b.push("a", 0, lives("x", day(10), nil))[0], "applied")
			b.want(b.push("b", 0, lives("y", nil, day(5)))[0], "applied") // told late, and ends when the other begins
			for _, e := range b.edges() {
				if want := map[bool]*time.Time{true: day(10)}[e.ValidFrom.Equal(*day(5))]; (e.ValidTo == nil) != (want == nil) || want != nil && !e.ValidTo.Equal(*want) {
					t.Fatalf("%+v", e)
				}
			}
			r := b.push("b", 0, lives("y", nil, day(10)))[0]
			b.want(r, c.same)
			if got := b.edges(); len(got) != c.count {
				t.Fatalf("%+v", got)
			}
			if r.ConflictID == 0 {
				return
			}
			if _, _, err := b.y.Resolve(bg, alice, "s", r.ConflictID, Resolution{Keep: KeepPushed}); err != nil {
				t.Fatal(err)
			}
			now := 0
			for _, e := range b.edges() {
				if e.ValidTo == nil {
					now++
					if e.TargetID != b.node("y").ID {
						t.Fatalf("%+v", e)
					}
				}
			}
			if now != 1 || len(b.conflicts()) != 0 {
				t.Fatal(now, b.conflicts())
			}
		})
	}
}

// if_rev takes effect only where nobody else was faster, and keeps no record.
func TestPushIfRev(t *testing.T) {
	b := newSyncBench(t)
	b.batch(upsert("n", `{"a":1}`))
	rev := b.revision()
	with := func(o Op) Mutation { return Mutation{Op: o, IfRev: rev} }
	r := b.push("c", rev, with(set("n", `{"a":2}`)), with(set("n", `{"a":3}`)))
	b.want(r[0], "applied")
	b.want(r[1], "applied")
	for i, x := range b.push("d", rev, with(set("n", `{"b":4}`)), with(Op{Op: OpDeleteNode, Key: "n"})) {
		b.want(x, "conflict if_rev")
		if i == 0 && x.Current == nil {
			t.Fatal(x)
		}
	}
	if len(b.conflicts()) != 0 || string(b.node("n").Properties) != `{"a":3}` {
		t.Fatal(b.conflicts(), b.node("n"))
	}
}

// A conflict is settled in one of three ways, and is gone then.
func TestResolve(t *testing.T) {
	for _, c := range []struct {
		strategy string
		how      Resolution
		after    string
	}{
		{StrategyVectorClock, Resolution{Keep: KeepCurrent}, `{"a":7,"b":1}`},
		{StrategyVectorClock, Resolution{Keep: KeepPushed}, `{"a":2,"b":2}`},
		{StrategyVectorClock, Resolution{Keep: KeepCustom, Custom: ptr(Op{Op: OpUpdateNode, Properties: json.RawMessage(`{"a":9}`), Merge: true})}, `{"a":9,"b":1}`},
		{StrategyManual, Resolution{Keep: KeepCurrent}, `{"a":7,"b":2}`},
		{StrategyManual, Resolution{Keep: KeepPushed}, `{"a":2,"b":2}`},
		{StrategyManual, Resolution{Keep: KeepCustom, Custom: ptr(Op{Op: OpUpdateNode, Properties: json.RawMessage(`{"a":9}`), Merge: true})}, `{"a":9,"b":2}`},
	} {
		t.Run(c.strategy+" "+c.how.Keep, func(t *testing.T) {
			b := newSyncBench(t)
			b.policy(c.strategy)
			b.batch(upsert("n", `{"a":1,"b":1}`))
			base := b.revision()
			b.batch(set("n", `{"a":7}`))
			id := b.push("c", base, mut(set("n", `{"a":2,"b":2}`)))[0].ConflictID
			got, _, err := b.y.Conflict(bg, stale, "s", id)
			if err != nil || got.Pushed.Op != OpUpdateNode || !got.Pushed.Merge || string(got.Pushed.Properties) != `{"a":2,"b":2}` || got.Then == nil || got.Current == nil {
				t.Fatalf("%+v %v", got, err)
			}
			if _, _, err := b.y.Resolve(bg, alice, "s", id, c.how); err != nil {
				t.Fatal(err)
			}
			if got := string(b.node("n").Properties); got != c.after {
				t.Fatalf("%s, want %s", got, c.after)
			}
			if _, _, err := b.y.Resolve(bg, alice, "s", id, c.how); code(err) != CodeNotFound {
				t.Fatal(err)
			}
			list, _, _, err := b.s.Log(bg, stale, b.revision()-1, 0)
			if err != nil || !slices.ContainsFunc(list, func(c Change) bool {
				return c.Kind == "conflict" && c.What == "deleted" && c.ID == id && c.Author == "alice"
			}) {
				t.Fatalf("the log has %+v %v", list, err)
			}
		})
	}
}

func TestSyncDisabled(t *testing.T) {
	b := newSyncBench(t)
	conf, _, err := b.y.Configure(bg, alice, "s", "", SyncConfig{Enabled: ptr(false), IntervalSeconds: 5})
	if err != nil || conf.SyncEnabled || conf.SyncIntervalSeconds != 5 || conf.ConflictResolutionStrategy != StrategyVectorClock {
		t.Fatal(conf, err)
	}
	one := Push{Namespace: "s", ClientID: "c", Mutations: []Mutation{{Seq: 1, Op: Op{Op: OpCreateNode, Type: "t", Label: ptr("n")}}}}
	if _, _, err := b.y.Push(bg, alice, one); code(err) != CodeSyncDisabled {
		t.Fatal(err)
	}
	if _, _, err := b.y.Configure(bg, alice, "s", "other", SyncConfig{Strategy: "nonsense"}); code(err) != CodeInvalid {
		t.Fatal(err)
	}
	if _, _, err := b.y.Configure(bg, alice, "s", "other", SyncConfig{Strategy: StrategyManual}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.y.Configure(bg, alice, "s", "default", SyncConfig{Enabled: ptr(true)}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.y.Push(bg, alice, one); err != nil {
		t.Fatal(err)
	}
	list, _, err := b.y.Configs(bg, stale, "s")
	if err != nil || len(list) != 2 || !list[0].SyncEnabled || list[0].LastSyncAt == nil || list[1].GraphName != "other" || list[1].ConflictResolutionStrategy != StrategyManual {
		t.Fatalf("%+v %v", list, err)
	}
	st, _, err := b.y.Status(bg, stale, "s", "")
	if err != nil || st.VectorClock.Versions["mesh-a"] != b.revision() || st.Token == "" {
		t.Fatalf("%+v %v", st, err)
	}
}

// A thing that others change all the time does not hold up who changes another
// field of it.
func TestPushToHotThings(t *testing.T) {
	b := newSyncBench(t)
	res := b.batch(upsert("n", `{"a":1,"z":1}`), Op{Op: OpCreateEdge, Source: "n", Target: "n", Type: "T"})
	edge := func(o Op) Op { o.Op, o.ID = OpUpdateEdge, res[1].ID; return o }
	base := b.revision()
	for i := range 3 * maxCompared {
		b.batch(set("n", fmt.Sprintf(`{"b":%d}`, i)), edge(Op{Weight: ptr(float64(i + 2))}))
	}
	r := b.push("c", base,
		mut(set("n", `{"a":2}`)),
		mut(set("n", `{"b":0}`)),
		mut(Op{Op: OpUpdateNode, Key: "n", Properties: json.RawMessage(`{"a":2,"c":1}`)}), // which takes z away
		mut(edge(Op{Predicate: ptr("p")})),
		mut(edge(Op{Weight: ptr(0.5)})),
		mut(edge(Op{Predicate: ptr("q")})))
	for i, want := range []string{"rebased", "conflict changed", "rebased", "rebased", "conflict changed", "rebased"} {
		b.want(r[i], want)
	}
	if got := string(b.node("n").Properties); got != fmt.Sprintf(`{"a":2,"b":%d,"c":1}`, 3*maxCompared-1) {
		t.Fatal(got)
	}
	if e := b.edges()[0]; e.Predicate != "q" || e.Weight != 3*maxCompared+1 {
		t.Fatalf("%+v", e)
	}
}

// One credential cannot take the places of all clients, and what a client claims
// to have seen must be there.
func TestPushSharesAndBounds(t *testing.T) {
	defer func(was uint64) { maxClientShare = was }(maxClientShare)
	maxClientShare = 3
	y := newService(t).Sync("mesh")
	push := func(who, client string, base uint64) error {
		_, _, err := y.Push(bg, WriteOptions{Author: who}, Push{Namespace: "s", ClientID: client, BaseRevision: base,
			Mutations: []Mutation{{Seq: 1, Op: Op{Op: OpUpsertNode, Key: client, Type: "a", Label: ptr("a")}}}})
		return err
	}
	for i := range 3 {
		if err := push("mallory", fmt.Sprint("m", i), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := push("mallory", "one more", 0); code(err) != CodeClients {
		t.Errorf("a fourth client of one credential: %v", err)
	}
	if err := push("mallory", "m1", 0); err != nil {
		t.Errorf("a client that is known: %v", err)
	}
	if err := push("alice", "first", 0); err != nil {
		t.Errorf("a client of another credential: %v", err)
	}
	if err := push("alice", "future", math.MaxUint64-1); code(err) != codeAhead {
		t.Errorf("a base that is still to come: %v", err)
	}
}

package graphsync

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
)

// A token is good for the mesh and the filter that it was given out for.
func TestSyncTokens(t *testing.T) {
	b := newSyncBench(t)
	b.batch(upsert("n", `{}`))
	f := WatchFilter{Namespace: "s", NodeTypes: []string{"a", "b"}}
	page, _, err := b.y.Changes(bg, stale, ChangesQuery{WatchFilter: f})
	if err != nil || !page.UpToDate || len(page.Events) != 0 || page.Revision != b.revision() {
		t.Fatal(page, err)
	}
	for _, c := range []struct {
		name   string
		y      Sync
		filter WatchFilter
		token  string
		want   string
	}{
		{"as it is", b.y, f, page.Token, ""},
		{"in another order", b.y, WatchFilter{Namespace: "s", Kinds: []string{EntityNode}, NodeTypes: []string{"b", "a", "a"}}, page.Token, ""},
		{"another mesh", b.s.Sync("mesh-b"), f, page.Token, CodeOtherMesh},
		{"another filter", b.y, WatchFilter{Namespace: "s"}, page.Token, CodeOtherFilter},
		{"another namespace", b.y, WatchFilter{Namespace: "o", NodeTypes: []string{"a", "b"}}, page.Token, CodeOtherFilter},
		{"cut", b.y, f, page.Token[1:], CodeToken},
		{"changed", b.y, f, flip(page.Token), CodeToken},
		{"a position", b.y, f, "12", CodeToken},
		{"very long", b.y, f, strings.Repeat("A", 1<<20), CodeToken},
	} {
		_, _, err := b.y.s.Sync(c.y.mesh).Changes(bg, stale, ChangesQuery{WatchFilter: c.filter, Since: c.token})
		if code(err) != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if (c.want == CodeOtherMesh) != (detail(err, "resync") == "true") {
			t.Errorf("%s: resync is %q", c.name, detail(err, "resync"))
		}
		w, err := c.y.Watch(bg, ChangesQuery{WatchFilter: c.filter, Since: c.token}, nil)
		if code(err) != c.want {
			t.Errorf("%s, watched: %v", c.name, err)
		}
		if err == nil {
			w.Close()
		}
		_, _, err = c.y.Push(bg, alice, Push{Namespace: "s", ClientID: "c", BaseToken: c.token, Mutations: []Mutation{{Seq: 1, Op: upsert("x", `{}`)}}})
		if want := c.want; want != CodeOtherFilter && code(err) != want {
			t.Errorf("%s, pushed: %v", c.name, err)
		}
	}
	if now, _, err := b.y.Changes(bg, stale, ChangesQuery{WatchFilter: f, Since: SinceNow}); err != nil || !now.UpToDate || now.Revision != b.revision() {
		t.Fatal(now, err)
	}
}

func flip(s string) string {
	c := byte('A')
	if s[12] == c {
		c = 'B'
	}
	return s[:12] + string(c) + s[13:]
}

// One revision is never divided, however small the page.
func TestChangesKeepRevisionsWhole(t *testing.T) {
	b := newSyncBench(t)
	b.batch(upsert("a", `{}`), upsert("b", `{}`), upsert("c", `{}`))
	b.batch(upsert("d", `{}`))
	page, _, err := b.y.Changes(bg, stale, ChangesQuery{WatchFilter: WatchFilter{Namespace: "s"}, Limit: 1})
	if err != nil || len(page.Events) != 3 || page.UpToDate || page.Revision != 1 {
		t.Fatal(page, err)
	}
	page, _, err = b.y.Changes(bg, stale, ChangesQuery{WatchFilter: WatchFilter{Namespace: "s"}, Since: page.Token, Limit: 1})
	if err != nil || len(page.Events) != 1 || !page.UpToDate || page.Revision != 2 {
		t.Fatal(page, err)
	}
	// From the middle of one, where a stream broke off.
	inside, err := b.y.Token(WatchFilter{Namespace: "s"}, Position{Revision: 1, Inside: true, Order: 0})
	if err != nil {
		t.Fatal(err)
	}
	page, _, err = b.y.Changes(bg, stale, ChangesQuery{WatchFilter: WatchFilter{Namespace: "s"}, Since: inside})
	if err != nil || len(page.Events) != 3 || page.Events[0].Order != 1 {
		t.Fatal(page, err)
	}
}

// What is below the log is COMPACTED with the way on; a lease keeps what a
// snapshot needs, for ten minutes.
func TestSyncBelowTheLog(t *testing.T) {
	b := newSyncBench(t)
	f := WatchFilter{Namespace: "s"}
	for i := range 12 {
		b.batch(upsert(fmt.Sprint("n", i), `{}`))
	}
	old, _, err := b.y.Changes(bg, stale, ChangesQuery{WatchFilter: f, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	q := SnapshotQuery{WatchFilter: f, Limit: 5}
	first, _, err := b.y.Snapshot(bg, stale, alice, q)
	if err != nil || len(first.Items) != 5 || first.Cursor == "" || first.Token != "" {
		t.Fatal(first, err)
	}
	at := first.Revision
	// All of it is older than a day by now, and more is written than it takes
	// to forget it.
	if _, err := b.s.SetRetention(bg, alice, 1, 0); err != nil {
		t.Fatal(err)
	}
	write := func(n int) {
		for i := range n {
			b.batch(set("n0", fmt.Sprintf(`{"v":%d,"at":%d}`, i, b.now.UnixMilli())))
		}
	}
	oldest := func() uint64 {
		r, _, err := b.s.Retention(bg, stale)
		if err != nil {
			t.Fatal(err)
		}
		return r.OldestRevision
	}
	b.now = b.now.Add(9 * time.Minute)
	write(3)
	q.Cursor = first.Cursor
	second, _, err := b.y.Snapshot(bg, stale, alice, q)
	if err != nil || second.Revision != at || len(second.Items) != 5 || second.Cursor == "" {
		t.Fatal(second, err)
	}
	b.now = b.now.Add(48 * time.Hour)
	write(20)
	if got := oldest(); got <= at {
		t.Fatalf("the oldest is %d: a lease of 10 minutes holds it", got)
	}
	q.Cursor = second.Cursor
	if _, _, err = b.y.Snapshot(bg, stale, alice, q); code(err) != CodeCompacted || detail(err, "resync") != "true" || detail(err, "min_token") == "" {
		t.Fatal(err)
	}
	_, _, err = b.y.Changes(bg, stale, ChangesQuery{WatchFilter: f, Since: old.Token})
	if code(err) != CodeCompacted || detail(err, "resync") != "true" || detail(err, "oldest") == "" {
		t.Fatal(err)
	}
	if page, _, err := b.y.Changes(bg, stale, ChangesQuery{WatchFilter: f, Since: detail(err, "min_token")}); err != nil || len(page.Events) == 0 {
		t.Fatal(page, err)
	}
	if _, err := b.y.Watch(bg, ChangesQuery{WatchFilter: f, Since: old.Token}, nil); code(err) != CodeCompacted || detail(err, "resync") != "true" {
		t.Fatal(err)
	}
	// Pushes go on from any base: what cannot be compared counts as changed.
	b.want(b.push("c", 1, mut(set("n0", `{"v":"x"}`)))[0], "conflict changed")
	b.want(b.push("c", 1, mut(set("n5", `{"v":"x"}`)))[0], "rebased")
	b.want(b.push("c", at, mut(set("n6", `{"v":"x"}`)))[0], "applied")
}

// While a lease holds, nothing of what it needs is forgotten.
func TestLeaseHoldsHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWriter()
		for i := range 10 {
			if _, _, err := w.s.Batch(bg, alice, "s", []Op{upsert(fmt.Sprint("n", i), `{}`)}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.s.SetRetention(bg, alice, 1, 0); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(24*time.Hour - 5*time.Minute)
		w.write(t)
		f := WatchFilter{Namespace: "s"}
		want, _ := takeSnapshot(t, w.y, f, 0, 0, nil)
		at := w.revision(t)
		turned := 0
		got, token := takeSnapshot(t, w.y, f, 0, 2, func() {
			if turned++; turned == 1 {
				w.now = w.now.Add(6 * time.Minute) // the first changes are a day old
			}
			for range 3 {
				w.write(t)
			}
		})
		same2(t, "under the lease", got, want)
		if p, err := w.y.Position(f, token); err != nil || p.Revision != at {
			t.Fatal(p, err)
		}
		if err := w.look(func(v *view) error {
			for range v.r.Scan(tLease, nil, nil) {
				t.Fatal("the lease was not given back")
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestLeaseBounds(t *testing.T) {
	b := newSyncBench(t)
	lease := func(who string, rev uint64) (opResult, error) {
		res, _, err := b.s.propose(bg, WriteOptions{Author: who}, command{Ops: []op{{Kind: opLease, Rev: rev}}})
		if err != nil {
			return opResult{}, err
		}
		return res.Ops[0], nil
	}
	b.batch(upsert("n", `{}`))
	for i := range MaxLeases {
		if _, err := lease(fmt.Sprint(i%5), 1); err != nil {
			t.Fatal(i, err)
		}
	}
	for _, who := range []string{"0", "new"} {
		if _, err := lease(who, 1); code(err) != CodeLeases {
			t.Fatal(err)
		}
	}
	b.now = b.now.Add(LeaseTime)
	b.batch(upsert("m", `{}`))
	rev := b.revision()
	r, err := lease("0", rev)
	if err != nil || r.ID == 0 {
		t.Fatal(r, err)
	}
	for range MaxLeases/4 - 1 {
		if _, err := lease("0", rev); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := lease("0", rev); code(err) != CodeLeases {
		t.Fatal(err)
	}
	// Another's lease is not given back, one's own is.
	for _, c := range []struct {
		who  string
		want status
	}{{"1", unchanged}, {"0", deleted}, {"0", unchanged}} {
		res, _, err := b.s.propose(bg, WriteOptions{Author: c.who}, command{Ops: []op{{Kind: opUnlease, ID: r.ID}}})
		if err != nil || res.Ops[0].Status != c.want {
			t.Fatal(res, err)
		}
	}
	// A revision that has been past for long gets none.
	b.now = b.now.Add(LeaseTime + time.Minute)
	b.batch(upsert("o", `{}`))
	if r, err := lease("0", 1); err != nil || r.ID != 0 {
		t.Fatal(r, err)
	}
	if _, err := lease("0", 1<<40); code(err) != CodeInvalid {
		t.Fatal(err)
	}
}

// leapt is a view of a mesh that was recovered.
type leapt struct {
	consensus.Reader
	rev uint64
}

func (l leapt) Revision() uint64 { return l.rev }

// A revision that a recovered mesh may never have reached does not lead on.
func TestSyncAfterRecovery(t *testing.T) {
	const leap = 1 << 32
	for _, c := range []struct {
		name string
		logs []uint64
		now  uint64
		at   uint64
		ok   bool
	}{
		{"no recovery", []uint64{3, 9}, 20, 5, true},
		{"the last change that was saved", []uint64{3}, leap + 4, 3, true},
		{"lost with others", []uint64{3}, leap + 4, 5, false},
		{"lost, and others follow", []uint64{3, leap + 6}, leap + 9, 5, false},
		{"before what was saved", []uint64{3, 8, leap + 6}, leap + 9, 5, true},
		{"given out since", []uint64{3}, leap + 4, leap + 4, true},
		{"given out since, and others follow", []uint64{3, leap + 6}, leap + 9, leap + 5, true},
		{"past the leap", []uint64{3, leap + 6}, leap + 9, leap + 7, true},
	} {
		mem := consensustest.NewMemory()
		meta := metaRecord{Format: Format, NextID: 9, LogFrom: 1}
		writes := []consensus.Write{{Table: tMeta, Key: metaKey, Value: meta.encode(nil)}}
		for _, rev := range c.logs {
			ch := change{deed: changeCreated, kind: kindNode, ns: 1, id: 1, typ: 1}
			writes = append(writes, consensus.Write{Table: tLog, Key: appendLogKey(nil, rev, 0), Value: ch.append(nil)})
		}
		mem.Flush(writes)
		v := &view{r: leapt{mem, c.now}}
		if err := v.goesOn(Position{Revision: c.at}); (err == nil) != c.ok || err != nil && code(err) != CodeCompacted {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Who follows one type is told that a node has left it.
func TestSyncWatchesTypesLeft(t *testing.T) {
	b := newSyncBench(t)
	f := WatchFilter{Namespace: "s", NodeTypes: []string{"t"}}
	w, err := b.y.Watch(bg, ChangesQuery{WatchFilter: f, Since: SinceNow, Detail: DetailValues}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithTimeout(bg, time.Minute)
	defer cancel()
	if s, err := w.Next(ctx); err != nil || len(s.Events) != 0 {
		t.Fatal(s, err)
	}
	b.batch(upsert("n", `{}`))
	b.batch(Op{Op: OpUpdateNode, Key: "n", Type: "other"})
	b.batch(Op{Op: OpUpdateNode, Key: "n", Type: "another"})
	b.batch(Op{Op: OpUpdateNode, Key: "n", Type: "t"})
	var got []string
	for len(got) < 3 {
		s, err := w.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range s.Events {
			got = append(got, e.Operation+" "+e.Type)
		}
	}
	if want := []string{"create t", "update other", "update t"}; !slices.Equal(got, want) {
		t.Fatal(got)
	}
	// And a page of changes says the same.
	page, _, err := b.y.Changes(bg, stale, ChangesQuery{WatchFilter: f, Detail: DetailValues})
	if err != nil || len(page.Events) != 3 {
		t.Fatal(page, err)
	}
}

// An erasure takes the conflicts with it that hold something of what is erased.
func TestEraseTakesConflicts(t *testing.T) {
	for _, what := range []string{"node", "other end", "edge"} {
		b := newSyncBench(t)
		res := b.batch(upsert("n", `{"p":1}`), upsert("m", `{}`), Op{Op: OpCreateEdge, Source: "n", Target: "m", Type: "T", Weight: ptr(2.0)})
		base := b.revision()
		b.batch(set("n", `{"p":2}`), Op{Op: OpUpdateEdge, ID: res[2].ID, Predicate: ptr("x")})
		r := b.push("c", base, mut(set("n", `{"p":"secret"}`)), mut(Op{Op: OpUpdateEdge, ID: res[2].ID, Predicate: ptr("secret")}))
		b.want(r[0], "conflict changed")
		b.want(r[1], "conflict changed")
		erase, left := Op{Op: OpEraseNode, ID: res[0].ID}, 0
		switch what {
		case "other end":
			erase.ID, left = res[1].ID, 1
		case "edge":
			erase, left = Op{Op: OpEraseEdge, ID: res[2].ID}, 1
		}
		b.batch(erase)
		if got := len(b.conflicts()); got != left || left == 0 && len(where(t, b.state, "secret")) != 0 {
			t.Fatalf("%s: %d conflicts are left: %v", what, got, where(t, b.state, "secret"))
		}
		if left == 0 {
			if n := count(b, countConflicts) + count(b, countConflictBytes); n != 0 {
				t.Fatalf("%s: %d are counted", what, n)
			}
		}
	}
}

func count(b *syncBench, kind byte) (n uint64) {
	if _, err := b.s.read(bg, stale, func(v *view) error {
		n = v.count(v.namespace("s"), kind, 0)
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	return n
}

// Below its command level sync is refused, and nothing is written.
func TestSyncNeedsItsLevel(t *testing.T) {
	push := command{Namespace: "s", Author: "a", Ops: []op{{Kind: opCreateNode, Flags: hasType | hasLabel, Type: "t", Label: "l"}}, Push: &pushPart{Client: "c", First: 1, Heads: []pushHead{{}}}}
	for _, cmd := range []command{push,
		{Ops: []op{{Kind: opLease}}}, {Ops: []op{{Kind: opUnlease, ID: 1}}},
		{Namespace: "s", Ops: []op{{Kind: opConfigureSync, Data: consensus.Encode(&syncSetting{})}}},
		{Namespace: "s", Ops: []op{{Kind: opResolveConflict, ID: 1, Text: KeepCurrent}}},
	} {
		for _, level := range []uint32{1, levelHistory} {
			o := consensus.NewOverlay(consensustest.NewMemory())
			_, err := NewPart().Apply(o, consensus.Command{Body: cmd.encode(), Revision: 1, Time: time.UnixMilli(1), Level: level})
			if code(err) != CodeOlderNodes {
				t.Fatalf("%+v at level %d: %v", cmd, level, err)
			}
		}
	}
}

// A push ends before the mutation whose conflict there is no room for; the rest
// waits at the client.
func TestConflictsAreBounded(t *testing.T) {
	b := newSyncBench(t)
	b.batch(upsert("n", `{"p":1}`))
	base := b.revision()
	b.batch(set("n", `{"p":2}`))
	big := fmt.Sprintf(`{"p":%q}`, strings.Repeat("x", 60<<10))
	var seq uint64
	var a PushAnswer
	for seq < 2000 {
		var list []Mutation
		for range 100 {
			seq++
			list = append(list, Mutation{Seq: seq, Op: set("n", big)})
		}
		var err error
		if a, _, err = b.y.Push(bg, alice, Push{Namespace: "s", ClientID: "c", BaseRevision: base, Mutations: list}); err != nil {
			t.Fatal(err)
		}
		if a.Stopped != "" {
			break
		}
	}
	if a.Stopped != CodeConflictsFull || a.LastSeq != count(b, countConflicts) || count(b, countConflictBytes) < MaxConflictBytes || a.Message == "" {
		t.Fatal(a.Stopped, a.LastSeq, count(b, countConflicts), count(b, countConflictBytes))
	}
	next := Push{Namespace: "s", ClientID: "c", BaseRevision: base, Mutations: []Mutation{{Seq: a.LastSeq + 1, Op: set("n", `{"p":3}`)}}}
	again, _, err := b.y.Push(bg, alice, next)
	if err != nil || again.Stopped != CodeConflictsFull || len(again.Results) != 0 {
		t.Fatal(again, err)
	}
	if _, _, err := b.y.Resolve(bg, alice, "s", b.conflicts()[0].ID, Resolution{Keep: KeepCurrent}); err != nil {
		t.Fatal(err)
	}
	if again, _, err = b.y.Push(bg, alice, next); err != nil || again.Stopped != "" || again.LastSeq != a.LastSeq+1 {
		t.Fatal(again, err)
	}
}

// What is too much work for one command goes into several.
func TestPushDividesWork(t *testing.T) {
	b := newSyncBench(t)
	for _, hub := range []string{"h", "i"} {
		b.batch(upsert(hub, `{}`))
		ops := make([]Op, 6000)
		for i := range ops {
			ops[i] = Op{Op: OpCreateEdge, Source: hub, Target: hub, Type: "T"}
		}
		b.batch(ops...)
	}
	for _, r := range b.push("c", b.revision(), mut(Op{Op: OpDeleteNode, Key: "h"}), mut(upsert("x", `{}`)), mut(Op{Op: OpDeleteNode, Key: "i"}), mut(set("x", `{"a":1}`))) {
		b.want(r, "applied")
	}
	commands := 0
	if _, err := b.s.read(bg, stale, func(v *view) error {
		for range v.r.Scan(tClientRun, nil, nil) {
			commands++
		}
		return nil
	}); err != nil || commands != 2 {
		t.Fatalf("it took %d commands, %v", commands, err)
	}
}

// What is remembered of a client is listed, also of one of an older level, and
// forgotten when somebody says so: it is a stranger then, and its place is free.
func TestForgetAClient(t *testing.T) {
	b := newSyncBench(t)
	b.push("tablet", 0, mut(upsert("n", `{}`)), mut(upsert("m", `{}`)))
	b.now = b.now.Add(2 * time.Hour)
	b.push("phone", 0, mut(upsert("o", `{}`)))
	first, _, err := b.y.Clients(bg, stale, SyncClientsQuery{Limit: 1})
	if err != nil || len(first.Clients) != 1 || first.Remembered != 2 || first.Cursor == "" {
		t.Fatal(first, err)
	}
	tablet := first.Clients[0]
	if tablet.ClientID != "tablet" || tablet.SessionID != "s" || tablet.Author != alice.Author || tablet.LastSeq != 2 || tablet.Revisions == 0 {
		t.Errorf("%+v", tablet)
	}
	second, _, err := b.y.Clients(bg, stale, SyncClientsQuery{Cursor: first.Cursor})
	if err != nil || len(second.Clients) != 1 || second.Clients[0].ClientID != "phone" || second.Cursor != "" {
		t.Fatal(second, err)
	}
	if _, err := b.y.ForgetClient(bg, alice, tablet.ID); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{tablet.ID, "none", ""} {
		if _, err := b.y.ForgetClient(bg, alice, id); code(err) != CodeUnknownClient {
			t.Errorf("forgetting %q: %v", id, err)
		}
	}
	for _, table := range []consensus.Table{tClient, tClientAge} {
		if n := b.rows(table); n != 1 {
			t.Errorf("%d rows of table %s are left", n, table)
		}
	}
	for _, table := range []consensus.Table{tClientRun, tClientOwn} {
		if n := b.rows(table); n != 1 {
			t.Errorf("%d rows of table %s are left, of the other client", n, table)
		}
	}
	_, _, err = b.y.Push(bg, alice, Push{Namespace: "s", ClientID: "tablet", Mutations: []Mutation{{Seq: 3, Op: upsert("n", `{}`)}}})
	if code(err) != CodeSeqGap || detail(err, "unknown_client") != "true" {
		t.Errorf("one that was forgotten goes on: %v", err)
	}

	older := clientRecord{Last: 7, At: b.now.UnixMilli()}
	if got, err := decodeClient(older.encode(nil)); err != nil || got != older {
		t.Errorf("a record of an older level: %+v, %v", got, err)
	}
}

func (b *syncBench) rows(table consensus.Table) (n int) {
	b.Helper()
	if _, err := b.s.read(bg, stale, func(v *view) error {
		for range v.r.Scan(table, nil, nil) {
			n++
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	return n
}

// Below its level nobody is made forgotten, and names are not kept.
func TestForgetAClientNeedsItsLevel(t *testing.T) {
	memory := consensustest.NewMemory()
	apply := func(cmd command, revision uint64) (*consensus.Overlay, error) {
		o := consensus.NewOverlay(memory)
		_, err := NewPart().Apply(o, consensus.Command{Body: cmd.encode(), Revision: revision, Time: time.UnixMilli(1), Level: levelClients - 1})
		return o, err
	}
	push := command{Namespace: "s", Author: "a", Ops: []op{{Kind: opCreateNode, Flags: hasType | hasLabel, Type: "t", Label: "l"}}, Push: &pushPart{Client: "c", First: 1, Heads: []pushHead{{}}}}
	o, err := apply(push, 1)
	if err != nil {
		t.Fatal(err)
	}
	k := clientOf("s", "a", "c")
	if rec, err := decodeClient(o.Get(tClient, k[:])); err != nil || rec.Name != "" || rec.Last != 1 {
		t.Errorf("%+v, %v", rec, err)
	}
	if _, err := apply(command{Ops: []op{{Kind: opForgetClient, Data: k[:]}}}, 1); code(err) != CodeOlderNodes {
		t.Errorf("forgetting: %v", err)
	}
}

// A client that has not pushed for long gives way.
func TestClientsAreForgotten(t *testing.T) {
	b := newSyncBench(t)
	b.push("old", 0, mut(upsert("n", `{}`)))
	b.push("new", 0, mut(upsert("m", `{}`)))
	b.now = b.now.Add(ClientTime / 2)
	b.push("new", 0, mut(upsert("m", `{}`)))
	b.now = b.now.Add(ClientTime/2 + time.Hour)
	b.push("third", 0, mut(upsert("x", `{}`)))
	_, _, err := b.y.Push(bg, alice, Push{Namespace: "s", ClientID: "old", Mutations: []Mutation{{Seq: 2, Op: upsert("n", `{}`)}}})
	if code(err) != CodeSeqGap || detail(err, "unknown_client") != "true" {
		t.Fatal(err)
	}
	b.push("new", 0, mut(upsert("m", `{}`)))
	rows := map[consensus.Table]int{}
	if _, err := b.s.read(bg, stale, func(v *view) error {
		for _, table := range []consensus.Table{tClient, tClientAge} {
			for range v.r.Scan(table, nil, nil) {
				rows[table]++
			}
		}
		rows[tCount] = int(v.count(0, countClients, 0))
		return nil
	}); err != nil || rows[tClient] != 2 || rows[tClientAge] != 2 || rows[tCount] != 2 {
		t.Fatal(rows, err)
	}
}

// Each field of an edge is compared by itself.
func TestPushEdgeFields(t *testing.T) {
	at := func(h int) *time.Time { x := time.Date(2025, 1, 1, h, 0, 0, 0, time.UTC); return &x }
	far := func(y int) *time.Time { x := time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC); return &x }
	changes := map[string][2]Op{
		"weight":       {{Weight: ptr(2.0)}, {Weight: ptr(3.0)}},
		"predicate":    {{Predicate: ptr("a")}, {Predicate: ptr("b")}},
		"valid_from":   {{ValidFrom: at(1)}, {ValidFrom: at(2)}},
		"valid_to":     {{ValidTo: at(5)}, {ValidTo: at(6)}},
		"provenance":   {{Provenance: ptr("a")}, {Provenance: ptr("b")}},
		"confidence":   {{Confidence: ptr(0.5)}, {Confidence: ptr(0.25)}},
		"expires_at":   {{ExpiresAt: far(2100)}, {ExpiresAt: far(2200)}},
		"properties.p": {{Properties: json.RawMessage(`{"p":1}`), Merge: true}, {Properties: json.RawMessage(`{"p":2}`), Merge: true}},
	}
	for field, c := range changes {
		for other, d := range changes {
			for _, strategy := range strategies {
				b := newSyncBench(t)
				b.policy(strategy)
				id := b.batch(upsert("n", `{}`), upsert("m", `{}`), Op{Op: OpCreateEdge, Source: "n", Target: "m", Type: "T"})[2].ID
				base := b.revision()
				update := func(o Op) Op { o.Op, o.ID = OpUpdateEdge, id; return o }
				b.batch(update(c[0]))
				want := "rebased"
				if field == other {
					want = map[string]string{StrategyVectorClock: "conflict changed", StrategyLastWriteWins: "rebased", StrategyManual: "conflict kept_both"}[strategy]
				}
				r := b.push("c", base, mut(update(d[1])))[0]
				b.want(r, want)
				if r.ConflictID == 0 {
					continue
				}
				if !slices.Equal(r.Fields, []string{field}) {
					t.Fatal(r.Fields, field)
				}
				if _, _, err := b.y.Resolve(bg, alice, "s", r.ConflictID, Resolution{Keep: KeepPushed}); err != nil {
					t.Fatal(err)
				}
				got, _, err := b.s.GetEdge(bg, stale, "s", id)
				if err != nil {
					t.Fatal(err)
				}
				// What is there is what the client gave, and no value is left beside it.
				again := b.push("d", b.revision(), mut(update(d[1])))[0]
				b.want(again, "applied")
				if again.Version != got.Version || strings.Contains(string(got.Properties), "~") {
					t.Fatalf("%s: %+v", field, got)
				}
			}
		}
	}
}

func FuzzToken(f *testing.F) {
	f.Add(syncToken{1, 2, Position{Revision: 3}}.String())
	f.Add(syncToken{math.MaxUint64, 0, Position{Revision: 3, Inside: true, Order: 7}}.String())
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if got, ok := parseToken(s); ok && got.String() != s {
			t.Fatalf("%q was read as %+v, which is %q", s, got, got)
		}
	})
}

func FuzzSnapshotCursor(f *testing.F) {
	for _, last := range [][]byte{nil, appendID(nil, 7)} {
		p := snapshotPlace{mesh: 1, filter: 2, rev: 3, lease: 4, phase: snapshotNodes, last: last}
		f.Add(p.cursor())
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, ok := parseSnapshotCursor(s); ok && got.cursor() != s {
			t.Fatalf("%q was read as %+v, which is %q", s, got, got.cursor())
		}
	})
}

// Records of sync that are damaged are refused, and nothing else happens.
func FuzzSyncRecords(f *testing.F) {
	f.Add(consensus.Encode(&conflictRecord{Kind: kindNode, Reason: reasonChanged, Op: (&op{Kind: opUpdateNode}).encode(nil), Fields: []string{"label"}}))
	f.Add(appendOutcomes(nil, []outcome{{Status: pushConflict, Fields: []string{"a"}}}))
	f.Add((&clockRecord{1, []clockPart{{Instance: "i", Count: 1}}}).encode(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := decodeConflict(data); err == nil {
			if o, err := c.op(); err == nil {
				_ = o.wire()
			}
		}
		_, _ = decodeRun(data)
		_, _ = decodeClient(data)
		_, _ = decodeSync(data)
		_, _ = decodeLease(data)
		new(clockRecord).read(data)
	})
}

// Whatever a push says, it is applied or refused, on every replica alike.
func FuzzApplyPush(f *testing.F) {
	for _, m := range []Mutation{mut(upsert("n", `{"a":2}`)), mut(set("a", `{"a":null}`)), mut(Op{Op: OpCreateEdge, Source: "a", Target: "b", Type: "T"}),
		{Op: Op{Op: OpUpdateNode, Label: ptr("x")}, Ref: 1}, {Op: Op{Op: OpDeleteNode, Key: "a"}, Cascade: true}, mut(Op{Op: OpMergeNodes, Source: "a", Target: "b"}),
		mut(Op{Op: OpDeleteObservation, Key: "a", Text: "o"}), mut(Op{Op: OpAddAlias, Key: "a", Alias: "b"})} {
		m.Seq = 1
		p := prepareMutation(&m)
		f.Add((&command{Namespace: "s", Author: "a", Ops: []op{p.op, p.op}, Push: &pushPart{Client: "c", First: 1, Base: 1, Heads: []pushHead{p.head, p.head}}}).encode())
		f.Add((&command{Namespace: "s", Author: "a", Ops: []op{p.op}, Push: &pushPart{From: "f", Heads: []pushHead{{Base: 1, Clock: []clockPart{{Instance: "f", Count: 1}}, Foreign: []byte("x")}}}}).encode())
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var hashes [2]string
		for i := range hashes {
			mem := consensustest.New(NewPart())
			mem.Now = func() time.Time { return time.UnixMilli(1_700_000_000_000) }
			s := NewService(mem)
			if _, _, err := s.Batch(bg, alice, "s", []Op{upsert("a", `{"a":1}`), upsert("b", `{}`), {Op: OpAddObservation, Key: "a", Text: "o"}}); err != nil {
				t.Fatal(err)
			}
			out, err := mem.Propose(bg, consensus.Proposal{Part: PartName, Body: body})
			if err != nil && strings.Contains(err.Error(), "damaged") {
				t.Fatal(err)
			}
			checkCounts(t, s)
			if err == nil {
				if _, err := decodeResult(out.Result); err != nil {
					t.Fatal(err)
				}
			}
			if hashes[i], err = s.LogicalHash(bg, stale, "s"); err != nil {
				t.Fatal(err)
			}
			// The readers take what was written.
			if _, _, err := s.Sync("m").Conflicts(bg, stale, ConflictQuery{}); err != nil {
				t.Fatal(err)
			}
		}
		if hashes[0] != hashes[1] {
			t.Fatal("two replicas differ")
		}
	})
}

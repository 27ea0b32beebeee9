package graphsync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
)

// watching starts a watch that ends with the test.
func watching(t testing.TB, s *Service, q WatchQuery) *Watcher {
	t.Helper()
	w, err := s.Watch(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	if step := next1(t, w); len(step.Events) != 0 || step.At != w.At() {
		t.Fatalf("the first step is %+v", step)
	}
	return w
}

func next1(t testing.TB, w *Watcher) Step {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	step, err := w.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return step
}

// upTo takes steps until a revision is reached.
func upTo(t testing.TB, w *Watcher, revision uint64) (events []*Event) {
	t.Helper()
	for w.At().whole() < revision {
		events = append(events, next1(t, w).Events...)
	}
	return events
}

func at(revision uint64) *Position { return &Position{Revision: revision} }

func brief(e *Event) string {
	return fmt.Sprintf("%d-%d %s %s %d", e.Revision, e.Order, e.Operation, e.EntityType, e.EntityID)
}

func briefs(events []*Event) (out []string) {
	for _, e := range events {
		out = append(out, brief(e))
	}
	return out
}

// busy writes n batches in two namespaces and returns the last revision.
func busy(t testing.TB, s *Service, r *rand.Rand, n int) (last uint64) {
	t.Helper()
	for i := range n {
		var ops []Op
		for range 1 + r.IntN(20) {
			ops = append(ops, Op{Op: OpUpsertNode, Type: []string{"a", "b"}[r.IntN(2)], Key: fmt.Sprint("k", r.IntN(30)), Label: ptr(fmt.Sprint(i))})
		}
		_, out, err := s.Batch(bg, alice, []string{"s", "other"}[r.IntN(2)], ops)
		if err != nil {
			t.Fatal(err)
		}
		last = max(last, out.Revision)
	}
	return last
}

// Wherever a watch begins, it continues what another has seen, in order and
// exactly once, however it is read.
func TestWatchResumesAnywhere(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := newService(t)
	r := rand.New(rand.NewPCG(1, 2))
	first := watching(t, s, WatchQuery{After: at(0)})
	defer first.Close()
	last := busy(t, s, r, 100)
	all := upTo(t, first, last)
	if len(all) < 100 || !slices.IsSortedFunc(all, func(a, b *Event) int {
		return strings.Compare(fmt.Sprintf("%9d %9d", a.Revision, a.Order), fmt.Sprintf("%9d %9d", b.Revision, b.Order))
	}) {
		t.Fatalf("%d events, not in order", len(all))
	}
	whole := 0
	for i, e := range all {
		if e.last != (i == len(all)-1 || all[i+1].Revision != e.Revision) {
			t.Fatalf("%s: last is %v", brief(e), e.last)
		}
		if e.last {
			whole++
		}
	}
	for range 50 {
		i := r.IntN(len(all))
		p := all[i].After()
		w := watching(t, s, WatchQuery{After: &p})
		got := upTo(t, w, last)
		w.Close()
		if !slices.Equal(briefs(got), briefs(all[i+1:])) {
			t.Fatalf("after %s: %v\nwant %v", p, briefs(got), briefs(all[i+1:]))
		}
	}
	// A time is as good as a revision.
	w := watching(t, s, WatchQuery{Since: all[0].Timestamp})
	defer w.Close()
	if got := upTo(t, w, last); !slices.Equal(briefs(got), briefs(all)) {
		t.Fatalf("since %s: %d of %d events", all[0].Timestamp, len(got), len(all))
	}
}

// Followers see what is written while they follow, whatever they filter.
func TestWatchFilters(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := newService(t)
	a := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "a", Label: "a", Key: "Ka"})
	cases := map[string]WatchQuery{
		"all":       {},
		"namespace": {WatchFilter: WatchFilter{Namespace: "s"}},
		"nodes":     {WatchFilter: WatchFilter{Kinds: []string{EntityNode}}},
		"type":      {WatchFilter: WatchFilter{Namespace: "s", NodeTypes: []string{"b"}}},
		"edges":     {WatchFilter: WatchFilter{EdgeTypes: []string{"likes"}}},
		"id":        {WatchFilter: WatchFilter{Nodes: []uint64{a.ID}}},
		"key":       {WatchFilter: WatchFilter{Namespace: "s", Keys: []string{"KA", "kc"}}},
	}
	watchers := map[string]*Watcher{}
	for name, q := range cases {
		watchers[name] = watching(t, s, q)
		defer watchers[name].Close()
	}
	b := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "b", Label: "b", Key: "kb"})
	c := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "a", Label: "c", Key: "kc"})
	other := mustCreate(t, s, NewNode{SessionID: "t", NodeType: "b", Label: "b", Key: "ka"})
	likes, _, err := s.CreateEdge(bg, alice, NewEdge{SessionID: "s", SourceID: a.ID, TargetID: b.ID, EdgeType: "likes"})
	if err != nil {
		t.Fatal(err)
	}
	_, out, err := s.DeleteNode(bg, alice, "s", a.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	ev := func(what, kind string, id uint64) string { return fmt.Sprintf("%s %s %d", what, kind, id) }
	made, madeC, madeOther := ev("create", "node", b.ID), ev("create", "node", c.ID), ev("create", "node", other.ID)
	liked, unliked, gone := ev("create", "edge", likes.ID), ev("delete", "edge", likes.ID), ev("delete", "node", a.ID)
	for name, want := range map[string][]string{
		"all":       {made, madeC, madeOther, liked, unliked, gone},
		"namespace": {made, madeC, liked, unliked, gone},
		"nodes":     {made, madeC, madeOther, gone},
		"type":      {made},
		"edges":     {liked, unliked},
		"id":        {liked, unliked, gone},
		"key":       {madeC, liked, unliked, gone},
	} {
		for _, again := range []bool{false, true} {
			w := watchers[name]
			if again { // from the log, after the fact
				q := cases[name]
				q.After = at(1)
				w = watching(t, s, q)
			}
			var got []string
			// What is left out moves the place only with a bookmark.
			for len(got) < len(want) {
				for _, e := range next1(t, w).Events {
					got = append(got, ev(e.Operation, e.EntityType, e.EntityID))
				}
			}
			w.Close()
			if !slices.Equal(got, want) || w.At().Revision > out.Revision {
				t.Errorf("%s again=%v: %v, want %v", name, again, got, want)
			}
		}
	}
}

// Values are those of the revision, not of now.
func TestWatchValuesAreOfTheirTime(t *testing.T) {
	s := newService(t)
	live := watching(t, s, WatchQuery{Detail: DetailBefore})
	n := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "a", Label: "one", Key: "k"})
	for _, label := range []string{"two", "three"} {
		if _, _, err := s.UpdateNode(bg, alice, "", n.ID, NodePatch{Label: ptr(label)}); err != nil {
			t.Fatal(err)
		}
	}
	_, out, err := s.DeleteNode(bg, alice, "", n.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	label := func(raw json.RawMessage) string {
		var n Node
		_ = json.Unmarshal(raw, &n)
		return n.Label
	}
	later := watching(t, s, WatchQuery{Detail: DetailBefore, After: at(0)})
	for name, w := range map[string]*Watcher{"live": live, "later": later} {
		var got []string
		for _, e := range upTo(t, w, out.Revision) {
			got = append(got, e.Operation+" "+label(e.Before)+">"+label(e.Data))
		}
		if want := []string{"create >one", "update one>two", "update two>three", "delete three>"}; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	ids := watching(t, s, WatchQuery{After: at(0)})
	for _, e := range upTo(t, ids, out.Revision) {
		if text := string(e.JSON(DetailIDs)); strings.Contains(text, "data") || strings.Contains(text, "before") || !json.Valid([]byte(text)) {
			t.Error(text)
		}
	}
}

// Who hears nothing is told how far it is, by time and by what it left out.
func TestWatchBookmarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		w := watching(t, s, WatchQuery{WatchFilter: WatchFilter{Namespace: "quiet"}})
		start := time.Now()
		if step := next1(t, w); len(step.Events) != 0 || time.Since(start) != BookmarkEvery || step.At.Revision != 0 {
			t.Errorf("%+v after %s", step, time.Since(start))
		}
		mustCreate(t, s, NewNode{SessionID: "s", NodeType: "a", Label: "a"})
		start = time.Now()
		if step := next1(t, w); len(step.Events) != 0 || time.Since(start) != BookmarkEvery || step.At.Revision != 1 {
			t.Errorf("%+v after %s", step, time.Since(start))
		}
		var ops []Op
		for range BookmarkChanges {
			ops = append(ops, Op{Op: OpCreateNode, Type: "a", Label: ptr("a")})
		}
		_, out, err := s.Batch(bg, alice, "s", ops)
		if err != nil {
			t.Fatal(err)
		}
		start = time.Now()
		if step := next1(t, w); len(step.Events) != 0 || time.Since(start) > 2*stirEvery || step.At.Revision != out.Revision {
			t.Errorf("%+v after %s", step, time.Since(start))
		}
		w.Close()
	})
}

// Who kept up and then does not is cut, told where to resume, and loses
// nothing by resuming there. The writer never waits.
func TestWatchCutsTheSlow(t *testing.T) {
	s := newService(t)
	w := watching(t, s, WatchQuery{})
	w.lag = 50
	r := rand.New(rand.NewPCG(3, 4))
	seen := upTo(t, w, busy(t, s, r, 3))
	s.feed.mu.Lock()
	s.feed.ring.maxEvents = 20
	s.feed.mu.Unlock()
	last := busy(t, s, r, 100)
	for {
		s.feed.mu.Lock()
		read := s.feed.ring.to
		s.feed.mu.Unlock()
		if read >= last {
			break
		}
		<-s.state.Changed(t.Context(), 0)
	}
	_, err := w.Next(t.Context())
	var cut *Cut
	if !errors.As(err, &cut) || cut.Behind < 50 {
		t.Fatal(err)
	}
	w.Close()
	rest := upTo(t, watching(t, s, WatchQuery{After: &cut.At}), last)
	all := upTo(t, watching(t, s, WatchQuery{After: at(0)}), last)
	if !slices.Equal(briefs(append(seen, rest...)), briefs(all)) {
		t.Error("resuming after the cut loses or repeats changes")
	}
}

// Who begins far back is not slow: it is read to from the log.
func TestWatchCatchesUpFromFarBack(t *testing.T) {
	s := newService(t)
	last := busy(t, s, rand.New(rand.NewPCG(5, 6)), 60)
	keep := watching(t, s, WatchQuery{})
	s.feed.mu.Lock()
	s.feed.ring.maxEvents = 1
	s.feed.mu.Unlock()
	w := watching(t, s, WatchQuery{After: at(0)})
	w.lag = 1
	if got := upTo(t, w, last); len(got) < 60 {
		t.Errorf("%d events", len(got))
	}
	keep.Close()
}

func TestWatchEndsWithItsPermission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		gone := errors.New("revoked")
		var permit error
		w := watching(t, s, WatchQuery{WatchFilter: WatchFilter{Namespace: "quiet"}, Permit: func() error { return permit }})
		permit = gone
		mustCreate(t, s, NewNode{SessionID: "s", NodeType: "a", Label: "a"})
		start := time.Now()
		if _, err := w.Next(t.Context()); !errors.Is(err, gone) || time.Since(start) > 2*stirEvery {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		w.Close()
	})
}

func TestWatchRefuses(t *testing.T) {
	s := newService(t)
	last := busy(t, s, rand.New(rand.NewPCG(7, 8)), 3)
	long := strings.Repeat("x", 200)
	for name, c := range map[string]struct {
		q     WatchQuery
		field string
	}{
		"namespace": {WatchQuery{WatchFilter: WatchFilter{Namespace: long}}, "session_id"},
		"kind":      {WatchQuery{WatchFilter: WatchFilter{Kinds: []string{long}}}, "kind"},
		"node type": {WatchQuery{WatchFilter: WatchFilter{NodeTypes: []string{"a b"}}}, "node_type"},
		"edge type": {WatchQuery{WatchFilter: WatchFilter{EdgeTypes: make([]string, 100)}}, "edge_type"},
		"nodes":     {WatchQuery{WatchFilter: WatchFilter{Nodes: make([]uint64, 2000)}}, "node_id"},
		"keys":      {WatchQuery{WatchFilter: WatchFilter{Keys: []string{"a"}}}, "session_id"},
		"no key":    {WatchQuery{WatchFilter: WatchFilter{Namespace: "s", Keys: []string{""}}}, "key"},
	} {
		if _, err := s.Watch(t.Context(), c.q); code(err) != CodeInvalid || field(err) != c.field {
			t.Errorf("%s: %v, field %q", name, err, field(err))
		}
	}
	if _, err := s.Watch(t.Context(), WatchQuery{After: at(last + 1)}); err == nil {
		t.Error("a revision that does not exist was taken")
	}
	var all []*Watcher
	for range MaxWatchers {
		w, err := s.Watch(t.Context(), WatchQuery{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, w)
	}
	if _, err := s.Watch(t.Context(), WatchQuery{}); code(err) != CodeWatchers {
		t.Error(err)
	}
	all[0].Close()
	all[0].Close()
	w, err := s.Watch(t.Context(), WatchQuery{})
	if err != nil {
		t.Error(err)
	}
	for _, x := range append(all, w) {
		x.Close()
	}
}

// What is no longer kept is refused, with the oldest revision that would do.
func TestWatchBelowTheLogIsCompacted(t *testing.T) {
	state := consensustest.New(NewPart())
	now := time.Now()
	state.Now = func() time.Time { return now }
	s := NewService(state)
	far := watching(t, s, WatchQuery{})
	busy(t, s, rand.New(rand.NewPCG(9, 9)), 30)
	now = now.AddDate(0, 0, DefaultKeepDays+1)
	last := busy(t, s, rand.New(rand.NewPCG(9, 10)), 30)
	_, err := s.Watch(t.Context(), WatchQuery{After: at(1)})
	var oldest Position
	if code(err) == CodeCompacted {
		oldest, _ = ParsePosition(details(err)["oldest"])
	}
	if oldest.Revision < 2 || oldest.Revision > last {
		t.Fatalf("%v %v", err, details(err))
	}
	w := watching(t, s, WatchQuery{After: &oldest})
	upTo(t, w, last)
	// A follower that the log has left behind is told the same.
	far.feed.mu.Lock()
	far.feed.ring.reset(last)
	far.feed.mu.Unlock()
	if _, err := far.Next(t.Context()); code(err) != CodeCompacted {
		t.Error(err)
	}
}

// A feed that the log has left behind goes on for those whose place is kept.
func TestWatchFeedBehindTheLog(t *testing.T) {
	state := consensustest.New(NewPart())
	now := time.Now()
	state.Now = func() time.Time { return now }
	s := NewService(state)
	far := watching(t, s, WatchQuery{})
	far.feed.mu.Lock() // the feed cannot take what it reads
	busy(t, s, rand.New(rand.NewPCG(9, 9)), 30)
	now = now.AddDate(0, 0, DefaultKeepDays+1)
	last := busy(t, s, rand.New(rand.NewPCG(9, 10)), 30)
	far.feed.mu.Unlock()
	w := watching(t, s, WatchQuery{After: &Position{Revision: last - 1}})
	upTo(t, w, last)
	more := busy(t, s, rand.New(rand.NewPCG(9, 11)), 5)
	upTo(t, w, more)
	for {
		if _, err := far.Next(t.Context()); err != nil {
			if code(err) != CodeCompacted {
				t.Error(err)
			}
			break
		}
	}
}

// Edges, observations and vectors are told with what they are about, through a
// merge too.
func TestWatchTellsOfAllThings(t *testing.T) {
	s := newService(t)
	a := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "a", Label: "a", Key: "a"})
	b := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "a", Label: "b", Key: "b"})
	_, out, err := s.Batch(bg, alice, "s", []Op{
		{Op: OpCreateEdge, SourceID: a.ID, TargetID: b.ID, Type: "likes"},
		{Op: OpAddObservation, ID: b.ID, Text: "is tall"},
		{Op: OpSetVector, ID: a.ID, Model: "m", Vector: []float32{1, 2}},
	})
	if err == nil {
		_, out, err = s.Batch(bg, alice, "s", []Op{{Op: OpMergeNodes, SourceID: b.ID, TargetID: a.ID}})
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]WatchQuery{
		"all":  {After: at(2), Detail: DetailBefore},
		"node": {After: at(2), Detail: DetailBefore, WatchFilter: WatchFilter{Nodes: []uint64{b.ID}}},
	} {
		w := watching(t, s, q)
		var got []string
		for _, e := range upTo(t, w, out.Revision) {
			var o Observation
			var before Observation
			_ = json.Unmarshal(e.Data, &o)
			_ = json.Unmarshal(e.Before, &before)
			got = append(got, fmt.Sprintf("%s %s data=%v before=%v node %d>%d %s%s", e.Operation, e.EntityType, e.Data != nil, e.Before != nil, before.NodeID, o.NodeID, o.Text, e.Model))
		}
		text := strings.Join(got, "\n")
		for _, want := range []string{"create edge data=true", "create observation data=true before=false node 0>2 is tall", "update observation data=true before=true node 2>1 is tall", "merge node data=false before=true"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", name, want, text)
			}
		}
		w.Close()
	}
}

func FuzzParsePosition(f *testing.F) {
	for _, s := range []string{"0", "17", "17-3", "017", "1-", "-1", "1-4294967295", "18446744073709551615-0", "now"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := ParsePosition(s)
		if ok && p.String() != s {
			t.Errorf("%q is read as %q", s, p)
		}
		if k := p.key(nil); ok && len(k) < logKeySize {
			t.Error(k)
		}
	})
}

func details(err error) map[string]string {
	var r *consensus.Refusal
	if errors.As(err, &r) {
		return r.Details
	}
	return nil
}

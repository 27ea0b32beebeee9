package graphsync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
)

// indexed returns a graph whose index is kept until the test ends.
func indexed(t *testing.T) (*Service, *consensustest.Local) {
	t.Helper()
	t.Cleanup(func() { goleak.VerifyNone(t) })
	state := consensustest.New(NewPart())
	s := NewService(state)
	keep(t, s)
	return s, state
}

func keep(t *testing.T, s *Service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.KeepIndex(ctx, slog.New(slog.DiscardHandler)) }()
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); <-done }) }
	t.Cleanup(stop)
	for { // until it runs
		s.index.mu.Lock()
		kept := s.index.kept
		if s.index.moved == nil {
			s.index.moved = make(chan struct{})
		}
		moved := s.index.moved
		s.index.mu.Unlock()
		if kept {
			return stop
		}
		select {
		case <-moved:
		case <-time.After(time.Minute):
			t.Fatal("the index is not kept")
		}
	}
}

func mustBatch(t *testing.T, s *Service, ops ...Op) (uint64, []OpResult) {
	t.Helper()
	res, out, err := s.Batch(t.Context(), WriteOptions{}, "ns", ops)
	if err != nil {
		t.Fatal(err)
	}
	return out.Revision, res
}

func node(key, typ, label, props string) Op {
	return Op{Op: OpUpsertNode, Key: key, Type: typ, Label: &label, Properties: []byte(props)}
}

// labels searches at a revision and lists what is found.
func labels(t *testing.T, s *Service, rev uint64, q SearchQuery) []string {
	t.Helper()
	q.Namespace = "ns"
	page, _, err := s.Search(t.Context(), consensus.ReadOptions{MinRevision: rev}, q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	if page.IndexRevision < rev {
		t.Fatalf("the index is at %d of %d", page.IndexRevision, rev)
	}
	out := []string{}
	for _, h := range page.Hits {
		out = append(out, h.Node.Label)
	}
	return out
}

func TestSearchFollowsTheState(t *testing.T) {
	s, _ := indexed(t)
	mustBatch(t, s,
		node("ada", "person", "Ada Lovelace", `{"bio":"wrote the first programs","born":1815,"tags":["mathematics",{"deep":"engine"}]}`),
		node("babbage", "person", "Charles Babbage", `{"bio":"designed engines"}`),
		node("tea", "drink", "Tea", `{}`),
		Op{Op: OpAddObservation, Key: "tea", Text: "is drunk by programmers"},
		Op{Op: OpAddAlias, Key: "tea", Alias: "chai"})
	rev, _ := mustBatch(t, s,
		Op{Op: OpSetVector, Key: "ada", Model: "m", Vector: []float32{1, 0}},
		Op{Op: OpSetVector, Key: "tea", Model: "m", Vector: []float32{0, 1}})
	for _, c := range []struct {
		q    SearchQuery
		want []string
	}{
		{SearchQuery{Text: "program"}, []string{"Ada Lovelace"}},
		{SearchQuery{Text: "programmers"}, []string{"Tea"}},
		{SearchQuery{Text: "engine", Types: []string{"person"}}, []string{"Charles Babbage", "Ada Lovelace"}},
		{SearchQuery{Text: "engine", Types: []string{"drink"}}, []string{}},
		{SearchQuery{Text: "chai"}, []string{"Tea"}},
		{SearchQuery{Text: "lovelac~"}, []string{"Ada Lovelace"}},
		{SearchQuery{Text: "DES  ENG", Mode: SearchSubstring}, []string{}},
		{SearchQuery{Text: "designed  ENG", Mode: SearchSubstring}, []string{"Charles Babbage"}},
		{SearchQuery{Text: "rog", Mode: SearchSubstring}, []string{"Ada Lovelace", "Tea"}},
		{SearchQuery{Text: "pers", Mode: SearchSubstring}, []string{"Ada Lovelace", "Charles Babbage"}},
		{SearchQuery{Vector: []float32{0.1, 1}, Model: "m"}, []string{"Tea", "Ada Lovelace"}},
		{SearchQuery{Text: "engine", Vector: []float32{1, 0}, Model: "m"}, []string{"Ada Lovelace", "Charles Babbage", "Tea"}},
		{SearchQuery{Text: "engine", Limit: 1}, []string{"Charles Babbage"}},
	} {
		if got := labels(t, s, rev, c.q); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.q, got, c.want)
		}
	}
	page, _, err := s.Search(t.Context(), consensus.ReadOptions{}, SearchQuery{Namespace: "ns", Text: "drunk"})
	if err != nil || len(page.Hits) != 1 {
		t.Fatal(page, err)
	}
	if h := page.Hits[0]; h.Field != "observation" || h.Name == "" || h.Snippet != "is drunk by programmers" || h.Highlights[0] != [2]int{3, 8} || h.Score <= 0 {
		t.Errorf("hit %+v", h)
	}

	rev, _ = mustBatch(t, s, node("babbage", "person", "Charles Babbage", `{"bio":"built nothing"}`), Op{Op: OpDeleteNode, Key: "tea"})
	if got := labels(t, s, rev, SearchQuery{Text: "engine drunk chai"}); !slices.Equal(got, []string{"Ada Lovelace"}) {
		t.Errorf("after changes: %q", got)
	}
	if got := labels(t, s, rev, SearchQuery{Vector: []float32{0, 1}, Model: "m"}); !slices.Equal(got, []string{"Ada Lovelace"}) {
		t.Errorf("vectors after changes: %q", got)
	}
}

func TestSearchPages(t *testing.T) {
	s, _ := indexed(t)
	var ops []Op
	for i := range 25 {
		ops = append(ops, node(fmt.Sprintf("k%02d", i), "t", fmt.Sprintf("word %02d", i), `{}`))
	}
	rev, _ := mustBatch(t, s, ops...)
	for _, mode := range []SearchMode{SearchWords, SearchSubstring} {
		var got []string
		q := SearchQuery{Namespace: "ns", Text: "word", Mode: mode, Limit: 10}
		for pages := 0; ; pages++ {
			page, _, err := s.Search(t.Context(), consensus.ReadOptions{MinRevision: rev}, q)
			if err != nil || pages > 3 {
				t.Fatal(pages, err)
			}
			for _, h := range page.Hits {
				got = append(got, h.Node.Label)
			}
			if q.Cursor = page.Cursor; q.Cursor == "" {
				break
			}
		}
		slices.Sort(got)
		if len(slices.Compact(got)) != 25 {
			t.Errorf("%s: %d of 25: %q", mode, len(got), got)
		}
	}
}

func TestSearchRefuses(t *testing.T) {
	s, _ := indexed(t)
	for field, q := range map[string]SearchQuery{
		"session_id": {Text: "a"},
		"q":          {Namespace: "ns", Text: `a "b`},
		"mode":       {Namespace: "ns", Text: "a", Mode: "like"},
		"vector":     {Namespace: "ns", Mode: SearchVector, Model: "m"},
		"model":      {Namespace: "ns", Vector: []float32{1}},
		"limit":      {Namespace: "ns", Text: "a", Limit: -1},
		"cursor":     {Namespace: "ns", Text: "a", Cursor: "xyz"},
		"types":      {Namespace: "ns", Text: "a", Types: []string{"no type"}},
		"detail":     {Namespace: "ns", Text: "a", Answer: Answer{Detail: "most"}},
	} {
		_, _, err := s.Search(t.Context(), consensus.ReadOptions{}, q)
		var r *consensus.Refusal
		if !errors.As(err, &r) || r.Code != CodeInvalid || r.Details["field"] != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestSearchWithoutAnIndexIsBehind(t *testing.T) {
	s := NewService(consensustest.New(NewPart()))
	if _, _, err := s.Search(t.Context(), consensus.ReadOptions{}, SearchQuery{Namespace: "ns", Text: "a"}); !errors.Is(err, consensus.ErrBehind) {
		t.Errorf("error %v", err)
	}
}

// The log that does not reach back is the state that was replaced as a whole.
func TestIndexIsBuiltAnewWhereTheLogDoesNotReach(t *testing.T) {
	s, state := indexed(t)
	mustBatch(t, s, node("a", "t", "first", `{}`))
	if _, err := s.SetRetention(t.Context(), WriteOptions{}, 0, 1<<20); err != nil {
		t.Fatal(err)
	}
	away := NewService(&frozen{State: state, at: make(chan struct{})})
	keep(t, away)
	if got := labels(t, away, 0, SearchQuery{Text: "first"}); len(got) != 1 {
		t.Fatalf("found %q", got)
	}
	var rev uint64
	filler := strings.Repeat("x ", 30_000)
	for i := range 40 {
		rev, _ = mustBatch(t, s, node("a", "t", fmt.Sprint("second ", i), fmt.Sprintf(`{"p":%q,"i":%d}`, filler, i)))
	}
	close(away.state.(*frozen).at)
	if got := labels(t, away, rev, SearchQuery{Text: "second"}); !slices.Equal(got, []string{"second 39"}) {
		t.Errorf("found %q", got)
	}
	if n := away.IndexStats().Rebuilt; n != 2 {
		t.Errorf("built %d times", n)
	}
}

// frozen tells of no change until at is closed.
type frozen struct {
	consensus.State
	at chan struct{}
}

func (f *frozen) Changed(ctx context.Context, rev uint64) <-chan struct{} {
	select {
	case <-f.at:
		return f.State.Changed(ctx, rev)
	default:
		return f.at
	}
}

func TestIndexUnderConcurrentWritesAndSearches(t *testing.T) {
	s, _ := indexed(t)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 40 {
				label := fmt.Sprintf("worker %d step %d", w, i)
				_, out, err := s.Batch(t.Context(), WriteOptions{}, "ns", []Op{node(fmt.Sprintf("w%d-%d", w, i%7), "t", label, `{}`)})
				if err != nil {
					t.Error(err)
					return
				}
				page, _, err := s.Search(t.Context(), consensus.ReadOptions{MinRevision: out.Revision}, SearchQuery{Namespace: "ns", Text: fmt.Sprintf(`"%s"`, label)})
				if err != nil || len(page.Hits) != 1 {
					t.Errorf("%s: %d hits, %v", label, len(page.Hits), err)
					return
				}
			}
		})
	}
	wg.Wait()
	if st := s.IndexStats(); st.Documents != 28 || !st.Ready {
		t.Errorf("index %+v", st)
	}
}

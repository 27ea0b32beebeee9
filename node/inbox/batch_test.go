package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/node/message"
)

// unsure is a state whose answers get lost, of commands that were applied and of
// others, and that applies some of them late or twice.
type unsure struct {
	*consensustest.Local
	mu   sync.Mutex
	rand *rand.Rand
	late []consensus.Proposal
}

func (u *unsure) Propose(ctx context.Context, p consensus.Proposal) (consensus.Outcome, error) {
	u.mu.Lock()
	n := u.rand.IntN(6)
	if n == 2 {
		u.late = append(u.late, consensus.Proposal{Part: p.Part, Body: slices.Clone(p.Body)})
	}
	var late []consensus.Proposal
	if n == 3 {
		late, u.late = u.late, nil
	}
	u.mu.Unlock()
	for _, p := range late {
		_, _ = u.Local.Propose(context.Background(), p)
	}
	switch n {
	case 0, 2:
		return consensus.Outcome{}, consensus.ErrUnknown
	case 1:
		_, _ = u.Local.Propose(context.Background(), p)
		return consensus.Outcome{}, consensus.ErrUnknown
	}
	return u.Local.Propose(ctx, p)
}

// Outcomes that are unknown, and commands that come late: everything is accepted
// once, in the order of its sender, and acknowledged once.
func TestUnknownOutcomes(t *testing.T) {
	part := NewPart()
	state := &unsure{Local: consensustest.New(part), rand: rand.New(rand.NewPCG(1, 2))}
	s := NewService(Config{State: state, Part: part})
	s.pause = time.Millisecond
	defer s.Close()
	const senders, each = 3, 40
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		got = map[string]uint64{}
	)
	for i := range senders {
		from := message.Sender{Principal: fmt.Sprint("p", i), Node: "n"}
		wg.Go(func() {
			for n := range each {
				wg.Add(1)
				body := fmt.Sprintf(`"%d/%03d"`, i, n)
				s.Submit(context.Background(), Outgoing{From: from, To: to("bob"), Body: json.RawMessage(body)}, func(a Accepted, err error) {
					defer wg.Done()
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					got[body] = a.Seq
				})
			}
		})
	}
	wg.Wait()
	page, err := s.List(t.Context(), "bob", ListOptions{Limit: 1000, Bodies: true})
	if err != nil || len(page.Messages) != senders*each {
		t.Fatalf("%d messages, %v", len(page.Messages), err)
	}
	last := map[string]string{}
	for _, m := range page.Messages {
		if got[string(m.Body)] != m.Seq {
			t.Fatalf("%s has number %d, the answer said %d", m.Body, m.Seq, got[string(m.Body)])
		}
		if string(m.Body) <= last[m.From.Principal] {
			t.Fatalf("%s after %s", m.Body, last[m.From.Principal])
		}
		last[m.From.Principal] = string(m.Body)
		if n, err := s.Acknowledge(t.Context(), "bob", []uint64{m.Seq}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if st, _ := s.Stats(t.Context()); st.Messages != 0 || st.Accepted != senders*each || st.Acknowledged != senders*each {
		t.Fatalf("%+v", st)
	}
}

// blocked is a state that answers when it is told to.
type blocked struct {
	*consensustest.Local
	gate chan struct{}
}

func (b *blocked) Propose(ctx context.Context, p consensus.Proposal) (consensus.Outcome, error) {
	select {
	case <-b.gate:
		return b.Local.Propose(ctx, p)
	case <-ctx.Done():
		return consensus.Outcome{}, fmt.Errorf("%w: %w", consensus.ErrUnknown, ctx.Err())
	}
}

func TestOverloadWithdrawalAndClose(t *testing.T) {
	part := NewPart()
	state := &blocked{Local: consensustest.New(part), gate: make(chan struct{})}
	s := NewService(Config{State: state, Part: part})
	var (
		wg                       sync.WaitGroup
		mu                       sync.Mutex
		accepted, refused, other int
	)
	body := json.RawMessage(`"` + strings.Repeat("x", 900) + `"`)
	submit := func(ctx context.Context, i int) {
		wg.Add(1)
		s.Submit(ctx, Outgoing{From: message.Sender{Principal: fmt.Sprint(i % 50), Node: "n"}, To: to("bob"), Body: body}, func(_ Accepted, err error) {
			defer wg.Done()
			mu.Lock()
			defer mu.Unlock()
			var r *consensus.Refusal
			switch {
			case err == nil:
				accepted++
			case errors.As(err, &r) && r.Code == CodeOverloaded:
				refused++
			default:
				other++
			}
		})
	}
	for i := range 20_000 {
		submit(context.Background(), i)
	}
	mu.Lock()
	if refused == 0 || refused > 10_000 {
		t.Fatal("refused", refused)
	}
	full := refused
	mu.Unlock()
	// Who gives up before it has left has sent nothing.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Accept(ctx, Outgoing{From: alice, To: to("carol")}); err == nil {
		t.Fatal("accepted without anybody waiting")
	}
	close(state.gate)
	wg.Wait()
	if accepted+full != 20_000 || other != 0 {
		t.Fatal(accepted, refused, other)
	}
	if len(mustList(t, s, "carol")) != 0 {
		t.Fatal("what was given up was sent")
	}
	st, _ := s.Stats(t.Context())
	if st.Messages != accepted {
		t.Fatal(st)
	}
	s.mu.Lock()
	if s.items != 0 || s.waiting != 0 || s.large != 0 || len(s.senders) != 0 || len(s.free) != lanes {
		t.Fatal("something is left", s.items, s.waiting, s.large, len(s.senders))
	}
	s.mu.Unlock()
	state.gate = make(chan struct{})
	for i := range 100 {
		submit(context.Background(), i)
	}
	s.Close()
	wg.Wait()
	if other != 100 {
		t.Fatal("after closing", accepted, refused, other)
	}
	if _, err := s.Accept(t.Context(), Outgoing{From: alice, To: to("bob")}); !errors.Is(err, consensus.ErrClosed) {
		t.Fatal(err)
	}
}

func mustList(t *testing.T, s *Service, agent string) []Stored {
	t.Helper()
	p, err := s.List(t.Context(), agent, ListOptions{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return p.Messages
}

// On the real state, over a restart: log, coalescing, bbolt and the index made
// anew.
func TestOnConsensus(t *testing.T) {
	dir := t.TempDir()
	if err := consensus.Bootstrap(dir); err != nil {
		t.Fatal(err)
	}
	s, g, part := openOn(t, dir)
	var told sync.Map
	cancel := part.Watch(func(names []string) {
		for _, n := range names {
			told.Store(n, true)
		}
	})
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Add(1)
		s.Submit(context.Background(), Outgoing{ID: fmt.Sprint(i), From: alice, To: to(fmt.Sprint("agent", i%3)), Body: json.RawMessage(fmt.Sprint(i)), Delay: time.Duration(i%2) * time.Hour}, func(_ Accepted, err error) {
			if err != nil {
				t.Error(err)
			}
			wg.Done()
		})
	}
	wg.Wait()
	cancel()
	if _, ok := told.Load("agent2"); !ok {
		t.Fatal("watchers were not told")
	}
	large := json.RawMessage(`"` + strings.Repeat("z", 3<<20) + `"`)
	a, err := s.Accept(t.Context(), Outgoing{From: alice, To: to("agent0", "agent1"), Body: large})
	if err != nil {
		t.Fatal(err)
	}
	before := mustList(t, s, "agent0")
	s.Close()
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	s, g, _ = openOn(t, dir)
	defer g.Close()
	defer s.Close()
	if after := mustList(t, s, "agent0"); fmt.Sprint(after) != fmt.Sprint(before) || len(after) != 335 {
		t.Fatal("another inbox after the restart", len(before), len(after))
	}
	if b, err := s.Body(t.Context(), "agent0", a.Seq); err != nil || string(b) != string(large) {
		t.Fatal(len(b), err)
	}
	again, err := s.Accept(t.Context(), Outgoing{ID: "7", From: alice, To: to("agent1"), Body: json.RawMessage("7")})
	if err != nil || !again.Duplicate {
		t.Fatal(again, err)
	}
	if _, err := g.View(t.Context(), consensus.ReadOptions{}, func(r consensus.Reader) error { return audit(r, s.index) }); err != nil {
		t.Fatal(err)
	}
}

package message

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
)

// byHand is a link whose connections a test makes, and whose frames it moves.
type byHand struct {
	mu     sync.Mutex
	living []string
	reach  func(arrived func(*Strand, error))
}

func (h *byHand) Lookup(string) []Host                   { return []Host{{NodeID: "b", Alive: true, Instances: 1}} }
func (h *byHand) ResolveNode(ref string) (string, error) { return ref, nil }
func (h *byHand) Announce([]Local)                       {}

func (h *byHand) Reach(_ string, arrived func(*Strand, error)) {
	h.mu.Lock()
	reach := h.reach
	h.mu.Unlock()
	if reach == nil {
		arrived(nil, NotSent("nobody is there"))
		return
	}
	reach(arrived)
}

func (h *byHand) peers() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.living
}

// over lets Reach find a strand.
func (h *byHand) over(s *Strand) {
	h.mu.Lock()
	h.reach = func(arrived func(*Strand, error)) { arrived(s, nil) }
	h.mu.Unlock()
}

func newByHand(t *testing.T, living ...string) (*Router, *byHand) {
	h := &byHand{living: living}
	r := New(Config{NodeID: "a", Directory: h, Link: h, Peers: h.peers})
	t.Cleanup(r.Close)
	return r, h
}

// strandTo makes a connection with node b; its writer is never woken.
func strandTo(r *Router) *Strand { return r.Connected("b", func() {}, func() {}) }

// A connection that ended before it was said to have begun was counted among
// those that live for ever: the way to its node was never known as broken again.
func TestAConnectionThatEndedBeforeItBegan(t *testing.T) {
	r, _ := newByHand(t)
	s := strandTo(r)
	s.Ended()
	s.Began()
	l := r.lane("b")
	if l.mu.Lock(); len(l.strands) != 0 {
		t.Errorf("%d connections are thought to live", len(l.strands))
	}
	l.mu.Unlock()
	if !l.down.Load() {
		t.Error("the way is not known as broken")
	}
}

// A node's word that it has taken the interest, read while the connection ended,
// was believed of a connection that was no more: over the next one, with a new
// process of the node, nothing was told until something changed.
func TestInterestIsToldAnewWhereItsConnectionEndedWithTheWord(t *testing.T) {
	r, h := newByHand(t, "b")
	first := strandTo(r)
	h.over(first)
	s, err := r.Listen(t.Context(), "k", &echo{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.BeginSubscribe("news/>"); err != nil {
		t.Fatal(err)
	}
	if first.Next() == nil {
		t.Fatal("nothing is told at first")
	}
	// The reader has the word in its hands when another ends the connection.
	first.mu.Lock()
	x, ok := first.open.remove(1)
	first.mu.Unlock()
	if !ok {
		t.Fatal("nobody waits for the word")
	}
	first.Ended()
	x.answered(outcome{Status: Delivered}, nil)

	second := strandTo(r)
	h.over(second)
	second.Began()
	if second.Next() == nil {
		t.Error("the new process is told nothing")
	}
}

// A connection from a node that is not known to live yet, as gossip is slower,
// was told nothing where there was nothing to tell: what an earlier process of
// this node had told held on.
func TestANewProcessTellsThatItWantsNothing(t *testing.T) {
	r, h := newByHand(t)
	s := strandTo(r)
	h.over(s)
	s.Began()
	if s.Next() != nil {
		t.Fatal("told a node that is not known to live")
	}
	r.PeersChanged() // because of another node
	h.mu.Lock()
	h.living = []string{"b"}
	h.mu.Unlock()
	r.PeersChanged()
	if s.Next() == nil {
		t.Error("it is told nothing")
	}
}

// What lies on an older connection comes late, and says less than what was told
// over the newer one since.
func TestInterestThatWasOvertakenIsNotTaken(t *testing.T) {
	r, _ := newByHand(t, "b")
	older, newer := strandTo(r), strandTo(r)
	news, err := ParsePattern("news/>")
	if err != nil {
		t.Fatal(err)
	}
	hear := func(s *Strand, to uint64, changes ...change) error {
		return r.topics.hear(r.interest.heard, s, 0, to, changes)
	}
	if err := hear(newer, 2, change{pattern: news}); err != nil {
		t.Fatal(err)
	}
	if hear(older, 1) == nil || len(r.subscribers("news/x").nodes) != 1 {
		t.Error("what is older was taken")
	}
	newer.Ended()
	if err := hear(strandTo(r), 1); err != nil || len(r.subscribers("news/x").nodes) != 0 {
		t.Errorf("a new process is not heard: %v", err)
	}
}

// A connection that ends between its being found and its being used refused all
// that waited for it, though the next one was a moment away.
func TestWhatWaitsOutlivesAConnectionThatEnds(t *testing.T) {
	r, h := newByHand(t, "b")
	dead, good := strandTo(r), strandTo(r)
	dead.Ended()
	found := 0
	h.reach = func(arrived func(*Strand, error)) {
		if found++; found == 1 {
			arrived(dead, nil)
			return
		}
		arrived(good, nil)
	}
	done := make(chan error, 1)
	r.Submit(context.Background(), Message{To: "x"}, false, func(_ Receipt, err error) { done <- err })
	select {
	case err := <-done:
		t.Fatal("ended:", err)
	default:
	}
	if good.Next() == nil {
		t.Error("it was not sent")
	}
	if l := r.lane("b"); l.bytes != 0 || l.reaching || len(l.waiting) != 0 {
		t.Errorf("the way: %d bytes, reaching %v, %d waiting", l.bytes, l.reaching, len(l.waiting))
	}

	// Connections that always break are not tried for ever.
	good.Ended()
	<-done
	found = 0
	h.reach = func(arrived func(*Strand, error)) { found++; arrived(dead, nil) }
	_, err := r.Send(context.Background(), Message{To: "x"}, false)
	var refusal *consensus.Refusal
	if !errors.As(err, &refusal) || found != maxBroken || refusal.Details["reason"] == "" {
		t.Errorf("after %d connections: %v", found, err)
	}
}

// A refusal says why a node cannot be reached, and no more than fits.
func TestARefusalSaysWhyANodeCannotBeReached(t *testing.T) {
	r, h := newByHand(t, "b")
	for reason, want := range map[string]string{
		"the connection was refused": "the connection was refused",
		strings.Repeat("ä", 150):     strings.Repeat("ä", 100),
	} {
		h.reach = func(arrived func(*Strand, error)) { arrived(nil, NotSent(reason)) }
		receipt, err := r.Send(context.Background(), Message{To: "x@b", Deadline: time.Now().Add(time.Minute)}, false)
		var refusal *consensus.Refusal
		if !errors.As(err, &refusal) || receipt.Status != Refused || refusal.Code != CodeAgentGone {
			t.Fatalf("%+v, %v", receipt, err)
		}
		if refusal.Details["reason"] != want || !strings.HasSuffix(refusal.Sentence, "cannot be reached: "+want) {
			t.Errorf("%q, %v", refusal.Sentence, refusal.Details)
		}
	}
}

// misser holds what it is given, and counts what it is not.
type misser struct {
	mu           sync.Mutex
	held, missed int
}

func (m *misser) Deliver(d *Delivery) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held++
	return nil
}

func (m *misser) Missed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.missed++
}

// A subscriber heard of what its own queue had no room for, and not of what its
// session had none for.
func TestASubscriberHearsOfWhatItsSessionHadNoRoomFor(t *testing.T) {
	r, _ := newByHand(t)
	m := &misser{}
	s, err := r.Listen(t.Context(), "k", m)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Subscribe(t.Context(), "news"); err != nil {
		t.Fatal(err)
	}
	const sent = maxInflight + 10
	for range sent {
		r.Submit(context.Background(), Message{To: "topic/news"}, false, func(Receipt, error) {})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.missed == 0 || m.held+m.missed != sent {
		t.Errorf("of %d it was given %d and told of %d", sent, m.held, m.missed)
	}
}

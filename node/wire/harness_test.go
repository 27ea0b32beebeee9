package wire

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meshd/meshd/node/identity"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// book is a Trust that tests write in.
type book struct {
	mu       sync.Mutex
	mesh     string
	revision uint64
	peers    map[identity.NodeID]Peer
	removed  map[identity.Pin]identity.NodeID
	asked    func() // called each time that somebody asks for the mesh, if set
}

func newBook() *book {
	return &book{mesh: "mesh-a", revision: 1, peers: map[identity.NodeID]Peer{}, removed: map[identity.Pin]identity.NodeID{}}
}

func (b *book) MeshID() string {
	b.mu.Lock()
	mesh, asked := b.mesh, b.asked
	b.mu.Unlock()
	if asked != nil {
		asked()
	}
	return mesh
}

func (b *book) Revision() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.revision
}

func (b *book) ByPin(pin identity.Pin) (Peer, Verdict) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if id, ok := b.removed[pin]; ok {
		return Peer{ID: id}, Removed
	}
	for _, p := range b.peers {
		for _, q := range p.Pins {
			if q == pin {
				return p, Member
			}
		}
	}
	return Peer{}, Unknown
}

func (b *book) ByID(id identity.NodeID) (Peer, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.peers[id]
	return p, ok
}

func (b *book) ByRaftID(raftID string) (Peer, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.peers {
		if p.RaftID == raftID {
			return p, true
		}
	}
	return Peer{}, false
}

// change edits the book as one roster change.
func (b *book) change(fn func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn()
	b.revision++
}

func (b *book) set(p Peer) { b.change(func() { b.peers[p.ID] = p }) }

func (b *book) remove(id identity.NodeID) {
	b.change(func() {
		for _, pin := range b.peers[id].Pins {
			b.removed[pin] = id
		}
		delete(b.peers, id)
	})
}

// node is a Port on loopback with its own book.
type node struct {
	*Port
	identity *identity.Identity
	book     *book
	address  string
}

func newIdentity(t testing.TB) *identity.Identity {
	t.Helper()
	id, err := identity.Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

var quick = func() limits {
	l := defaultLimits
	l.sweep = 20 * time.Millisecond
	l.ping = 50 * time.Millisecond
	l.retire = 200 * time.Millisecond
	l.backoff = 10 * time.Millisecond
	l.backoffMax = 200 * time.Millisecond
	return l
}()

type option func(*Config, *limits)

func startNode(t testing.TB, options ...option) *node {
	t.Helper()
	return startNodeAt(t, newIdentity(t), newBook(), "127.0.0.1:0", options...)
}

func startNodeAt(t testing.TB, id *identity.Identity, b *book, address string, options ...option) *node {
	t.Helper()
	config, l := Config{Identity: id, Trust: b, Version: "test"}, quick
	for _, o := range options {
		o(&config, &l)
	}
	port, err := newPort(config, l)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- port.Serve(listener) }()
	t.Cleanup(func() {
		if err := port.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	n := &node{Port: port, identity: id, book: b, address: listener.Addr().String()}
	b.set(n.entry())
	return n
}

func (n *node) entry() Peer {
	return Peer{
		ID: n.identity.ID(), RaftID: "raft-" + n.identity.ID().Short(), Replica: true,
		Pins: []identity.Pin{n.identity.Pin()}, Addresses: []string{n.address},
	}
}

// introduce makes all nodes members of one mesh.
func introduce(nodes ...*node) {
	for _, a := range nodes {
		for _, b := range nodes {
			a.book.set(b.entry())
		}
	}
}

func pair(t testing.TB, options ...option) (a, b *node) {
	t.Helper()
	a, b = startNode(t, options...), startNode(t, options...)
	introduce(a, b)
	return a, b
}

func echo(_ context.Context, _ identity.NodeID, body []byte) ([]byte, error) { return body, nil }

// patience is what a busy machine is given for what takes milliseconds.
const patience = time.Minute

// prompt fails unless one of five tries takes no longer than d: that one was slow
// may be the machine's doing.
func prompt(t testing.TB, d time.Duration, what string, try func()) {
	t.Helper()
	var took time.Duration
	for range 5 {
		begin := time.Now()
		try()
		if took = time.Since(begin); took <= d {
			return
		}
	}
	t.Errorf("%s takes more than %v each time, at last %v", what, d, took)
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// eventually polls a condition that no event announces.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("never happened: " + what)
		}
	}
}

package node

import (
	"errors"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/wire"
)

// carried is a few nodes as far as messages go: real ports with TLS on
// loopback, and routers. Each may be reached through a relay that can misbehave.
type carried struct {
	mu      sync.Mutex
	members map[identity.NodeID]wire.Peer
	hosts   map[string][]message.Host // by agent; replaced, never changed
	nodes   []*carriedNode
}

type carriedNode struct {
	*message.Router
	mesh  *carried
	port  *wire.Port
	id    identity.NodeID
	relay *relay
	// linked is told of each connection with another node.
	linked chan struct{}
}

func newCarried(t testing.TB, count int, relayed bool) *carried {
	m := &carried{members: map[identity.NodeID]wire.Peer{}, hosts: map[string][]message.Host{}}
	for range count {
		id, err := identity.Open(t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		port, err := wire.New(wire.Config{Identity: id, Trust: m})
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		n := &carriedNode{mesh: m, port: port, id: id.ID(), linked: make(chan struct{}, 1)}
		n.Router = message.New(message.Config{NodeID: string(n.id), Directory: n, Link: links{port}, Peers: n.others})
		port.HandleTraffic(func(c wire.Carrier) wire.Traffic {
			select {
			case n.linked <- struct{}{}:
			default:
			}
			return n.Connected(string(c.Peer()), c.Wake, c.Cut)
		})
		address := listener.Addr().String()
		if relayed {
			n.relay = newRelay(t, address)
			address = n.relay.address()
		}
		m.mu.Lock()
		m.members[n.id] = wire.Peer{ID: n.id, Pins: []identity.Pin{id.Pin()}, Addresses: []string{address}}
		m.mu.Unlock()
		m.nodes = append(m.nodes, n)
		served := make(chan error, 1)
		go func() { served <- port.Serve(listener) }()
		t.Cleanup(func() {
			n.Close()
			if err := errors.Join(port.Close(), <-served); err != nil {
				t.Error(err)
			}
		})
	}
	return m
}

func (m *carried) MeshID() string   { return "mesh" }
func (m *carried) Revision() uint64 { return 1 }
func (m *carried) ByPin(pin identity.Pin) (wire.Peer, wire.Verdict) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.members {
		if p.Pins[0] == pin {
			return p, wire.Member
		}
	}
	return wire.Peer{}, wire.Unknown
}

func (m *carried) ByID(id identity.NodeID) (wire.Peer, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.members[id]
	return p, ok
}

func (m *carried) ByRaftID(string) (wire.Peer, bool) { return wire.Peer{}, false }

func (n *carriedNode) others() []string {
	n.mesh.mu.Lock()
	defer n.mesh.mu.Unlock()
	var out []string
	for id := range n.mesh.members {
		if id != n.id {
			out = append(out, string(id))
		}
	}
	return out
}

// Lookup, ResolveNode and Announce make the mesh a message.Directory in which
// everybody lives.
func (n *carriedNode) Lookup(agent string) []message.Host {
	n.mesh.mu.Lock()
	defer n.mesh.mu.Unlock()
	return n.mesh.hosts[agent]
}

func (n *carriedNode) ResolveNode(ref string) (string, error) { return ref, nil }

func (n *carriedNode) Announce(agents []message.Local) {
	n.mesh.mu.Lock()
	defer n.mesh.mu.Unlock()
	hosts := maps.Clone(n.mesh.hosts)
	for name, list := range hosts {
		hosts[name] = slices.DeleteFunc(slices.Clone(list), func(h message.Host) bool { return h.NodeID == string(n.id) })
	}
	for _, a := range agents {
		hosts[a.Name] = append(hosts[a.Name], message.Host{NodeID: string(n.id), Alive: true, Instances: a.Instances, Busy: a.Busy, Durable: a.Durable})
	}
	n.mesh.hosts = hosts
}

// relay stands between a node and those who dial it.
type relay struct {
	listener net.Listener
	to       string
	held     atomic.Bool // what comes is read by nobody

	mu    sync.Mutex
	freed *sync.Cond
	open  map[net.Conn]bool
}

func newRelay(t testing.TB, to string) *relay {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, to: to, open: map[net.Conn]bool{}}
	r.freed = sync.NewCond(&r.mu)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			r.mu.Lock()
			r.open[in], r.open[out] = true, true
			r.mu.Unlock()
			running.Go(func() { r.pass(out, in) })
			running.Go(func() { r.pass(in, out) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		r.hold(false)
		r.reset()
		running.Wait()
	})
	return r
}

func (r *relay) address() string { return r.listener.Addr().String() }

func (r *relay) pass(to, from net.Conn) {
	defer func() { _ = to.Close(); _ = from.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		// Whoever was waiting to read when it became a hole passes nothing on.
		r.mu.Lock()
		for r.held.Load() {
			r.freed.Wait()
		}
		r.mu.Unlock()
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// hold makes the relay a black hole, or none again.
func (r *relay) hold(held bool) {
	r.mu.Lock()
	r.held.Store(held)
	r.freed.Broadcast()
	r.mu.Unlock()
}

// reset breaks every connection, with what is on its way.
func (r *relay) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.open {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
		delete(r.open, c)
	}
}

// within fails the test when done does not come; the time is for machines that
// do much else.
func within(t testing.TB, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(60 * time.Second):
		t.Fatal(what + " did not come")
	}
}

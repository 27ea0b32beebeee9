package gossip

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// fabric is a network of nodes in one process: pipes between them, and faults
// on each directed pair. Under synctest its time is virtual, so the real
// intervals are tested in no time.
type fabric struct {
	t      testing.TB
	timing timing

	mu     sync.Mutex
	nodes  map[string]*Gossip
	roster []string
	faults map[[2]string]fault
	pipes  map[*faultConn]struct{}
	wg     sync.WaitGroup
}

type fault int

const (
	healthy   fault = iota
	refusing        // dials fail at once, connections break
	blackhole       // dials hang, what is written vanishes
	stalled         // dials hang and writes block, until it thaws
	slow            // everything takes 20 ms
)

func newFabric(t testing.TB, roster ...string) *fabric {
	return &fabric{
		t: t, timing: defaultTiming(), roster: roster,
		nodes:  make(map[string]*Gossip),
		faults: make(map[[2]string]fault),
		pipes:  make(map[*faultConn]struct{}),
	}
}

func (f *fabric) known(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.roster, id)
}

func (f *fabric) ids() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.roster)
}

func (f *fabric) setRoster(ids ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.roster = ids
}

func (f *fabric) config(id string) Config {
	return Config{
		MeshID: "mesh", NodeID: id,
		Self:   Record{Name: "name-" + id, Version: "1", Role: "voter"},
		Dial:   func(ctx context.Context, to string) (net.Conn, error) { return f.dial(ctx, id, to) },
		Known:  f.known,
		Roster: f.ids,
	}
}

func (f *fabric) start(id string) *Gossip {
	f.t.Helper()
	return f.startWith(f.config(id))
}

func (f *fabric) startWith(cfg Config) *Gossip {
	f.t.Helper()
	g, err := open(cfg, f.timing)
	if err != nil {
		f.t.Fatalf("opening %s: %v", cfg.NodeID, err)
	}
	f.mu.Lock()
	f.nodes[cfg.NodeID] = g
	f.mu.Unlock()
	return g
}

// kill ends a node as kill -9 does: every connection breaks, nothing is said.
func (f *fabric) kill(id string) {
	f.t.Helper()
	f.mu.Lock()
	g := f.nodes[id]
	delete(f.nodes, id)
	f.mu.Unlock()
	began := time.Now()
	if err := g.Close(); err != nil {
		f.t.Errorf("closing %s: %v", id, err)
	}
	if d := time.Since(began); d > 2*time.Second {
		f.t.Errorf("closing %s took %v", id, d)
	}
}

func (f *fabric) stopAll() {
	f.t.Helper()
	f.mu.Lock()
	ids := slices.Sorted(maps.Keys(f.nodes))
	f.mu.Unlock()
	for _, id := range ids {
		f.kill(id)
	}
	f.wg.Wait()
}

// between sets a fault in both directions of every pair of a and b.
func (f *fabric) between(a, b []string, x fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range a {
		for _, j := range b {
			f.faults[[2]string{i, j}], f.faults[[2]string{j, i}] = x, x
		}
	}
	if x == refusing {
		for c := range f.pipes {
			if f.faults[[2]string{c.from, c.to}] == refusing {
				_ = c.Conn.Close()
			}
		}
	}
}

func (f *fabric) fault(from, to string) fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.faults[[2]string{from, to}]
}

func (f *fabric) dial(ctx context.Context, from, to string) (net.Conn, error) {
	switch f.fault(from, to) {
	case refusing:
		return nil, errors.New("connection refused")
	case blackhole:
		<-ctx.Done()
		return nil, ctx.Err()
	case stalled:
		for f.fault(from, to) == stalled {
			select {
			case <-time.After(10 * time.Millisecond):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	case slow:
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	g := f.nodes[to]
	if g == nil {
		return nil, errors.New("connection refused")
	}
	a, b := net.Pipe()
	near, far := f.wrap(a, from, to), f.wrap(b, to, from)
	f.wg.Go(func() { g.Serve(from, far) })
	return near, nil
}

func (f *fabric) wrap(c net.Conn, from, to string) *faultConn {
	w := &faultConn{Conn: c, f: f, from: from, to: to, done: make(chan struct{})}
	f.pipes[w] = struct{}{}
	return w
}

type faultConn struct {
	net.Conn
	f        *fabric
	from, to string
	once     sync.Once
	done     chan struct{}
}

func (c *faultConn) Write(p []byte) (int, error) {
	switch c.f.fault(c.from, c.to) {
	case blackhole:
		return len(p), nil
	case stalled:
		for began := time.Now(); c.f.fault(c.from, c.to) == stalled; {
			select {
			case <-c.done:
				return 0, net.ErrClosed
			case <-time.After(10 * time.Millisecond):
			}
			if time.Since(began) >= writeTimeout { // as the deadline would
				return 0, errors.New("write timed out")
			}
		}
	case slow:
		time.Sleep(20 * time.Millisecond)
	}
	return c.Conn.Write(p)
}

func (c *faultConn) Close() error {
	c.once.Do(func() {
		close(c.done)
		c.f.mu.Lock()
		delete(c.f.pipes, c)
		c.f.mu.Unlock()
	})
	return c.Conn.Close()
}

// within waits until the condition holds and returns how long that took.
func (f *fabric) within(limit time.Duration, what string, cond func() bool) time.Duration {
	f.t.Helper()
	began := time.Now()
	for !cond() {
		if time.Since(began) > limit {
			f.t.Fatalf("%s: not within %v\n%s", what, limit, f.describe())
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(began)
}

func (f *fabric) describe() string {
	f.mu.Lock()
	nodes := maps.Clone(f.nodes)
	f.mu.Unlock()
	out := ""
	for _, id := range slices.Sorted(maps.Keys(nodes)) {
		out += id + " sees"
		for _, m := range nodes[id].Members() {
			out += fmt.Sprintf(" %s=%s(%d.%d)", m.NodeID, m.Status, m.Record.Incarnation%1000, m.Record.Counter)
		}
		out += "\n"
	}
	return out
}

// sees says that every one of the viewers lists the node so.
func (f *fabric) sees(viewers []string, id string, want Status) bool {
	for _, v := range viewers {
		if got := f.member(v, id); got.Status != want {
			return false
		}
	}
	return true
}

func (f *fabric) member(viewer, id string) Member {
	f.mu.Lock()
	g := f.nodes[viewer]
	f.mu.Unlock()
	for _, m := range g.Members() {
		if m.NodeID == id {
			return m
		}
	}
	return Member{}
}

// allAlive says that the given nodes see each other alive.
func (f *fabric) allAlive(ids ...string) bool {
	for _, id := range ids {
		if !f.sees(ids, id, StatusAlive) {
			return false
		}
	}
	return true
}

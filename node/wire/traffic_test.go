package wire

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshd/meshd/node/identity"
)

// cargo is a Traffic that writes what it is told to and keeps what comes.
type cargo struct {
	carrier Carrier

	mu      sync.Mutex
	waiting [][]byte
	written int
	got     []uint64
	broken  bool // the next frame is refused
	begun   bool
	ended   bool
	came    chan struct{} // gets a token for each change
}

func (c *cargo) change(fn func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fn()
	select {
	case c.came <- struct{}{}:
	default:
	}
}

func (c *cargo) Began() { c.change(func() { c.begun = true }) }
func (c *cargo) Ended() { c.change(func() { c.ended = true }) }
func (c *cargo) Next() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		return nil
	}
	frame := c.waiting[0]
	c.waiting = c.waiting[1:]
	c.written++
	return frame
}

func (c *cargo) Arrived(frame []byte) error {
	var err error
	c.change(func() {
		if c.got = append(c.got, binary.BigEndian.Uint64(frame)); c.broken {
			err = errors.New("unreadable")
		}
	})
	for i := range frame { // it must not be anybody else's
		frame[i] = 0xff
	}
	return err
}

func (c *cargo) Quiet() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting) == 0
}
func (c *cargo) Retire() bool { return c.Quiet() }

func (c *cargo) send(number uint64, size int) {
	frame := make([]byte, max(size, 8))
	binary.BigEndian.PutUint64(frame, number)
	c.mu.Lock()
	c.waiting = append(c.waiting, frame)
	c.mu.Unlock()
	c.carrier.Wake()
}

func (c *cargo) until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		c.mu.Lock()
		ok := cond()
		c.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-c.came:
		case <-deadline:
			t.Fatal(what)
		}
	}
}

// loaded makes a node carry cargo, which it hands out.
func loaded(n *node) chan *cargo {
	all := make(chan *cargo, 64)
	n.HandleTraffic(func(c Carrier) Traffic {
		made := &cargo{carrier: c, came: make(chan struct{}, 1)}
		all <- made
		return made
	})
	return all
}

func reach(t *testing.T, n *node, to identity.NodeID) (*cargo, error) {
	t.Helper()
	type end struct {
		traffic Traffic
		err     error
	}
	ends := make(chan end, 1)
	n.Reach(to, func(traffic Traffic, err error) { ends <- end{traffic, err} })
	select {
	case e := <-ends:
		if e.err != nil {
			return nil, e.err
		}
		return e.traffic.(*cargo), nil
	case <-time.After(patience):
		t.Fatal("nothing was reached")
		return nil, nil
	}
}

func TestTrafficCrossesInOrderBesideCalls(t *testing.T) {
	a, b := pair(t)
	loaded(a)
	there := loaded(b)
	b.Handle("echo", echo)
	out, err := reach(t, a, b.id)
	if err != nil {
		t.Fatal(err)
	}
	in := <-there
	if in.carrier.Peer() != a.id || out.carrier.Peer() != b.id {
		t.Error("the peers are not who they are")
	}
	const count = 500
	var want []uint64
	for i := range uint64(count) {
		size := 100
		switch i % 100 {
		case 7:
			size = MaxTraffic
		case 8:
			size = keepSpare + 1
		}
		out.send(i, size)
		want = append(want, i)
		if i%50 == 0 {
			if _, err := a.Call(within(t, patience), b.id, "echo", []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
	}
	in.until(t, "not all came", func() bool { return len(in.got) == count })
	if !slices.Equal(in.got, want) || !in.begun {
		t.Error("the order was lost")
	}
	again, err := reach(t, a, b.id)
	if err != nil || again != out {
		t.Error("a living connection is not found again", err)
	}
	a.Disconnect(b.id)
	out.until(t, "its end was not told here", func() bool { return out.ended })
	in.until(t, "its end was not told there", func() bool { return in.ended })
	if next, err := reach(t, a, b.id); err != nil || next == out {
		t.Error("no new connection", err)
	}
}

func TestTrafficThatCannotBeReadEndsTheConnection(t *testing.T) {
	a, b := pair(t)
	loaded(a)
	there := loaded(b)
	for _, spoil := range []func(in, out *cargo){
		func(in, out *cargo) { in.broken = true; out.send(1, 8) },
		func(_, out *cargo) { out.send(1, MaxTraffic+1) },
		func(_, out *cargo) { out.mu.Lock(); out.waiting = [][]byte{{1}}; out.mu.Unlock(); out.carrier.Wake() }, // panics there
	} {
		out, err := reach(t, a, b.id)
		if err != nil {
			t.Fatal(err)
		}
		spoil(<-there, out)
		out.until(t, "the connection stands", func() bool { return out.ended })
	}
}

// A node whose software knows of no traffic is called, and told apart; once it
// knows, the connection is made anew.
func TestTrafficIsAgreedOn(t *testing.T) {
	a, b := pair(t)
	b.Handle("echo", echo)
	loaded(a)
	if _, err := reach(t, a, b.id); !errors.Is(err, ErrNotReady) || !strings.Contains(err.Error(), "update it") {
		t.Fatal(err)
	}
	if _, err := a.Call(within(t, patience), b.id, "echo", []byte("x")); err != nil {
		t.Fatal(err)
	}
	loaded(b)
	deadline := time.Now().Add(patience)
	for {
		if _, err := reach(t, a, b.id); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	if _, err := reach(t, a, "nobody"); !errors.Is(err, ErrNotMember) {
		t.Error(err)
	}
}

// A connection whose hello was said before the node knew of traffic, and which
// it came to know only after, was agreed on by neither and cut by nobody: no
// message crossed it, for as long as it lived.
func TestTrafficIsSetWhileAHelloIsUnderWay(t *testing.T) {
	a, b := pair(t)
	loaded(b)
	var asked atomic.Int32
	a.book.change(func() {
		a.book.asked = func() {
			if asked.Add(1) == 2 { // the hello has been said and answered
				loaded(a)
			}
		}
	})
	_ = dialPeerProtocol(within(t, patience), a, b) // it may be cut before the answer
	if asked.Load() < 2 {
		t.Fatal("the mesh is not asked for twice: this test tests nothing")
	}
	for _, way := range [][2]*node{{b, a}, {a, b}} {
		eventually(t, "a connection with traffic", func() bool {
			_, err := reach(t, way[0], way[1].id)
			return err == nil
		})
	}
}

// BenchmarkTraffic is what frames of 64 KiB cost between two nodes.
func BenchmarkTraffic(b *testing.B) {
	x, y := pair(b)
	arrived := make(chan struct{}, 1024)
	y.HandleTraffic(func(Carrier) Traffic { return &counted{came: arrived} })
	frame := make([]byte, 64<<10)
	source := &counted{frame: frame}
	x.HandleTraffic(func(c Carrier) Traffic { source.carrier = c; return source })
	reached := make(chan error, 1)
	x.Reach(y.id, func(_ Traffic, err error) { reached <- err })
	if err := <-reached; err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(frame)))
	b.ResetTimer()
	source.mu.Lock()
	source.left = b.N
	source.mu.Unlock()
	source.carrier.Wake()
	for range b.N {
		<-arrived
	}
}

// counted writes one frame so many times, and counts those that come.
type counted struct {
	carrier Carrier
	frame   []byte
	came    chan struct{}
	mu      sync.Mutex
	left    int
}

func (*counted) Began() {}
func (*counted) Ended() {}
func (c *counted) Next() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 {
		return nil
	}
	c.left--
	return c.frame
}
func (c *counted) Arrived([]byte) error { c.came <- struct{}{}; return nil }
func (*counted) Quiet() bool            { return true }
func (*counted) Retire() bool           { return true }

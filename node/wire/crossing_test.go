package wire

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// hole forwards connections until it is told to swallow everything, the end
// of connections included, as a router that lost its state does.
type hole struct {
	net.Listener
	target  string
	swallow atomic.Bool
	group   sync.WaitGroup
	mu      sync.Mutex
	conns   []net.Conn
}

func newHole(t *testing.T, target string) *hole {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hole{Listener: l, target: target}
	h.group.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", h.target)
			if err != nil {
				_ = in.Close()
				continue
			}
			h.mu.Lock()
			h.conns = append(h.conns, in, out)
			h.mu.Unlock()
			h.group.Go(func() { h.copy(in, out) })
			h.group.Go(func() { h.copy(out, in) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		h.mu.Lock()
		for _, c := range h.conns {
			_ = c.Close()
		}
		h.mu.Unlock()
		h.group.Wait()
	})
	return h
}

func (h *hole) copy(to io.WriteCloser, from io.Reader) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if h.swallow.Load() {
			if err != nil {
				return
			}
			continue
		}
		if n > 0 {
			_, _ = to.Write(buffer[:n])
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}

// One end has lost a link that the other believes in and would prefer. Calls
// of the believer must go over the new link at once.
func TestHalfDeadLinkIsReplaced(t *testing.T) {
	for _, believerIsLower := range []bool{true, false} {
		x, y := pair(t, func(_ *Config, l *limits) { l.dead = time.Hour })
		if (y.id < x.id) != believerIsLower {
			x, y = y, x
		}
		x.Handle("echo", echo)
		y.Handle("echo", echo)
		h := newHole(t, x.address)
		entry := x.entry()
		entry.Addresses = []string{h.Addr().String()}
		y.book.set(entry)
		if err := dialPeerProtocol(within(t, patience), y, x); err != nil {
			t.Fatal(err)
		}
		h.swallow.Store(true)
		x.Disconnect(y.id)
		eventually(t, "the other end has a new link", func() bool { return dialPeerProtocol(within(t, patience), x, y) == nil })
		if err := dialPeerProtocol(within(t, patience), y, x); err != nil {
			t.Error(err)
		}
		eventually(t, "the dead link is given up", func() bool { return len(y.openSessions(nil)) == 1 })
		if err := dialPeerProtocol(within(t, patience), y, x); err != nil {
			t.Error(err)
		}
	}
}

// A process that died without a word and came back: its new link replaces the
// old one at once, whoever dialled either.
func TestRestartedProcessReplacesItsLink(t *testing.T) {
	a, b := pair(t)
	b.Handle("echo", echo)
	first := rawLink(t, a, b)
	eventually(t, "the link", func() bool { return len(b.openSessions(nil)) == 1 })
	a.incarnation++
	rawLink(t, a, b)
	if _, err := io.Copy(io.Discard, first); err == nil {
		t.Log("closed in good order")
	}
	eventually(t, "one link", func() bool { return len(b.openSessions(nil)) == 1 })
}

// When a link ends, a call that was never written is known to have done
// nothing and goes out on the next link; of one that was written nobody knows.
func TestUnsentAndLostCallsAreToldApart(t *testing.T) {
	a, b := pair(t)
	s, answer, err := a.dialMember(within(t, patience), b.id, ProtocolPeer)
	if err != nil {
		t.Fatal(err)
	}
	l := newLink(s, answer.Incarnation, 1, false) // without its writer
	_, written, _ := l.register()
	id, queued, _ := l.register()
	l.queue.push(t.Context(), frame{kind: frameRequest, id: id, method: "echo"})
	l.end(ErrLost)
	if o := <-written; o.unsent || !errors.Is(o.err, ErrLost) {
		t.Errorf("written: %+v", o)
	}
	if o := <-queued; !o.unsent {
		t.Errorf("queued: %+v", o)
	}
	if o := l.call(t.Context(), "echo", nil); !o.unsent {
		t.Errorf("after the end: %+v", o)
	}
}

// A link that was settled against was closed between the end of a call and the
// writing of its answer: the caller heard that nobody knows what became of it.
func TestALinkIsNotRetiredBeforeItsAnswersAreWritten(t *testing.T) {
	a, b := pair(t)
	s, answer, err := a.dialMember(within(t, patience), b.id, ProtocolPeer)
	if err != nil {
		t.Fatal(err)
	}
	l := newLink(s, answer.Incarnation, 1, false)
	defer l.end(ErrLost)
	if !l.retire() {
		t.Fatal("a link at rest is not retired")
	}
	l.answer(1, []byte("answer"), nil)
	if l.retire() {
		t.Error("retired with an answer that waits for the writer")
	}
	go l.write()
	eventually(t, "the answer is written", l.retire)
}

package agent

import (
	"net"
	"sync"
)

// largeRead is how much is read at once from a client that sends much.
const largeRead = 16 << 10

// Transport returns c as a Server wants to read from it; give it to the
// WebSocket in place of the connection. It reads with large buffers while much
// comes, keeps none while nothing does, and lets the Server write what it owes
// before it waits for the client.
func Transport(c net.Conn) net.Conn { return &transport{Conn: c} }

type transport struct {
	net.Conn
	waits waits // nil until a Server serves it

	// The reader's:
	full bool    // the last read filled what it was given: there is probably more
	held *[]byte // a buffer of largeReads
	rest []byte  // what is left in it
}

// waits is told when the reader is about to wait for the client, and when it
// has something again.
type waits interface {
	idle()
	busy()
}

var largeReads = sync.Pool{New: func() any {
	b := make([]byte, largeRead)
	return &b
}}

// Read implements net.Conn. Only one goroutine reads.
func (t *transport) Read(p []byte) (int, error) {
	if len(t.rest) > 0 {
		return t.take(p), nil
	}
	if t.waits != nil {
		t.waits.idle()
		defer t.waits.busy()
	}
	if !t.full || len(p) >= largeRead {
		n, err := t.Conn.Read(p)
		t.full = n == len(p) && n < largeRead
		return n, err
	}
	t.held = largeReads.Get().(*[]byte)
	n, err := t.Conn.Read(*t.held)
	t.full = n == largeRead
	t.rest = (*t.held)[:n]
	return t.take(p), err
}

func (t *transport) take(p []byte) int {
	n := copy(p, t.rest)
	if t.rest = t.rest[n:]; len(t.rest) == 0 && t.held != nil {
		largeReads.Put(t.held)
		t.held = nil
	}
	return n
}

// transportOf finds the Transport below a WebSocket; nil where there is none.
func transportOf(c net.Conn) *transport {
	for {
		switch t := c.(type) {
		case *transport:
			return t
		case interface{ NetConn() net.Conn }:
			c = t.NetConn()
		default:
			return nil
		}
	}
}

package wire

import (
	"net"
	"sync"
)

// gate bounds how many handshakes with strangers compute at once, so that a
// flood of them cannot keep heartbeats from the processor. A place is held
// from the parsed ClientHello to the next I/O of the connection, which is when
// the computing is done (or waits for the other side, which must not hold a
// place). Known peers pass at once.
type gate struct {
	places chan struct{}
	known  func(net.Conn) bool
}

func newGate(n int, known func(net.Conn) bool) *gate {
	return &gate{places: make(chan struct{}, n), known: known}
}

func (g *gate) enter(c net.Conn) error {
	in, ok := c.(*inbound)
	if !ok || g.known(c) {
		return nil
	}
	select {
	case g.places <- struct{}{}:
		in.hold(sync.OnceFunc(func() { <-g.places }))
		return nil
	case <-in.closed:
		return net.ErrClosed
	}
}

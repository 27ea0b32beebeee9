package wire

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/meshd/meshd/node/identity"
)

// MaxTraffic bounds one frame of Traffic.
const MaxTraffic = MaxBody + 256<<10

// Traffic is what rides on one connection with a member beside the calls: frames
// one way and the other that nobody answers, in order. None of its methods may
// block, and Began and Ended alone may call back.
type Traffic interface {
	// Began says that the connection is in use: Reach may choose it.
	Began()
	// Next returns the next frame to write, nil when there is none. The
	// writer calls it, uses the frame until the next call, and after nil not
	// again until Carrier.Wake.
	Next() []byte
	// Arrived takes a frame, which it must not keep. An error ends the
	// connection.
	Arrived(frame []byte) error
	// Retire says that nothing is under way, and that from now on nothing
	// will be: the connection may be closed. It is not asked while it is the
	// one that Reach chooses.
	Retire() bool
	// Quiet says that nothing is under way.
	Quiet() bool
	// Ended says that the connection is no more. It may come without Began.
	Ended()
}

// Carrier is a connection as its Traffic sees it.
type Carrier struct{ link *link }

// Peer is the member at the other end.
func (c Carrier) Peer() identity.NodeID { return c.link.peer }

// Incarnation is the run of the member's process: a later one is higher, by its
// own clock.
func (c Carrier) Incarnation() uint64 { return c.link.incarnation }

// Wake makes the writer ask for the next frame. It does not block.
func (c Carrier) Wake() { c.link.queue.rouse() }

// Cut ends the connection. It does not block.
func (c Carrier) Cut() { c.link.cut() }

// HandleTraffic sets what rides on every connection with a member whose
// software knows of it too. Connections that were made before are cut, since
// their ends have agreed on none.
func (p *Port) HandleTraffic(open func(Carrier) Traffic) {
	p.traffic.Store(&open)
	for _, s := range p.openSessions(func(s *session) bool { return s.protocol == ProtocolPeer }) {
		s.cut()
	}
}

// Reach finds the living connection to a member, or makes one, and returns
// without waiting. arrived is called once, on any goroutine, perhaps before
// Reach returns. Its error always means that nothing was sent.
func (p *Port) Reach(to identity.NodeID, arrived func(Traffic, error)) {
	pr := p.peerOf(to)
	if pr == nil {
		arrived(nil, ErrClosed)
		return
	}
	if l, err, known := pr.atOnce(); known {
		deliverReached(l, err, arrived)
		return
	}
	if !p.start(func() {
		ctx, cancel := context.WithTimeout(p.ctx, p.limits.dial+p.limits.hello)
		defer cancel()
		l, err := pr.connected(ctx)
		deliverReached(l, err, arrived)
	}) {
		arrived(nil, ErrClosed)
	}
}

func deliverReached(l *link, err error, arrived func(Traffic, error)) {
	switch {
	case err != nil:
		arrived(nil, err)
	case l.traffic == nil:
		arrived(nil, fmt.Errorf("node %s: %w", l.peer.Short(), ErrNoTraffic))
	default:
		arrived(l.traffic, nil)
	}
}

// atOnce is connected where that need not wait; known says whether it is.
func (pr *peer) atOnce() (l *link, err error, known bool) {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	pr.used = time.Now()
	if l := pr.pick(); l != nil {
		return l, nil, true
	}
	return nil, pr.failed, pr.failed != nil
}

// arrived gives a frame to the traffic; a panic ends the connection and no more.
func (l *link) arrived(frame []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			l.port.logger.Error("taking a frame panicked", "peer", l.peer.Short(), "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	if l.traffic == nil {
		return fmt.Errorf("%w: traffic that was not agreed on", errFrame)
	}
	return l.traffic.Arrived(frame)
}

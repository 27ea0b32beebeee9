package gossip

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// peer is the packet path to one node: a bounded queue, one writer goroutine
// that owns the dialling, and at most one connection that both sides write to.
type peer struct {
	t      *transport
	id     string
	addr   *net.TCPAddr
	ctx    context.Context
	stop   context.CancelFunc
	queue  chan []byte
	ready  chan struct{} // signalled when link or dialling has changed
	heard  atomic.Int64  // Unix nanoseconds of the last packet
	served atomic.Int32  // connections this peer opened to us
	// pending counts the packets queued or being written.
	pending atomic.Int32

	mu       sync.Mutex
	link     *link // what is written to; nil when there is none
	dialling bool
	failures int
	retryAt  time.Time
}

// link is one packet connection. It is written to by the peer's writer alone,
// once greeted is closed: the acceptor's answer goes first.
type link struct {
	c       net.Conn
	greeted chan struct{}
}

func newLink(c net.Conn) *link { return &link{c: c, greeted: make(chan struct{})} }

func newPeer(t *transport, id string) *peer {
	ctx, cancel := context.WithCancel(t.ctx)
	return &peer{
		t: t, id: id, addr: pseudoAddr(id), ctx: ctx, stop: cancel,
		queue: make(chan []byte, queueDepth),
		ready: make(chan struct{}, 1),
	}
}

func (p *peer) send(frame []byte) {
	p.pending.Add(1)
	select {
	case p.queue <- frame:
	default:
		p.pending.Add(-1)
		p.t.count.dropped.WithLabelValues("queue_full").Inc()
	}
}

// write is the peer's writer goroutine.
func (p *peer) write() {
	defer p.disconnect()
	for {
		select {
		case <-p.ctx.Done():
			return
		case frame := <-p.queue:
			p.deliver(frame)
			p.pending.Add(-1)
		}
	}
}

func (p *peer) deliver(frame []byte) {
	l := p.connected()
	if l == nil {
		p.t.count.dropped.WithLabelValues("unreachable").Inc()
		return
	}
	if err := l.write(frame); err != nil {
		p.t.count.dropped.WithLabelValues("write_failed").Inc()
		p.drop(l)
		return
	}
	p.t.count.packets.WithLabelValues("out").Inc()
	p.t.count.bytes.WithLabelValues("out").Add(float64(len(frame)))
}

// connected returns the link, dialling when there is none and the last failure
// is long enough ago. The dial runs beside it, so that a connection the peer
// opens meanwhile is used at once.
func (p *peer) connected() *link {
	for {
		p.mu.Lock()
		l := p.link
		if l == nil && !p.dialling {
			if time.Now().Before(p.retryAt) || p.ctx.Err() != nil {
				p.mu.Unlock()
				return nil
			}
			p.dialling = true
			p.t.wg.Go(p.dial)
		}
		p.mu.Unlock()
		if l != nil {
			return l
		}
		select {
		case <-p.ready:
		case <-p.ctx.Done():
			return nil
		}
	}
}

func (p *peer) dial() {
	ctx, cancel := context.WithTimeout(p.ctx, dialTimeout)
	defer cancel()
	c, err := p.t.open(ctx, p.id, kindPackets)
	p.mu.Lock()
	p.dialling = false
	if err != nil {
		p.failures++
		wait := min(firstRetry<<min(p.failures-1, 8), lastRetry)
		p.retryAt = time.Now().Add(wait/2 + rand.N(wait/2))
		p.mu.Unlock()
		p.signal()
		p.t.log.Debug("gossip dial failed", "peer", p.id, "error", err)
		return
	}
	p.failures = 0
	l := newLink(c)
	close(l.greeted)
	old := p.adoptLocked(l)
	p.mu.Unlock()
	p.replaced(old)
	_ = p.read(l)
	p.t.release(c)
}

// accept takes a connection the peer opened and reads it to its end.
//
// Both sides must keep the same one of two connections opened at once. The
// acceptor decides and the dialler follows: the newest wins, except that the
// node with the lower id refuses while its own dial is under way.
func (p *peer) accept(c net.Conn) error {
	l := newLink(c)
	p.mu.Lock()
	if p.dialling && p.t.self < p.id {
		p.mu.Unlock()
		return refuse(c, "a connection from here is under way")
	}
	old := p.adoptLocked(l)
	p.mu.Unlock()
	p.replaced(old)
	_, err := c.Write(newFrame(kindAccept, nil))
	if err == nil {
		err = c.SetDeadline(time.Time{})
	}
	close(l.greeted)
	if err != nil {
		p.drop(l)
		return err
	}
	return p.read(l)
}

// adoptLocked makes l the link and returns the one it replaces. Called with mu.
func (p *peer) adoptLocked(l *link) *link {
	old := p.link
	p.link = l
	p.retryAt = time.Time{}
	return old
}

func (p *peer) replaced(old *link) {
	if old != nil {
		p.t.release(old.c)
	}
	p.signal()
}

func (p *peer) signal() {
	select {
	case p.ready <- struct{}{}:
	default:
	}
}

// drop ends a link and, where it was the peer's, leaves the peer without one.
func (p *peer) drop(l *link) {
	p.mu.Lock()
	if p.link == l {
		p.link = nil
	}
	p.mu.Unlock()
	p.t.release(l.c)
}

func (p *peer) disconnect() {
	p.mu.Lock()
	l := p.link
	p.mu.Unlock()
	if l != nil {
		p.drop(l)
	}
}

func (l *link) write(frame []byte) error {
	<-l.greeted // bounded by the hello's deadline
	if err := l.c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := l.c.Write(frame)
	return err
}

// read hands the packets of one link to memberlist until the link ends or says
// something it must not.
func (p *peer) read(l *link) error {
	defer p.drop(l)
	in := bufio.NewReaderSize(l.c, 4096)
	for {
		if err := l.c.SetReadDeadline(time.Now().Add(idleTimeout)); err != nil {
			return err
		}
		k, body, err := readFrame(in, maxPacket)
		if err != nil {
			return err
		}
		now := time.Now()
		switch {
		case !p.t.known(p.id) || p.ctx.Err() != nil:
			err = errUnknown
		case k != kindPacket:
			err = fmt.Errorf("%w: kind %d on a packet connection", errFrame, k)
		default:
			err = vetPacket(body, p.t.label, p.id)
		}
		if err != nil {
			p.t.count.refused.Inc()
			return err
		}
		p.heard.Store(now.UnixNano())
		p.t.count.packets.WithLabelValues("in").Inc()
		p.t.count.bytes.WithLabelValues("in").Add(float64(len(body) + frameHeader))
		select {
		case p.t.packets <- &memberlist.Packet{Buf: body, From: p.addr, Timestamp: now}:
		case <-p.ctx.Done():
			return errClosed
		}
	}
}

// forgive forgets failed dials.
func (p *peer) forgive() {
	p.mu.Lock()
	p.failures, p.retryAt = 0, time.Time{}
	p.mu.Unlock()
}

func (p *peer) lastHeard() time.Time {
	if n := p.heard.Load(); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}

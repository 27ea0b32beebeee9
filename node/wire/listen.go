package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/meshd/meshd/node/identity"
)

// Serve accepts connections of a plain TCP listener until the port is closed,
// and then returns nil. It may be called for several listeners.
func (p *Port) Serve(l net.Listener) error {
	p.mu.Lock()
	if p.closing {
		p.mu.Unlock()
		_ = l.Close()
		return nil
	}
	p.listeners[l] = struct{}{}
	p.group.Add(1)
	p.mu.Unlock()
	defer p.group.Done()
	defer func() {
		p.mu.Lock()
		delete(p.listeners, l)
		p.mu.Unlock()
		_ = l.Close()
	}()

	const longestPause = time.Second
	pause := time.Duration(0)
	for {
		c, err := l.Accept()
		switch {
		case p.closed():
			if err == nil {
				_ = c.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			// Out of descriptors, most likely: those come back.
			pause = min(max(2*pause, 5*time.Millisecond), longestPause)
			p.logger.Warn("accepting a connection failed", "error", err, "pause", pause)
			select {
			case <-time.After(pause):
			case <-p.ctx.Done():
			}
			continue
		}
		pause = 0
		if in := p.budget.add(c, p.meter); in != nil && !p.start(func() { p.accepted(in) }) {
			_ = in.Close()
		}
	}
}

// accepted does the handshake on the connection's own goroutine, so that a
// silent stranger delays nobody.
func (p *Port) accepted(in *inbound) {
	c := tls.Server(in, p.tls)
	_ = in.SetDeadline(time.Now().Add(p.limits.handshake))
	if err := c.HandshakeContext(p.ctx); err != nil {
		p.refused(in, "", classifyInbound(err), err)
		_ = in.Close()
		return
	}
	clearDeadline(in)
	switch protocol := c.ConnectionState().NegotiatedProtocol; {
	case protocol == ProtocolJoin:
		p.serveJoin(in, c)
	case slices.Contains(peerProtocols, protocol):
		p.servePeer(in, c, protocol)
	default:
		p.http.take(c)
	}
}

func (p *Port) refused(in *inbound, protocol, reason string, err error) {
	if p.ctx.Err() != nil {
		return
	}
	p.metrics.handshakes.WithLabelValues(reason).Inc()
	p.logger.Debug("inbound connection refused", "from", in.RemoteAddr().String(),
		"protocol", protocol, "reason", reason, "error", err)
}

func classifyInbound(err error) string {
	var record tls.RecordHeaderError
	var timeout net.Error
	switch {
	case errors.Is(err, ErrNotMember):
		return "unknown_key"
	case errors.As(err, &record):
		return "not_tls"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return "tls"
}

// servePeer hears the hello, answers it and serves the connection until it
// ends.
func (p *Port) servePeer(in *inbound, c *tls.Conn, protocol string) {
	_ = c.SetDeadline(time.Now().Add(p.limits.hello))
	var h hello
	pin, err := onePin(c.ConnectionState().PeerCertificates)
	if err == nil {
		err = readMessage(c, &h, maxHello)
	}
	if err != nil {
		p.refused(in, protocol, "hello", err)
		_ = in.Close()
		return
	}
	from, a := p.judge(protocol, pin, h)
	if a.Code != answerOK {
		p.refused(in, protocol, "verdict", a.err())
		_ = writeMessage(c, a, maxHello)
		_ = c.Close()
		return
	}
	s := &session{Conn: c, port: p, peer: from.ID, pin: pin, protocol: protocol, traffic: a.Traffic, done: make(chan struct{})}
	p.budget.admit(in, true)
	if !p.track(s) {
		s.cut()
		return
	}
	defer s.cut()
	if err := writeMessage(c, a, maxHello); err != nil {
		return
	}
	clearDeadline(c)
	p.shown(from.ID, h.Revision)
	p.serveSession(s, h.Incarnation, h.Dial, h.Traffic)
}

// serveSession blocks until the session ends.
func (p *Port) serveSession(s *session, incarnation, dial uint64, traffic bool) {
	switch s.protocol {
	case ProtocolRaft:
		p.raft.hand(s)
	case ProtocolGossip:
		if fn := p.gossip.Load(); fn != nil {
			(*fn)(s.peer, s)
		}
		_ = s.Close()
	case ProtocolPeer:
		l := newLink(s, incarnation, dial, traffic)
		pr := p.peerOf(s.peer)
		if pr == nil {
			l.end(ErrClosed)
		} else if pr.add(l) {
			l.run()
		}
	}
}

// HandleGossip sets what serves accepted gossip connections. fn is called on
// the connection's own goroutine; the connection is closed when it returns.
func (p *Port) HandleGossip(fn func(from identity.NodeID, c net.Conn)) { p.gossip.Store(&fn) }

// DialGossip opens a gossip connection to a member. The caller closes it.
func (p *Port) DialGossip(ctx context.Context, id identity.NodeID) (net.Conn, error) {
	s, _, err := p.dialMember(ctx, id, ProtocolGossip)
	if err != nil {
		return nil, err
	}
	return s, nil
}

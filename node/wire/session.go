package wire

import (
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/meshd/meshd/node/identity"
)

// session is a connection of a peer protocol after its hello, dialled or
// accepted. The Port knows all of them and can cut them at any time.
type session struct {
	*tls.Conn
	port     *Port
	peer     identity.NodeID
	pin      identity.Pin
	protocol string
	dialled  bool
	address  string // that answered, for dialled ones
	traffic  bool   // this end has said that it understands frames of traffic
	done     chan struct{}
	once     sync.Once
}

func (s *session) direction() string {
	if s.dialled {
		return "out"
	}
	return "in"
}

// Close ends the connection in good order.
func (s *session) Close() error {
	err := net.ErrClosed
	s.once.Do(func() {
		err = s.Conn.Close()
		s.ended()
	})
	return err
}

// cut ends the connection at once; it never waits for the other side, as the
// last words of TLS may.
func (s *session) cut() {
	s.once.Do(func() {
		_ = s.NetConn().Close()
		s.ended()
	})
}

func (s *session) ended() {
	close(s.done)
	s.port.forget(s)
}

// track makes the session known, or says no: the port is closed, or the peer
// has been removed since its hello was judged.
func (p *Port) track(s *session) bool {
	p.mu.Lock()
	if p.closing {
		p.mu.Unlock()
		return false
	}
	p.sessions[s] = struct{}{}
	p.mu.Unlock()
	p.metrics.connections.WithLabelValues(s.protocol, s.direction()).Inc()
	p.metrics.opened.WithLabelValues(s.protocol, s.direction()).Inc()
	if !p.entitled(s) {
		s.cut()
		return false
	}
	return true
}

func (p *Port) forget(s *session) {
	p.mu.Lock()
	_, known := p.sessions[s]
	delete(p.sessions, s)
	p.mu.Unlock()
	if known {
		p.metrics.connections.WithLabelValues(s.protocol, s.direction()).Dec()
	}
}

// entitled says whether the roster of this moment still allows the session.
func (p *Port) entitled(s *session) bool {
	if s.protocol == ProtocolJoin {
		return true
	}
	peer, verdict := p.trust.ByPin(s.pin)
	return verdict == Member && peer.ID == s.peer &&
		(s.dialled || s.protocol != ProtocolRaft || peer.Replica)
}

// sweep cuts every session the roster does not allow any more, so that a
// removed node is off within a second even if nobody calls Disconnect.
func (p *Port) sweepSessions() {
	for _, s := range p.openSessions(func(s *session) bool { return !p.entitled(s) }) {
		p.logger.Info("connection cut: the roster does not allow it any more",
			"peer", s.peer.Short(), "protocol", s.protocol)
		s.cut()
	}
}

// openSessions returns the sessions that match, all if match is nil. match is
// called without the lock, as it may ask Trust.
func (p *Port) openSessions(match func(*session) bool) []*session {
	p.mu.Lock()
	all := make([]*session, 0, len(p.sessions))
	for s := range p.sessions {
		all = append(all, s)
	}
	p.mu.Unlock()
	if match == nil {
		return all
	}
	var matching []*session
	for _, s := range all {
		if match(s) {
			matching = append(matching, s)
		}
	}
	return matching
}

// Disconnect cuts all live connections with a node, of every protocol. It is
// called when a member was removed; calls in flight fail with ErrLost.
func (p *Port) Disconnect(id identity.NodeID) {
	for _, s := range p.openSessions(func(s *session) bool { return s.peer == id }) {
		s.cut()
	}
}

func clearDeadline(c net.Conn) { _ = c.SetDeadline(time.Time{}) }

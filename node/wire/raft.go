package wire

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// raftAcceptor hands inbound Raft streams to the listener in force. Consensus
// may be closed and opened again within one process: each RaftListener call
// replaces the one before.
type raftAcceptor struct {
	mu      sync.Mutex
	current *raftListener
	shutOff bool
}

type raftListener struct {
	acceptor *raftAcceptor
	addr     func() string
	streams  chan *session
	closed   chan struct{}
	once     sync.Once
}

// RaftListener returns a listener of authenticated streams from replicas. Its
// address is this node's Raft id. A listener returned earlier is closed.
func (p *Port) RaftListener() net.Listener {
	l := &raftListener{
		acceptor: &p.raft,
		addr: func() string {
			self, _ := p.trust.ByID(p.id)
			return self.RaftID
		},
		streams: make(chan *session),
		closed:  make(chan struct{}),
	}
	p.raft.mu.Lock()
	before, shutOff := p.raft.current, p.raft.shutOff
	p.raft.current = l
	p.raft.mu.Unlock()
	if before != nil {
		_ = before.Close()
	}
	if shutOff {
		_ = l.Close()
	}
	return l
}

// DialRaft opens a Raft stream to the replica with this Raft id.
func (p *Port) DialRaft(ctx context.Context, raftID string) (net.Conn, error) {
	peer, ok := p.trust.ByRaftID(raftID)
	if !ok {
		return nil, fmt.Errorf("raft id %s: %w", raftID, ErrNotMember)
	}
	s, _, err := p.dialPeer(ctx, peer, ProtocolRaft)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (a *raftAcceptor) listener() *raftListener {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.current
}

func (a *raftAcceptor) open() bool {
	l := a.listener()
	if l == nil {
		return false
	}
	select {
	case <-l.closed:
		return false
	default:
		return true
	}
}

func (a *raftAcceptor) shut() {
	a.mu.Lock()
	l := a.current
	a.shutOff = true
	a.mu.Unlock()
	if l != nil {
		_ = l.Close()
	}
}

// hand gives the stream to the listener and waits for its end. A consumer that
// has stopped accepting must not keep streams and goroutines.
func (a *raftAcceptor) hand(s *session) {
	l := a.listener()
	if l == nil {
		return
	}
	patience := time.NewTimer(s.port.limits.hello)
	defer patience.Stop()
	select {
	case l.streams <- s:
		<-s.done
	case <-l.closed:
	case <-s.done:
	case <-patience.C:
	}
}

// Accept implements net.Listener.
func (l *raftListener) Accept() (net.Conn, error) {
	select {
	case s := <-l.streams:
		return s, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. Streams handed out stay open: they are their
// taker's.
func (l *raftListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *raftListener) Addr() net.Addr { return raftAddr(l.addr()) }

type raftAddr string

func (raftAddr) Network() string  { return "meshd" }
func (a raftAddr) String() string { return string(a) }

package consensus

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// rpcTimeout is the deadline of one Raft RPC of at most maxAppend entries.
const rpcTimeout = 10 * time.Second

// streams is Raft's stream layer over the listener and the dial function that
// were handed in. The address of a server is its raft id. It knows every
// connection, so that closing cuts them all: the network transport itself
// leaves those in use open.
type streams struct {
	net.Listener
	id   string
	dial func(ctx context.Context, raftID string) (net.Conn, error)

	ctx    context.Context
	cancel context.CancelFunc
	mu     sync.Mutex
	open   map[*stream]struct{}
	closed bool
}

var _ raft.StreamLayer = (*streams)(nil)

func newStreams(l net.Listener, id string, dial func(context.Context, string) (net.Conn, error)) *streams {
	s := &streams{Listener: l, id: id, dial: dial, open: make(map[*stream]struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

type stream struct {
	net.Conn
	owner *streams
}

// Close implements net.Conn.
func (c *stream) Close() error {
	c.owner.mu.Lock()
	delete(c.owner.open, c)
	c.owner.mu.Unlock()
	return c.Conn.Close()
}

func (s *streams) track(c net.Conn) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.Close()
		return nil, net.ErrClosed
	}
	t := &stream{Conn: c, owner: s}
	s.open[t] = struct{}{}
	return t, nil
}

// Accept implements net.Listener.
func (s *streams) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return s.track(c)
}

// Dial implements raft.StreamLayer.
func (s *streams) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(s.ctx, timeout)
	defer cancel()
	c, err := s.dial(ctx, string(address))
	if err != nil {
		return nil, err
	}
	return s.track(c)
}

// Addr implements net.Listener.
func (s *streams) Addr() net.Addr { return raftAddr(s.id) }

// Close implements net.Listener.
func (s *streams) Close() error {
	s.cancel()
	s.mu.Lock()
	s.closed = true
	open := make([]*stream, 0, len(s.open))
	for c := range s.open {
		open = append(open, c)
	}
	s.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
	return s.Listener.Close()
}

type raftAddr string

func (raftAddr) Network() string  { return "raft" }
func (a raftAddr) String() string { return string(a) }

// transport is Raft's network transport with three additions: followers are
// told of commits soon (tell.go), heartbeats take the
// fast path only where that is safe, and the sole voter of a mesh can be made
// to stand at once. It embeds the network transport, so that pre-vote works.
type transport struct {
	*raft.NetworkTransport
	streams *streams
	rpcs    chan raft.RPC
	teller  *teller
	// durable is the last index on this server's own disk; set before Raft
	// runs.
	durable func() uint64
	// silent says that this server's disk hangs (hang.go).
	silent atomic.Bool
	stop   chan struct{}
	done   sync.WaitGroup
	once   sync.Once

	mu   sync.Mutex
	raft *raft.Raft // nil until Raft runs
}

var _ raft.WithPreVote = (*transport)(nil)

func newTransport(s *streams, logger hclog.Logger) *transport {
	t := &transport{
		NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream: s, MaxPool: 3, Timeout: rpcTimeout, Logger: logger,
		}),
		streams: s,
		rpcs:    make(chan raft.RPC),
		stop:    make(chan struct{}),
	}
	t.teller = newTeller(&t.done, func(id raft.ServerID, addr raft.ServerAddress, q *raft.AppendEntriesRequest) {
		var p raft.AppendEntriesResponse
		// Lost words are no harm: Raft's own next message says it again.
		_ = t.NetworkTransport.AppendEntries(id, addr, q, &p)
	})
	t.done.Go(func() {
		for {
			select {
			case rpc := <-t.NetworkTransport.Consumer():
				t.pass(rpc)
			case <-t.stop:
				return
			}
		}
	})
	return t
}

func (t *transport) pass(rpc raft.RPC) {
	select {
	case t.rpcs <- rpc:
	case <-t.stop:
		rpc.Respond(nil, raft.ErrTransportShutdown)
	}
}

func (t *transport) attach(r *raft.Raft) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.raft = r
}

func (t *transport) attached() *raft.Raft {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.raft
}

// Consumer implements raft.Transport.
func (t *transport) Consumer() <-chan raft.RPC { return t.rpcs }

// LocalAddr implements raft.Transport.
func (t *transport) LocalAddr() raft.ServerAddress { return raft.ServerAddress(t.streams.id) }

// stand makes Raft on this server start an election at once. It is for the
// only voter of a configuration, whom nobody else can beat.
func (t *transport) stand() {
	t.done.Go(func() {
		reply := make(chan raft.RPCResponse, 1)
		t.pass(raft.RPC{
			Command: &raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{
				ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(t.streams.id), Addr: []byte(t.streams.id),
			}},
			RespChan: reply,
		})
		select {
		case <-reply:
		case <-t.stop:
		}
	})
}

// SetHeartbeatHandler implements raft.Transport. Raft would handle heartbeats
// beside its main loop, where its check of the term and the setting of it can
// be overtaken by a vote and put the term back. The fast path is safe only for
// a heartbeat that changes nothing: same term, and we follow already.
func (t *transport) SetHeartbeatHandler(fast func(raft.RPC)) {
	if fast == nil {
		t.NetworkTransport.SetHeartbeatHandler(nil)
		return
	}
	t.NetworkTransport.SetHeartbeatHandler(func(rpc raft.RPC) {
		req, ok := rpc.Command.(*raft.AppendEntriesRequest)
		if r := t.attached(); ok && r != nil && r.State() == raft.Follower && r.CurrentTerm() == req.Term {
			fast(rpc)
			return
		}
		t.pass(rpc)
	})
}

// AppendEntries implements raft.Transport.
func (t *transport) AppendEntries(id raft.ServerID, target raft.ServerAddress, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	if err := t.hold(args); err != nil {
		return err
	}
	err := t.NetworkTransport.AppendEntries(id, target, args, resp)
	if err == nil {
		t.teller.acked(id, target, args, resp)
	}
	return err
}

// hold keeps a commit to this server that is not on its own disk yet: Raft
// counted it among those that have the entry. While the disk hangs it keeps all.
func (t *transport) hold(q *raft.AppendEntriesRequest) error {
	if t.silent.Load() {
		return errDiskHangs
	}
	q.LeaderCommitIndex = min(q.LeaderCommitIndex, t.durable())
	return nil
}

// AppendEntriesPipeline implements raft.Transport.
func (t *transport) AppendEntriesPipeline(id raft.ServerID, target raft.ServerAddress) (raft.AppendPipeline, error) {
	inner, err := t.NetworkTransport.AppendEntriesPipeline(id, target)
	if err != nil {
		return nil, err
	}
	p := &pipeline{AppendPipeline: inner, hold: t.hold, out: make(chan raft.AppendFuture), stop: make(chan struct{})}
	t.done.Go(func() {
		for {
			select {
			case f := <-inner.Consumer():
				if f.Error() == nil {
					t.teller.acked(id, target, f.Request(), f.Response())
				}
				select {
				case p.out <- f:
				case <-p.stop:
					return
				}
			case <-p.stop:
				return
			}
		}
	})
	return p, nil
}

type pipeline struct {
	raft.AppendPipeline
	hold func(*raft.AppendEntriesRequest) error
	out  chan raft.AppendFuture
	stop chan struct{}
	once sync.Once
}

// AppendEntries implements raft.AppendPipeline.
func (p *pipeline) AppendEntries(q *raft.AppendEntriesRequest, r *raft.AppendEntriesResponse) (raft.AppendFuture, error) {
	if err := p.hold(q); err != nil {
		return nil, err
	}
	return p.AppendPipeline.AppendEntries(q, r)
}

// Consumer implements raft.AppendPipeline.
func (p *pipeline) Consumer() <-chan raft.AppendFuture { return p.out }

// Close implements raft.AppendPipeline.
func (p *pipeline) Close() error {
	p.once.Do(func() { close(p.stop) })
	return p.AppendPipeline.Close()
}

// Close implements raft.WithClose. It does not wait for goroutines that may
// be inside Raft: drain does.
func (t *transport) Close() error {
	var err error
	t.once.Do(func() {
		close(t.stop)
		t.teller.close()
		err = errors.Join(t.NetworkTransport.Close(), t.streams.Close())
		if errors.Is(err, net.ErrClosed) {
			err = nil
		}
	})
	return err
}

// drain waits for the goroutines of the transport, once Raft has ended.
func (t *transport) drain() { t.done.Wait() }

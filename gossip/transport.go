package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

const (
	// queueDepth is how many packets wait for one peer before new ones are
	// dropped. Gossip repeats itself, so dropping is the right kind of wrong.
	queueDepth = 256

	helloTimeout = 5 * time.Second
	dialTimeout  = 3 * time.Second
	writeTimeout = 2 * time.Second
	// idleTimeout ends a packet connection on which nothing arrives.
	idleTimeout = 60 * time.Second
	// streamLifetime ends a stream whoever forgot to close it.
	streamLifetime = 30 * time.Second

	// maxServed bounds the connections one peer may have open to this node:
	// one of packets, the one it is being replaced by, streams and pulls.
	maxServed = 8
)

var (
	errClosed  = errors.New("gossip is closed")
	errUnknown = errors.New("not a member of this mesh")
)

// transport is memberlist's network: one pooled connection with a queue and a
// writer per peer for packets, and a connection each for streams and pulls.
// mu guards the map of peers and the set of connections; each peer has a lock
// of its own, taken after mu or without it.
type transport struct {
	self, label string
	dialPeer    func(ctx context.Context, nodeID string) (net.Conn, error)
	known       func(nodeID string) bool
	servePull   func(nodeID string, c net.Conn) error
	log         *slog.Logger
	count       *counters

	packets chan *memberlist.Packet
	streams chan net.Conn

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup // goroutines the transport started

	mu     sync.Mutex
	closed bool
	peers  map[string]*peer
	conns  map[net.Conn]struct{} // everything to cut at shutdown
}

var _ memberlist.NodeAwareTransport = (*transport)(nil)

func newTransport(cfg *Config, log *slog.Logger, count *counters) *transport {
	ctx, cancel := context.WithCancel(context.Background())
	return &transport{
		self: cfg.NodeID, label: cfg.MeshID,
		dialPeer: cfg.Dial, known: cfg.Known,
		log: log, count: count,
		packets: make(chan *memberlist.Packet, queueDepth),
		streams: make(chan net.Conn),
		ctx:     ctx, cancel: cancel,
		peers: make(map[string]*peer),
		conns: make(map[net.Conn]struct{}),
	}
}

// FinalAdvertiseAddr implements memberlist.Transport.
func (t *transport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return pseudoIP(t.self), pseudoPort, nil
}

// WriteTo implements memberlist.Transport. An address says nothing here.
func (t *transport) WriteTo([]byte, string) (time.Time, error) {
	return time.Time{}, errors.New("packets are addressed by node name")
}

// DialTimeout implements memberlist.Transport.
func (t *transport) DialTimeout(string, time.Duration) (net.Conn, error) {
	return nil, errors.New("streams are addressed by node name")
}

// PacketCh implements memberlist.Transport.
func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.packets }

// StreamCh implements memberlist.Transport.
func (t *transport) StreamCh() <-chan net.Conn { return t.streams }

// WriteToAddress implements memberlist.NodeAwareTransport. It only queues: a
// full queue or an unknown name loses the packet, as a network would.
func (t *transport) WriteToAddress(b []byte, to memberlist.Address) (time.Time, error) {
	now := time.Now()
	if len(b) > maxPacket || !t.known(to.Name) {
		t.count.dropped.WithLabelValues("refused").Inc()
		return now, nil
	}
	if p := t.peer(to.Name); p != nil {
		p.send(newFrame(kindPacket, b))
	}
	return now, nil
}

// DialAddressTimeout implements memberlist.NodeAwareTransport.
func (t *transport) DialAddressTimeout(to memberlist.Address, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(t.ctx, min(timeout, dialTimeout))
	defer cancel()
	c, err := t.open(ctx, to.Name, kindStream)
	if err != nil {
		return nil, err
	}
	return t.newStream(c, false), nil
}

func (t *transport) newStream(c net.Conn, accepted bool) *stream {
	var expiry *time.Timer
	s := newStream(c, t.label, accepted, func() {
		expiry.Stop()
		t.release(c)
	})
	expiry = time.AfterFunc(streamLifetime, func() { _ = s.Close() })
	return s
}

// open dials a peer and has the connection accepted for one purpose. The
// caller releases it.
func (t *transport) open(ctx context.Context, nodeID string, k kind) (net.Conn, error) {
	if nodeID == t.self || !t.known(nodeID) {
		return nil, fmt.Errorf("dialling %q: %w", nodeID, errUnknown)
	}
	c, err := t.dialPeer(ctx, nodeID)
	if err != nil {
		return nil, fmt.Errorf("dialling %s: %w", nodeID, err)
	}
	if !t.hold(c) {
		return nil, errClosed
	}
	// A deadline in the past interrupts the greeting when ctx ends.
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	err = t.greet(c, nodeID, k)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = c.SetDeadline(time.Time{})
	}
	if err != nil {
		t.release(c)
		return nil, fmt.Errorf("greeting %s: %w", nodeID, err)
	}
	return c, nil
}

func (t *transport) greet(c net.Conn, nodeID string, k kind) error {
	if err := c.SetDeadline(time.Now().Add(helloTimeout)); err != nil {
		return err
	}
	h := hello{Version: protocolVersion, MeshID: t.label, From: t.self, To: nodeID}
	if _, err := c.Write(newFrame(k, encode(h))); err != nil {
		return err
	}
	return readAnswer(c)
}

// hold takes a connection into the set that Shutdown cuts; it closes the
// connection and says no after Shutdown.
func (t *transport) hold(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		_ = c.Close()
		return false
	}
	t.conns[c] = struct{}{}
	return true
}

func (t *transport) release(c net.Conn) {
	_ = c.Close()
	t.mu.Lock()
	delete(t.conns, c)
	t.mu.Unlock()
}

// serve handles an accepted connection of an authenticated peer and returns
// when it has ended.
func (t *transport) serve(nodeID string, c net.Conn) error {
	if !t.hold(c) {
		return errClosed
	}
	defer t.release(c)
	if nodeID == t.self || !t.known(nodeID) {
		t.count.refused.Inc()
		return errUnknown
	}
	p := t.peer(nodeID)
	if p == nil {
		return errClosed
	}
	defer p.served.Add(-1)
	if p.served.Add(1) > maxServed {
		t.count.refused.Inc()
		return fmt.Errorf("more than %d connections of one peer", maxServed)
	}
	if err := c.SetDeadline(time.Now().Add(helloTimeout)); err != nil {
		return err
	}
	k, h, err := readHello(c)
	if err != nil {
		t.count.refused.Inc()
		return err
	}
	if why := t.objection(nodeID, h); why != "" {
		t.count.refused.Inc()
		return refuse(c, why)
	}
	if k == kindPackets {
		return p.accept(c)
	}
	if _, err := c.Write(newFrame(kindAccept, nil)); err != nil {
		return err
	}
	if k == kindPull {
		return t.servePull(nodeID, c)
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		return err
	}
	s := t.newStream(c, true)
	defer func() { _ = s.Close() }()
	select {
	case t.streams <- s:
	case <-t.ctx.Done():
		return errClosed
	}
	select {
	case <-s.done:
	case <-t.ctx.Done():
	}
	return nil
}

// objection compares what a hello claims with what the connection has proven.
func (t *transport) objection(nodeID string, h hello) string {
	switch {
	case h.Version != protocolVersion:
		return fmt.Sprintf("gossip protocol %d is not spoken here", h.Version)
	case h.MeshID != t.label:
		return "this is another mesh"
	case h.From != nodeID:
		return "the name in the hello is not yours"
	case h.To != t.self:
		return "this is not the node you want"
	}
	return ""
}

func refuse(c net.Conn, why string) error {
	_, err := c.Write(newFrame(kindRefuse, []byte(why)))
	return errors.Join(fmt.Errorf("connection refused: %s", why), err)
}

// peer returns the peer of a known node, or nil after Shutdown.
func (t *transport) peer(nodeID string) *peer {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	p := t.peers[nodeID]
	if p == nil {
		p = newPeer(t, nodeID)
		t.peers[nodeID] = p
		t.wg.Go(p.write)
	}
	return p
}

// wake lets every peer be dialled at once, whatever its last dial came to.
func (t *transport) wake() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.peers {
		p.forgive()
	}
}

// forgetUnknown cuts and forgets the peers that are no members any more.
func (t *transport) forgetUnknown() {
	t.mu.Lock()
	var gone []*peer
	for id, p := range t.peers {
		if !t.known(id) {
			gone = append(gone, p)
			delete(t.peers, id)
		}
	}
	t.mu.Unlock()
	for _, p := range gone {
		p.stop()
	}
}

// lastHeard is when the last packet of a node arrived, zero for never.
func (t *transport) lastHeard(nodeID string) time.Time {
	t.mu.Lock()
	p := t.peers[nodeID]
	t.mu.Unlock()
	if p == nil {
		return time.Time{}
	}
	return p.lastHeard()
}

// flush waits until the packets queued so far have been written.
func (t *transport) flush(deadline <-chan time.Time) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for t.waiting() {
		select {
		case <-tick.C:
		case <-deadline:
			return errors.New("packets were not written in time")
		case <-t.ctx.Done():
			return errClosed
		}
	}
	return nil
}

func (t *transport) waiting() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.peers {
		if p.pending.Load() > 0 {
			return true
		}
	}
	return false
}

// Shutdown implements memberlist.Transport: it cuts every connection. It does
// not wait; that is Close's business.
func (t *transport) Shutdown() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.cancel()
	for c := range t.conns {
		// Closing a TLS connection writes to it, and may wait on a dead peer.
		t.wg.Go(func() { _ = c.Close() })
	}
	return nil
}

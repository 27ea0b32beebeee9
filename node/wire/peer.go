package wire

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/meshd/meshd/node/identity"
)

// peer is everything kept of one other node: its links (one, for moments two),
// and how dialling it goes. mu is never held over I/O.
type peer struct {
	port *Port
	id   identity.NodeID

	mu       sync.Mutex
	links    []*link
	current  *link         // the one calls go out on
	crossed  time.Time     // when a second link appeared
	dialling *attempt      // the dial in progress
	arrived  chan struct{} // closed when a link appears; nil if nobody waits
	failed   error         // of the last dial; nil after any success
	failures int
	redial   *time.Timer
	used     time.Time // last call
	address  string    // that answered last
}

// attempt is one dial. Who waits for it is told what became of it, though the
// peer may have forgotten that since.
type attempt struct {
	done chan struct{} // closed when it has ended
	err  error         // to be read when it has
}

// PeerState describes the connection to a node.
type PeerState struct {
	ID        identity.NodeID
	Connected bool
	// Address is the network address of the other end, or the one that
	// answered last.
	Address string
	// Dialled says that this node made the connection.
	Dialled bool
	RTT     time.Duration
	// ClockOffset is how far the peer's clock is ahead of ours.
	ClockOffset time.Duration
	Since       time.Time
	// Error says why there is no connection.
	Error error
}

// peerOf finds or makes the peer; it is nil when the port is closed.
func (p *Port) peerOf(id identity.NodeID) *peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	pr := p.peers[id]
	if pr == nil && !p.closing {
		pr = &peer{port: p, id: id}
		p.peers[id] = pr
	}
	return pr
}

// PeerStates describes every node this one has had to do with, by id.
func (p *Port) PeerStates() []PeerState {
	states := make([]PeerState, 0, 8)
	for _, pr := range p.allPeers() {
		states = append(states, pr.state())
	}
	slices.SortFunc(states, func(a, b PeerState) int { return cmp.Compare(a.ID, b.ID) })
	return states
}

func (p *Port) allPeers() []*peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*peer, 0, len(p.peers))
	for _, pr := range p.peers {
		all = append(all, pr)
	}
	return all
}

func (pr *peer) state() PeerState {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	s := PeerState{ID: pr.id, Address: pr.address, Error: pr.failed}
	l := pr.pick()
	if l == nil {
		return s
	}
	s.Connected, s.Since, s.Dialled, s.Error = true, l.since, l.dialled, nil
	s.Address = l.RemoteAddr().String()
	l.mu.Lock()
	s.RTT, s.ClockOffset, _ = l.clock.best()
	l.mu.Unlock()
	return s
}

func (pr *peer) lastAddress() string {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	return pr.address
}

func (pr *peer) answered(address string) {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	pr.address = address
}

// byLower says whether the node with the lower id dialled the link. Both ends
// agree on it, so that they keep the same one of two.
func (pr *peer) byLower(l *link) bool { return l.dialled == (pr.port.id < pr.id) }

// add takes in a new link. Another process at the other end, or the same end
// dialling again, means that older links are dead or given up. Otherwise both
// ends have dialled at once, or one has lost a link the other believes in:
// both links stay until the better one has shown life since.
func (pr *peer) add(l *link) bool {
	var dead []*link
	var crossing []*link
	pr.mu.Lock()
	for _, old := range pr.links {
		switch {
		case old.incarnation == l.incarnation && old.dialled == l.dialled && old.dial > l.dial:
			pr.mu.Unlock() // overtaken on the way by a later dial
			l.end(ErrLost)
			return false
		case old.incarnation != l.incarnation || old.dialled == l.dialled:
			dead = append(dead, old)
		default:
			crossing = append(crossing, old)
		}
	}
	if len(crossing) > 0 {
		pr.crossed = time.Now()
		for _, old := range crossing {
			old.confirmed.Store(false)
		}
	}
	pr.links = append(slices.Clone(crossing), l)
	pr.failed, pr.failures = nil, 0
	if pr.arrived != nil {
		close(pr.arrived)
		pr.arrived = nil
	}
	pr.pick()
	pr.mu.Unlock()
	if !l.session.traffic && l.port.traffic.Load() != nil {
		// It was greeted before HandleTraffic and is known since: nobody else
		// cuts it.
		l.cut()
	}
	for _, old := range dead {
		old.end(ErrLost)
	}
	for _, old := range crossing {
		old.sendPing(time.Now())
	}
	return true
}

// pick chooses the link for new calls; mu is held. Calls in flight keep a
// living link chosen, so that a change of link does not change their order.
func (pr *peer) pick() *link {
	pr.links = slices.DeleteFunc(pr.links, func(l *link) bool { return !l.alive() })
	if len(pr.links) == 0 {
		pr.current = nil
		return nil
	}
	best := pr.links[len(pr.links)-1]
	for _, l := range pr.links {
		if pr.byLower(l) && l.confirmed.Load() {
			best = l
		}
	}
	if c := pr.current; c == nil || !c.alive() || !c.confirmed.Load() || c.idle() {
		pr.current = best
	}
	return pr.current
}

// connected returns a living link. Without one it dials and waits, unless the
// last dial failed: then it fails with that error, as a redial is under way.
func (pr *peer) connected(ctx context.Context) (*link, error) {
	pr.mu.Lock()
	pr.used = time.Now()
	if l := pr.pick(); l != nil {
		pr.mu.Unlock()
		return l, nil
	}
	if pr.failed != nil {
		err := pr.failed
		pr.mu.Unlock()
		return nil, err
	}
	pr.startDial()
	if pr.arrived == nil {
		pr.arrived = make(chan struct{})
	}
	dialling, arrived := pr.dialling, pr.arrived
	pr.mu.Unlock()
	select {
	case <-dialling.done:
	case <-arrived:
	case <-ctx.Done():
		return nil, fmt.Errorf("node %s: waiting for a connection: %w", pr.id.Short(), ctx.Err())
	}
	return pr.outcome(dialling)
}

// outcome is what somebody gets who has waited for a dial, or for a link.
func (pr *peer) outcome(of *attempt) (*link, error) {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	if l := pr.pick(); l != nil {
		return l, nil
	}
	if pr.failed != nil {
		return nil, pr.failed
	}
	select {
	case <-of.done:
		if of.err != nil {
			return nil, of.err
		}
	default:
	}
	return nil, fmt.Errorf("node %s: %w: the connection broke at once", pr.id.Short(), ErrUnreachable)
}

// startDial begins a dial unless one is in progress; mu is held.
func (pr *peer) startDial() {
	if pr.dialling != nil {
		return
	}
	if pr.redial != nil {
		pr.redial.Stop()
		pr.redial = nil
	}
	a := &attempt{done: make(chan struct{})}
	pr.dialling = a
	go func() {
		// start takes the port's lock, which is taken before a peer's.
		if !pr.port.start(func() { pr.dial(a) }) {
			pr.dialEnded(a, ErrClosed)
		}
	}()
}

func (pr *peer) dial(as *attempt) {
	s, a, err := pr.port.dialMember(pr.port.ctx, pr.id, ProtocolPeer)
	if err != nil {
		pr.dialEnded(as, err)
		return
	}
	l := newLink(s, a.Incarnation, pr.port.dials.Load(), a.Traffic)
	added := pr.add(l)
	pr.dialEnded(as, nil)
	if added {
		l.run()
	}
}

func (pr *peer) dialEnded(of *attempt, err error) {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	pr.dialling = nil
	of.err = err
	close(of.done)
	if err == nil || len(pr.links) > 0 {
		return // the other side got through, if we did not
	}
	if pr.failed = err; errors.Is(err, ErrClosed) {
		return
	}
	limits := pr.port.limits
	wait := min(limits.backoff<<min(pr.failures, 16), limits.backoffMax)
	pr.failures++
	pr.schedule(wait)
}

// schedule dials again after about wait; mu is held. A peer nobody has called
// for long, or that is no member any more, is left alone until the next call.
func (pr *peer) schedule(wait time.Duration) {
	if pr.redial != nil {
		pr.redial.Stop()
	}
	wait += rand.N(wait/2 + 1)
	pr.redial = time.AfterFunc(wait, func() {
		_, member := pr.port.trust.ByID(pr.id)
		pr.mu.Lock()
		defer pr.mu.Unlock()
		pr.redial = nil
		switch {
		case len(pr.links) > 0 || pr.port.ctx.Err() != nil:
		case !member || time.Since(pr.used) > pr.port.limits.unused:
			pr.failed, pr.failures = nil, 0
		default:
			pr.startDial()
		}
	})
}

// linkEnded sees to a new connection. The lower id dials first, so that the
// two do not cross each other each time.
func (p *Port) linkEnded(l *link) {
	p.mu.Lock()
	pr, closing := p.peers[l.peer], p.closing
	p.mu.Unlock()
	if pr == nil || closing {
		return
	}
	pr.mu.Lock()
	defer pr.mu.Unlock()
	if pr.pick() == nil && pr.dialling == nil && !pr.used.IsZero() {
		wait := p.limits.backoff
		if p.id > l.peer {
			wait *= 5
		}
		pr.schedule(wait)
	}
}

// forgetBackoff lets the next call dial at once: the roster has changed, and
// with it perhaps the addresses.
func (p *Port) forgetBackoff() {
	for _, pr := range p.allPeers() {
		pr.mu.Lock()
		if pr.failed != nil && pr.dialling == nil {
			pr.failed, pr.failures = nil, 0
			pr.schedule(p.limits.backoff)
		}
		pr.mu.Unlock()
	}
}

// tickPeers drives the links' pings and settles crossed ones.
func (p *Port) tickPeers(now time.Time) {
	for _, pr := range p.allPeers() {
		pr.mu.Lock()
		current := pr.pick()
		links := slices.Clone(pr.links)
		settled := len(links) > 1 && now.Sub(pr.crossed) > p.limits.retire
		idle := len(links) == 0 && pr.dialling == nil && pr.redial == nil
		pr.mu.Unlock()
		for _, l := range links {
			l.tick(now)
			if settled && (!l.confirmed.Load() || (l != current && l.retire())) {
				l.end(ErrLost)
			}
		}
		if idle {
			p.dropStranger(pr)
		}
	}
}

// dropStranger forgets a node that has left the roster.
func (p *Port) dropStranger(pr *peer) {
	if _, member := p.trust.ByID(pr.id); member {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.peers[pr.id] == pr {
		delete(p.peers, pr.id)
	}
}

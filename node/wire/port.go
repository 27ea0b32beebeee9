package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meshd/meshd/node/identity"
)

// Port is a node's end of all connections. Make it with New, give it
// listeners with Serve. All methods are safe for concurrent use.
type Port struct {
	identity *identity.Identity
	id       identity.NodeID
	trust    Trust
	logger   *slog.Logger
	version  string
	clock    func() time.Time
	newer    func(identity.NodeID, uint64)
	budgets  Budgets
	limits   limits
	metrics  *metrics
	meter    *meter
	budget   *budget
	gate     *gate
	tls      *tls.Config
	http     *httpSide

	incarnation uint64
	dials       atomic.Uint64
	revisions   chan shownRevision

	// ctx ends when the port closes; everything the port starts is in group.
	ctx    context.Context
	cancel context.CancelFunc
	group  sync.WaitGroup

	handlers handlers
	raft     raftAcceptor
	gossip   atomic.Pointer[func(identity.NodeID, net.Conn)]
	traffic  atomic.Pointer[func(Carrier) Traffic]
	join     atomic.Pointer[func(context.Context, *JoinConn)]
	joins    chan struct{}

	mu        sync.Mutex
	closing   bool
	sessions  map[*session]struct{}
	listeners map[net.Listener]struct{}
	peers     map[identity.NodeID]*peer
}

type shownRevision struct {
	from     identity.NodeID
	revision uint64
}

// New makes a Port. It dials and serves at once when asked to; it accepts
// nothing before Serve.
func New(config Config) (*Port, error) { return newPort(config, defaultLimits) }

func newPort(config Config, limits limits) (*Port, error) {
	if config.Identity == nil || config.Trust == nil {
		return nil, errors.New("wire: an identity and a trust are needed")
	}
	m, err := newMetrics(config.Registerer)
	if err != nil {
		return nil, fmt.Errorf("wire: registering metrics: %w", err)
	}
	p := &Port{
		identity:    config.Identity,
		id:          config.Identity.ID(),
		trust:       config.Trust,
		logger:      config.Logger,
		version:     config.Version,
		clock:       config.Clock,
		newer:       config.OnNewerRoster,
		budgets:     withDefaults(config.Budgets),
		limits:      limits,
		metrics:     m,
		meter:       &meter{rx: m.rx, tx: m.tx},
		incarnation: uint64(time.Now().UnixNano()),
		revisions:   make(chan shownRevision, 64),
		joins:       make(chan struct{}, limits.joins),
		sessions:    make(map[*session]struct{}),
		listeners:   make(map[net.Listener]struct{}),
		peers:       make(map[identity.NodeID]*peer),
	}
	if p.logger == nil {
		p.logger = slog.New(slog.DiscardHandler)
	}
	if p.clock == nil {
		p.clock = time.Now
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.budget = newBudget(p.budgets, func(reason string) { m.dropped.WithLabelValues(reason).Inc() })
	if err := m.watch(p.budget); err != nil {
		return nil, fmt.Errorf("wire: registering metrics: %w", err)
	}
	p.gate = newGate(p.budgets.Handshakes, p.budget.isKnown)
	clients, _ := p.serverConfigs()
	p.tls = clients
	p.http = newHTTPSide(p, config.HTTP)
	p.group.Add(2)
	go p.housekeeping()
	go p.tellNewer()
	return p, nil
}

func withDefaults(b Budgets) Budgets {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&b.Strangers, 1024)
	def(&b.StrangersPerAddress, 32)
	def(&b.Clients, descriptors()/2)
	def(&b.Handshakes, 4*runtime.GOMAXPROCS(0))
	def(&b.CallsPerPeer, 2048)
	def(&b.CallBytesPerPeer, 64<<20)
	def(&b.QueueBytes, 4<<20)
	return b
}

// Incarnation is what other nodes know this process by: Carrier.Incarnation.
func (p *Port) Incarnation() uint64 { return p.incarnation }

// HandleHTTP sets what serves clients from now on.
func (p *Port) HandleHTTP(h http.Handler) { p.http.set(h) }

// start runs fn on a goroutine that Close waits for, unless the port is
// closing already.
func (p *Port) start(fn func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		return false
	}
	p.group.Go(fn)
	return true
}

func (p *Port) closed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closing
}

// ready says whether somebody would take a connection of the protocol.
func (p *Port) ready(protocol string) bool {
	switch protocol {
	case ProtocolRaft:
		return p.raft.open()
	case ProtocolGossip:
		return p.gossip.Load() != nil
	}
	return true
}

// Close cuts every connection, fails every call and waits, for a few seconds
// at most, until the port's goroutines have ended. An error says that a
// handler did not return in time.
func (p *Port) Close() error {
	p.mu.Lock()
	if p.closing {
		p.mu.Unlock()
		return nil
	}
	p.closing = true
	listeners := make([]net.Listener, 0, len(p.listeners))
	for l := range p.listeners {
		listeners = append(listeners, l)
	}
	p.mu.Unlock()

	// Connections go before contexts: a handler that is cut short must not be
	// able to answer, or its caller would take "unknown" for a refusal.
	for _, s := range p.openSessions(nil) {
		s.cut()
	}
	p.cancel()
	for _, l := range listeners {
		_ = l.Close()
	}
	p.raft.shut()
	p.http.close()
	p.budget.closeAll()

	ended := make(chan struct{})
	go func() {
		p.group.Wait()
		p.http.wait()
		close(ended)
	}()
	defer p.metrics.unregister()
	select {
	case <-ended:
		return nil
	case <-time.After(p.limits.closeWithin):
		return errors.New("wire: a handler did not return after its connection was cut")
	}
}

// housekeeping drives everything that happens by time alone.
func (p *Port) housekeeping() {
	defer p.group.Done()
	tick := time.NewTicker(p.limits.sweep)
	defer tick.Stop()
	var seen uint64
	nextHour := time.Now().Add(time.Hour)
	for {
		select {
		case <-p.ctx.Done():
			return
		case now := <-tick.C:
			if revision := p.trust.Revision(); revision != seen {
				seen = revision
				p.sweepSessions()
				p.forgetBackoff()
			}
			p.tickPeers(now)
			if now.After(nextHour) {
				nextHour = now.Add(time.Hour)
				p.budget.forget(now)
				if err := p.identity.Refresh(); err != nil {
					p.logger.Error("the certificate could not be issued anew", "error", err)
				}
			}
		}
	}
}

// shown notes the roster revision a member has shown. It never blocks; what
// does not fit in the queue is shown again with the next ping.
func (p *Port) shown(from identity.NodeID, revision uint64) {
	if p.newer == nil || revision <= p.trust.Revision() {
		return
	}
	select {
	case p.revisions <- shownRevision{from, revision}:
	default:
	}
}

func (p *Port) tellNewer() {
	defer p.group.Done()
	for {
		select {
		case <-p.ctx.Done():
			return
		case s := <-p.revisions:
			if s.revision > p.trust.Revision() {
				p.newer(s.from, s.revision)
			}
		}
	}
}

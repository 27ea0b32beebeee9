// Package gossip tells every node of a mesh which nodes are alive and what each
// of them offers: memberlist (SWIM) for failure detection, and one versioned
// record a node for its agents, load and external instances.
//
// It decides nothing. Who belongs to the mesh is the roster's word, given as
// Config.Known and Config.Roster; connections come in authenticated and are
// dialled by node id; nothing here knows of certificates, HTTP or Raft. What it
// says is eventually the same at every node and may be seconds old.
//
// It promises that a killed node is failed at all others within ten seconds, a
// returning one alive within ten, that a partition of any length heals by
// itself, that a dead or silent peer delays nobody else, and that every byte
// and every queue is bounded. DESIGN.md says how.
package gossip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/prometheus/client_golang/prometheus"
)

// Config is what a Gossip is opened with.
type Config struct {
	// MeshID keeps meshes apart: 1 to 255 bytes, the same at every node.
	MeshID string
	// NodeID is this node: 1 to 128 bytes without "/".
	NodeID string
	// Self is this node's first record; NodeID, Counter and Instances are set
	// here. Incarnation is the least that its records have, 0 for any.
	Self Record
	// Dial opens a connection on which both sides have proven who they are. It
	// is called from several goroutines, more than once a peer.
	Dial func(ctx context.Context, nodeID string) (net.Conn, error)
	// Known says whether a node is a member of the mesh now, itself included.
	// It is called often and under locks: it must be quick, safe for concurrent
	// use, and must not call back.
	Known func(nodeID string) bool
	// Roster lists the ids of all members, under the same terms.
	Roster func() []string
	// Logger may be nil.
	Logger *slog.Logger
	// Registerer may be nil.
	Registerer prometheus.Registerer
	// OnChange, if set, is called after members or records have changed, on a
	// goroutine of its own, once for any number of changes since the last call.
	OnChange func()
}

// Gossip is one node's part in the mesh's gossip. Safe for concurrent use.
type Gossip struct {
	cfg       Config
	timing    timing
	log       *slog.Logger
	count     *counters
	unmetric  func()
	transport *transport
	list      *memberlist.Memberlist
	queue     *memberlist.TransmitLimitedQueue
	meta      []byte

	ctx        context.Context
	cancel     context.CancelFunc
	kicked     chan struct{}
	changed    chan struct{}
	pullSlots  chan struct{}
	aliveCount atomic.Int32

	// life orders Leave and Close, which memberlist does not.
	life   sync.Mutex
	closed bool

	// mu guards what follows. It is taken inside memberlist's node lock.
	mu       sync.Mutex
	wg       sync.WaitGroup
	stopping bool
	leaving  bool
	self     Record
	table    *table
	seen     map[string]*sighting
	leases   map[string]*lease
	pulling  map[string]bool
	outbid   time.Time
}

// Open joins the gossip of the mesh: it is ready when it returns, and goes on
// to find the other members by itself. Close it.
func Open(cfg Config) (*Gossip, error) { return open(cfg, defaultTiming()) }

func open(cfg Config, tm timing) (*Gossip, error) {
	switch {
	case cfg.MeshID == "" || len(cfg.MeshID) > memberlist.LabelMaxSize:
		return nil, fmt.Errorf("a mesh id of %d bytes", len(cfg.MeshID))
	case cfg.NodeID == "" || len(cfg.NodeID) > maxNodeID || strings.Contains(cfg.NodeID, "/"):
		return nil, fmt.Errorf("a node id %q", cfg.NodeID)
	case cfg.Dial == nil || cfg.Known == nil || cfg.Roster == nil:
		return nil, errors.New("gossip needs Dial, Known and Roster")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	g := &Gossip{
		cfg: cfg, timing: tm, log: cfg.Logger, count: newCounters(),
		kicked: make(chan struct{}, 1), changed: make(chan struct{}, 1),
		pullSlots: make(chan struct{}, pullParallel),
		table:     newTable(),
		seen:      make(map[string]*sighting),
		leases:    make(map[string]*lease),
		pulling:   make(map[string]bool),
	}
	g.queue = &memberlist.TransmitLimitedQueue{
		NumNodes:       func() int { return max(1, int(g.aliveCount.Load())) },
		RetransmitMult: 4,
	}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.self = cfg.Self.clone()
	g.self.NodeID, g.self.Instances = cfg.NodeID, nil
	g.self.Incarnation, g.self.Counter = max(uint64(max(1, time.Now().UnixNano())), cfg.Self.Incarnation), 0
	g.meta = newMeta(&g.self)
	if err := g.publishLocked(); err != nil {
		return nil, err
	}
	var err error
	if g.unmetric, err = register(cfg.Registerer, append(g.count.all, newMembersCollector(g.Members))); err != nil {
		return nil, err
	}
	g.transport = newTransport(&cfg, g.log, g.count)
	g.transport.servePull = g.servePull

	mc := tm.memberlist()
	mc.Name, mc.Label = cfg.NodeID, cfg.MeshID
	mc.Transport = g.transport
	mc.Logger = newMemberlistLogger(g.log)
	d := delegate{g}
	mc.Delegate, mc.Events, mc.Alive, mc.Merge = d, d, d, d
	if g.list, err = memberlist.Create(mc); err != nil {
		g.cancel()
		_ = g.transport.Shutdown()
		g.unmetric()
		return nil, fmt.Errorf("starting memberlist: %w", err)
	}
	g.spawn(g.rejoinLoop)
	g.spawn(g.leaseLoop)
	if cfg.OnChange != nil {
		g.spawn(g.changeLoop)
	}
	return g, nil
}

// spawn runs fn on a goroutine that Close waits for, unless Close has begun.
func (g *Gossip) spawn(fn func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.stopping {
		g.wg.Go(fn)
	}
}

// Serve handles a connection that nodeID opened and was authenticated for. It
// returns when the connection has ended and is closed.
func (g *Gossip) Serve(nodeID string, c net.Conn) {
	if err := g.transport.serve(nodeID, c); err != nil {
		g.log.Debug("gossip connection ended", "peer", nodeID, "error", err)
	}
}

// Update changes this node's record and spreads it; an fn that changes nothing
// costs nothing. Identity, version and instances are not fn's to change. Where
// the result cannot be sent (ErrRecordTooLarge) the record stays as it was.
// fn must not call back.
func (g *Gossip) Update(fn func(*Record)) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.self
	next := g.self.clone()
	fn(&next)
	next = next.clone()
	next.NodeID, next.Instances = before.NodeID, before.Instances
	next.Incarnation, next.Counter = before.Incarnation, before.Counter
	was, err := encodeRecord(&wireRecord{Record: before, Left: g.leaving})
	if err != nil {
		return err
	}
	is, err := encodeRecord(&wireRecord{Record: next, Left: g.leaving})
	if err != nil {
		return err
	}
	if slices.Equal(was, is) {
		return nil
	}
	g.self = next
	if err := g.publishLocked(); err != nil {
		g.self = before
		return err
	}
	return nil
}

// publishLocked makes the next version of this node's record and spreads it.
// Called with mu.
func (g *Gossip) publishLocked() error { return g.publishThenLocked(nil) }

func (g *Gossip) publishThenLocked(finished func()) error {
	next := g.self
	next.Instances = g.ownInstances()
	next.Counter++
	w := &wireRecord{Record: next, Left: g.leaving}
	raw, err := encodeRecord(w)
	if err != nil {
		return err
	}
	g.self = next
	e := &entry{wire: w, raw: raw}
	g.table.put(e)
	g.queue.QueueBroadcast(newBroadcast(e, finished))
	g.notify()
	return nil
}

func (g *Gossip) notify() {
	select {
	case g.changed <- struct{}{}:
	default:
	}
}

func (g *Gossip) changeLoop() {
	for {
		select {
		case <-g.ctx.Done():
			return
		case <-g.changed:
			g.cfg.OnChange()
		}
	}
}

func (g *Gossip) leaseLoop() {
	t := time.NewTicker(g.timing.leaseTick)
	defer t.Stop()
	for {
		select {
		case <-g.ctx.Done():
			return
		case now := <-t.C:
			g.tickLeases(now)
		}
	}
}

// Kick says that the roster has changed, or that the network has: members that
// are not alive are joined at once, and those that are none any more are cut.
func (g *Gossip) Kick() {
	select {
	case g.kicked <- struct{}{}:
	default:
	}
}

package consensus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
	"github.com/hashicorp/raft-wal/types"
	"github.com/prometheus/client_golang/prometheus"
)

// Replica is one server that the roster wants in the Raft configuration.
type Replica struct {
	RaftID string
	// NoVote keeps it a non-voter.
	NoVote bool
	// Leaving says that it hands over what it has and is to be taken out.
	Leaving bool
}

// Peers carries calls to other replicas, addressed by raft id. Calls to one
// peer may run at the same time; the context bounds each.
type Peers interface {
	Call(ctx context.Context, raftID, method string, body []byte) ([]byte, error)
}

// Tracer is implemented by Peers that carry a word about whom a call is for,
// for the logs of both sides.
type Tracer interface {
	// Trace is the word that the context of a proposal brings, or "".
	Trace(ctx context.Context) string
	// WithTrace gives the context of a call the words of what it carries.
	WithTrace(ctx context.Context, words []string) context.Context
}

// Config says how to open a Group.
type Config struct {
	// Dir is the raft directory: log, state, snapshots, raft id, lock.
	Dir string
	// Parts are what the state is made of.
	Parts []Part
	// Listener yields authenticated Raft streams; closed with the Group.
	Listener net.Listener
	// Dial opens a Raft stream to a replica.
	Dial func(ctx context.Context, raftID string) (net.Conn, error)
	// Peers carries the other calls between replicas.
	Peers Peers
	// Replicas returns the wanted configuration. It is called by the leader's
	// loop; nil, or an empty answer, leaves the configuration as it is.
	Replicas func() []Replica
	// WantVoters is the number of voters from three replicas on: 3 (default)
	// or 5.
	WantVoters int
	// Level returns the highest command level that every replica executes; the
	// leader raises the state's level to it. Nil: Level.
	Level func() uint32
	// ClockOffset returns how far the clocks of the peers are ahead of this
	// node's, as their median, and over how many peers. It may be nil.
	ClockOffset func() (offset time.Duration, peers int)
	// Floor is the revision that the parts already know, from a Group of this
	// process before this one. Their observers hear nothing of a state below
	// it, and of the whole of it when it is reached.
	Floor uint64
	// Logger may be nil.
	Logger *slog.Logger
	// HeartbeatTimeout, ElectionTimeout and LeaderLeaseTimeout are Raft's
	// (hashicorp/raft Config); 0 means its defaults of 1 s, 1 s, 0.5 s. All
	// replicas should have the same; Status tells the leader who has not.
	HeartbeatTimeout   time.Duration
	ElectionTimeout    time.Duration
	LeaderLeaseTimeout time.Duration
	// Registerer takes the metrics; may be nil.
	Registerer prometheus.Registerer

	hooks hooks
}

// hooks are the tests' way into a Group.
type hooks struct {
	vfs        types.VFS
	failCommit func() error
	dirty      *atomic.Bool // skip the clean mark at close: a killed process
	otherBoot  bool         // and as if the machine had gone down with it
	health     healthTimes
	snapBytes  uint64
	// step ends the process at a named point by an error.
	step func(point string) error
	now  func() time.Time
	// space stands in for the file system's figures.
	space func() (free, total uint64)
	// beforeRead is called between the steps of a read index, by number.
	beforeRead func(step int)
}

// Group is one node's share of the replicated state. Safe for concurrent use.
type Group struct {
	cfg    Config
	logger *slog.Logger
	origin origin
	stats  *metrics

	dir       *directory
	log       *raftLog
	snapshots *snapshots
	machine   *machine
	transport *transport
	raft      *raft.Raft
	notify    chan bool
	observer  *raft.Observer

	outbox    *outbox
	underway  underway
	coalescer *coalescer
	reads     *readIndex
	clock     *clock
	seats     *seats
	reign     *reign
	diskLow   atomic.Bool
	opening   opening
	proven    atomic.Bool // the state had, at some time since the open, all that was acknowledged

	ctx       context.Context
	cancel    context.CancelFunc
	raftEnded chan struct{}
	wg        sync.WaitGroup // our goroutines
	raising   atomic.Bool    // an order to raise the command level is on its way
	futures   sync.WaitGroup // waits for Raft's futures: they end with Raft
	closeOnce sync.Once
	closeErr  error
}

var _ State = (*Group)(nil)

// Open starts this node's share of the state. The directory keeps everything;
// an empty one is a replica that waits to be added. A Group that was closed
// may be opened again in the same process. The error wraps ErrLocked,
// ErrLogDamaged or ErrNewer where the caller can act on it.
func Open(cfg Config) (_ *Group, err error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.WantVoters == 0 {
		cfg.WantVoters = 3
	}
	g := &Group{cfg: cfg, logger: cfg.Logger, stats: newMetrics(cfg.Registerer), notify: make(chan bool, 16), raftEnded: make(chan struct{})}
	rand.Read(g.origin[:])
	g.ctx, g.cancel = context.WithCancel(context.Background())
	var undo []func()
	defer func() {
		if err != nil {
			g.cancel()
			for i := len(undo) - 1; i >= 0; i-- {
				undo[i]()
			}
		}
	}()

	library := newLibraryLog(g.logger, "raft")
	if g.dir, err = openDirectory(cfg.Dir); err != nil {
		return nil, err
	}
	undo = append(undo, func() { g.dir.close() })
	if g.machine, err = newMachine(g.dir.path, cfg.Parts, g.logger, g.stats); err != nil {
		return nil, err
	}
	g.machine.failCommit = cfg.hooks.failCommit
	g.machine.prompt = cfg.hooks.failCommit != nil
	g.machine.floor = cfg.Floor
	if cfg.hooks.step != nil {
		g.machine.step = cfg.hooks.step
	}
	if g.log, g.snapshots, err = g.openStores(library); err != nil {
		return nil, err
	}
	undo = append(undo, func() { g.log.close() })
	undo = append(undo, func() {
		if g.machine.file != nil {
			_ = g.machine.drop(false)
			g.machine.file.db.Close()
		}
	})
	before, err := readCurrent(g.dir.path)
	if err != nil {
		return nil, err
	}
	if err = openState(g.dir.path, g.machine, g.log, g.snapshots, cfg.hooks.otherBoot); err != nil {
		return nil, err
	}

	g.clock = &clock{now: time.Now, peers: cfg.ClockOffset}
	if cfg.hooks.now != nil {
		g.clock.now = cfg.hooks.now
	}
	g.machine.scans.halt = g.ctx.Done()
	g.outbox, g.coalescer = newOutbox(), newCoalescer(func() uint32 { return g.machine.state().Level })
	g.reign = newReign(g.ctx)
	g.reads, g.seats = newReadIndex(g), newSeats(g)
	g.machine.resolve = g.resolve
	g.machine.restored = g.resolveRestored
	g.transport = newTransport(newStreams(cfg.Listener, g.dir.id, cfg.Dial), library.Named("net"))
	undo = append(undo, func() { g.transport.Close(); g.transport.drain() })
	g.machine.applying, g.machine.durable = g.tellCommit, g.log.ahead.wait
	g.transport.durable = g.log.ahead.durable.Load
	g.log.raft.Store(true)
	if g.raft, err = raft.NewRaft(g.raftConfig(library), g.machine, g.log, g.log, g.snapshots, g.transport); err != nil {
		return nil, fmt.Errorf("starting raft: %w", err)
	}
	if before.mark == markOpen {
		g.opening.holds(g.machine.state().Applied, g.raft.LastIndex())
	}
	g.transport.attach(g.raft)
	g.coalescer.apply = func(data []byte) raft.ApplyFuture { return g.raft.Apply(data, 0) }
	g.coalescer.stats = g.stats
	g.coalescer.lost = g.resend
	g.coalescer.stamp = func() int64 { return g.clock.stamp(g.machine.state().Time) }
	g.coalescer.ended = g.raftEnded
	g.coalescer.own = func() ack { return ack{g.origin, g.outbox.acked()} }
	if err = g.stats.attach(g); err != nil {
		undo = append(undo, func() { _ = g.raft.Shutdown().Error() })
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	g.start()
	return g, nil
}

func (g *Group) openStores(library *libraryLog) (*raftLog, *snapshots, error) {
	log, err := g.dir.openLog(g.cfg.hooks.vfs, library.Named("log"))
	if err != nil {
		return nil, nil, err
	}
	snaps, err := openSnapshots(g.dir.path, library.Named("snapshot"), g.stats)
	if err != nil {
		log.close()
		return nil, nil, err
	}
	if g.cfg.hooks.step != nil {
		snaps.step = g.cfg.hooks.step
	}
	log.floor = snaps.floor
	log.vfs.setObserver(g.stats.synced)
	return log, snaps, nil
}

func (g *Group) raftConfig(library *libraryLog) *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(g.dir.id)
	c.Logger = library
	c.MaxAppendEntries = maxAppend
	c.NoSnapshotRestoreOnStart = true // openState has done it
	c.NotifyCh = g.notify
	c.ShutdownOnRemove = false
	c.NoLegacyTelemetry = true
	// Snapshots are taken by bytes (snapshotLoop), and the log is kept back to
	// the older snapshot by the log itself.
	c.SnapshotThreshold = 1 << 62
	c.SnapshotInterval = 24 * time.Hour
	c.TrailingLogs = 1
	if g.cfg.HeartbeatTimeout > 0 {
		c.HeartbeatTimeout = g.cfg.HeartbeatTimeout
	}
	if g.cfg.ElectionTimeout > 0 {
		c.ElectionTimeout = g.cfg.ElectionTimeout
	}
	if g.cfg.LeaderLeaseTimeout > 0 {
		c.LeaderLeaseTimeout = g.cfg.LeaderLeaseTimeout
	}
	c.ElectionTimeout = max(c.ElectionTimeout, c.HeartbeatTimeout)
	c.LeaderLeaseTimeout = min(c.LeaderLeaseTimeout, c.HeartbeatTimeout)
	return c
}

func (g *Group) start() {
	observations := make(chan raft.Observation, 16)
	g.observer = raft.NewObserver(observations, false, func(o *raft.Observation) bool {
		_, ok := o.Data.(raft.LeaderObservation)
		return ok
	})
	g.raft.RegisterObserver(g.observer)
	g.wg.Go(func() { g.watchLeadership(observations) })
	if g.machine.rebuilt {
		g.wg.Go(g.prove)
	}
	g.wg.Go(func() { g.coalescer.run(g.ctx.Done(), &g.futures) })
	g.wg.Go(g.dispatch)
	g.wg.Go(g.reads.run)
	g.wg.Go(g.seats.run)
	g.wg.Go(g.snapshotLoop)
	g.wg.Go(g.watchFaults)
	g.wg.Go(g.watchDisk)
	g.wg.Go(g.watchHang)
	g.wg.Go(g.syncLoop)
	g.wg.Go(g.scrubLoop)
	if g.cfg.ClockOffset != nil {
		g.wg.Go(g.watchClock)
	}
	if soleVoter(g.configuration(), g.dir.id) {
		g.transport.stand()
	}
}

// configuration is Raft's latest, committed or not.
func (g *Group) configuration() []raft.Server {
	f := g.raft.GetConfiguration()
	if f.Error() != nil {
		return nil
	}
	return f.Configuration().Servers
}

func soleVoter(servers []raft.Server, id string) bool {
	voters := 0
	self := false
	for _, s := range servers {
		if s.Suffrage == raft.Voter {
			voters++
			self = self || string(s.ID) == id
		}
	}
	return self && voters == 1
}

func (g *Group) leading() bool { return g.raft.State() == raft.Leader }

func (g *Group) leaderID() string {
	_, id := g.raft.LeaderWithID()
	return string(id)
}

// ready says that this node leads and its state has everything of earlier
// terms.
func (g *Group) ready() bool {
	return g.leading() && g.machine.state().Marker == g.raft.CurrentTerm()
}

// tellCommit runs before each batch is applied: followers that hold the
// entries hear of the commit while we apply.
func (g *Group) tellCommit(index uint64) {
	if r := g.transport.attached(); r != nil && r.State() == raft.Leader {
		g.transport.teller.committed(r.CurrentTerm(), min(max(index, r.CommitIndex()), g.log.ahead.durable.Load()))
	}
}

func (g *Group) watchLeadership(observations <-chan raft.Observation) {
	for {
		select {
		case leads := <-g.notify:
			if leads {
				term := g.raft.CurrentTerm()
				g.logger.Info("this node leads", "term", term)
				future := g.order(sysMarker, term)
				g.futures.Go(func() { _ = future.Error() })
			} else {
				g.logger.Info("this node no longer leads")
				g.coalescer.clear()
			}
			if leads && g.machine.broken() != nil {
				g.handOver("the state cannot be written")
			}
			g.resend()
			g.seats.kick()
		case <-observations:
			g.stats.leaderChanged()
			g.reign.next()
			g.outbox.poke()
			g.seats.kick()
		case <-g.ctx.Done():
			return
		}
	}
}

// watchFaults ends what cannot go on: a log that failed ends Raft here, a
// state that failed hands leadership over and stays as a voter with a log.
func (g *Group) watchFaults() {
	select {
	case <-g.log.failed:
	case <-g.machine.faulted:
	case <-g.ctx.Done():
		return
	}
	if g.log.broken() != nil {
		g.logger.Error("the log has failed, this node stops taking part until it is reopened", "error", g.log.err)
		g.machine.fail(g.log.broken())
		g.raft.Shutdown()
	} else {
		g.handOver("the state cannot be written")
	}
	g.outbox.fail(ErrStateFault, false)
	g.outbox.poke()
}

// Failed returns a channel that is closed when this Group can no longer take
// writes (Status().Fault says why). Stale reads go on; Close and Open again.
func (g *Group) Failed() <-chan struct{} { return g.machine.faulted }

// Close ends this node's share within ten seconds, whatever hangs. A leader
// hands over first where another voter answers.
func (g *Group) Close() error {
	g.closeOnce.Do(func() { g.closeErr = g.close() })
	return g.closeErr
}

func (g *Group) close() error {
	dirty := g.cfg.hooks.dirty != nil && g.cfg.hooks.dirty.Load()
	if g.leading() && !dirty && len(g.configuration()) > 1 {
		within(time.Second, func() { _ = g.transfer("") })
	}
	g.cancel()
	g.outbox.fail(ErrClosed, true)
	g.raft.DeregisterObserver(g.observer)
	g.stats.detach()
	var errs []error
	g.transport.Close()
	if !within(5*time.Second, func() { _ = g.raft.Shutdown().Error() }) {
		// Something inside Raft hangs: what it may still touch stays open and
		// locked, and the next open of the directory says so.
		return errors.New("raft did not stop within 5 s, its files stay open")
	}
	close(g.raftEnded)
	g.machine.changed.wake() // who waits for a change asks again, elsewhere
	g.machine.moved.wake()
	if !within(3*time.Second, func() { g.wg.Wait(); g.transport.drain(); g.futures.Wait(); g.machine.closing.Wait() }) {
		errs = append(errs, errors.New("some goroutines of consensus did not end within 3 s"))
	}
	if err := g.log.close(); err != nil {
		errs = append(errs, fmt.Errorf("closing the log: %w", err))
	}
	if err := g.machine.close(!dirty); err != nil {
		errs = append(errs, err)
	}
	if err := g.dir.close(); err != nil {
		errs = append(errs, fmt.Errorf("releasing the lock: %w", err))
	}
	return errors.Join(errs...)
}

// within runs fn and says whether it ended in time.
func within(d time.Duration, fn func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}

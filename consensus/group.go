package consensus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

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
	if err = g.makeMachine(); err != nil {
		return nil, err
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

	g.assemble(library)
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
	g.attachCoalescer()
	if err = g.stats.attach(g); err != nil {
		undo = append(undo, func() { _ = g.raft.Shutdown().Error() })
		return nil, fmt.Errorf("registering metrics: %w", err)
	}
	g.start()
	return g, nil
}

// makeMachine makes the machine, which has no state yet.
func (g *Group) makeMachine() (err error) {
	if g.machine, err = newMachine(g.dir.path, g.cfg.Parts, g.logger, g.stats); err != nil {
		return err
	}
	g.machine.failCommit = g.cfg.hooks.failCommit
	g.machine.prompt = g.cfg.hooks.failCommit != nil
	g.machine.floor = g.cfg.Floor
	if g.cfg.hooks.step != nil {
		g.machine.step = g.cfg.hooks.step
	}
	return nil
}

// assemble makes what stands around the machine and its stores, before Raft runs.
func (g *Group) assemble(library *libraryLog) {
	g.clock = &clock{now: time.Now, peers: g.cfg.ClockOffset}
	if g.cfg.hooks.now != nil {
		g.clock.now = g.cfg.hooks.now
	}
	g.machine.scans.halt = g.ctx.Done()
	g.outbox, g.coalescer = newOutbox(), newCoalescer(func() uint32 { return g.machine.state().Level })
	g.reign = newReign(g.ctx)
	g.reads, g.seats = newReadIndex(g), newSeats(g)
	g.machine.resolve = g.resolve
	g.machine.restored = g.resolveRestored
	g.transport = newTransport(newStreams(g.cfg.Listener, g.dir.id, g.cfg.Dial), library.Named("net"))
}

// attachCoalescer lets commands reach Raft, which runs.
func (g *Group) attachCoalescer() {
	g.coalescer.apply = func(data []byte) raft.ApplyFuture { return g.raft.Apply(data, 0) }
	g.coalescer.stats = g.stats
	g.coalescer.lost = g.resend
	g.coalescer.stamp = func() int64 { return g.clock.stamp(g.machine.state().Time) }
	g.coalescer.ended = g.raftEnded
	g.coalescer.own = func() ack { return ack{g.origin, g.outbox.acked()} }
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

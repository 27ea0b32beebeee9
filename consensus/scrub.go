package consensus

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"
)

// Times of a scrub.
const (
	scrubInterval = time.Hour
	// scrubLimit ends a scan that would hold its view for too long.
	scrubLimit = time.Minute
	// scrubWait is how long the leader waits for one replica's answer.
	scrubWait = scrubLimit + 10*time.Second
	// scrubFresh is how old an order to scan may be: those that are replayed
	// are of no use to anybody.
	scrubFresh = 5 * time.Minute
)

// ScrubReport is the comparison of all replicas' states at one entry of the
// log.
type ScrubReport struct {
	Index    uint64 `cbor:"1,keyasint"`
	Revision uint64 `cbor:"2,keyasint"`
	// Hashes has the logical hash of each replica that answered, by raft id.
	Hashes map[string]string `cbor:"3,keyasint"`
	// Silent are replicas that did not scan or did not answer in time.
	Silent []string `cbor:"4,keyasint"`
	// Differ are replicas whose state is not what the majority of the voters
	// has; they have been told so and rebuild theirs.
	Differ []string `cbor:"5,keyasint"`
	// Undecided says that hashes differ and no majority of the voters agrees.
	Undecided bool `cbor:"6,keyasint"`
	// Damaged are replicas that found their state file to be other than they
	// wrote it; they make it anew from their own snapshot and log.
	Damaged []string `cbor:"7,keyasint"`
}

// OK says that every replica answered and all agree.
func (r ScrubReport) OK() bool {
	return len(r.Silent) == 0 && len(r.Differ) == 0 && len(r.Damaged) == 0 && !r.Undecided
}

// scan is one replica's result.
type scan struct {
	ID       uint64   `cbor:"1,keyasint"`
	Index    uint64   `cbor:"2,keyasint"`
	Revision uint64   `cbor:"3,keyasint"`
	Hash     [32]byte `cbor:"4,keyasint"`
	Failed   string   `cbor:"5,keyasint,omitempty"`
	Damaged  bool     `cbor:"6,keyasint,omitempty"`
}

// scans keeps the latest result of this replica.
type scans struct {
	running sync.Mutex // one at a time
	mu      sync.Mutex
	last    scan
	done    broadcast
	halt    <-chan struct{}
}

func (s *scans) result(id uint64) (scan, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, s.last.ID == id
}

// order begins a scan of the state as it is after the entry that ordered it.
// It is called on the applying goroutine, right after that entry is committed:
// so every replica looks at the same state, though each at its own time, and
// nothing waits for it.
func (m *machine) order(id uint64) {
	if time.Since(time.UnixMilli(m.cur.Time)).Abs() > scrubFresh || !m.scans.running.TryLock() {
		return
	}
	tx, err := m.begin()
	if err != nil {
		m.scans.running.Unlock()
		return
	}
	result := scan{ID: id, Index: m.cur.Applied, Revision: m.cur.Revision}
	m.closing.Go(func() {
		defer m.scans.running.Unlock()
		var err error
		if result.Hash, err = m.hashAll(tx); err != nil {
			result.Failed, result.Damaged = err.Error(), errors.Is(err, ErrStateFault)
		}
		m.scans.mu.Lock()
		m.scans.last = result
		m.scans.mu.Unlock()
		m.scans.done.wake()
	})
}

// hashAll is the logical hash of a view: SHA-256 of every table of the parts
// and of the clients' idempotency keys that is not empty, name by name and key by
// key. Where a pair lies in the file does not matter, nor which tables a program
// has beside those that hold something. It reads all that there is on the way,
// and so also tells a replica without others whether its file is whole.
func (m *machine) hashAll(tx *bbolt.Tx) (sum [32]byte, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer m.salvage(&err)
	defer tx.Rollback()
	names := []Table{tableIdem}
	for _, p := range m.inOrder {
		names = append(names, p.Tables()...)
	}
	slices.Sort(names)
	ts := m.tablesOf(tx, nil)
	h := sha256.New()
	var buf []byte
	end := time.Now().Add(scrubLimit)
	stop := func() error {
		select {
		case <-m.scans.halt:
			return ErrClosed
		default:
		}
		if time.Now().After(end) {
			return ErrViewTooLong
		}
		return nil
	}
	if err := checkView(tx, stop); errors.Is(err, errPages) {
		return sum, m.damaged(err)
	} else if err != nil {
		return sum, err
	}
	n := 0
	for _, t := range names {
		b := ts.table(t)
		if b == nil {
			continue
		}
		c := b.cursor()
		k, v := c.first()
		if k != nil {
			h.Write(appendBytes([]byte{'T'}, t))
		}
		for ; k != nil; k, v = c.next() {
			buf = append(buf[:0], 'K')
			buf = appendBytes(appendBytes(buf, k), v)
			h.Write(buf)
			if n++; n%1024 != 0 {
				continue
			}
			if err := stop(); err != nil {
				return sum, err
			}
		}
	}
	h.Sum(sum[:0])
	return sum, nil
}

// Scrub compares the states of all replicas at one entry, by order of the
// leader, whom this node asks if it does not lead. A replica that differs from
// what the majority of the voters has is told, fails with ErrStateDiffers and
// must be given a new seat. It takes as long as the slowest scan, a minute at
// most.
func (g *Group) Scrub(ctx context.Context) (ScrubReport, error) {
	leader := g.leaderID()
	switch leader {
	case "":
		return ScrubReport{}, ErrNoLeader
	case g.dir.id:
		return g.lead(ctx)
	}
	var r ScrubReport
	answer, err := g.ask(ctx, leader, methodScrub, nil)
	if err == nil {
		err = Decode(answer, &r)
	}
	return r, err
}

// lead orders a scan and compares what comes.
func (g *Group) lead(ctx context.Context) (ScrubReport, error) {
	ctx, cancel := context.WithTimeout(ctx, scrubWait)
	defer cancel()
	if !g.ready() {
		return ScrubReport{}, errNotReady
	}
	id := rand.Uint64() | 1
	if err := g.order(sysScrub, id).Error(); err != nil {
		return ScrubReport{}, fmt.Errorf("ordering a scrub: %w", err)
	}
	servers := g.configuration()
	results := make([]*scan, len(servers))
	damaged := make([]bool, len(servers))
	var all sync.WaitGroup
	for i, s := range servers {
		all.Go(func() {
			r, err := g.scanOf(ctx, string(s.ID), id)
			if err == nil && r.Failed == "" {
				results[i] = &r
			}
			damaged[i] = r.Damaged
		})
	}
	all.Wait()
	report, right := compare(servers, results)
	for i, s := range servers {
		if damaged[i] {
			report.Damaged = append(report.Damaged, string(s.ID))
			report.Silent = slices.DeleteFunc(report.Silent, func(id string) bool { return id == string(s.ID) })
		}
	}
	for i, s := range servers {
		if slices.Contains(report.Differ, string(s.ID)) {
			g.condemn(ctx, string(s.ID), *results[i], right)
		}
	}
	return report, ctx.Err()
}

// compare is the judgement: a state is right when a majority of the voters has
// it at the same entry.
func compare(servers []raft.Server, results []*scan) (report ScrubReport, right [32]byte) {
	report.Hashes = make(map[string]string)
	votes, voters := make(map[[32]byte]int), 0
	for i, s := range servers {
		if s.Suffrage == raft.Voter {
			voters++
		}
		r := results[i]
		if r == nil {
			report.Silent = append(report.Silent, string(s.ID))
			continue
		}
		report.Index, report.Revision = r.Index, r.Revision
		report.Hashes[string(s.ID)] = hex.EncodeToString(r.Hash[:])
		if s.Suffrage == raft.Voter {
			votes[r.Hash]++
		}
	}
	decided := false
	for hash, n := range votes {
		// With two voters or one, nobody can say who is wrong.
		if n > voters/2 && n > 1 {
			right, decided = hash, true
		}
	}
	for i, s := range servers {
		r := results[i]
		switch {
		case r == nil:
		case !decided:
			report.Undecided = report.Undecided || hex.EncodeToString(r.Hash[:]) != report.Hashes[first(report.Hashes)]
		case r.Hash != right:
			report.Differ = append(report.Differ, string(s.ID))
		}
	}
	return report, right
}

func first(m map[string]string) (low string) {
	for k := range m {
		if low == "" || k < low {
			low = k
		}
	}
	return low
}

// scanOf waits for the result of one replica.
func (g *Group) scanOf(ctx context.Context, server string, id uint64) (r scan, err error) {
	if server == g.dir.id {
		return g.awaitScan(ctx, id)
	}
	answer, err := g.ask(ctx, server, methodScan, binary.AppendUvarint(nil, id))
	if err == nil {
		err = Decode(answer, &r)
	}
	return r, err
}

func (g *Group) awaitScan(ctx context.Context, id uint64) (scan, error) {
	for {
		done := g.machine.scans.done.wait()
		if r, ok := g.machine.scans.result(id); ok {
			return r, nil
		}
		select {
		case <-done:
		case <-g.machine.faulted:
			// Found by the scan, or already by the order to scan.
			if err := g.machine.broken(); errors.Is(err, errRebuild) {
				return scan{ID: id, Failed: err.Error(), Damaged: true}, nil
			}
			return scan{}, ErrStateFault
		case <-ctx.Done():
			return scan{}, ctx.Err()
		case <-g.ctx.Done():
			return scan{}, ErrClosed
		}
	}
}

// condemn tells a replica that its state is wrong.
func (g *Group) condemn(ctx context.Context, server string, r scan, right [32]byte) {
	g.logger.Error("a replica's state differs from that of the majority", "raft_id", server, "index", r.Index, "revision", r.Revision)
	v := verdict{ID: r.ID, Right: right}
	if server == g.dir.id {
		_ = g.takeVerdict(Encode(v))
		return
	}
	if _, err := g.ask(ctx, server, methodVerdict, Encode(v)); err != nil {
		g.logger.Warn("a replica could not be told that its state is wrong", "raft_id", server, "error", err)
	}
}

// verdict is the hash that the majority has.
type verdict struct {
	ID    uint64   `cbor:"1,keyasint"`
	Right [32]byte `cbor:"2,keyasint"`
}

var errNoScan = errors.New("there is no such scan")

// takeVerdict ends a state that is wrong.
func (g *Group) takeVerdict(body []byte) error {
	var v verdict
	if err := Decode(body, &v); err != nil {
		return errBadCall
	}
	r, ok := g.machine.scans.result(v.ID)
	if !ok || r.Failed != "" || r.Hash == v.Right {
		return errNoScan
	}
	g.machine.distrust()
	g.machine.fail(fmt.Errorf("%w at revision %d (entry %d): it has %x, the majority of the voters %x", ErrStateDiffers, r.Revision, r.Index, r.Hash[:8], v.Right[:8]))
	return nil
}

// scrubLoop orders a scrub each hour while this node leads.
func (g *Group) scrubLoop() {
	tick := time.NewTicker(scrubInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-g.ctx.Done():
			return
		}
		if !g.ready() {
			continue
		}
		r, err := g.lead(g.ctx)
		switch {
		case err != nil:
			g.logger.Warn("the states could not be compared", "error", err)
		case r.Undecided:
			g.logger.Error("the states of the replicas differ and no majority agrees", "revision", r.Revision, "hashes", r.Hashes)
		default:
			g.logger.Info("the states were compared", "revision", r.Revision, "replicas", len(r.Hashes), "silent", r.Silent, "differ", r.Differ, "damaged", r.Damaged)
		}
	}
}

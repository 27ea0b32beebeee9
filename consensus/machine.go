package consensus

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// registered is a part with what is known of it.
type registered struct {
	Part
	observer Observer
	tables   map[Table]bool
}

// machine is Raft's state machine: it executes committed entries on the state
// file. The last fields belong to Raft's applying goroutine.
type machine struct {
	dir     string
	logger  *slog.Logger
	parts   map[string]*registered
	inOrder []*registered // as registered: the order observers are called in
	tables  []Table
	stats   *metrics
	// resolve is told of the outcomes of commands, after commit.
	resolve func(o origin, seq uint64, out outcome)
	// restored is called after the state was replaced as a whole, and applying
	// before a batch that ends at the given index.
	restored func()
	applying func(index uint64)
	// durable returns once an entry is on this disk: the state never has one
	// that is not.
	durable func(index uint64) error

	rebuilt bool // at open, from snapshot, log or peers: it may be older than what was served

	mu      sync.RWMutex // guards file against restore; held to begin a transaction
	file    *stateFile
	closing sync.WaitGroup // old files whose views are still running
	stuck   atomic.Bool    // the file's write transaction cannot be ended

	published atomic.Pointer[meta]
	changed   broadcast // the revision rose
	moved     broadcast // the applied index rose

	scans scans

	faultOnce sync.Once
	faulted   chan struct{}
	fault     error

	// of the applying goroutine
	floor   uint64 // observers know this revision; 0 once it is reached
	cur     meta
	seen    uint64 // highest index Raft has handed over since open
	origins origins
	hash    hash.Hash
	framing []byte
	// failCommit is a test's way to a failing disk.
	failCommit func() error
	failSync   func() error
	viewLimit  time.Duration
	step       func(point string) error
}

var (
	_ raft.FSM         = (*machine)(nil)
	_ raft.BatchingFSM = (*machine)(nil)
)

func newMachine(dir string, parts []Part, logger *slog.Logger, stats *metrics) (*machine, error) {
	m := &machine{
		dir: dir, logger: logger, stats: stats,
		parts:     make(map[string]*registered),
		tables:    slices.Clone(sysTables),
		faulted:   make(chan struct{}),
		hash:      sha256.New(),
		resolve:   func(origin, uint64, outcome) {},
		restored:  func() {},
		applying:  func(uint64) {},
		durable:   func(uint64) error { return nil },
		step:      noStep,
		viewLimit: viewLimit,
	}
	owner := make(map[Table]string)
	for _, p := range parts {
		name := p.Name()
		if name == "" || name == sysPart || len(name) > maxPartName || strings.Contains(name, "/") {
			return nil, fmt.Errorf("a part cannot be named %q", name)
		}
		if m.parts[name] != nil {
			return nil, fmt.Errorf("two parts are named %q", name)
		}
		r := &registered{Part: p, tables: make(map[Table]bool)}
		r.observer, _ = p.(Observer)
		for _, t := range p.Tables() {
			if !strings.HasPrefix(string(t), name+"/") {
				return nil, fmt.Errorf("part %q: table %q must begin with %q", name, t, name+"/")
			}
			if owner[t] != "" {
				return nil, fmt.Errorf("part %q: table %q is declared twice", name, t)
			}
			owner[t] = name
			r.tables[t] = true
			m.tables = append(m.tables, t)
		}
		m.parts[name] = r
		m.inOrder = append(m.inOrder, r)
	}
	return m, nil
}

// use puts a state file in force. Called before Raft runs and on the applying
// goroutine.
func (m *machine) use(f *stateFile) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer m.salvage(&err)
	var cur meta
	var known origins
	err = f.db.View(func(tx *bbolt.Tx) (err error) {
		ts := m.tablesOf(tx, nil)
		if cur, err = readMeta(ts); err != nil {
			return err
		}
		if cur.Format > stateFormat || cur.Level > supportedLevel {
			return fmt.Errorf("the state has format %d and level %d, this program knows %d and %d, upgrade this node: %w",
				cur.Format, cur.Level, stateFormat, supportedLevel, ErrNewer)
		}
		return known.load(ts)
	})
	if err != nil {
		return fmt.Errorf("reading the state: %w", err)
	}
	m.mu.Lock()
	old := m.file
	m.file = f
	m.mu.Unlock()
	if old != nil {
		m.closing.Go(func() { // waits for the views that are open
			if !m.stuck.Load() {
				old.db.Close()
			}
			removeStatesBut(m.dir, current{name: nameOf(f)}.name)
		})
	}
	m.cur, m.origins = cur, known
	m.publish()
	if !m.below() {
		m.reset()
	}
	return nil
}

// tablesOf are the tables of a file that was opened for this machine.
func (m *machine) tablesOf(tx *bbolt.Tx, c *content) *tables {
	ts := tablesOf(tx, c)
	ts.must = m.tables
	return ts
}

// below says that observers know more than this state has.
func (m *machine) below() bool {
	if m.cur.Revision >= m.floor {
		m.floor = 0
	}
	return m.floor > 0
}

// reset tells the observers that the state was replaced.
func (m *machine) reset() {
	m.observe(func(r Reader) {
		for _, p := range m.inOrder {
			if p.observer != nil {
				m.guard(p, func() { p.observer.Reset(r) })
			}
		}
	})
}

func (m *machine) publish() {
	cur := m.cur
	m.published.Store(&cur)
}

// state returns the meta record of the last committed batch.
func (m *machine) state() meta { return *m.published.Load() }

// begin opens a read transaction on the file in force.
func (m *machine) begin() (*bbolt.Tx, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.file.db.Begin(false)
}

// view calls fn with a Reader over one read transaction.
func (m *machine) view(fn func(Reader) error) (cur meta, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer m.salvage(&err)
	tx, err := m.begin()
	if err != nil {
		if errors.Is(err, berrors.ErrDatabaseNotOpen) {
			err = ErrClosed
		}
		return meta{}, err
	}
	defer tx.Rollback()
	ts := m.tablesOf(tx, nil)
	if cur, err = readMeta(ts); err != nil {
		return meta{}, err
	}
	r := newTxReader(ts, cur)
	r.until = time.Now().Add(m.viewLimit)
	if err = fn(r); err == nil && r.expired {
		err = ErrViewTooLong
	}
	return cur, err
}

func (m *machine) storeStats() bbolt.Stats {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.file.db.Stats()
}

// fail puts the state into fault mode: the first reason stays.
func (m *machine) fail(err error) {
	m.faultOnce.Do(func() {
		m.fault = err
		close(m.faulted)
		m.logger.Error("the state cannot go on", "error", err)
	})
}

func (m *machine) broken() error {
	select {
	case <-m.faulted:
		return m.fault
	default:
		return nil
	}
}

// Apply implements raft.FSM.
func (m *machine) Apply(l *raft.Log) any { return m.ApplyBatch([]*raft.Log{l})[0] }

// batch is the work of one transaction.
type batch struct {
	reader   *txReader
	changed  map[*registered]bool
	answers  []answer
	entries  int
	commands int
	taken    int    // of the entries handed over
	scan     uint64 // ordered by the last of them: the batch ends there
}

// observed says that a part has changed whose observer wants to see it.
func (b *batch) observed() bool {
	for p := range b.changed {
		if p.observer != nil {
			return true
		}
	}
	return false
}

type answer struct {
	origin origin
	seq    uint64
	out    outcome
}

// ApplyBatch implements raft.BatchingFSM: one transaction for all entries.
// Outcomes reach their proposers by origin and sequence, not by the futures of
// Raft, so that a forwarded command is answered by the node that took it.
func (m *machine) ApplyBatch(logs []*raft.Log) []any {
	responses := make([]any, len(logs))
	last := logs[len(logs)-1].Index
	if err := m.durable(last); err != nil {
		m.fail(err)
	}
	m.applying(last)
	if m.broken() != nil {
		for i := range responses {
			responses[i] = ErrStateFault
		}
		return responses
	}
	for done := 0; done < len(logs); {
		start := time.Now()
		b, err := m.applyBatch(logs[done:])
		if err != nil {
			m.fail(err)
			for i := done; i < len(logs); i++ {
				responses[i] = ErrStateFault
			}
			return responses
		}
		done += b.taken
		m.stats.applied(time.Since(start), b.entries, b.commands)
		if b.scan != 0 {
			m.order(b.scan)
		}
	}
	return responses
}

func (m *machine) applyBatch(logs []*raft.Log) (b *batch, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer m.salvage(&err)
	before := m.cur
	b = &batch{changed: make(map[*registered]bool)}
	tx, err := m.file.db.Begin(true)
	if err != nil {
		return b, fmt.Errorf("beginning a transaction: %w", err)
	}
	defer m.release(tx)
	b.reader = newTxReader(m.tablesOf(tx, &m.cur.Content), m.cur)
	for _, l := range logs {
		if b.scan != 0 {
			break
		}
		b.taken++
		m.seen = max(m.seen, l.Index)
		if l.Index <= m.cur.Applied {
			continue // replayed after a restart, the state has it
		}
		if l.Type == raft.LogCommand {
			if err := m.applyEntry(b, l); err != nil {
				return b, fmt.Errorf("entry %d: %w", l.Index, err)
			}
			b.entries++
		}
		m.cur.Applied, m.cur.Term = l.Index, l.Term
	}
	if m.cur.Applied == before.Applied {
		return b, nil
	}
	if err := b.reader.table(tableMeta).put(keyMeta, Encode(m.cur)); err != nil {
		return b, fmt.Errorf("writing the state's own record: %w", err)
	}
	if m.failCommit != nil {
		if err := m.failCommit(); err != nil {
			return b, fmt.Errorf("committing: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return b, fmt.Errorf("committing: %w", err)
	}
	m.publish()
	switch was := m.floor; {
	case m.below():
	case was > 0:
		m.reset()
	case b.observed():
		m.observe(func(r Reader) {
			for _, p := range m.inOrder {
				if p.observer != nil && b.changed[p] {
					m.guard(p, func() { p.observer.Committed(r) })
				}
			}
		})
	}
	for _, a := range b.answers {
		m.resolve(a.origin, a.seq, a.out)
	}
	m.moved.wake()
	if m.cur.Revision != before.Revision {
		m.changed.wake()
	}
	return b, nil
}

func (m *machine) applyEntry(b *batch, l *raft.Log) error {
	e, err := decodeEntry(l.Data)
	if errors.Is(err, ErrNewer) || (err == nil && e.level > supportedLevel) {
		return fmt.Errorf("level %d, upgrade this node: %w", e.level, ErrNewer)
	}
	if err != nil {
		// Its bytes are what the leader appended, so it is malformed everywhere.
		m.logger.Error("an entry is malformed and was passed over", "index", l.Index)
		return nil
	}
	was := m.cur.Time
	m.cur.Time = max(m.cur.Time, e.stamp)
	b.reader.ms = m.cur.Time
	if was/60_000 != m.cur.Time/60_000 {
		if err := m.origins.sweep(b.reader.tables, m.cur.Time); err != nil {
			return err
		}
	}
	if err := forget(b.reader.tables, &m.cur); err != nil {
		return err
	}
	touched := make([]origin, 0, len(e.acks))
	for _, a := range e.acks {
		if err := m.origins.ack(b.reader.tables, a); err != nil {
			return err
		}
		touched = append(touched, a.origin)
	}
	for _, data := range e.envelopes {
		env, err := decodeEnvelope(data)
		if err != nil {
			m.logger.Error("a command is malformed and was passed over", "index", l.Index)
			continue
		}
		b.commands++
		if env.part == sysPart {
			m.applySystem(b, env.body, l.Term)
			continue
		}
		out, done := m.origins.lookup(env.origin, env.seq)
		if !done {
			if out, err = m.execute(b, &env); err != nil {
				return err
			}
			m.origins.record(env.origin, env.seq, out)
			if !slices.Contains(touched, env.origin) {
				touched = append(touched, env.origin)
			}
		}
		b.answers = append(b.answers, answer{env.origin, env.seq, out})
	}
	return m.origins.flush(b.reader.tables, touched, m.cur.Time)
}

// execute runs one command on its overlay. Its error is a fault of the store;
// whatever the part did is in the outcome.
func (m *machine) execute(b *batch, env *envelope) (outcome, error) {
	refuse := func(r *Refusal) outcome { return outcome{Revision: m.cur.Revision, Refusal: r} }
	p := m.parts[env.part]
	if p == nil {
		return refuse(internal(fmt.Sprintf("there is no part named %q", env.part))), nil
	}
	if env.idem != nil {
		if out, ok, err := recall(b.reader.tables, env.idem); ok || err != nil {
			return out, err
		}
	}
	o := NewOverlay(b.reader)
	result, err := m.run(p, o, Command{
		Body:     env.body,
		Revision: m.cur.Revision + 1,
		Time:     b.reader.Time(),
		Level:    m.cur.Level,
	})
	var writes []Write
	if err == nil {
		writes = o.Writes()
		err = p.check(writes)
	}
	if err != nil {
		var r *Refusal
		if !errors.As(err, &r) {
			m.logger.Error("a command failed inside its part", "part", env.part, "error", err)
			r = internal("the command failed inside the part " + env.part)
		}
		return refuse(r), nil
	}
	if len(writes) > 0 {
		m.cur.Revision++
		b.reader.rev = m.cur.Revision
		b.changed[p] = true
		m.chain(writes)
		for _, w := range writes {
			if err := flush(b.reader, w); err != nil {
				return outcome{}, err
			}
		}
	}
	out := outcome{Revision: m.cur.Revision, Result: slices.Clone(result)}
	if env.idem != nil {
		if err := remember(b.reader.tables, &m.cur, env.idem, out); err != nil {
			return outcome{}, err
		}
	}
	return out, nil
}

func flush(r *txReader, w Write) error {
	t := r.table(w.Table)
	if w.Deleted {
		return t.delete(w.Key)
	}
	return t.put(w.Key, w.Value)
}

// run catches a panic: one poison command must not put every node into a crash
// loop.
func (m *machine) run(p *registered, w Writer, c Command) (result []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			stack := debug.Stack()
			if fromStore(v, stack) {
				panic(storePanic{v}) // not the command's doing: other nodes will apply it
			}
			m.stats.poison()
			m.logger.Error("a part panicked", "part", p.Name(), "panic", fmt.Sprint(v), "stack", string(stack))
			result, err = nil, internal("the command broke the part "+p.Name())
		}
	}()
	return p.Apply(w, c)
}

// check refuses writes that the store could not take or that are not the
// part's to make.
func (p *registered) check(writes []Write) error {
	for _, w := range writes {
		switch {
		case !p.tables[w.Table]:
			return internal(fmt.Sprintf("the part %s wrote to the table %s", p.Name(), w.Table))
		case len(w.Key) == 0 || len(w.Key) > maxKey:
			return internal(fmt.Sprintf("the part %s wrote a key of %d bytes", p.Name(), len(w.Key)))
		case len(w.Value) > maxValue:
			return internal(fmt.Sprintf("the part %s wrote a value of %d bytes", p.Name(), len(w.Value)))
		}
	}
	return nil
}

// chain extends the rolling hash: SHA-256(previous, revision, writes). Equal
// hashes at equal revisions prove equal effects on all nodes.
func (m *machine) chain(writes []Write) {
	b := append(m.framing[:0], m.cur.Hash[:]...)
	b = binary.AppendUvarint(b, m.cur.Revision)
	for _, w := range writes {
		b = appendBytes(b, w.Table)
		b = appendBytes(b, w.Key)
		if w.Deleted {
			b = append(b, 0)
		} else {
			b = append(b, 1)
			b = appendBytes(b, w.Value)
		}
	}
	m.framing = b[:0]
	m.hash.Reset()
	m.hash.Write(b)
	m.hash.Sum(m.cur.Hash[:0])
}

// observe calls fn with a view of what has just been committed.
func (m *machine) observe(fn func(Reader)) {
	if _, err := m.view(func(r Reader) error { fn(r); return nil }); err != nil {
		m.fail(fmt.Errorf("reading the state back: %w", err))
	}
}

func (m *machine) guard(p *registered, fn func()) {
	defer func() {
		if v := recover(); v != nil {
			stack := debug.Stack()
			if fromStore(v, stack) {
				panic(storePanic{v})
			}
			m.stats.poison()
			m.logger.Error("an observer panicked", "part", p.Name(), "panic", fmt.Sprint(v), "stack", string(stack))
		}
	}()
	fn()
}

package consensus

import (
	"crypto/sha256"
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
)

// registered is a part with what is known of it.
type registered struct {
	Part
	observer Observer
	listener Listener
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
	// resolve is told of the outcomes of applied commands, and says whether
	// somebody at this node has waited for it.
	resolve func(o origin, seq uint64, out outcome) bool
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

	published atomic.Pointer[meta] // of what is applied
	changed   broadcast            // the revision rose
	moved     broadcast            // the applied index rose

	scans scans

	faultOnce sync.Once
	faulted   chan struct{}
	fault     error

	// of the applying goroutine
	unsettled
	floor   uint64 // observers know this revision; 0 once it is reached
	cur     meta
	seen    uint64 // highest index Raft has handed over since open
	origins origins
	hash    hash.Hash
	framing []byte
	overlay Overlay // of the command that is executed
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
		resolve:   func(origin, uint64, outcome) bool { return false },
		restored:  func() {},
		applying:  func(uint64) {},
		durable:   func(uint64) error { return nil },
		step:      noStep,
		viewLimit: viewLimit,
	}
	m.memory = make(memory)
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
		r.listener, _ = p.(Listener)
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
		if cur.Format > stateFormat || cur.Level > Level {
			return fmt.Errorf("the state has format %d and level %d, this program knows %d and %d, upgrade this node: %w",
				cur.Format, cur.Level, stateFormat, Level, ErrNewer)
		}
		return known.load(ts)
	})
	if err != nil {
		return fmt.Errorf("reading the state: %w", err)
	}
	if err := m.settle(); err != nil {
		return err
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
	m.committed = cur
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

func (m *machine) publish() {
	cur := m.cur
	m.published.Store(&cur)
}

// state returns the meta record of the last applied batch.
func (m *machine) state() meta { return *m.published.Load() }

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

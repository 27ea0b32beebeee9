package consensus

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
)

// The log is what makes an entry durable; the state file is a cache of it. So
// proposers are answered when their command is applied, and a transaction of the
// file stays open for the entries that follow: bbolt writes every page that was
// touched, and its own, once a transaction. Whoever wants to look ends it first.
const (
	// settleTime is how long a transaction stays open.
	settleTime = 30 * time.Millisecond
	// settleBytes of entries end it before.
	settleBytes = 2 << 20
	// settleWrites end it too: bbolt divides pages when a transaction ends, and
	// until then what is put into one grows with the square of what is in it. A
	// short entry may say much.
	settleWrites = 50_000
	// lookedTime is how long after a view transactions are ended with each
	// batch, so that those who read while others write need not wait for an
	// apply.
	lookedTime = 20 * time.Millisecond
)

// unsettled is the write transaction that is open, if there is one.
type unsettled struct {
	turn sync.Mutex // held to apply, and to end the transaction
	tx   *bbolt.Tx
	open *txReader
	// memory is of the tables in a transaction.
	memory memory
	// bytes of entries in the transaction, and what they have written.
	bytes, writes int
	timer         *time.Timer
	// committed is what views see, and promised the highest revision that
	// somebody at this node was answered with.
	committed meta
	promised  uint64

	owing  atomic.Bool  // something was applied that is not committed
	short  atomic.Bool  // and will not be: the transaction failed
	looked atomic.Int64 // when a view was last begun, unix ns
	// prompt ends each transaction with its batch: a test's way.
	prompt bool
}

// write returns the reader of the open transaction. It needs turn. After a fault
// there is no other transaction: what the last one lost is counted as applied,
// and the store may not have let go of it.
func (m *machine) write() (*txReader, error) {
	if err := m.broken(); err != nil {
		return nil, err
	}
	if m.tx == nil {
		tx, err := m.file.db.Begin(true)
		if err != nil {
			return nil, fmt.Errorf("beginning a transaction: %w", err)
		}
		ts := m.tablesOf(tx, &m.cur.Content)
		ts.memory = m.memory
		m.tx, m.open, m.bytes, m.writes = tx, newTxReader(ts, m.cur), 0, 0
	}
	m.open.rev, m.open.ms = m.cur.Revision, m.cur.Time
	return m.open, nil
}

// now says that the transaction should end with this batch. It needs turn.
func (m *machine) now() bool {
	return m.prompt || m.full() || m.cur.Applied == m.committed.Applied ||
		time.Now().UnixNano()-m.looked.Load() < int64(lookedTime)
}

// full says that the transaction should take no further entry. It needs turn.
func (m *machine) full() bool { return m.bytes >= settleBytes || m.writes >= settleWrites }

// later leaves the transaction open for a while. It needs turn.
func (m *machine) later() {
	if m.owing.Swap(true) {
		return
	}
	if m.timer == nil {
		m.timer = time.AfterFunc(settleTime, func() { _ = m.settle() })
		return
	}
	m.timer.Reset(settleTime)
}

// commit ends the open transaction. It needs turn, and abandon behind it.
func (m *machine) commit() error {
	tx := m.tx
	if tx == nil {
		return nil
	}
	if m.cur.Applied == m.committed.Applied {
		m.tx, m.open = nil, nil
		return tx.Rollback()
	}
	if err := m.open.table(tableMeta).put(keyMeta, Encode(m.cur)); err != nil {
		return fmt.Errorf("writing the state's own record: %w", err)
	}
	if m.failCommit != nil {
		if err := m.failCommit(); err != nil {
			return fmt.Errorf("committing: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	m.tx, m.open = nil, nil
	m.committed = m.cur
	m.owing.Store(false)
	return nil
}

// abandon, deferred, drops the transaction after an error or a panic. What was
// applied in it is in the log, and comes again when the state is reopened. Until
// then this node says it has what it can show; if it has answered somebody with
// more, it shows nothing. A panic leaves the transaction as it is: to roll back,
// bbolt walks the whole file, and ends the process over what it does not like,
// on a goroutine of its own. The file's descriptor and mapping then stay until
// the process ends.
func (m *machine) abandon(err *error) {
	v := recover()
	if v == nil && *err == nil {
		return
	}
	tx := m.tx
	m.tx, m.open = nil, nil
	switch {
	case v != nil:
		m.stuck.Store(true)
	case tx != nil:
		tx.Rollback()
	}
	if m.promised > m.committed.Revision {
		m.short.Store(true)
	}
	was := m.committed
	m.published.Store(&was)
	m.owing.Store(false)
	if v != nil {
		panic(v)
	}
	m.fail(*err)
}

// settle commits what has been applied. Its error is the machine's fault.
func (m *machine) settle() (err error) {
	m.turn.Lock()
	defer m.turn.Unlock()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer m.salvage(&err)
	defer m.abandon(&err)
	return m.commit()
}

// settleForView makes everything that was applied visible.
func (m *machine) settleForView() error {
	m.looked.Store(time.Now().UnixNano())
	if m.owing.Load() {
		_ = m.settle()
	}
	if m.short.Load() {
		return fmt.Errorf("%w, and lacks what was answered", ErrStateFault)
	}
	return nil
}

// drop ends the open transaction at close: with what was applied, or without,
// as a process does that is killed.
func (m *machine) drop(keep bool) (err error) {
	if keep {
		if err = m.settle(); err == nil {
			return nil
		}
	}
	m.turn.Lock()
	defer m.turn.Unlock()
	if m.timer != nil {
		m.timer.Stop()
	}
	if m.tx != nil && !m.stuck.Load() {
		m.tx.Rollback()
	}
	m.tx, m.open = nil, nil
	m.owing.Store(false)
	return err
}

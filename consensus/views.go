package consensus

import (
	"errors"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// begin opens a read transaction on the file in force. It has everything that
// was applied before it.
func (m *machine) begin() (*bbolt.Tx, error) {
	if err := m.settleForView(); err != nil {
		return nil, err
	}
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

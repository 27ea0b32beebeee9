package graphsync

import (
	"bytes"
	"context"
	"iter"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/meshd/meshd/consensus"
)

// boltState is a consensus.State of one node on bbolt without Raft or fsync:
// what the tables cost on the engine they are made for. consensustest.Local
// moves whole arrays of keys at each write, and cannot show it.
type boltState struct {
	mu  sync.Mutex
	db  *bbolt.DB
	rev uint64
}

func newBolt(t testing.TB) *Service {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(t.TempDir(), "state.db"), 0o600,
		&bbolt.Options{NoSync: true, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType, InitialMmapSize: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, table := range NewPart().Tables() {
			if _, err := tx.CreateBucket([]byte(table)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return NewService(&boltState{db: db})
}

func (b *boltState) Propose(ctx context.Context, p consensus.Proposal) (out consensus.Outcome, err error) {
	if err := ctx.Err(); err != nil {
		return out, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	err = b.db.Update(func(tx *bbolt.Tx) error {
		o := consensus.NewOverlay(boltReader{tx, b.rev})
		result, err := NewPart().Apply(o, consensus.Command{Body: p.Body, Revision: b.rev + 1, Time: time.Now(), Level: consensus.Level})
		if err != nil {
			return err
		}
		for _, w := range o.Writes() {
			bucket := tx.Bucket([]byte(w.Table))
			if w.Deleted {
				err = bucket.Delete(w.Key)
			} else {
				err = bucket.Put(w.Key, w.Value)
			}
			if err != nil {
				return err
			}
		}
		if !o.Empty() {
			b.rev++
		}
		out = consensus.Outcome{Revision: b.rev, Result: result}
		return nil
	})
	return out, err
}

func (b *boltState) View(_ context.Context, _ consensus.ReadOptions, fn func(consensus.Reader) error) (consensus.ReadInfo, error) {
	b.mu.Lock()
	rev := b.rev
	b.mu.Unlock()
	return consensus.ReadInfo{Revision: rev}, b.db.View(func(tx *bbolt.Tx) error { return fn(boltReader{tx, rev}) })
}

// Changed is not told of changes: it looks.
func (b *boltState) Changed(ctx context.Context, rev uint64) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(time.Millisecond); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
			}
			b.mu.Lock()
			now := b.rev
			b.mu.Unlock()
			if now > rev {
				tick.Stop()
				return
			}
		}
	}()
	return done
}

type boltReader struct {
	tx  *bbolt.Tx
	rev uint64
}

func (r boltReader) Get(t consensus.Table, key []byte) []byte {
	return r.tx.Bucket([]byte(t)).Get(key)
}

func (r boltReader) Scan(t consensus.Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		c := r.tx.Bucket([]byte(t)).Cursor()
		for k, v := c.Seek(from); k != nil && (to == nil || bytes.Compare(k, to) < 0); k, v = c.Next() {
			if !yield(k, v) {
				return
			}
		}
	}
}

func (r boltReader) ScanReverse(t consensus.Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		c := r.tx.Bucket([]byte(t)).Cursor()
		var k, v []byte
		if to != nil {
			k, _ = c.Seek(to)
		}
		if k == nil {
			k, v = c.Last()
		} else {
			k, v = c.Prev()
		}
		for ; k != nil && bytes.Compare(k, from) >= 0; k, v = c.Prev() {
			if !yield(k, v) {
				return
			}
		}
	}
}

func (r boltReader) Revision() uint64 { return r.rev }
func (r boltReader) Time() time.Time  { return time.Now() }

package client

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/meshd/meshd/graphsync"
)

// OfflineConfig says what a replica holds, and where.
type OfflineConfig struct {
	// Client reaches the mesh.
	Client *Client
	// Path is the replica's file. It is made if it is not there. A copy of it
	// must not be used beside it: both would be the same client to the mesh.
	Path string
	// Namespace is the one that is replicated, whole.
	Namespace string
}

// Offline is a replica of a namespace: what the mesh had when it was last
// reached, with the writes on top that it has not taken yet. Safe for
// concurrent use; the file is locked against other processes.
type Offline struct {
	client *Client
	db     *bbolt.DB
	ns     string

	syncing sync.Mutex // one catches up at a time

	mu    sync.RWMutex // over what follows, and over changes of the file that readers see
	state storeState
	over  *overlay
}

// lockWait is how long another process may hold the file.
const lockWait = time.Second

// OpenOffline opens a replica. It does not ask the mesh.
func OpenOffline(cfg OfflineConfig) (*Offline, error) {
	if err := graphsync.CheckNamespace(cfg.Namespace); err != nil {
		return nil, err
	}
	if cfg.Client == nil {
		return nil, errors.New("a replica needs a client")
	}
	_, err := os.Stat(cfg.Path)
	fresh := errors.Is(err, os.ErrNotExist)
	db, err := bbolt.Open(cfg.Path, 0o600, &bbolt.Options{Timeout: lockWait, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, fmt.Errorf("opening the replica %s: %w", cfg.Path, err)
	}
	o := &Offline{client: cfg.Client, db: db, ns: cfg.Namespace}
	if err = o.prepare(); err == nil && fresh {
		err = syncDir(filepath.Dir(cfg.Path))
	}
	if err == nil {
		err = o.replay()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the replica %s: %w", cfg.Path, err), db.Close())
	}
	return o, nil
}

// prepare makes what a new file needs, and clears what a death has left.
func (o *Offline) prepare() error {
	return o.db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bktMeta, bktQueue, bktIDs, bktSettled} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		if tx.Bucket(bktMeta).Get(keyState) == nil {
			o.state = storeState{Format: storeFormat, Namespace: o.ns, ClientID: randomID(), NextSeq: 1, Generation: 1}
			if _, err := makeStored(tx, 1); err != nil {
				return err
			}
			return writeState(tx, &o.state)
		}
		var err error
		if o.state, err = readState(tx); err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		switch {
		case o.state.Format != storeFormat:
			return fmt.Errorf("it has the format %d, and this program knows %d: open it with a newer one", o.state.Format, storeFormat)
		case o.state.Namespace != o.ns:
			return fmt.Errorf("it is of the namespace %q: name that one, or another file", o.state.Namespace)
		case tx.Bucket(generation(o.state.Generation)) == nil:
			return ErrDamaged
		}
		return nil
	})
}

// syncDir makes the name of a new file last. Systems that cannot do it do so by
// themselves.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}

func randomID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Close closes the file. What was written stays in it.
func (o *Offline) Close() error {
	o.syncing.Lock()
	defer o.syncing.Unlock()
	return o.db.Close()
}

// replay makes the overlay of the queue. The caller has o.mu, or is alone.
func (o *Offline) replay() error {
	over := newOverlay()
	err := o.db.View(func(tx *bbolt.Tx) error {
		v := view{openStored(tx, o.state.Generation), over}
		return eachPending(tx, 0, func(m *graphsync.Mutation) error {
			if _, err := v.apply(m); err != nil && !misfit(err) {
				return err
			}
			return nil
		})
	})
	if err == nil {
		o.over = over
	}
	return err
}

// misfit says that a mutation does not fit what is there now: the mesh will say
// what it comes to.
func misfit(err error) bool { return errors.Is(err, ErrNotFound) || errors.Is(err, ErrInvalid) }

// eachPending walks the queue behind a seq.
func eachPending(tx *bbolt.Tx, after uint64, do func(*graphsync.Mutation) error) error {
	c := tx.Bucket(bktQueue).Cursor()
	for k, text := c.Seek(number(after + 1)); k != nil; k, text = c.Next() {
		var m graphsync.Mutation
		if err := json.Unmarshal(text, &m); err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if err := do(&m); err != nil {
			return err
		}
	}
	return nil
}

// Batch writes in one Write.
type Batch struct {
	o      *Offline
	v      view
	made   []*graphsync.Mutation
	next   uint64
	now    time.Time
	failed error
}

// Do adds a mutation and returns the id of the thing it is about: for a thing
// that it makes, one that may be used in later mutations at once and for ever.
// Seq, Ref and the other refs, At and BaseRevision are filled in. A mutation
// that does not fit what the replica has is refused.
func (b *Batch) Do(m graphsync.Mutation) (uint64, error) {
	if b.failed != nil {
		return 0, b.failed
	}
	// Who has seen nothing has seen what is before all revisions: none would
	// mean the push's, which may be later.
	m.Seq, m.BaseRevision = b.next, max(b.o.state.Revision, 1)
	m.Ref, m.SourceRef, m.TargetRef, m.NodeRef = 0, 0, 0, 0
	if m.At == nil {
		m.At = &b.now
	}
	if m.IfVersion != 0 {
		return 0, fmt.Errorf("%w: if_version is not for mutations; if_rev is", ErrInvalid)
	}
	id, err := b.v.apply(&m)
	if err != nil {
		if !misfit(err) {
			b.failed = err
		}
		return 0, err
	}
	b.made = append(b.made, &m)
	b.next++
	return id, nil
}

// Write takes the mutations of do, all or none. When it returns they are on the
// disk, are seen by reads, and will take effect in the mesh, in their order and
// once. It does not wait for the mesh. An error of do drops them.
func (o *Offline) Write(do func(*Batch) error) (err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := &Batch{o: o, next: o.state.NextSeq, now: time.Now().UTC().Truncate(time.Millisecond)}
	kept := false
	defer func() { // also where do panics
		b.failed = errors.New("the write is over")
		if !kept && len(b.made) > 0 {
			err = errors.Join(err, o.replay())
		}
	}()
	err = o.commit(func(tx *bbolt.Tx, s *storeState) error {
		b.v = view{openStored(tx, s.Generation), o.over}
		if err := do(b); err != nil {
			return err
		}
		if b.failed != nil {
			return b.failed
		}
		for _, m := range b.made {
			if err := putJSON(tx.Bucket(bktQueue), number(m.Seq), m); err != nil {
				return err
			}
		}
		s.NextSeq = b.next
		return nil
	})
	kept = err == nil
	return err
}

// Do is a Write of one mutation.
func (o *Offline) Do(m graphsync.Mutation) (id uint64, err error) {
	err = o.Write(func(b *Batch) (err error) {
		id, err = b.Do(m)
		return err
	})
	return id, err
}

// Pending is how many mutations the mesh has not answered.
func (o *Offline) Pending() int {
	s := o.current()
	return int(s.NextSeq - 1 - s.Answered)
}

// Revision is the one of the mesh that the replica shows beneath its own
// writes; 0: it has not been filled yet.
func (o *Offline) Revision() uint64 { return o.current().Revision }

// Problem is a mutation that did not go in as it was.
type Problem struct {
	Mutation graphsync.Mutation `json:"mutation"`
	// Result is what the mesh said. Status StatusUnknown says that the mesh has
	// forgotten this client, so that nobody knows whether the mutation took
	// effect.
	Result graphsync.MutationResult `json:"result"`
}

// StatusUnknown is a Problem's status beside those of a push.
const StatusUnknown = "unknown"

// Problems lists the mutations that came to conflict, invalid or unknown, until
// they are dismissed. For a conflict with a conflict_id the mesh keeps the
// record, which Resolve settles.
func (o *Offline) Problems() (out []Problem, err error) {
	err = o.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bktSettled).ForEach(func(_, text []byte) error {
			var p Problem
			if err := json.Unmarshal(text, &p); err != nil {
				return fmt.Errorf("%w: %w", ErrDamaged, err)
			}
			out = append(out, p)
			return nil
		})
	})
	return out, err
}

// Dismiss forgets problems, by the seqs of their mutations.
func (o *Offline) Dismiss(seqs ...uint64) error {
	return o.db.Update(func(tx *bbolt.Tx) error {
		for _, seq := range seqs {
			if err := tx.Bucket(bktSettled).Delete(number(seq)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Resolve settles the conflict of a problem in the mesh, and dismisses it.
func (o *Offline) Resolve(ctx context.Context, p Problem, how graphsync.Resolution) error {
	if p.Result.ConflictID == 0 {
		return fmt.Errorf("%w: no record is kept of it", ErrInvalid)
	}
	if _, err := o.client.Resolve(ctx, o.ns, p.Result.ConflictID, how); err != nil && !IsCode(err, CodeNotFound) {
		return err
	}
	return o.Dismiss(p.Mutation.Seq)
}

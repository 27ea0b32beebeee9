package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"go.etcd.io/bbolt"

	"github.com/meshd/meshd/graphsync"
)

// kinds are what a replica holds.
var kinds = []string{graphsync.EntityNode, graphsync.EntityEdge, graphsync.EntityObservation}

// Report says what catching up came to.
type Report struct {
	// Changes came from the mesh.
	Changes int
	// Snapshots were read: the first time, and where the replica was away for
	// longer than the mesh keeps its changes.
	Snapshots int
	// Pushed mutations were answered: as Applied, Rebased, Duplicate, or as one
	// of the Problems.
	Pushed, Applied, Rebased, Duplicate, Problems int
	// Renewed says that the mesh had forgotten the client.
	Renewed bool
	// Revision is the one that the replica now has.
	Revision uint64
}

// CatchUp brings the replica and the mesh together: what others did is taken
// over, pending mutations are pushed, and what the mesh made of them is taken
// over. It may end early with an error, or by the death of the process, and is
// taken up where it was. Writes during it may wait for the next one.
//
// ErrUnreachable says that the mesh cannot be reached now. A refusal for what
// the caller has to settle first is an *Error: CONFLICTS_FULL, SYNC_DISABLED,
// OTHER_MESH (this is another mesh than the replica's).
func (o *Offline) CatchUp(ctx context.Context) (Report, error) {
	o.syncing.Lock()
	defer o.syncing.Unlock()
	var r Report
	err := o.catchUp(ctx, &r)
	r.Revision = o.Revision()
	return r, err
}

func (o *Offline) catchUp(ctx context.Context, r *Report) error {
	// What may have reached the mesh already is asked for first: until its
	// answer is known, it would be seen twice, as the mesh's and as pending.
	if err := o.push(ctx, r, o.current().Sent); err != nil {
		return err
	}
	if err := o.pull(ctx, r, 0); err != nil {
		return err
	}
	if err := o.push(ctx, r, o.current().NextSeq-1); err != nil {
		return err
	}
	if s := o.current(); s.Answered > s.Dropped {
		return o.pull(ctx, r, s.Barrier)
	}
	return nil
}

// Follow catches up, and does so again whenever the mesh changes or something
// was written here, until ctx ends; that is its error then. When the mesh cannot
// be reached it tries again. Each report is told, and each error that did not
// end it.
func (o *Offline) Follow(ctx context.Context, told func(Report, error)) error {
	const poll, least, most = 20 * time.Second, 250 * time.Millisecond, 30 * time.Second
	pause := least
	for {
		r, err := o.CatchUp(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		told(r, err)
		if err == nil {
			pause = least
			if err = o.wait(ctx, poll); err == nil {
				continue
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		pause = min(2*pause, most)
	}
}

// wait returns when there is something to catch up with. What is written here
// is looked for every second.
func (o *Offline) wait(ctx context.Context, most time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := o.client.Changes(ctx, ChangesQuery{Namespace: o.ns, Kinds: kinds, Since: o.current().Token, Limit: 1, Wait: most})
		done <- err
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			if ctx.Err() != nil || IsCode(err, CodeCompacted) {
				err = nil // the next round sees to it
			}
			return err
		case <-tick.C:
			if o.Pending() > 0 {
				cancel()
			}
		}
	}
}

func (o *Offline) current() storeState {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.state
}

// change changes the file, and what is seen with it at once. Nothing of the
// state is kept where it fails.
func (o *Offline) change(do func(tx *bbolt.Tx, s *storeState) error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.commit(do); err != nil {
		return err
	}
	return o.replay()
}

// pull takes over what changed, up to the present and at least to a revision.
func (o *Offline) pull(ctx context.Context, r *Report, least uint64) error {
	for {
		s := o.current()
		if s.Token == "" || s.Stale {
			if err := o.snapshot(ctx, r, least); err != nil {
				return err
			}
			continue
		}
		page, err := o.client.Changes(ctx, ChangesQuery{Namespace: o.ns, Kinds: kinds, Since: s.Token, MinRevision: least})
		switch {
		case IsCode(err, CodeCompacted):
			err = o.note(func(_ *bbolt.Tx, s *storeState) error {
				s.Stale = true
				return nil
			})
			if err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		case page.Token == "" || page.Revision < s.Revision:
			return fmt.Errorf("the mesh answers with revision %d after %d", page.Revision, s.Revision)
		}
		r.Changes += len(page.Events)
		if err := o.takeOver(ctx, &page); err != nil {
			return err
		}
		if page.UpToDate && page.Revision >= least {
			return nil
		}
	}
}

// takeOver applies a page of changes in one transaction, so that the replica
// always is as the mesh was at one revision.
func (o *Offline) takeOver(ctx context.Context, page *ChangesPage) error {
	// What the events do not bring is read before the file is locked.
	fetched := map[*graphsync.Event]json.RawMessage{}
	for _, e := range page.Events {
		if e.Omitted {
			data, err := o.fetch(ctx, e)
			if err != nil {
				return err
			}
			fetched[e] = data
		}
	}
	if s := o.current(); len(page.Events) == 0 && (s.Answered == s.Dropped || page.Revision < s.Barrier) {
		return o.note(func(_ *bbolt.Tx, s *storeState) error { // nothing that is seen changes
			s.Token, s.Revision = page.Token, page.Revision
			return nil
		})
	}
	return o.change(func(tx *bbolt.Tx, s *storeState) error {
		at := openStored(tx, s.Generation)
		for _, e := range page.Events {
			if err := at.take(e, func(e *graphsync.Event) (json.RawMessage, error) { return fetched[e], nil }); err != nil {
				return err
			}
		}
		s.Token, s.Revision = page.Token, page.Revision
		return dropAnswered(tx, s)
	})
}

// fetch reads what an event left out; nil: it is gone by now, as a later event
// will say.
func (o *Offline) fetch(ctx context.Context, e *graphsync.Event) (data json.RawMessage, err error) {
	path := map[string]string{graphsync.EntityNode: "/graph/nodes/", graphsync.EntityEdge: "/graph/edges/", graphsync.EntityObservation: "/graph/observations/"}[e.EntityType]
	if path == "" || ends(e.Operation) {
		return nil, nil
	}
	q := url.Values{"session_id": {o.ns}, "min_revision": {strconv.FormatUint(e.Revision, 10)}, "as_of": {strconv.FormatUint(e.Revision, 10)}}
	if e.EntityType == graphsync.EntityEdge {
		q.Set("valid_at", "any")
	}
	err = o.client.Do(ctx, Request{Method: http.MethodGet, Path: path + strconv.FormatUint(e.EntityID, 10), Query: q}, &data)
	if IsCode(err, CodeNotFound) {
		return nil, nil
	}
	return data, err
}

// dropAnswered takes mutations out of the queue whose effect has come back.
func dropAnswered(tx *bbolt.Tx, s *storeState) error {
	if s.Revision < s.Barrier {
		return nil
	}
	for seq := s.Dropped + 1; seq <= s.Answered; seq++ {
		if err := tx.Bucket(bktQueue).Delete(number(seq)); err != nil {
			return err
		}
	}
	s.Dropped = s.Answered
	return nil
}

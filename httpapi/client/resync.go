package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"

	"go.etcd.io/bbolt"

	"github.com/meshd/meshd/graphsync"
)

// snapshot reads the whole namespace beside what the replica shows, page by
// page, and puts it in its place with the last one. A death in between costs
// nothing but the page under way.
func (o *Offline) snapshot(ctx context.Context, r *Report, least uint64) error {
	for {
		s := o.current()
		q := SnapshotQuery{Namespace: o.ns, Kinds: kinds, MinRevision: max(least, s.Revision)}
		if s.Coming != nil {
			q.Cursor = s.Coming.Cursor
		}
		page, err := o.client.Snapshot(ctx, q)
		if s.Coming != nil && (IsCode(err, CodeCompacted) || IsCode(err, codeInvalid)) {
			// The lease ended before the snapshot did.
			if err := o.change(func(tx *bbolt.Tx, s *storeState) error {
				s.Coming = nil
				return dropOthers(tx, s)
			}); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if err := o.takePage(&page); err != nil {
			return err
		}
		if page.Token != "" {
			r.Snapshots++
			return nil
		}
	}
}

// codeInvalid refuses a cursor that is no good any more.
const codeInvalid = "INVALID"

func (o *Offline) takePage(page *SnapshotPage) error {
	return o.change(func(tx *bbolt.Tx, s *storeState) error {
		if s.Coming == nil {
			if err := dropOthers(tx, s); err != nil {
				return err
			}
			s.Coming = &coming{Generation: s.Generation + 1, Revision: page.Revision}
		} else {
			was := *s.Coming // the state before may be needed yet
			s.Coming = &was
		}
		to, err := makeStored(tx, s.Coming.Generation)
		for i := range page.Items {
			if err == nil {
				err = to.item(&page.Items[i])
			}
		}
		if err != nil {
			return err
		}
		if s.Coming.Cursor = page.Cursor; page.Token == "" {
			return nil
		}
		s.Generation, s.Token, s.Revision, s.Coming, s.Stale = s.Coming.Generation, page.Token, page.Revision, nil, false
		if err := dropOthers(tx, s); err != nil {
			return err
		}
		return dropAnswered(tx, s)
	})
}

// item takes over a thing of a snapshot.
func (s stored) item(i *graphsync.SnapshotItem) error {
	var kind string
	var id uint64
	var v any
	switch {
	case i.Node != nil:
		kind, id, v = graphsync.EntityNode, i.Node.ID, i.Node
	case i.Edge != nil:
		kind, id, v = graphsync.EntityEdge, i.Edge.ID, i.Edge
	case i.Observation != nil:
		kind, id, v = graphsync.EntityObservation, i.Observation.ID, i.Observation
	default:
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.set(kind, id, text)
}

// dropOthers removes all generations but the one that is shown.
func dropOthers(tx *bbolt.Tx, s *storeState) error {
	var others [][]byte
	if err := tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
		if len(name) == 9 && name[0] == 'g' && binary.BigEndian.Uint64(name[1:]) != s.Generation {
			others = append(others, bytes.Clone(name))
		}
		return nil
	}); err != nil {
		return err
	}
	for _, name := range others {
		if err := tx.DeleteBucket(name); err != nil {
			return err
		}
	}
	return nil
}

package graphsync

import (
	"context"
	"time"

	"github.com/meshd/meshd/consensus"
)

// maxPending bounds the changes that a status counts.
const maxPending = 100_000

// VectorClock counts, by instance, what somebody has seen. The mesh is one
// instance, named by its id, and its counter is the revision: the log is the
// only order in it. Other instances have counters of their own.
type VectorClock struct {
	Versions map[string]uint64 `json:"versions"`
}

// SyncStatus is where a session's graph stands.
type SyncStatus struct {
	GraphConfig
	VectorClock VectorClock
	// PendingChanges counts the changes of the last hour, 100,000 at most.
	PendingChanges int
	Conflicts      uint64 // open
	Revision       uint64
	// OldestRevision is the first that changes may be asked after.
	OldestRevision uint64
	// Token is the present place, for all changes of the graph.
	Token string
}

// Status returns where a session's graph stands.
func (y Sync) Status(ctx context.Context, ro consensus.ReadOptions, session, graph string) (SyncStatus, consensus.ReadInfo, error) {
	var out SyncStatus
	f := WatchFilter{Namespace: GraphNamespace(session, graph)}
	if r := f.check(); r != nil {
		return out, consensus.ReadInfo{}, r
	}
	if r := checkNamespace(session); r != nil {
		return out, consensus.ReadInfo{}, r
	}
	info, err := y.s.read(ctx, ro, func(v *view) error {
		ns := v.namespace(f.Namespace)
		rec, err := v.syncRecord(ns)
		if err != nil {
			return err
		}
		m, err := v.counters()
		if err != nil {
			return err
		}
		now := v.r.Revision()
		out = SyncStatus{GraphConfig: rec.config(session, graph), VectorClock: VectorClock{map[string]uint64{y.mesh: now}},
			Conflicts: v.count(ns, countConflicts, 0), Revision: now, OldestRevision: m.oldest(now), Token: y.token(&f, Position{Revision: now})}
		if ns == 0 {
			return nil
		}
		from := v.positionAt(time.Now().Add(-time.Hour))
		from.Revision = max(from.Revision, out.OldestRevision)
		looked := 0
		for k, val := range v.r.Scan(tLog, from.key(nil), nil) {
			c, ok := readChange(k, val)
			if !ok {
				return errRecord
			}
			if c.ns == ns {
				out.PendingChanges++
			}
			if looked++; looked == maxPending {
				break
			}
		}
		return nil
	})
	return out, info, err
}

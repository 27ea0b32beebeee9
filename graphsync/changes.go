package graphsync

import (
	"context"
	"time"

	"github.com/meshd/meshd/consensus"
)

// maxChanges is how many entries one read of the log looks at, except that a
// revision is never split.
const maxChanges = 10_000

// Change is one entry of the log as the packages above see it: that a thing
// changed in a revision, not what it was or became.
type Change struct {
	Revision  uint64    `json:"revision"`
	Order     uint32    `json:"order" doc:"within the revision, from 0"`
	What      string    `json:"what" enum:"created,updated,deleted,merged,expired,erased,restored"`
	Kind      string    `json:"kind" enum:"node,edge,observation,vector,schema,retention,conflict"`
	SessionID string    `json:"session_id,omitempty"`
	ID        uint64    `json:"id,omitempty"`
	Type      string    `json:"type,omitempty" doc:"of the node or edge; the model of a vector"`
	SourceID  uint64    `json:"source_id,omitempty"`
	TargetID  uint64    `json:"target_id,omitempty" doc:"of an edge; of a merged node, what it is now"`
	NodeID    uint64    `json:"node_id,omitempty" doc:"of an observation or a vector"`
	Author    string    `json:"author,omitempty"`
	Time      time.Time `json:"time"`
}

var deedNames = [...]string{changeCreated: "created", changeUpdated: "updated", changeDeleted: "deleted",
	changeMerged: "merged", changeExpired: "expired", changeErased: "erased", changeRestored: "restored"}

var kindNames = [...]string{kindNode: "node", kindEdge: "edge", kindObservation: "observation",
	kindVector: "vector", kindSchema: "schema", kindRetention: "retention", kindConflict: "conflict"}

// Log returns the changes of whole revisions after one, in order: at least
// those of the next revision that has any, and no more revisions once max
// (0: 10,000, which is the most) is reached. UpTo is the revision up to which
// nothing is left out: where to go on. Oldest is the least that may be asked
// after; below it the answer is COMPACTED, with "oldest" in the details.
func (s *Service) Log(ctx context.Context, ro consensus.ReadOptions, after uint64, max int) (list []Change, upTo, oldest uint64, err error) {
	_, err = s.read(ctx, ro, func(v *view) error {
		raw, to, err := v.changes(after, max)
		if err != nil {
			return err
		}
		m, err := v.counters()
		if err != nil {
			return err
		}
		upTo, oldest = to, m.oldest(v.r.Revision())
		list = make([]Change, len(raw))
		for i := range raw {
			if list[i], err = v.wireChange(&raw[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return list, upTo, oldest, err
}

// changes reads the log after a revision, as Log does.
func (v *view) changes(after uint64, max int) (list []change, upTo uint64, err error) {
	m, err := v.counters()
	if err != nil {
		return nil, 0, err
	}
	now := v.r.Revision()
	if oldest := m.oldest(now); after < oldest {
		return nil, 0, compacted("since", after, oldest)
	}
	if max <= 0 || max > maxChanges {
		max = maxChanges
	}
	if after >= now {
		return nil, after, nil
	}
	last := uint64(0)
	for k, val := range v.r.Scan(tLog, appendLogKey(nil, after+1, 0), nil) {
		c, ok := readChange(k, val)
		if !ok {
			return nil, 0, errRecord
		}
		if len(list) >= max && c.rev != last {
			return list, last, nil
		}
		list, last = append(list, c), c.rev
	}
	return list, now, nil
}

func (v *view) wireChange(c *change) (out Change, err error) {
	out = Change{Revision: c.rev, Order: c.ord, What: deedNames[c.deed], Kind: kindNames[c.kind], ID: c.id, Time: millis(c.at),
		SourceID: c.source, TargetID: c.target, NodeID: c.node}
	symbols := symType
	switch c.kind {
	case kindNode:
		out.TargetID = c.other
	case kindVector:
		symbols, out.ID, out.NodeID = symModel, 0, c.id
	}
	if out.SessionID, err = v.text(symNamespace, c.ns); err != nil {
		return out, err
	}
	if out.Author, err = v.text(symAuthor, c.author); err != nil {
		return out, err
	}
	out.Type, err = v.text(symbols, c.typ)
	return out, err
}

// compacted refuses what is older than what is kept.
func compacted(field string, asked, oldest uint64) *consensus.Refusal {
	r := refuse(CodeCompacted, field, "revision %d is no longer kept: the oldest is %d", asked, oldest)
	r.Details["oldest"] = itoa(oldest)
	return r
}

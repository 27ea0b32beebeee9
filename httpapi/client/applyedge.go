package client

import (
	"fmt"
	"time"

	"github.com/meshd/meshd/graphsync"
)

func (v view) makeEdge(op *graphsync.Op, own uint64, now time.Time) (uint64, error) {
	if op.Type == "" {
		return 0, fmt.Errorf("%w: an edge has a type", ErrInvalid)
	}
	source, err := v.find(op.SourceID, op.Source)
	if err != nil {
		return 0, err
	}
	target, err := v.find(op.TargetID, op.Target)
	if err != nil {
		return 0, err
	}
	e := &graphsync.Edge{ID: own, SourceID: source.ID, TargetID: target.ID, EdgeType: op.Type, Weight: 1, CreatedAt: now}
	if op.Op == graphsync.OpUpsertEdge {
		old, err := v.parallel(op, source.ID, target.ID)
		if err != nil {
			return 0, err
		}
		if old != nil {
			e.ID, e.Version, e.CreatedAt, e.CreatedBy = old.ID, old.Version, old.CreatedAt, old.CreatedBy
		}
	} else if _, err := v.edge(own); err == nil {
		return own, nil
	}
	if len(op.Properties) > 0 {
		e.Properties = object(op.Properties)
	}
	tell(e, op)
	e.UpdatedAt = now
	v.putEdge(e)
	return e.ID, nil
}

// parallel is the edge that an upsert means, nil where there is none.
func (v view) parallel(op *graphsync.Op, source, target uint64) (*graphsync.Edge, error) {
	edges, err := edgesAt(v, source)
	before := op.Parallel
	for _, e := range edges {
		if e.SourceID != source || e.TargetID != target || e.EdgeType != op.Type {
			continue
		}
		if before == 0 {
			return e, nil
		}
		before--
	}
	return nil, err
}

// tell takes over what an operation says of an edge but its properties.
func tell(e *graphsync.Edge, op *graphsync.Op) {
	if op.Weight != nil {
		e.Weight = *op.Weight
	}
	if op.Predicate != nil {
		e.Predicate = *op.Predicate
	}
	provide(&e.Provenance, op)
}

func provide(p *graphsync.Provenance, op *graphsync.Op) {
	if op.ValidFrom != nil {
		p.ValidFrom = moment(op.ValidFrom)
	}
	if op.ValidTo != nil {
		p.ValidTo = moment(op.ValidTo)
	}
	if op.Provenance != nil {
		p.Provenance = *op.Provenance
	}
	if op.Confidence != nil {
		if p.Confidence = op.Confidence; *op.Confidence < 0 {
			p.Confidence = nil
		}
	}
	if op.ExpiresAt != nil {
		p.ExpiresAt = moment(op.ExpiresAt)
	}
}

func (v view) updateEdge(op *graphsync.Op, now time.Time) (uint64, error) {
	e, err := v.edge(op.ID)
	if err != nil {
		return 0, err
	}
	if e.Properties, err = changed(e.Properties, op); err != nil {
		return 0, err
	}
	tell(e, op)
	e.UpdatedAt = now
	v.putEdge(e)
	return e.ID, nil
}

func (v view) deleteEdge(op *graphsync.Op) (uint64, error) {
	if _, err := v.edge(op.ID); err != nil {
		return op.ID, ignored(err)
	}
	v.edges[op.ID] = nil
	return op.ID, nil
}

package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/meshd/meshd/graphsync"
)

// apply does to the view what the mesh is expected to do with a mutation, and
// returns the thing it is about. Where the mutation does not fit what is there,
// the view stays as it is.
//
// It foretells and decides nothing: schemas, single-valued facts and what
// others do are the mesh's to know, and its answer takes the place of this.
func (v view) apply(m *graphsync.Mutation) (uint64, error) {
	op := m.Op
	for _, id := range []*uint64{&op.ID, &op.SourceID, &op.TargetID, &op.NodeID} {
		*id = v.now(*id)
	}
	own := v.idOf(m.Seq)
	if own == 0 {
		own = localID(m.Seq)
	}
	now := time.Time{}
	if m.At != nil {
		now = m.At.UTC()
	}
	id, err := v.do(&op, own, now)
	if err == nil {
		v.made[m.Seq] = id
	}
	return id, err
}

func (v view) do(op *graphsync.Op, own uint64, now time.Time) (uint64, error) {
	switch op.Op {
	case graphsync.OpCreateNode, graphsync.OpUpsertNode:
		return v.makeNode(op, own, now)
	case graphsync.OpUpdateNode:
		return v.updateNode(op, now)
	case graphsync.OpDeleteNode:
		return v.deleteNode(op)
	case graphsync.OpCreateEdge, graphsync.OpUpsertEdge:
		return v.makeEdge(op, own, now)
	case graphsync.OpUpdateEdge:
		return v.updateEdge(op, now)
	case graphsync.OpDeleteEdge:
		return v.deleteEdge(op)
	case graphsync.OpAddObservation:
		return v.addObservation(op, own, now)
	case graphsync.OpDeleteObservation:
		return v.deleteObservation(op)
	case graphsync.OpAddAlias, graphsync.OpRemoveAlias:
		return v.alias(op, now)
	case graphsync.OpMergeNodes:
		return v.mergeNodes(op)
	}
	return 0, fmt.Errorf("%w: %q is no operation that can be pushed", ErrInvalid, op.Op)
}

// ErrInvalid says that a replica refuses a mutation that the mesh would refuse
// too.
var ErrInvalid = errors.New("the mutation is not valid")

// ignored takes an end of what is not there for done.
func ignored(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// moment is a time that an operation gives; the zero one takes it away.
func moment(t *time.Time) *time.Time {
	if t == nil || t.IsZero() {
		return nil
	}
	at := t.UTC()
	return &at
}

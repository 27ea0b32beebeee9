package graphsync

import (
	"github.com/meshd/meshd/consensus"
)

// applyVerb executes the operations that came with levelHistory.
func (t *tx) applyVerb(o *op) (opResult, *consensus.Refusal, error) {
	if o.Kind == 0 || o.Kind > opEraseObservation {
		return opResult{}, refuse(CodeInvalid, "op", "unknown operation %d", o.Kind), nil
	}
	if !t.keeps {
		return opResult{}, refuse(CodeOlderNodes, "op", "a node of the mesh runs software that cannot do this yet: upgrade it first"), nil
	}
	if r := o.checkVerb(); r != nil {
		return opResult{}, r, nil
	}
	switch o.Kind {
	case opAddObservation:
		return t.addObservation(o)
	case opDeleteObservation:
		return t.deleteObservation(o)
	case opAddAlias:
		return t.addAlias(o)
	case opRemoveAlias:
		return t.removeAlias(o)
	case opSetVector:
		return t.setVector(o)
	case opDeleteVector:
		return t.deleteVector(o)
	case opMergeNodes:
		return t.mergeNodes(o)
	case opUndoMerge:
		return t.undoMerge(o)
	case opSetSchema:
		return t.setSchema(o)
	case opEraseNode, opEraseEdge, opEraseObservation:
		return t.erase(o)
	}
	return opResult{}, refuse(CodeInvalid, "op", "unknown operation %d", o.Kind), nil
}

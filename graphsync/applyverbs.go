package graphsync

import (
	"github.com/meshd/meshd/consensus"
)

// applyVerb executes the operations that came with levelHistory, levelSync and
// levelClients.
func (t *tx) applyVerb(o *op) (opResult, *consensus.Refusal, error) {
	if o.Kind == 0 || o.Kind > lastOp {
		return opResult{}, refuse(CodeInvalid, "op", "unknown operation %d", o.Kind), nil
	}
	if !t.keeps || o.Kind > opEraseObservation && t.c.Level < levelSync || o.Kind == opForgetClient && t.c.Level < levelClients {
		return opResult{}, refuseOlder(), nil
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
	case opLease:
		return t.lease(o)
	case opUnlease:
		return t.unlease(o)
	case opConfigureSync:
		return t.configureSync(o)
	case opResolveConflict:
		return t.resolveConflict(o)
	case opForgetClient:
		return t.forgetSyncClient(o)
	}
	return opResult{}, refuse(CodeInvalid, "op", "unknown operation %d", o.Kind), nil
}

package graphsync

import (
	"github.com/meshd/meshd/consensus"
)

// PartName is the name of the graph among the parts of the state.
const PartName = "graph"

// Part is the graph in the replicated state. It holds nothing itself; all it
// knows lies in its tables.
type Part struct{}

var _ consensus.Part = (*Part)(nil)

// NewPart returns the part to register with consensus.
func NewPart() *Part { return &Part{} }

// Name implements consensus.Part.
func (*Part) Name() string { return PartName }

// Tables implements consensus.Part.
func (*Part) Tables() []consensus.Table { return append([]consensus.Table(nil), tables...) }

// Apply implements consensus.Part.
func (*Part) Apply(w consensus.Writer, c consensus.Command) ([]byte, error) {
	cmd, err := decodeCommand(c.Body)
	if err != nil {
		return nil, consensus.Refuse(CodeInvalid, "the graph command cannot be read")
	}
	if len(cmd.Ops) == 0 || len(cmd.Ops) > MaxBatchOps {
		return nil, refuse(CodeTooLarge, "operations", "a command has 1 to %d operations, not %d", MaxBatchOps, len(cmd.Ops))
	}
	t := newTx(w, c, cmd)
	defer t.free()
	if err := t.begin(); err != nil {
		return nil, err
	}
	if err := t.expire(); err != nil {
		return nil, err
	}
	if cmd.Push != nil {
		return t.applyPush()
	}
	res := result{Ops: make([]opResult, len(cmd.Ops))}
	for i := range cmd.Ops {
		done, refusal, err := t.apply(&cmd.Ops[i])
		switch {
		case err != nil:
			return nil, err
		case refusal == nil:
			res.Ops[i] = done
		case cmd.Lenient:
			res.Refusals = append(res.Refusals, opRefusal{i, *refusal})
		case len(cmd.Ops) > 1:
			return nil, inOp(refusal, i)
		default:
			return nil, refusal
		}
	}
	if err := t.end(); err != nil {
		return nil, err
	}
	if cmd.Whole && len(cmd.Ops) == 1 {
		if err := t.whole(&cmd.Ops[0], &res); err != nil {
			return nil, err
		}
	}
	return res.encode(), nil
}

// applyPush applies the operations as a client's mutations.
func (t *tx) applyPush() ([]byte, error) {
	done, err := t.push()
	if err != nil {
		return nil, err
	}
	if err := t.end(); err != nil {
		return nil, err
	}
	return (&result{Ops: []opResult{}, Push: done}).encode(), nil
}

// apply executes one operation. A handler refuses before its first write, so
// that a lenient command may go on after a refusal. An error is not a "no" but
// damage.
func (t *tx) apply(o *op) (opResult, *consensus.Refusal, error) {
	if r := o.check(); r != nil {
		return opResult{}, r, nil
	}
	if !t.keeps && o.Flags >= hasValidFrom {
		return opResult{}, refuseOlder(), nil
	}
	switch o.Kind {
	case opCreateNode:
		return t.createNode(o)
	case opUpdateNode:
		return t.updateNode(o)
	case opDeleteNode:
		return t.deleteNode(o)
	case opDrainNode:
		return t.drainNode(o)
	case opCreateEdge:
		return t.createEdge(o)
	case opUpdateEdge:
		return t.updateEdge(o)
	case opDeleteEdge:
		return t.deleteEdge(o)
	case opSetRetention:
		return t.setRetention(o)
	}
	return t.applyVerb(o)
}

// check is what the tables rely on, whoever made the command.
func (o *op) check() *consensus.Refusal {
	switch {
	case o.has(hasType) && !validType(o.Type):
		return invalid("type", "is not an identifier")
	case len(o.Label) > MaxLabel:
		return invalid("label", "is too long")
	case len(o.name()) > MaxLabel || o.Name != "" && len(o.Name) > maxName:
		return invalid("label", "is too long")
	case len(o.Key) > MaxKey || len(o.Norm) > maxNormKey:
		return invalid("key", "is too long")
	case len(o.SourceKey) > maxNormKey || len(o.TargetKey) > maxNormKey:
		return invalid("key", "is too long")
	case len(o.Predicate) > MaxPredicate:
		return invalid("predicate", "is too long")
	case !goodProps(o.Props):
		return invalid("properties", "is not an object of at most %d bytes", MaxProperties)
	case o.has(hasWeight) && !finite(o.Weight):
		return invalid("weight", "is not a finite number")
	}
	return o.checkTold()
}

// whole adds what the one operation left behind.
func (t *tx) whole(o *op, res *result) error {
	id := res.Ops[0].ID
	if res.Ops[0].Status == deleted || id == 0 {
		return nil
	}
	switch o.Kind {
	case opCreateNode, opUpdateNode, opAddAlias, opRemoveAlias:
		if t.leftID != id { // the operation changed nothing
			ns, ok := t.nodeNamespace(id)
			if !ok {
				return nil
			}
			n, ok, err := t.peek(ns, id)
			if err != nil || !ok {
				return err
			}
			t.left, t.leftIn = n, ns
		}
		w, err := t.wireNode(t.leftIn, id, &t.left)
		if o.has(hasProps) && !o.has(isMerge) {
			w.Props, w.Given = nil, true
		}
		res.Node = &w
		return err
	case opCreateEdge, opUpdateEdge:
		at, e, ok, err := t.edge(id)
		if err != nil || !ok {
			return err
		}
		w, err := t.wireEdge(at, &e)
		res.Edge = &w
		return err
	}
	return nil
}

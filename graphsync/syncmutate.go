package graphsync

import (
	"errors"

	"github.com/meshd/meshd/consensus"
)

// mutateAll applies the mutations that are not known, until one has no room, and
// returns the least revision that any had seen.
func (p *pushing) mutateAll(res *pushResult) (least uint64, err error) {
	least = p.part.Base
	for i := p.first - p.part.First; i < uint64(len(p.cmd.Ops)); i++ {
		p.seq = p.part.First + i
		o, err := p.mutate(int(i))
		if errors.Is(err, errConflictsFull) {
			res.Stopped = CodeConflictsFull
			break
		}
		if errors.Is(err, errCommandFull) {
			break
		}
		if err != nil {
			return 0, err
		}
		p.results = append(p.results, o)
		res.Outcomes = append(res.Outcomes, o)
		least = min(least, p.seen())
	}
	return least, nil
}

// mutate applies the mutation at an index.
func (p *pushing) mutate(i int) (outcome, error) {
	if len(p.results) > 0 && p.work > maxWork {
		return outcome{}, errCommandFull
	}
	p.head, p.op = &p.part.Heads[i], &p.cmd.Ops[i]
	p.base = min(max(p.seen(), p.head.IfRev), p.c.Revision-1)
	if p.head.Code != "" {
		return outcome{Status: pushInvalid, Code: p.head.Code, Field: p.head.Field}, nil
	}
	before := p.cascade
	o, err := asOutcome(p.run())
	if o.Code == CodeTooManyEdges {
		if p.work += maxCascade * keyWork; before > 0 { // alone it may do
			return outcome{}, errCommandFull
		}
	}
	return o, err
}

// keyWork is what a look at one entry counts.
const keyWork = 64

// seen is the revision that the client says it had seen.
func (p *pushing) seen() uint64 {
	if p.head.Base != 0 {
		return p.head.Base
	}
	return p.part.Base
}

// asOutcome turns a refusal into what is answered.
func asOutcome(o outcome, err error) (outcome, error) {
	var no *consensus.Refusal
	if errors.As(err, &no) {
		return outcome{Status: pushInvalid, ID: o.ID, Code: no.Code, Field: no.Details["field"], Message: no.Sentence}, nil
	}
	return o, err
}

// run applies the mutation at hand; a refusal makes it invalid.
func (p *pushing) run() (outcome, error) {
	o := p.op
	if r := o.check(); r != nil {
		return outcome{}, r
	}
	switch o.Kind {
	case opCreateNode:
		return p.putNode()
	case opUpdateNode:
		return p.updateNode()
	case opDeleteNode:
		return p.deleteNode()
	case opCreateEdge:
		return p.putEdge()
	case opUpdateEdge:
		return p.updateEdge()
	case opDeleteEdge:
		return p.deleteEdge()
	}
	checked := *o
	if p.head.Ref != 0 {
		checked.ID = 1 // as it will be given
	}
	if r := checked.checkVerb(); r != nil {
		return outcome{}, r
	}
	switch o.Kind {
	case opAddObservation:
		return p.addObservation()
	case opDeleteObservation:
		return p.deleteObservation()
	case opAddAlias, opRemoveAlias:
		return p.alias()
	case opMergeNodes:
		return p.mergeNodes()
	}
	return outcome{}, refuse(CodeInvalid, "op", "cannot be pushed")
}

// do applies an operation with a handler of online writes.
func (p *pushing) do(handler func(*op) (opResult, *consensus.Refusal, error), o *op, status pushStatus) (outcome, error) {
	res, r, err := handler(o)
	if r != nil {
		return outcome{ID: res.ID}, r
	}
	return outcome{Status: status, ID: res.ID, Version: res.Version}, err
}

// made returns the id of what an earlier mutation made.
func (p *pushing) made(ref uint64, field string) (uint64, error) {
	var o outcome
	ok := false
	switch {
	case ref >= p.seq:
		return 0, invalid(field, "names mutation %d, which is not before %d", ref, p.seq)
	case ref >= p.first:
		o, ok = p.results[ref-p.first], true
	default:
		var err error
		if o, ok, err = p.repeat(ref); err != nil {
			return 0, err
		}
	}
	if !ok {
		return 0, refuse(CodeNotFound, field, "what mutation %d made is no longer known by its number", ref)
	}
	if o.ID == 0 {
		return 0, refuse(CodeNotFound, field, "mutation %d made nothing", ref)
	}
	return o.ID, nil
}

// errOr is a fault if there is one, else the refusal.
func errOr(err error, r *consensus.Refusal) error {
	if err != nil {
		return err
	}
	return r
}

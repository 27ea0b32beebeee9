package graphsync

import (
	"errors"
	"slices"

	"github.com/meshd/meshd/consensus"
)

// maxParallel is how many edges between two nodes are looked at for one that
// says the same.
const maxParallel = 64

// putEdge adds an edge. Edges that say the same are one; others stand beside
// each other, unless the type has one value at a time.
func (p *pushing) putEdge() (outcome, error) {
	o := *p.op
	ns := p.namespace(p.cmd.Namespace)
	source, at, moved, err := p.node(p.head.SourceRef, o.Source, o.SourceKey, "source")
	if err != nil {
		return outcome{}, err
	}
	target, there, also, err := p.node(p.head.TargetRef, o.Target, o.TargetKey, "target")
	if err != nil {
		return outcome{}, err
	}
	o.Source, o.SourceKey, o.Target, o.TargetKey = source, "", target, ""
	p.op = &o
	if at == isGone || there == isGone {
		return p.conflict(clash{reason: reasonDeleted, kind: kindEdge, nodes: []uint64{source, target}})
	}
	status := rebasedIf(moved || also)
	if o.has(isUpsert) {
		if edge, _ := p.parallel(ns, source, o.Type, target, o.Parallel); edge.id != 0 {
			return p.changeEdge(edge, moved || also)
		}
	}
	single, err := p.singleType(ns, o.Type)
	if err != nil {
		return outcome{}, err
	}
	if single && !o.has(hasValidFrom) && p.head.At != 0 {
		o.Flags |= hasValidFrom
		o.ValidFrom = p.head.At
	}
	same, ok, err := p.sameEdge(ns, &o)
	if err != nil || ok {
		return outcome{Status: status, ID: same.id, Version: same.version}, err
	}
	if single && o.has(hasValidFrom) && !p.force && p.policy != policyLast {
		return p.putSingle(ns, &o, status)
	}
	return p.do(p.createEdge, &o, status)
}

type knownEdgeRef struct{ id, version uint64 }

// sameEdge finds an edge that says what the op does.
func (p *pushing) sameEdge(ns nsID, o *op) (found knownEdgeRef, ok bool, err error) {
	sym := p.symbol(symType, o.Type)
	if sym == 0 {
		return found, false, nil
	}
	meant := edgeRecord{Predicate: o.Predicate, Props: storedProps(o.Props)}
	if o.has(hasWeight) {
		meant.setWeight(o.Weight)
	}
	told, r := provenance{}.take(o, true)
	if r != nil {
		return found, false, r
	}
	meant.provenance = told
	sum := meant.sum()
	seen := 0
	prefix := appendSpan(nil, ns, o.Source, sym, o.Target)
	for k, v := range p.r.Scan(tSPO, prefix, after(prefix)) {
		if seen++; seen > maxParallel {
			break
		}
		e, err := decodeEdge(v)
		if err != nil {
			return found, false, err
		}
		if at, ok := parseSPO(k); ok && e.sum() == sum {
			return knownEdgeRef{at.id, e.Version}, true, nil
		}
	}
	return found, false, nil
}

// putSingle adds a fact of a type that has one value at a time. A newer one
// ends the older by when it begins to be so; two that begin together are at
// odds.
func (p *pushing) putSingle(ns nsID, o *op, status pushStatus) (outcome, error) {
	rivals, r, err := p.rivals(ns, o)
	if r != nil || err != nil {
		return outcome{}, errOr(err, r)
	}
	if len(rivals) == 0 {
		return p.do(p.createEdge, o, status)
	}
	c := clash{reason: reasonValidFrom, kind: kindEdge, thing: rivals[0], nodes: []uint64{o.Source, o.Target}, fields: []string{"valid_from"}}
	if p.policy != policyBoth {
		return p.conflict(c)
	}
	if r := p.roomForConflict(); r != nil {
		return outcome{}, r
	}
	out, err := p.do(p.beside, o, status)
	if err != nil {
		return out, err
	}
	c.reason, c.made = reasonKeptBoth, out.ID
	kept, err := p.conflict(c)
	kept.ID, kept.Version = out.ID, out.Version
	return kept, err
}

// rivals are the facts of the op's source and type that begin when it does.
func (p *pushing) rivals(ns nsID, o *op) (ids []uint64, _ *consensus.Refusal, _ error) {
	sym := p.symbol(symType, o.Type)
	if sym == 0 {
		return nil, nil, nil
	}
	prefix := appendSpan(nil, ns, o.Source, sym, 0)
	seen := 0
	for k, v := range p.r.Scan(tSPO, prefix, after(prefix)) {
		if seen++; seen > maxCascade {
			return nil, tooMany(o.Source, "compare"), nil
		}
		p.work += keyWork
		e, err := decodeEdge(v)
		if err != nil {
			return nil, nil, err
		}
		at, ok := parseSPO(k)
		if ok && e.ValidFrom != nil && *e.ValidFrom == o.ValidFrom && (e.ValidTo == nil || *e.ValidTo > o.ValidFrom) {
			ids = append(ids, at.id)
		}
	}
	slices.Sort(ids)
	return ids, nil, nil
}

// beside makes an edge without ending others of a type that has one value at a
// time.
func (p *pushing) beside(o *op) (opResult, *consensus.Refusal, error) {
	p.sideBySide = true
	defer func() { p.sideBySide = false }()
	return p.createEdge(o)
}

func (p *pushing) updateEdge() (outcome, error) {
	at, gone, err := p.edgeNamed()
	if err != nil {
		return outcome{}, err
	}
	if gone {
		return p.conflict(clash{reason: reasonDeleted, kind: kindEdge, thing: at.id, nodes: []uint64{at.source, at.target}})
	}
	return p.changeEdge(at, false)
}

// edgeNamed finds the edge that the mutation names; gone says that it has
// ended.
func (p *pushing) edgeNamed() (at triple, gone bool, err error) {
	id := p.op.ID
	if p.head.Ref != 0 {
		if id, err = p.made(p.head.Ref, "ref"); err != nil {
			return at, false, err
		}
	}
	ns := p.namespace(p.cmd.Namespace)
	at, flags, ok := parseAnyEdge(id, p.w.Get(tEdge, appendID(nil, id)))
	switch {
	case ok && at.ns == ns:
		return at, flags != 0, nil
	case ok:
		return at, false, noEdge(id)
	}
	if _, _, node := p.everNode(id); !node && id != 0 && id < p.meta.NextID {
		return triple{ns: ns, id: id}, true, nil // and forgotten
	}
	return at, false, noEdge(id)
}

func (p *pushing) changeEdge(at triple, moved bool) (outcome, error) {
	cur, ok, err := p.edgeAt(at)
	if err != nil || !ok {
		return outcome{}, errOr(err, noEdge(at.id))
	}
	l, err := p.edgeLineage(at.id, &cur, p.base)
	if err != nil {
		return outcome{}, err
	}
	if p.head.IfRev != 0 && !l.heldBy(p.head.IfRev) {
		return outcome{Status: pushConflict, Reason: reasonIfRev, ID: at.id, Version: cur.Version}, nil
	}
	c := clash{kind: kindEdge, thing: at.id, nodes: []uint64{at.source, at.target}}
	return p.takeFields(&l, c, cur.Version, cur.Props, moved, func(set []want, props []byte) (opResult, *consensus.Refusal, error) {
		return p.tx.changeEdge(at, p.edgeOp(at.id, set, props))
	})
}

// edgeOp is an update that sets fields of an edge.
func (p *pushing) edgeOp(id uint64, set []want, props []byte) *op {
	o, out := p.op, &op{Kind: opUpdateEdge, ID: id, Flags: hasProps, Props: props}
	for _, w := range set {
		switch w.field {
		case "weight":
			out.Flags |= hasWeight
			if out.Weight = 1; w.has {
				out.Weight = o.Weight
			}
		case "predicate":
			out.Flags |= hasPredicate
			if w.has {
				out.Predicate = o.Predicate
			}
		case "valid_from":
			out.Flags |= hasValidFrom
			if out.ValidFrom = noTime; w.has {
				out.ValidFrom = o.ValidFrom
			}
		case "valid_to":
			out.Flags |= hasValidTo
			if out.ValidTo = noTime; w.has {
				out.ValidTo = o.ValidTo
			}
		case "provenance":
			out.Flags |= hasSource
			if w.has {
				out.From = o.From
			}
		case "confidence":
			out.Flags |= hasConfidence
			if out.Confidence = -1; w.has {
				out.Confidence = o.Confidence
			}
		case "expires_at":
			out.Flags |= hasExpires
			if w.has {
				out.Expires = o.Expires
			}
		}
	}
	return out
}

// deleteEdge takes an edge back. It is never brought back by that, and once
// gone it stays so.
func (p *pushing) deleteEdge() (outcome, error) {
	at, gone, err := p.edgeNamed()
	var no *consensus.Refusal
	if errors.As(err, &no) && no.Code == CodeNotFound && p.head.Ref == 0 {
		return outcome{Status: pushApplied, ID: p.op.ID}, nil
	}
	if err != nil || gone {
		return outcome{Status: pushApplied, ID: at.id}, err
	}
	if p.head.IfRev != 0 {
		cur, ok, err := p.edgeAt(at)
		if err != nil || !ok {
			return outcome{}, errOr(err, noEdge(at.id))
		}
		l, err := p.edgeLineage(at.id, &cur, p.base)
		if err != nil {
			return outcome{}, err
		}
		if !l.heldBy(p.head.IfRev) {
			return outcome{Status: pushConflict, Reason: reasonIfRev, ID: at.id, Version: cur.Version}, nil
		}
	}
	return p.do(p.tx.deleteEdge, &op{Kind: opDeleteEdge, ID: at.id}, pushApplied)
}

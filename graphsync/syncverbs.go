package graphsync

import (
	"errors"

	"github.com/meshd/meshd/consensus"
)

// addObservation says something of a node. It commutes with whatever others
// say of it.
func (p *pushing) addObservation() (outcome, error) {
	o := *p.op
	id, at, moved, err := p.node(p.head.Ref, o.ID, o.norm(), "key")
	if err != nil {
		return outcome{}, err
	}
	if at == isGone {
		return p.conflict(clash{reason: reasonDeleted, kind: kindObservation, nodes: []uint64{id}})
	}
	o.ID, o.Key, o.Norm = id, "", ""
	return p.do(p.tx.addObservation, &o, rebasedIf(moved))
}

func rebasedIf(moved bool) pushStatus {
	if moved {
		return pushRebased
	}
	return pushApplied
}

// deleteObservation takes back what was said, by its id, or by node and text.
func (p *pushing) deleteObservation() (outcome, error) {
	o := *p.op
	if p.head.Ref != 0 {
		id, err := p.made(p.head.Ref, "ref")
		if err != nil {
			return outcome{}, err
		}
		o.ID = id
	}
	if o.ID == 0 {
		id, at, _, err := p.node(p.head.SourceRef, o.Source, o.norm(), "key")
		var no *consensus.Refusal
		if errors.As(err, &no) && no.Code == CodeNotFound || err == nil && at == isGone {
			return outcome{Status: pushApplied}, nil
		}
		if err != nil {
			return outcome{}, err
		}
		o.Source, o.Key, o.Norm = id, "", ""
	}
	at, rec, ok, err := p.meantObservation(&o)
	if err != nil || !ok {
		return outcome{Status: pushApplied, ID: o.ID}, err
	}
	if p.head.IfRev != 0 && rec.began() > p.head.IfRev && !p.isOwn(rec.began()) {
		return outcome{Status: pushConflict, Reason: reasonIfRev, ID: at.id, Version: rec.Version}, nil
	}
	return p.do(p.tx.deleteObservation, &o, pushApplied)
}

// alias gives a node another key or takes one away.
func (p *pushing) alias() (outcome, error) {
	o := *p.op
	id, at, moved, err := p.node(p.head.Ref, o.ID, o.norm(), "key")
	if err != nil {
		return outcome{}, err
	}
	if at == isGone {
		return p.conflict(clash{reason: reasonDeleted, kind: kindNode, thing: id})
	}
	o.ID, o.Key, o.Norm = id, "", ""
	if o.Kind == opRemoveAlias {
		return p.do(p.removeAlias, &o, rebasedIf(moved))
	}
	if holder := p.byKey(p.namespace(p.cmd.Namespace), o.TargetKey); holder != 0 && holder != id {
		return p.conflict(clash{reason: reasonKeyTaken, kind: kindNode, thing: id, nodes: []uint64{holder}, fields: []string{"alias"}})
	}
	return p.do(p.addAlias, &o, rebasedIf(moved))
}

// mergeNodes makes two nodes one, unless they are already.
func (p *pushing) mergeNodes() (outcome, error) {
	o := *p.op
	source, at, _, err := p.node(p.head.SourceRef, o.Source, o.SourceKey, "source")
	if err != nil {
		return outcome{}, err
	}
	target, there, moved, err := p.node(p.head.TargetRef, o.Target, o.TargetKey, "target")
	switch {
	case err != nil:
		return outcome{}, err
	case at == isGone || there == isGone:
		return p.conflict(clash{reason: reasonDeleted, kind: kindNode, thing: source, nodes: []uint64{target}})
	case source == target:
		return outcome{Status: pushApplied, ID: target}, nil
	}
	o.Source, o.SourceKey, o.Target, o.TargetKey = source, "", target, ""
	return p.do(p.tx.mergeNodes, &o, rebasedIf(moved))
}

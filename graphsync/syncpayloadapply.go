package graphsync

import "errors"

// A payload is what another instance knows of things, with a vector clock for
// each. The mesh's counter in a clock is the revision. What another instance
// has that the mesh has not is known by that one's counters, which are kept
// beside the thing; what the mesh has that the other has not, by revisions
// after the one that the clock names.

// payload applies the things of another instance: what is news of it and not
// of the mesh is taken, what is no news is passed over, and what both have
// changed goes field by field as in a push.
func (p *pushing) payload() (*pushResult, error) {
	if len(p.part.From) > maxInstance || !goodClock(p.part.Clock) {
		return nil, invalid("vector_clock", "cannot be read")
	}
	res := &pushResult{}
	byPolicy := p.policy
	for i := range p.cmd.Ops {
		if p.work > maxWork {
			break
		}
		p.seq = uint64(i)
		p.head, p.op, p.policy = &p.part.Heads[i], &p.cmd.Ops[i], byPolicy
		o, err := asOutcome(p.syncItem())
		if errors.Is(err, errConflictsFull) {
			res.Stopped = CodeConflictsFull
			break
		}
		if err != nil {
			return nil, err
		}
		res.Outcomes = append(res.Outcomes, o)
	}
	if len(res.Outcomes) < len(p.cmd.Ops) || !p.changed {
		return res, nil
	}
	ns := p.namespace(p.cmd.Namespace)
	key := appendSymbol(nil, ns)
	was, err := p.clockOf(key)
	if err != nil || ns == 0 {
		return res, err
	}
	if all, news := join(was.Clock, p.part.Clock); news {
		p.w.Put(tClock, key, (&clockRecord{Clock: all}).encode(nil))
	}
	conf, err := p.syncRecord(ns)
	if err != nil {
		return nil, err
	}
	return res, p.tx.synced(ns, conf)
}

// syncItem applies one thing of a payload.
func (p *pushing) syncItem() (outcome, error) {
	h, o := p.head, p.op
	if h.Code != "" {
		return outcome{Status: pushInvalid, Code: h.Code, Field: h.Field}, nil
	}
	if !goodClock(h.Clock) {
		return outcome{}, invalid("vector_clock", "cannot be read")
	}
	if r := o.check(); r != nil {
		return outcome{}, r
	}
	if r := p.room(o.Type); r != nil {
		return outcome{}, r
	}
	ns := p.namespace(p.cmd.Namespace)
	if len(h.Foreign) > 0 {
		o.ID = p.foreign(ns, h.Foreign)
	} else if o.ID != 0 && !p.given(ns, o) {
		if o.onNode() {
			return outcome{}, noNode(o.ID)
		}
		return outcome{}, noEdge(o.ID)
	}
	var known clockRecord
	if o.ID != 0 {
		var err error
		if known, err = p.clockOf(appendID(nil, o.ID)); err != nil {
			return outcome{}, err
		}
	}
	clock, news := join(known.Clock, h.Clock)
	if !news {
		return outcome{Status: pushDuplicate, ID: o.ID}, nil
	}
	p.base = min(max(h.Base, known.Applied), p.c.Revision-1)
	began, there, err := p.beganAt(ns, o)
	if err != nil {
		return outcome{}, err
	}
	if there && began <= p.base {
		p.policy = policyLast // the mesh has no news
	}
	done, err := p.syncThing(ns, there)
	if err != nil {
		return done, err
	}
	id := done.ID
	if id == 0 {
		id = o.ID
	}
	if id == 0 {
		return done, nil
	}
	p.changed = true
	if len(h.Foreign) > 0 {
		p.w.Put(tForeign, appendForeign(nil, p.namespace(p.cmd.Namespace), h.Foreign), appendID(nil, id))
	}
	rec := clockRecord{Applied: known.Applied, Clock: clock}
	if done.Status != pushConflict {
		rec.Applied = p.c.Revision
	}
	p.w.Put(tClock, appendID(nil, id), rec.encode(nil))
	return done, nil
}

func (o *op) onNode() bool { return o.Kind == opCreateNode || o.Kind == opDeleteNode }

// given says that the mesh has given out an id for a thing of the namespace,
// which may be forgotten by now. The clock beside any other thing, and beside one
// that is still to be made, is not this payload's to change.
func (p *pushing) given(ns nsID, o *op) bool {
	if in, _, ok := p.everNode(o.ID); ok {
		return in == ns && o.onNode()
	}
	if at, ok := p.place(o.ID); ok {
		return at.ns == ns && !o.onNode()
	}
	_, said := p.obsPlace(o.ID)
	return !said && o.ID < p.meta.NextID
}

// syncThing applies one thing that is news of the other.
func (p *pushing) syncThing(ns nsID, there bool) (outcome, error) {
	o := p.op
	switch o.Kind {
	case opCreateNode:
		switch {
		case there:
			return p.changeNode(ns, o.ID, false)
		case o.ID != 0:
			return p.conflict(clash{reason: reasonDeleted, kind: kindNode, thing: o.ID})
		}
		return p.putNode()
	case opCreateEdge:
		if there {
			at, _ := p.place(o.ID)
			return p.changeEdge(at, false)
		}
		if o.ID != 0 {
			return p.conflict(clash{reason: reasonDeleted, kind: kindEdge, thing: o.ID})
		}
		for _, end := range []struct {
			from []byte
			id   *uint64
		}{{p.head.SourceForeign, &o.Source}, {p.head.TargetForeign, &o.Target}} {
			if len(end.from) > 0 {
				*end.id = p.foreign(ns, end.from)
			}
		}
		if o.Source == 0 || o.Target == 0 {
			return outcome{}, refuse(CodeNotFound, "source_id", "an end of the edge is not known")
		}
		return p.putEdge()
	case opDeleteNode, opDeleteEdge:
		if !there {
			return outcome{Status: pushDuplicate, ID: o.ID}, nil
		}
		if o.Kind == opDeleteNode {
			return p.deleteNode()
		}
		return p.retract(ns)
	}
	return outcome{}, refuse(CodeInvalid, "op", "cannot be synced")
}

// retract ends an edge, unless the mesh has changed it.
func (p *pushing) retract(ns nsID) (outcome, error) {
	at, cur, ok, err := p.edge(p.op.ID)
	if err != nil || !ok || at.ns != ns {
		return outcome{}, errOr(err, noEdge(p.op.ID))
	}
	if cur.began() > p.base && p.policy != policyLast {
		return p.conflict(clash{reason: reasonChanged, kind: kindEdge, thing: at.id, nodes: []uint64{at.source, at.target}})
	}
	return p.do(p.tx.deleteEdge, &op{Kind: opDeleteEdge, ID: at.id}, pushApplied)
}

// beganAt is the revision that made the current version of the thing that an
// operation is for.
func (p *pushing) beganAt(ns nsID, o *op) (rev uint64, there bool, err error) {
	if o.ID == 0 {
		return 0, false, nil
	}
	if o.onNode() {
		n, ok, err := p.peek(ns, o.ID)
		return n.began(), ok, err
	}
	at, e, ok, err := p.edge(o.ID)
	return e.began(), ok && at.ns == ns, err
}

// foreign is the thing that another instance's id names, 0 where it is new.
func (p *pushing) foreign(ns nsID, from []byte) uint64 {
	got := p.w.Get(tForeign, appendForeign(nil, ns, from))
	if ns == 0 || len(got) != 5 {
		return 0
	}
	return readID(got)
}

func appendForeign(b []byte, ns nsID, from []byte) []byte {
	return append(appendSymbol(b, ns), from...)
}

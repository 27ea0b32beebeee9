package graphsync

import (
	"errors"

	"github.com/meshd/meshd/consensus"
)

// standing is what became of a thing that a mutation names.
type standing uint8

const (
	isThere standing = iota
	isGone           // deleted, expired or erased
)

// maxMerged is how many merges a name is followed through.
const maxMerged = 64

// node finds the node that a mutation names by ref, id or key. A node that was
// merged is the one it was merged into, and moved says so. Of one that is gone
// the id is given, if it is known.
func (p *pushing) node(ref, id uint64, norm, field string) (found uint64, at standing, moved bool, err error) {
	ns := p.namespace(p.cmd.Namespace)
	idField := idField(field)
	if ref != 0 {
		if id, err = p.made(ref, field); err != nil {
			return 0, 0, false, err
		}
	}
	if id == 0 {
		if id = p.byKey(ns, norm); id != 0 {
			return id, isThere, p.movedTo(ns, norm, id), nil
		}
		if ns != 0 {
			if id = p.lastWithKey(ns, norm); id != 0 {
				return id, isGone, false, nil
			}
		}
		return 0, 0, false, refuse(CodeNotFound, field, "no node has the key %q", norm)
	}
	for range maxMerged {
		in, into, ok := p.everNode(id)
		if !ok {
			if _, edge := p.place(id); !edge && id < p.meta.NextID && ref == 0 {
				return id, isGone, moved, nil // and forgotten
			}
			return 0, 0, false, refuse(CodeNotFound, idField, "no node has the id %d", id)
		}
		switch {
		case in != ns:
			return 0, 0, false, refuse(CodeNotFound, idField, "no node has the id %d", id)
		case p.hasNode(ns, id):
			return id, isThere, moved, nil
		case into == 0:
			return id, isGone, moved, nil
		}
		id, moved = into, true
	}
	return id, isGone, moved, nil
}

// movedTo says that a key named another node when the client saw it: that one
// was merged since.
func (p *pushing) movedTo(ns nsID, norm string, now uint64) bool {
	if p.base < p.meta.oldest(p.r.Revision()) { // who had it is forgotten, but an alias may come from a merge
		n, ok, err := p.peek(ns, now)
		return err == nil && ok && n.norm() != norm
	}
	past := firstPast(p.r, tKeyHist, append(append(appendSymbol(nil, ns), norm...), 0), p.base)
	return len(past.val) == 5 && readID(past.val) != now && !p.isOwn(past.end)
}

// keyGone says that a key named a node after the client's base that is gone,
// by others' doing.
func (p *pushing) keyGone(ns nsID, norm string) (id uint64, gone bool) {
	if ns == 0 || norm == "" {
		return 0, false
	}
	past := firstPast(p.r, tKeyHist, append(append(appendSymbol(nil, ns), norm...), 0), p.base)
	if len(past.val) != 5 || p.isOwn(past.end) {
		return 0, false
	}
	return readID(past.val), true
}

// putNode makes a node, or finds the one that has its key.
func (p *pushing) putNode() (outcome, error) {
	o := p.op
	ns := p.namespace(p.cmd.Namespace)
	if o.Key == "" {
		return p.do(p.createNode, o, pushApplied)
	}
	if id := p.byKey(ns, o.norm()); id != 0 {
		return p.changeNode(ns, id, false)
	}
	if id, gone := p.keyGone(ns, o.norm()); gone && !p.force {
		return p.conflict(clash{reason: reasonDeleted, kind: kindNode, thing: id})
	}
	return p.do(p.createNode, o, pushApplied)
}

func (p *pushing) updateNode() (outcome, error) {
	o := p.op
	id, at, moved, err := p.node(p.head.Ref, o.ID, o.norm(), "key")
	if err != nil {
		return outcome{}, err
	}
	if at == isGone {
		return p.conflict(clash{reason: reasonDeleted, kind: kindNode, thing: id})
	}
	return p.changeNode(p.namespace(p.cmd.Namespace), id, moved)
}

// changeNode gives a node the fields of the mutation, as far as others have not
// changed them.
func (p *pushing) changeNode(ns nsID, id uint64, moved bool) (outcome, error) {
	cur, ok, err := p.tx.node(ns, id)
	if err != nil || !ok {
		return outcome{}, errOr(err, noNode(id))
	}
	l, err := p.nodeLineage(ns, id, &cur, p.base)
	if err != nil {
		return outcome{}, err
	}
	if p.head.IfRev != 0 && !l.heldBy(p.head.IfRev) {
		return outcome{Status: pushConflict, Reason: reasonIfRev, ID: id, Version: cur.Version}, nil
	}
	return p.takeFields(&l, clash{kind: kindNode, thing: id}, cur.Version, cur.Props, moved, func(set []want, props []byte) (opResult, *consensus.Refusal, error) {
		return p.tx.changeNode(ns, id, p.nodeOp(id, set, props))
	})
}

// nodeOp is an update that sets fields of a node.
func (p *pushing) nodeOp(id uint64, set []want, props []byte) *op {
	out := &op{Kind: opUpdateNode, ID: id, Flags: hasProps, Props: props}
	for _, w := range set {
		switch w.field {
		case "label":
			out.Flags |= hasLabel
			out.Label, out.Name = p.op.Label, p.op.Name
		case "type":
			out.Flags |= hasType
			out.Type = p.op.Type
		case "expires_at":
			out.Flags |= hasExpires
			if w.has {
				out.Expires = p.op.Expires
			}
		}
	}
	return out
}

// deleteNode ends a node with what hangs on it, unless others changed it or
// hung something on it that the client could not know of.
func (p *pushing) deleteNode() (outcome, error) {
	o := p.op
	id, at, moved, err := p.node(p.head.Ref, o.ID, o.norm(), "key")
	var no *consensus.Refusal
	if errors.As(err, &no) && no.Code == CodeNotFound {
		return outcome{Status: pushApplied}, nil
	}
	if err != nil || at == isGone {
		return outcome{Status: pushApplied, ID: id}, err
	}
	c := clash{kind: kindNode, thing: id}
	if moved && !p.force {
		c.reason = reasonMerged
		return p.conflict(c)
	}
	ns := p.namespace(p.cmd.Namespace)
	cur, ok, err := p.tx.node(ns, id)
	if err != nil || !ok {
		return outcome{}, errOr(err, noNode(id))
	}
	l, err := p.nodeLineage(ns, id, &cur, p.base)
	if err != nil {
		return outcome{}, err
	}
	others := l.others()
	switch {
	case p.head.IfRev != 0 && !l.heldBy(p.head.IfRev):
		return outcome{Status: pushConflict, Reason: reasonIfRev, ID: id, Version: cur.Version}, nil
	case others && p.policy != policyLast && !p.force:
		c.reason = reasonChanged
		return p.conflict(c)
	}
	ends, more := p.dependentsOf(ns, id, maxCascade-p.cascade)
	if more {
		return outcome{ID: id}, tooMany(id, "end")
	}
	if p.work += ends.len() * keyWork; !p.head.Cascade && !p.force {
		unknown, err := p.unknownTo(&ends)
		if err != nil {
			return outcome{}, err
		}
		if unknown {
			c.reason = reasonInUse
			return p.conflict(c)
		}
	}
	status := pushApplied
	if others {
		status = pushRebased
	}
	return p.do(p.tx.deleteNode, &op{Kind: opDeleteNode, ID: id}, status)
}

// unknownTo says that something hangs on a node which the client cannot have
// seen.
func (p *pushing) unknownTo(ends *dependents) (bool, error) {
	since := func(s *stamp) bool { return s.CreatedRev > p.base && !p.isOwn(s.CreatedRev) }
	for _, at := range ends.edges {
		e, ok, err := p.edgeAt(at)
		if err != nil || ok && since(&e.stamp) {
			return true, err
		}
	}
	for _, at := range ends.said {
		o, ok, err := p.obsAt(at)
		if err != nil || ok && since(&o.stamp) {
			return true, err
		}
	}
	return false, nil
}

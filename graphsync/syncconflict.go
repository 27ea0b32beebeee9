package graphsync

import (
	"fmt"

	"github.com/meshd/meshd/consensus"
)

// conflictRecord is an open conflict: a mutation that did not take effect, or
// only beside what stands. In tConflict; tConflictOf finds it by the things it
// is about.
type conflictRecord struct {
	Kind   changeKind `cbor:"1,keyasint"`
	Reason reason     `cbor:"2,keyasint"`
	// Thing is what the mutation was for, 0 where there is none yet.
	Thing  uint64   `cbor:"3,keyasint,omitempty"`
	Nodes  []uint64 `cbor:"4,keyasint,omitempty"` // others that it is about
	Fields []string `cbor:"5,keyasint,omitempty"`
	// Made is what was kept beside what stands.
	Made     uint64 `cbor:"6,keyasint,omitempty"`
	Client   string `cbor:"7,keyasint,omitempty"`
	Seq      uint64 `cbor:"8,keyasint,omitempty"`
	By       symbol `cbor:"9,keyasint,omitempty"`
	At       int64  `cbor:"10,keyasint"` // ms of the mesh
	ClientAt int64  `cbor:"11,keyasint,omitempty"`
	Rev      uint64 `cbor:"12,keyasint"`
	Base     uint64 `cbor:"13,keyasint,omitempty"`
	Policy   policy `cbor:"14,keyasint,omitempty"`
	Op       []byte `cbor:"15,keyasint"` // with ids in place of refs
}

func decodeConflict(v []byte) (conflictRecord, error) {
	var c conflictRecord
	if err := consensus.Decode(v, &c); err != nil {
		return c, fmt.Errorf("%w: %w", errRecord, err)
	}
	if c.Reason == 0 || int(c.Reason) >= len(reasons) || c.Kind < kindNode || c.Kind > kindObservation || c.Policy > policyBoth {
		return c, errRecord
	}
	return c, nil
}

func (c *conflictRecord) op() (op, error) {
	var o op
	r := cborReader{b: c.Op}
	o.read(&r)
	if r.whole() {
		return o, nil
	}
	o = op{}
	if err := consensus.Decode(c.Op, &o); err != nil {
		return o, fmt.Errorf("%w: %w", errRecord, err)
	}
	return o, nil
}

// Counters of conflicts in a namespace.
const (
	countConflicts     byte = 'q'
	countConflictBytes byte = 'Q'
)

// clash is why a mutation is at odds with the graph.
type clash struct {
	id     uint64 // of the conflict, where it was given out already
	reason reason
	kind   changeKind
	thing  uint64
	nodes  []uint64
	fields []string
	made   uint64
}

// roomForConflict fails where the namespace has as many conflicts as it may.
func (p *pushing) roomForConflict() error {
	ns := p.namespace(p.cmd.Namespace)
	if p.total(ns, countConflicts, 0) >= MaxConflicts || p.total(ns, countConflictBytes, 0) >= MaxConflictBytes {
		return errConflictsFull
	}
	if r := p.room(""); r != nil {
		return r
	}
	return nil
}

// conflict answers that the mutation at hand is at odds with the graph, and
// keeps it for somebody to decide. When it is forced there is nobody left to
// ask: then it is refused.
func (p *pushing) conflict(c clash) (outcome, error) {
	if p.force {
		if c.reason == reasonKeyTaken {
			return outcome{}, refuse(CodeKeyExists, "alias", "the alias belongs to another node")
		}
		return outcome{}, refuse(CodeNotFound, "keep", "the pushed change cannot take effect: what it is for is gone")
	}
	if c.id == 0 {
		if err := p.roomForConflict(); err != nil {
			return outcome{}, err
		}
		c.id = p.nextID()
	}
	p.changed = true
	ns := p.intern(symNamespace, p.cmd.Namespace)
	o := *p.op
	switch {
	case o.Kind == opCreateNode && o.Key == "" && c.reason != reasonDeleted:
		o.Kind, o.ID, o.Flags = opUpdateNode, c.thing, o.Flags&^isUpsert
	case o.Kind == opCreateEdge && c.made == 0 && (c.reason == reasonChanged || c.reason == reasonKeptBoth):
		o.Kind, o.ID, o.Source, o.Target, o.Type, o.Parallel, o.Flags = opUpdateEdge, c.thing, 0, 0, "", 0, o.Flags&^(isUpsert|hasType)
	case o.Kind == opCreateNode || o.Kind == opCreateEdge:
	case c.kind == kindObservation:
		o.ID, o.Key, o.Norm = c.nodes[0], "", ""
	case o.Kind == opMergeNodes:
		o.Source, o.SourceKey, o.Target, o.TargetKey = c.thing, "", c.nodes[0], ""
	case c.thing != 0:
		o.ID, o.Key, o.Norm = c.thing, "", ""
	}
	rec := conflictRecord{Kind: c.kind, Reason: c.reason, Thing: c.thing, Nodes: c.nodes, Fields: c.fields, Made: c.made,
		Client: p.part.Client + p.part.From, Seq: p.seq, By: p.author(), At: p.c.Time.UnixMilli(), ClientAt: p.head.At, Rev: p.c.Revision,
		Base: p.base, Policy: p.policy, Op: o.encode(nil)}
	val := consensus.Encode(&rec)
	p.w.Put(tConflict, appendNodeKey(nil, ns, c.id), val)
	for _, thing := range rec.things() {
		p.w.Put(tConflictOf, appendID(appendID(nil, thing), c.id), appendSymbol(nil, ns))
	}
	p.tally(ns, countConflicts, 1)
	p.tally(ns, countConflictBytes, int64(len(val)))
	p.note(change{deed: changeCreated, kind: kindConflict, ns: ns, id: c.id})
	return outcome{Status: pushConflict, Reason: c.reason, ID: c.thing, Conflict: c.id, Fields: c.fields}, nil
}

// things are all that the conflict is about.
func (c *conflictRecord) things() []uint64 {
	var list []uint64
	for _, id := range append([]uint64{c.Thing, c.Made}, c.Nodes...) {
		if id != 0 {
			list = append(list, id)
		}
	}
	return list
}

func (v *view) conflictAt(ns nsID, id uint64) (rec conflictRecord, val []byte, ok bool, err error) {
	if val = v.r.Get(tConflict, appendNodeKey(nil, ns, id)); ns == 0 || val == nil {
		return rec, nil, false, nil
	}
	rec, err = decodeConflict(val)
	return rec, val, err == nil, err
}

// dropConflict takes a conflict away.
func (t *tx) dropConflict(ns nsID, id uint64, rec *conflictRecord, size int) {
	t.changed = true
	t.w.Delete(tConflict, appendNodeKey(nil, ns, id))
	for _, thing := range rec.things() {
		t.w.Delete(tConflictOf, appendID(appendID(nil, thing), id))
	}
	t.tally(ns, countConflicts, -1)
	t.tally(ns, countConflictBytes, -int64(size))
	t.note(change{deed: changeDeleted, kind: kindConflict, ns: ns, id: id})
}

// eraseConflicts removes the conflicts about a thing that is erased: they hold
// something of it.
func (e *erasing) eraseConflicts(thing uint64) (done bool, err error) {
	return e.each(tConflictOf, appendID(nil, thing), func(k []byte) (bool, error) {
		val := e.w.Get(tConflictOf, k)
		if len(k) != 10 || len(val) != 3 {
			return false, errRecord
		}
		ns, id := readSymbol(val), readID(k[5:])
		rec, stored, ok, err := e.conflictAt(ns, id)
		if err != nil {
			return false, err
		}
		if ok {
			e.dropConflict(ns, id, &rec, len(stored))
		} else {
			e.w.Delete(tConflictOf, k)
		}
		e.left--
		return true, nil
	})
}

// What is kept of the two sides of a conflict.
const (
	KeepCurrent = "current"
	KeepPushed  = "pushed"
	KeepCustom  = "custom"
)

// resolveConflict settles a conflict: what stands is kept, or what was pushed
// takes effect now, or the operation behind this one in the command does.
func (t *tx) resolveConflict(o *op) (opResult, *consensus.Refusal, error) {
	ns := t.namespace(t.cmd.Namespace)
	rec, stored, ok, err := t.conflictAt(ns, o.ID)
	if err != nil {
		return opResult{}, nil, err
	}
	if !ok {
		return opResult{}, refuse(CodeNotFound, "id", "no conflict has the id %d", o.ID), nil
	}
	size := len(stored)
	res := opResult{ID: o.ID, Status: deleted}
	switch o.Text {
	case KeepPushed:
		r, err := t.takePushed(&rec)
		if r != nil || err != nil {
			return opResult{}, r, err
		}
	case KeepCurrent:
		if rec.Made != 0 {
			if _, r, err := t.deleteEdge(&op{Kind: opDeleteEdge, ID: rec.Made}); r != nil || err != nil {
				return opResult{}, r, err
			}
		}
	case KeepCustom:
	default:
		return opResult{}, invalid("keep", "must be current, pushed or custom"), nil
	}
	if rec.Reason == reasonKeptBoth && rec.Made == 0 {
		if r, err := t.dropSiblings(ns, o.ID, &rec); r != nil || err != nil {
			return opResult{}, r, err
		}
	}
	t.dropConflict(ns, o.ID, &rec, size)
	return res, nil, nil
}

// takePushed lets the mutation of a conflict take effect, whatever others did.
func (t *tx) takePushed(rec *conflictRecord) (*consensus.Refusal, error) {
	o, err := rec.op()
	if err != nil {
		return nil, err
	}
	if rec.Made != 0 { // it stands; what it stands beside goes
		at, ok := t.place(rec.Made)
		if !ok {
			return noEdge(rec.Made), nil
		}
		p := &pushing{tx: t, part: &pushPart{}}
		ids, r, err := p.rivals(at.ns, &o)
		for _, id := range ids {
			if r != nil || err != nil {
				break
			}
			if id != rec.Made {
				_, r, err = t.deleteEdge(&op{Kind: opDeleteEdge, ID: id})
			}
		}
		return r, err
	}
	p := &pushing{tx: t, part: &pushPart{}, op: &o, head: &pushHead{At: rec.ClientAt, Cascade: true}, base: rec.Base, policy: policyLast, force: true}
	out, err := p.run()
	if out, err = asOutcome(out, err); err != nil {
		return nil, err
	}
	if out.Status == pushInvalid {
		r := &consensus.Refusal{Code: out.Code, Sentence: out.Message}
		if out.Field != "" {
			r.Details = map[string]string{"field": out.Field}
		}
		return r, nil
	}
	return nil, nil
}

// dropSiblings takes away the values that were kept beside those that stand.
func (t *tx) dropSiblings(ns nsID, id uint64, rec *conflictRecord) (*consensus.Refusal, error) {
	var gone []want
	for _, field := range rec.Fields {
		gone = append(gone, want{field: sibling(field, id)})
	}
	if rec.Kind == kindEdge {
		at, e, ok, err := t.edge(rec.Thing)
		if err != nil || !ok {
			return nil, err
		}
		props, err := setMembers(e.Props, gone)
		if err != nil {
			return nil, err
		}
		_, r, err := t.changeEdge(at, &op{Kind: opUpdateEdge, Flags: hasProps, Props: props})
		return r, err
	}
	n, ok, err := t.node(ns, rec.Thing)
	if err != nil || !ok {
		return nil, err
	}
	props, err := setMembers(n.Props, gone)
	if err != nil {
		return nil, err
	}
	_, r, err := t.changeNode(ns, rec.Thing, &op{Kind: opUpdateNode, Flags: hasProps, Props: props})
	return r, err
}

package graphsync

import (
	"errors"
	"math"

	"github.com/meshd/meshd/consensus"
)

// pushing applies a client's mutations. All that it decides it decides from
// the state, so that every replica does the same.
type pushing struct {
	*tx
	p      *pushPart
	client clientKey
	policy policy
	// results are those of this push, from the mutation first on.
	first   uint64
	results []outcome
	runs    map[uint64][]outcome // results of earlier ones that were looked up
	owns    map[uint64]bool
	work    int // what was looked at, in bytes about
	// head, seq, base and op are those of the mutation at hand.
	head *pushHead
	seq  uint64
	base uint64
	op   *op
	// force makes the mutation take effect whatever others did.
	force bool
}

// errConflictsFull ends a push before the mutation whose conflict there is no
// room for.
var errConflictsFull = errors.New("no room for another conflict")

// errCommandFull ends a command before a mutation that would be too much work
// beside those before it; it goes into the next.
var errCommandFull = errors.New("the command is as much work as one may be")

// maxWork bounds what the mutations of a command may look at, in bytes about,
// before the last of them.
const maxWork = 16 << 20

// push applies the mutations of a command: in order, each one once.
func (t *tx) push() (*pushResult, error) {
	part := t.cmd.Push
	if t.c.Level < levelSync {
		return nil, refuseOlder()
	}
	if t.cmd.Namespace == "" {
		return nil, invalid("session_id", "must not be empty")
	}
	n := uint64(len(t.cmd.Ops))
	payload := part.Client == ""
	if len(part.Heads) != len(t.cmd.Ops) || n > MaxPush || len(part.Client) > MaxClientID ||
		!payload && (part.First == 0 || part.First > math.MaxUint64-n) {
		return nil, invalid("mutations", "cannot be read")
	}
	conf, err := t.syncRecord(t.namespace(t.cmd.Namespace))
	if err != nil {
		return nil, err
	}
	if conf.Disabled {
		return nil, refuse(CodeSyncDisabled, "session_id", "sync of %q is switched off", t.cmd.Namespace)
	}
	p := &pushing{tx: t, p: part, policy: conf.Strategy.policy()}
	if payload {
		return p.payload()
	}
	p.client = clientOf(t.cmd.Namespace, t.cmd.Author, part.Client)
	rec, known, err := t.client(p.client)
	if err != nil {
		return nil, err
	}
	if part.First > rec.Last+1 {
		r := refuse(CodeSeqGap, "seq", "the mutation after %d is expected, not %d", rec.Last, part.First)
		r.Details["expected"] = itoa(rec.Last + 1)
		if !known {
			r.Details["unknown_client"] = "true"
		}
		return nil, r
	}
	res := &pushResult{Last: rec.Last}
	repeated := min(n, rec.Last+1-part.First)
	for i := range repeated {
		o, ok, err := p.repeat(part.First + i)
		if err != nil {
			return nil, err
		}
		if !ok {
			o = outcome{Status: pushDuplicate}
		}
		o.Repeated = ok
		res.Outcomes = append(res.Outcomes, o)
	}
	if repeated == n {
		return res, nil
	}
	if !known && !t.roomForClient() {
		return nil, refuse(CodeClients, "client_id", "the mesh remembers %d clients, which is as many as it does", MaxSyncClients)
	}
	p.first = part.First + repeated
	least := part.Base
	for i := repeated; i < n; i++ {
		p.seq = part.First + i
		o, err := p.mutate(int(i))
		if errors.Is(err, errConflictsFull) {
			res.Stopped = CodeConflictsFull
			break
		}
		if errors.Is(err, errCommandFull) {
			break
		}
		if err != nil {
			return nil, err
		}
		p.results = append(p.results, o)
		res.Outcomes = append(res.Outcomes, o)
		least = min(least, p.seen())
	}
	if len(p.results) == 0 {
		return res, nil
	}
	t.changed = true
	res.Last = p.seqDone()
	kept := make([]outcome, len(p.results))
	for i := range kept {
		kept[i] = p.results[i]
		kept[i].Message, kept[i].Fields = "", nil // they may say what is erased later
	}
	t.putClient(p.client, rec, known, p.first, least, kept)
	return res, t.synced(t.namespace(t.cmd.Namespace), conf)
}

func (p *pushing) seqDone() uint64 { return p.first + uint64(len(p.results)) - 1 }

// repeat returns what a mutation that is known came to; ok is false where that
// is forgotten.
func (p *pushing) repeat(seq uint64) (o outcome, ok bool, err error) {
	for first, list := range p.runs {
		if seq >= first && seq-first < uint64(len(list)) {
			return list[seq-first], true, nil
		}
	}
	for key, v := range p.w.ScanReverse(tClientRun, p.client[:], p.client.append(nil, seq+1)) {
		list, err := decodeRun(v)
		if err != nil {
			return o, false, err
		}
		if p.runs == nil {
			p.runs = map[uint64][]outcome{}
		}
		first := readRev(key)
		p.runs[first] = list
		if seq < first || seq-first >= uint64(len(list)) {
			return o, false, nil
		}
		return list[seq-first], true, nil
	}
	return o, false, nil
}

// isOwn says that a revision is one of the client's own pushes.
func (p *pushing) isOwn(rev uint64) bool {
	if rev == p.c.Revision {
		return !p.force
	}
	if p.p.Client == "" {
		return false
	}
	own, ok := p.owns[rev]
	if !ok {
		own = p.w.Get(tClientOwn, p.client.append(nil, rev)) != nil
		if p.owns == nil {
			p.owns = map[uint64]bool{}
		}
		p.owns[rev] = own
	}
	return own
}

// mutate applies the mutation at an index.
func (p *pushing) mutate(i int) (outcome, error) {
	if len(p.results) > 0 && p.work > maxWork {
		return outcome{}, errCommandFull
	}
	p.head, p.op = &p.p.Heads[i], &p.cmd.Ops[i]
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
	return p.p.Base
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

// where a thing that a mutation names stands.
type standing uint8

const (
	isThere standing = iota
	isGone           // deleted, expired or erased
)

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
	return p.take(&l, clash{kind: kindNode, thing: id}, cur.Version, cur.Props, moved, func(set []want, props []byte) (opResult, *consensus.Refusal, error) {
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

// take compares what the mutation gives with what is there, and writes what may
// be written by the policy.
func (p *pushing) take(l *lineage, c clash, version uint64, props []byte, moved bool, write func(set []want, props []byte) (opResult, *consensus.Refusal, error)) (outcome, error) {
	var believed map[string]string
	if p.op.replaces() {
		believed = l.believed()
	}
	wants, err := wanted(p.op, believed)
	if err != nil {
		return outcome{}, err
	}
	free, touched := l.compare(wants)
	status := pushApplied
	if moved || l.others() {
		status = pushRebased
	}
	policy := p.policy
	if p.force {
		policy = policyLast
	}
	var kept []want
	if len(touched) > 0 {
		c.fields, c.reason = fieldsOf(touched), reasonChanged
		switch policy {
		case policyLast:
			free = append(free, touched...)
		case policyBoth:
			if r := p.roomForConflict(); r != nil {
				return outcome{}, r
			}
			c.reason = reasonKeptBoth
			kept = siblings(touched, p.meta.NextID)
		default:
			return p.conflict(c)
		}
	}
	after, err := setMembers(props, append(free[:len(free):len(free)], kept...))
	if err != nil {
		return outcome{}, err
	}
	if len(after) > MaxProperties {
		if kept == nil {
			return outcome{ID: c.thing}, invalid("properties", "have %d bytes with these, at most %d are allowed", len(after), MaxProperties)
		}
		c.reason = reasonChanged
		return p.conflict(c)
	}
	if len(free)+len(kept) == 0 {
		return outcome{Status: status, ID: c.thing, Version: version}, nil
	}
	id := uint64(0)
	if kept != nil {
		id = p.nextID() // which the siblings are named by
	}
	res, r, err := write(free, after)
	if r != nil {
		if kept != nil {
			p.meta.NextID = id
		}
		return outcome{ID: c.thing}, r
	}
	if err != nil || kept == nil {
		return outcome{Status: status, ID: c.thing, Version: res.Version}, err
	}
	c.id = id
	out, err := p.conflict(c)
	out.Version = res.Version
	return out, err
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

// errOr is a fault if there is one, else the refusal.
func errOr(err error, r *consensus.Refusal) error {
	if err != nil {
		return err
	}
	return r
}

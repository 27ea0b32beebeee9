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
	part   *pushPart
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
	p := &pushing{tx: t, part: part, policy: conf.Strategy.policy()}
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
	if part.Base >= t.c.Revision {
		return nil, refuse(codeAhead, "base_revision", "base_revision is revision %d, and the latest is %d", part.Base, t.c.Revision-1)
	}
	if !known {
		if r := t.roomForClient(); r != nil {
			return nil, r
		}
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
	if p.part.Client == "" {
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

// takeFields compares what the mutation gives with what is there, and writes what
// may be written by the policy.
func (p *pushing) takeFields(l *lineage, c clash, version uint64, props []byte, moved bool, write func(set []want, props []byte) (opResult, *consensus.Refusal, error)) (outcome, error) {
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

// errOr is a fault if there is one, else the refusal.
func errOr(err error, r *consensus.Refusal) error {
	if err != nil {
		return err
	}
	return r
}

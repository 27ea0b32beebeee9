package graphsync

import (
	"errors"
	"math"
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
	conf, err := t.mayPush()
	if err != nil {
		return nil, err
	}
	p := &pushing{tx: t, part: t.cmd.Push, policy: conf.Strategy.policy()}
	if p.part.Client == "" {
		return p.payload()
	}
	p.client = clientOf(t.cmd.Namespace, t.cmd.Author, p.part.Client)
	rec, known, err := t.client(p.client)
	if err != nil {
		return nil, err
	}
	first, n := p.part.First, uint64(len(t.cmd.Ops))
	if first > rec.Last+1 {
		r := refuse(CodeSeqGap, "seq", "the mutation after %d is expected, not %d", rec.Last, first)
		r.Details["expected"] = itoa(rec.Last + 1)
		if !known {
			r.Details["unknown_client"] = "true"
		}
		return nil, r
	}
	res := &pushResult{Last: rec.Last}
	repeated := min(n, rec.Last+1-first)
	if res.Outcomes, err = p.repeats(repeated); err != nil {
		return nil, err
	}
	if repeated == n {
		return res, nil
	}
	if p.part.Base >= t.c.Revision {
		return nil, refuse(codeAhead, "base_revision", "base_revision is revision %d, and the latest is %d", p.part.Base, t.c.Revision-1)
	}
	if !known {
		if r := t.roomForClient(); r != nil {
			return nil, r
		}
	}
	p.first = first + repeated
	least, err := p.mutateAll(res)
	if err != nil {
		return nil, err
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

// mayPush refuses what is no push, or has no place in this namespace, and returns
// how the namespace is synced.
func (t *tx) mayPush() (syncRecord, error) {
	part, n := t.cmd.Push, uint64(len(t.cmd.Ops))
	switch {
	case t.c.Level < levelSync:
		return syncRecord{}, refuseOlder()
	case t.cmd.Namespace == "":
		return syncRecord{}, invalid("session_id", "must not be empty")
	case len(part.Heads) != len(t.cmd.Ops), n > MaxPush, len(part.Client) > MaxClientID,
		part.Client != "" && (part.First == 0 || part.First > math.MaxUint64-n):
		return syncRecord{}, invalid("mutations", "cannot be read")
	}
	conf, err := t.syncRecord(t.namespace(t.cmd.Namespace))
	if err == nil && conf.Disabled {
		return conf, refuse(CodeSyncDisabled, "session_id", "sync of %q is switched off", t.cmd.Namespace)
	}
	return conf, err
}

func (p *pushing) seqDone() uint64 { return p.first + uint64(len(p.results)) - 1 }

// repeats is what the first mutations, which are known, came to.
func (p *pushing) repeats(n uint64) (list []outcome, err error) {
	for i := range n {
		o, ok, err := p.repeat(p.part.First + i)
		if err != nil {
			return nil, err
		}
		if !ok {
			o = outcome{Status: pushDuplicate}
		}
		o.Repeated = ok
		list = append(list, o)
	}
	return list, nil
}

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

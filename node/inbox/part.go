package inbox

import (
	"fmt"
	"slices"
	"sync"

	"github.com/meshd/meshd/consensus"
)

// PartName is the name the part is registered under.
const PartName = "inbox"

// Part is the inboxes in the replicated state, and in memory an index of them
// that is renewed before the command that changed them is answered.
type Part struct {
	index *index

	// of the applying goroutine
	run     run
	out     []byte
	pending []change
	touched []string // names of inboxes that watchers are to hear of
	meta    meta

	watch watchers
}

var (
	_ consensus.Part     = (*Part)(nil)
	_ consensus.Listener = (*Part)(nil)
)

// NewPart returns the part.
func NewPart() *Part { return &Part{index: newIndex()} }

// Name implements consensus.Part.
func (p *Part) Name() string { return PartName }

// Tables implements consensus.Part.
func (p *Part) Tables() []consensus.Table { return slices.Clone(allTables) }

// Apply implements consensus.Part.
func (p *Part) Apply(w consensus.Writer, c consensus.Command) ([]byte, error) {
	if c.Level < Level {
		return nil, olderNodes()
	}
	r := &p.run
	if err := r.begin(w, c); err != nil {
		return nil, err
	}
	result, err := p.execute(r, c.Body)
	if err != nil {
		return nil, err
	}
	r.end()
	p.pending = append(p.pending, r.changes...)
	p.meta = r.m
	if len(p.pending) > maxPending {
		p.learn()
	}
	return result, nil
}

// maxPending bounds what memory is yet to learn: a state that is made anew from
// the log tells nobody until it is whole.
const maxPending = 64 << 10

// learn brings memory up to date.
func (p *Part) learn() {
	p.index.take(p.pending, p.meta)
	p.touched = p.watch.names(p.touched, p.pending)
	clear(p.pending)
	p.pending = p.pending[:0]
}

func (p *Part) execute(r *run, body []byte) ([]byte, error) {
	c := cursor{b: body}
	switch kind := c.byte(); kind {
	case kindBatch:
		return p.applyBatch(r, &c)
	case kindChunk:
		return nil, r.chunk(&c)
	case kindUnstage:
		return nil, r.unstageCommand(&c)
	case kindReturn:
		return rare(c.b, r.returns)
	case kindLease:
		return rare(c.b, r.lease)
	case kindExpire:
		return rare(c.b, func(cmd *agentItems) (done, error) { return r.expire(cmd.Seqs) })
	case kindPurge:
		return rare(c.b, r.purge)
	case kindRedrive:
		return rare(c.b, r.redrive)
	case kindDropDead:
		return rare(c.b, r.dropDead)
	case kindSubscribe:
		return rare(c.b, r.subscribe)
	case kindUnsubscribe:
		return rare(c.b, r.unsubscribe)
	case kindClaim:
		return rare(c.b, r.claims)
	case kindRelease:
		return rare(c.b, r.forgetOwner)
	case kindKey:
		return rare(c.b, r.publishKey)
	case kindSweep:
		return rare(c.b, r.sweep)
	default:
		return nil, refuse(CodeUpgradeNode, fmt.Sprintf("inbox command %d is unknown to this version; upgrade this node", kind))
	}
}

// rare executes one of the commands that are CBOR.
func rare[C, R any](body []byte, fn func(*C) (R, error)) ([]byte, error) {
	var cmd C
	if err := consensus.Decode(body, &cmd); err != nil {
		return nil, errCommand()
	}
	res, err := fn(&cmd)
	if err != nil {
		return nil, err
	}
	return consensus.Encode(res), nil
}

// Applied implements consensus.Listener.
func (p *Part) Applied() {
	p.learn()
	if len(p.touched) > 0 {
		p.watch.tell(p.touched)
		p.touched = nil
	}
}

// Reset implements consensus.Listener.
func (p *Part) Reset(r consensus.Reader) {
	p.pending, p.touched = nil, nil
	p.index.build(r)
	p.watch.tell(nil)
}

// Watch calls fn after each commit that brought new messages to inboxes, or
// made room for others, with the names of the agents. fn must not block and
// must not call the Service. nil names mean that any may have changed: the
// state was replaced.
func (p *Part) Watch(fn func(agents []string)) (cancel func()) { return p.watch.add(fn) }

// watchers are told of inboxes that have changed.
type watchers struct {
	mu  sync.Mutex
	fns map[*func([]string)]struct{}
}

func (w *watchers) add(fn func([]string)) (cancel func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fns == nil {
		w.fns = map[*func([]string)]struct{}{}
	}
	w.fns[&fn] = struct{}{}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.fns, &fn)
	}
}

// names adds those of the inboxes that changes touch, each once.
func (w *watchers) names(out []string, changes []change) []string {
	for i := range changes {
		if c := &changes[i]; c.op == opTouch || c.op == opForget {
			out = append(out, c.name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (w *watchers) tell(names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for fn := range w.fns {
		(*fn)(names)
	}
}

package task

import (
	"fmt"
	"sync"

	"github.com/meshd/meshd/consensus"
)

// PartName is the name the part is registered under.
const PartName = "task"

// Part is the tasks in the replicated state. It tells who watches of what was
// committed.
type Part struct {
	// Of commands that are not committed yet; the applying goroutine's.
	fresh  []Event
	missed bool

	mu       sync.Mutex
	watchers map[*watcher]struct{}
}

// maxFresh bounds what is remembered of one commit, or of a log that is
// replayed and tells nobody.
const maxFresh = 1 << 16

type watcher struct{ fn func(events []Event) }

var (
	_ consensus.Part     = (*Part)(nil)
	_ consensus.Observer = (*Part)(nil)
)

// NewPart returns the part.
func NewPart() *Part { return &Part{watchers: map[*watcher]struct{}{}} }

// Name implements consensus.Part.
func (p *Part) Name() string { return PartName }

// Tables implements consensus.Part.
func (p *Part) Tables() []consensus.Table { return allTables }

// Apply implements consensus.Part.
func (p *Part) Apply(w consensus.Writer, c consensus.Command) ([]byte, error) {
	var e envelope
	if err := decode(c.Body, &e); err != nil {
		return nil, err
	}
	s, err := openStore(w, c)
	if err != nil {
		return nil, err
	}
	result, err := s.execute(e)
	if err != nil {
		return nil, err
	}
	s.close()
	if p.fresh = append(p.fresh, s.events...); len(p.fresh) > maxFresh {
		p.fresh, p.missed = nil, true
	}
	return result, nil
}

func (s *store) execute(e envelope) ([]byte, error) {
	switch e.Kind {
	case kindSubmit:
		return run(e, func(b submit) ([]byte, error) {
			m, err := s.submit(b)
			return consensus.Encode(m), err
		})
	case kindAssign:
		return run(e, quiet(s.assign))
	case kindTold:
		return run(e, quiet(s.told))
	case kindReport:
		return run(e, quiet(s.report))
	case kindCancel:
		return run(e, quiet(s.cancel))
	case kindAnswer:
		return run(e, quiet(s.answer))
	case kindLost:
		return run(e, quiet(s.lost))
	case kindTick:
		return run(e, quiet(func(tick) error { return s.tick() }))
	}
	return nil, refuse(CodeUpgradeNode, fmt.Sprintf("task command %d is unknown to this version; upgrade this node", e.Kind))
}

func run[B any](e envelope, fn func(B) ([]byte, error)) ([]byte, error) {
	var b B
	if err := decode(e.Body, &b); err != nil {
		return nil, err
	}
	return fn(b)
}

func quiet[B any](fn func(B) error) func(B) ([]byte, error) {
	return func(b B) ([]byte, error) { return nil, fn(b) }
}

// Watch calls fn with the events of each commit, in order, until cancel is
// called. fn must not block, propose or keep the slice. Events may be missing
// where the state was replaced as a whole, which a call without events says:
// who must not miss any reads on from the last revision it saw.
func (p *Part) Watch(fn func(events []Event)) (cancel func()) {
	w := &watcher{fn}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watchers[w] = struct{}{}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.watchers, w)
	}
}

// Committed implements consensus.Observer.
func (p *Part) Committed(consensus.Reader) {
	events, missed := p.fresh, p.missed
	p.fresh, p.missed = nil, false
	if missed {
		p.tell(nil)
	}
	if len(events) > 0 {
		p.tell(events)
	}
}

// Reset implements consensus.Observer.
func (p *Part) Reset(consensus.Reader) {
	p.fresh, p.missed = nil, false
	p.tell(nil)
}

func (p *Part) tell(events []Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for w := range p.watchers {
		w.fn(events)
	}
}

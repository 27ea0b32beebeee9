// Package consensustest runs parts on a state in memory, without Raft or disk,
// for the tests of the packages above. It keeps the promises of consensus.State
// that a single node can: all or nothing, revisions, refusals, observers.
package consensustest

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
)

// Local is a consensus.State of one node in memory. Safe for concurrent use.
type Local struct {
	mu      sync.Mutex
	parts   map[string]consensus.Part
	mem     *Memory
	changed chan struct{}
	// Now stamps commands; tests may replace it before the first proposal.
	Now func() time.Time
}

var _ consensus.State = (*Local)(nil)

// New returns an empty state with the given parts.
func New(parts ...consensus.Part) *Local {
	l := &Local{parts: map[string]consensus.Part{}, mem: NewMemory(), changed: make(chan struct{}), Now: time.Now}
	for _, p := range parts {
		l.parts[p.Name()] = p
		switch o := p.(type) {
		case consensus.Observer:
			o.Reset(l.mem)
		case consensus.Listener:
			o.Reset(l.mem)
		}
	}
	return l
}

// Propose implements consensus.State.
func (l *Local) Propose(ctx context.Context, p consensus.Proposal) (consensus.Outcome, error) {
	if err := ctx.Err(); err != nil {
		return consensus.Outcome{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	part, ok := l.parts[p.Part]
	if !ok {
		return consensus.Outcome{}, fmt.Errorf("no part named %q", p.Part)
	}
	if now := l.Now(); now.After(l.mem.now) {
		l.mem.now = now
	}
	o := consensus.NewOverlay(l.mem)
	result, err := part.Apply(o, consensus.Command{Body: p.Body, Revision: l.mem.rev + 1, Time: l.mem.now, Level: consensus.Level})
	if err != nil {
		return consensus.Outcome{Revision: l.mem.rev}, err
	}
	if !o.Empty() {
		l.mem.Flush(o.Writes())
		l.mem.rev++
		close(l.changed)
		l.changed = make(chan struct{})
		switch o := part.(type) {
		case consensus.Observer:
			o.Committed(l.mem)
		case consensus.Listener:
			o.Applied()
		}
	}
	return consensus.Outcome{Revision: l.mem.rev, Result: slices.Clone(result)}, nil
}

// Skip raises the revision without a write, as commands of other parts and the
// recovery of a mesh do.
func (l *Local) Skip(revisions uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mem.rev += revisions
	close(l.changed)
	l.changed = make(chan struct{})
}

// View implements consensus.State.
func (l *Local) View(_ context.Context, o consensus.ReadOptions, fn func(consensus.Reader) error) (consensus.ReadInfo, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o.MinRevision > l.mem.rev {
		return consensus.ReadInfo{}, consensus.ErrAhead
	}
	return consensus.ReadInfo{Revision: l.mem.rev}, fn(l.mem)
}

// Changed implements consensus.State.
func (l *Local) Changed(_ context.Context, rev uint64) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mem.rev > rev {
		done := make(chan struct{})
		close(done)
		return done
	}
	return l.changed
}

// Memory is a consensus.Reader over sorted maps.
type Memory struct {
	rev    uint64
	now    time.Time
	keys   map[consensus.Table][]string
	values map[consensus.Table]map[string][]byte
}

var _ consensus.Reader = (*Memory)(nil)

// NewMemory returns an empty Memory.
func NewMemory() *Memory {
	return &Memory{keys: map[consensus.Table][]string{}, values: map[consensus.Table]map[string][]byte{}}
}

// Flush takes the effects of a command.
func (m *Memory) Flush(writes []consensus.Write) {
	for _, w := range writes {
		vs := m.values[w.Table]
		if vs == nil {
			vs = map[string][]byte{}
			m.values[w.Table] = vs
		}
		k := string(w.Key)
		i, found := slices.BinarySearch(m.keys[w.Table], k)
		switch {
		case w.Deleted && found:
			m.keys[w.Table] = slices.Delete(m.keys[w.Table], i, i+1)
			delete(vs, k)
		case !w.Deleted:
			if !found {
				m.keys[w.Table] = slices.Insert(m.keys[w.Table], i, k)
			}
			vs[k] = w.Value
		}
	}
}

// Get implements consensus.Reader.
func (m *Memory) Get(t consensus.Table, key []byte) []byte { return m.values[t][string(key)] }

func (m *Memory) span(t consensus.Table, from, to []byte) []string {
	ks := m.keys[t]
	i, j := 0, len(ks)
	if from != nil {
		i = sort.SearchStrings(ks, string(from))
	}
	if to != nil {
		j = sort.SearchStrings(ks, string(to))
	}
	if i >= j {
		return nil
	}
	return slices.Clone(ks[i:j])
}

// Scan implements consensus.Reader.
func (m *Memory) Scan(t consensus.Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		for _, k := range m.span(t, from, to) {
			if !yield([]byte(k), m.values[t][k]) {
				return
			}
		}
	}
}

// ScanReverse implements consensus.Reader.
func (m *Memory) ScanReverse(t consensus.Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		for _, k := range slices.Backward(m.span(t, from, to)) {
			if !yield([]byte(k), m.values[t][k]) {
				return
			}
		}
	}
}

// Revision implements consensus.Reader.
func (m *Memory) Revision() uint64 { return m.rev }

// Time implements consensus.Reader.
func (m *Memory) Time() time.Time { return m.now }

package consensus

import (
	"context"
	"encoding/binary"
	"path/filepath"
	"sync"

	"github.com/hashicorp/raft"
)

// Kinds of consensus' own commands: the first byte of the body.
const (
	// sysMarker says that everything of earlier terms is applied.
	sysMarker = 1
	// sysJump adds a number to the revision: a recovered mesh must never give
	// out a revision that the lost one has given out.
	sysJump = 2
	// sysScrub makes each replica scan its state as it is after this entry.
	sysScrub = 3
	// sysLevel raises the command level.
	sysLevel = 4
)

// revisionJump is what recover adds to the revision.
const revisionJump = 1 << 32

// systemEntry is an entry that a replica of the given level executes.
func systemEntry(level uint32, stamp int64, commands ...[]byte) []byte {
	e := entry{stamp: stamp, level: level}
	for _, c := range commands {
		e.envelopes = append(e.envelopes, (&envelope{part: sysPart, body: c}).encode())
	}
	return e.encode()
}

func systemCommand(kind byte, value uint64) []byte {
	return binary.AppendUvarint([]byte{kind}, value)
}

// order replicates one of consensus' own commands, as the leader. Its future
// ends with Raft.
func (g *Group) order(kind byte, value uint64) raft.ApplyFuture {
	m := g.machine.state()
	level, commands := m.Level, [][]byte{systemCommand(kind, value)}
	if want := g.wantedLevel(); want > level {
		level, commands = want, append(commands, systemCommand(sysLevel, uint64(want)))
	}
	future := g.raft.Apply(systemEntry(level, g.clock.stamp(m.Time), commands...), 0)
	endWith(future, g.raftEnded)
	return future
}

// wantedLevel is the command level that all replicas execute.
func (g *Group) wantedLevel() uint32 {
	if g.cfg.Level == nil {
		return Level
	}
	return min(g.cfg.Level(), Level)
}

// levelReached says that the level is in force. It waits for a leader where all
// replicas could execute it.
func (g *Group) levelReached(ctx context.Context, level uint32) bool {
	ctx, cancel := context.WithTimeout(ctx, leaderWait)
	defer cancel()
	for {
		moved := g.machine.moved.wait()
		if g.machine.state().Level >= level || g.wantedLevel() < level {
			return g.machine.state().Level >= level
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return false
		case <-g.ctx.Done():
			return false
		}
	}
}

// raise orders a higher command level once all replicas execute it. A marker
// carries it: who takes over while it is on its way orders one as well.
func (g *Group) raise() {
	want := g.wantedLevel()
	if want <= g.machine.state().Level || !g.raising.CompareAndSwap(false, true) {
		return
	}
	g.logger.Info("the command level of the mesh rises", "level", want)
	future := g.order(sysMarker, g.raft.CurrentTerm())
	g.futures.Go(func() {
		defer g.raising.Store(false)
		_ = future.Error()
	})
}

func (m *machine) applySystem(b *batch, body []byte, term uint64) {
	p := parser{b: body}
	kind, value := p.byte(), p.uvarint()
	if p.bad {
		return
	}
	switch kind {
	case sysMarker:
		m.cur.Marker = term
	case sysJump:
		m.cur.Revision += value
	case sysScrub:
		b.scan = value
	case sysLevel:
		m.cur.Level = max(m.cur.Level, uint32(min(value, Level)))
	default:
		m.logger.Warn("an unknown command of consensus was passed over", "kind", kind)
	}
}

func nameOf(f *stateFile) string { return filepath.Base(f.path) }

// broadcast wakes everybody who waits.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

// wait returns a channel that the next wake closes.
func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}

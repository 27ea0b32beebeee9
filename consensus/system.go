package consensus

import (
	"encoding/binary"
	"path/filepath"
	"sync"
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
)

// revisionJump is what recover adds to the revision.
const revisionJump = 1 << 32

func systemEntry(kind byte, value uint64, stamp int64) []byte {
	env := envelope{part: sysPart, body: binary.AppendUvarint([]byte{kind}, value)}
	e := entry{stamp: stamp, level: supportedLevel, envelopes: [][]byte{env.encode()}}
	return e.encode()
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

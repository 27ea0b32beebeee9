package graphsync

import (
	"encoding/binary"
)

// deed is what a command did to a thing.
type deed uint8

const (
	changeCreated deed = 1 + iota
	changeUpdated
	changeDeleted
	changeMerged // a node into another
	changeExpired
	changeErased
	changeRestored // a merge undone
)

// changeKind is a kind of what changes.
type changeKind uint8

const (
	kindNode changeKind = 1 + iota
	kindEdge
	kindObservation
	kindVector
	kindSchema
	kindRetention
	kindConflict
)

// Flags of a change.
const (
	// keptPast: the version from before this revision is in the history.
	keptPast uint8 = 1 << iota
	// hasOther: the id of another node follows.
	hasOther
	// hasHeld: what log and history hold follows, as the command left them. The
	// last change of a command says so.
	hasHeld
)

// change is one entry of the log: that something changed, and what. What it
// changed to is read from the thing or its history.
type change struct {
	rev    uint64
	ord    uint32
	deed   deed
	kind   changeKind
	flags  uint8
	ns     nsID
	id     uint64 // of the thing; of a vector: its node
	at     int64  // ms
	author symbol
	typ    symbol // of a node or edge; of a vector: its model
	source uint64 // of an edge
	target uint64
	node   uint64 // of an observation
	// other is the node that one was merged into, or the one that an
	// observation was moved from.
	other uint64
	held  held
}

const (
	logKeySize = 8 + 4
	changeSize = 1 + 1 + 1 + 3 + 5 + 6 + 3
)

func appendLogKey(b []byte, rev uint64, ord uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(b, rev), ord)
}

// append writes the value of a change in tLog.
func (c *change) append(b []byte) []byte {
	b = append(b, byte(c.deed), byte(c.kind), c.flags)
	b = appendID(appendSymbol(b, c.ns), c.id)
	b = append48(b, uint64(c.at))
	b = appendSymbol(b, c.author)
	switch c.kind {
	case kindNode, kindVector:
		b = appendSymbol(b, c.typ)
	case kindEdge:
		b = appendID(appendSymbol(appendID(b, c.source), c.typ), c.target)
	case kindObservation:
		b = appendID(b, c.node)
	}
	if c.flags&hasOther != 0 {
		b = appendID(b, c.other)
	}
	if c.flags&hasHeld != 0 {
		b = c.held.append(b)
	}
	return b
}

// more is how many bytes follow the fixed part of a kind's change.
func (k changeKind) more() int {
	switch k {
	case kindNode, kindVector:
		return 3
	case kindEdge:
		return 13
	case kindObservation:
		return 5
	}
	return 0
}

// readChange reads an entry of the log; ok is false where it is damaged.
func readChange(k, v []byte) (c change, ok bool) {
	if len(k) != logKeySize || len(v) < changeSize {
		return c, false
	}
	c = change{rev: binary.BigEndian.Uint64(k), ord: binary.BigEndian.Uint32(k[8:]),
		deed: deed(v[0]), kind: changeKind(v[1]), flags: v[2], ns: readSymbol(v[3:]), id: readID(v[6:]), author: readSymbol(v[17:])}
	c.at = int64(read48(v[11:]))
	rest := v[changeSize:]
	size := c.kind.more()
	if c.flags&hasOther != 0 {
		size += 5
	}
	if c.flags&hasHeld != 0 {
		size += heldSize
	}
	if len(rest) != size || c.deed < changeCreated || c.deed > changeRestored || c.kind < kindNode || c.kind > kindConflict || c.flags > keptPast|hasOther|hasHeld {
		return change{}, false
	}
	switch c.kind {
	case kindNode, kindVector:
		c.typ = readSymbol(rest)
	case kindEdge:
		c.source, c.typ, c.target = readID(rest), readSymbol(rest[5:]), readID(rest[8:])
	case kindObservation:
		c.node = readID(rest)
	}
	if c.flags&hasHeld != 0 {
		size -= heldSize
		c.held = readHeld(rest[size:])
	}
	if c.flags&hasOther != 0 {
		c.other = readID(rest[size-5:])
	}
	return c, true
}

// ended says that the thing is gone after the change.
func (d deed) ended() bool {
	return d == changeDeleted || d == changeMerged || d == changeExpired || d == changeErased
}

// note appends a change to the log. It fills in revision, order, time and
// author; the caller says the rest. Below the level of history it does nothing.
func (t *tx) note(c change) {
	if !t.keeps {
		return
	}
	t.startLog()
	t.writeNoted()
	c.at, c.author = t.c.Time.UnixMilli(), t.author()
	if c.other != 0 {
		c.flags |= hasOther
	}
	c.rev, c.ord = t.c.Revision, t.ord
	t.noted = c
	t.ord++
	held := t.heldNow()
	held.count++
	held.bytes += c.size()
	if held.oldest == 0 {
		held.oldest = c.at
	}
}

// size is that of the entry.
func (c *change) size() uint64 {
	n := uint64(logKeySize + changeSize + c.kind.more())
	if c.flags&hasOther != 0 {
		n += 5
	}
	if c.flags&hasHeld != 0 {
		n += heldSize
	}
	return n
}

// writeNoted writes the change noted last, once it is known whether it is the
// command's last.
func (t *tx) writeNoted() {
	if t.ord == 0 {
		return
	}
	t.key = appendLogKey(t.key[:0], t.noted.rev, t.noted.ord)
	t.value = t.noted.append(t.value[:0])
	t.w.Put(tLog, t.key, t.value)
}

func (t *tx) noteNode(d deed, ns nsID, id uint64, typ symbol, flags uint8) {
	t.note(change{deed: d, kind: kindNode, flags: flags, ns: ns, id: id, typ: typ})
}

func (t *tx) noteEdge(d deed, at triple, flags uint8) {
	t.note(change{deed: d, kind: kindEdge, flags: flags, ns: at.ns, id: at.id, source: at.source, typ: at.typ, target: at.target})
}

// endingChange is the change by which a version ends so.
func endingChange(how ending) deed {
	return [...]deed{endChanged: changeUpdated, endDeleted: changeDeleted, endMerged: changeMerged, endExpired: changeExpired}[how]
}

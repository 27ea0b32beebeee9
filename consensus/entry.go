package consensus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Bounds of what is replicated.
const (
	// MaxCommand is the largest command body, and maxEntry the size at which
	// the leader closes an entry: what Raft suggests, so that one RPC of
	// maxAppend entries gets through a slow link within its deadline.
	MaxCommand = 512 << 10
	maxEntry   = 512 << 10
	// maxFrame bounds what a peer may send at once: a full entry with one more
	// command that did not fit.
	maxFrame  = 2 << 20
	maxAppend = 32

	maxPartName = 32
	maxIdemText = 512
)

// entryFormat is the first byte of every command entry.
const entryFormat = 1

// sysPart is the reserved name of consensus' own commands.
const sysPart = "sys"

// origin is one incarnation of one node's consensus: the scope of sequence
// numbers. It is random for each Open.
type origin [16]byte

// envelope is one command on its way. Its encoding, in order: origin (16
// bytes), sequence, part, a flag byte (1: an idempotency key follows as scope,
// key and 32 bytes of hash; 2 and 4: the kind, from level 2 on), body; numbers
// are uvarints, texts and bytes carry a uvarint length.
type envelope struct {
	kind   envelopeKind
	origin origin
	seq    uint64
	part   string
	idem   *IdempotencyKey
	body   []byte
}

// envelopeKind says what the body is.
type envelopeKind byte

const (
	envelopeWhole  envelopeKind = 0 // the command
	envelopeChunk  envelopeKind = 2 // a piece of one to come
	envelopeStaged envelopeKind = 4 // names the pieces of one
)

// ack says that everything the origin sent below seq has been answered.
type ack struct {
	origin origin
	seq    uint64
}

// entry is the content of one Raft command entry, and without stamp and level
// also what a follower forwards. Envelopes stay encoded: the leader copies
// them through.
type entry struct {
	stamp     int64 // unix ms, by the leader
	level     uint32
	acks      []ack
	envelopes [][]byte
}

func appendBytes[T ~[]byte | ~string](b []byte, v T) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

func (e *envelope) encode() []byte {
	b := make([]byte, 0, 16+10+1+len(e.part)+1+5+len(e.body)+96)
	b = append(b, e.origin[:]...)
	b = binary.AppendUvarint(b, e.seq)
	b = appendBytes(b, e.part)
	if e.idem == nil {
		b = append(b, byte(e.kind))
	} else {
		b = append(b, 1|byte(e.kind))
		b = appendBytes(b, e.idem.Scope)
		b = appendBytes(b, e.idem.Key)
		b = append(b, e.idem.BodyHash[:]...)
	}
	return appendBytes(b, e.body)
}

func (e *entry) encode() []byte {
	size := 32 + len(e.acks)*26
	for _, v := range e.envelopes {
		size += len(v) + 5
	}
	b := make([]byte, 0, size)
	b = append(b, entryFormat)
	b = binary.AppendUvarint(b, uint64(e.stamp))
	b = binary.AppendUvarint(b, uint64(e.level))
	b = binary.AppendUvarint(b, uint64(len(e.acks)))
	for _, a := range e.acks {
		b = append(b, a.origin[:]...)
		b = binary.AppendUvarint(b, a.seq)
	}
	b = binary.AppendUvarint(b, uint64(len(e.envelopes)))
	for _, v := range e.envelopes {
		b = appendBytes(b, v)
	}
	return b
}

var errMalformed = errors.New("malformed entry")

// parser reads frames; after a failure every read returns zero values.
type parser struct {
	b   []byte
	bad bool
}

func (p *parser) uvarint() uint64 {
	v, n := binary.Uvarint(p.b)
	if n <= 0 {
		p.bad, p.b = true, nil
		return 0
	}
	p.b = p.b[n:]
	return v
}

func (p *parser) take(n uint64) []byte {
	if n > uint64(len(p.b)) {
		p.bad, p.b = true, nil
		return nil
	}
	v := p.b[:n:n]
	p.b = p.b[n:]
	return v
}

func (p *parser) byte() byte {
	v := p.take(1)
	if v == nil {
		return 0
	}
	return v[0]
}

func (p *parser) bytes(limit uint64) []byte {
	n := p.uvarint()
	if n > limit {
		p.bad, p.b = true, nil
		return nil
	}
	return p.take(n)
}

// count reads a number of things that each take at least one byte.
func (p *parser) count() int {
	n := p.uvarint()
	if n > uint64(len(p.b)) {
		p.bad, p.b = true, nil
		return 0
	}
	return int(n)
}

// decodeEnvelope reads one envelope; its slices belong to b.
func decodeEnvelope(b []byte) (envelope, error) {
	p := parser{b: b}
	var e envelope
	copy(e.origin[:], p.take(16))
	e.seq = p.uvarint()
	e.part = string(p.bytes(maxPartName))
	flags := p.byte()
	switch e.kind = envelopeKind(flags &^ 1); {
	case e.kind == envelopeWhole, e.kind == envelopeStaged, flags == byte(envelopeChunk):
	default:
		p.bad = true
	}
	if flags&1 != 0 {
		e.idem = &IdempotencyKey{Scope: string(p.bytes(maxIdemText)), Key: string(p.bytes(maxIdemText))}
		copy(e.idem.BodyHash[:], p.take(32))
	}
	e.body = p.bytes(MaxCommand)
	if p.bad || len(p.b) > 0 {
		return envelope{}, errMalformed
	}
	return e, nil
}

// errFormat says that an entry was written by a newer version.
var errFormat = fmt.Errorf("an entry of the log: %w", ErrNewer)

// decodeEntry reads an entry; its slices belong to b.
func decodeEntry(b []byte) (entry, error) {
	p := parser{b: b}
	if f := p.byte(); f != entryFormat {
		if !p.bad && f > entryFormat {
			return entry{}, errFormat
		}
		return entry{}, errMalformed
	}
	var e entry
	e.stamp = int64(p.uvarint())
	e.level = uint32(p.uvarint())
	for range p.count() {
		var a ack
		copy(a.origin[:], p.take(16))
		a.seq = p.uvarint()
		e.acks = append(e.acks, a)
	}
	n := p.count()
	e.envelopes = slices.Grow(e.envelopes, min(n, 1024))
	for range n {
		e.envelopes = append(e.envelopes, p.bytes(maxFrame))
	}
	if p.bad || len(p.b) > 0 || e.stamp < 0 {
		return entry{}, errMalformed
	}
	return e, nil
}

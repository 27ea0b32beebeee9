package message

import (
	"encoding/binary"
	"errors"
)

// What crosses a connection between two nodes is a row of records:
//
//	message    1, uvarint length of what follows, uvarint number, u16 flags,
//	           uvarint milliseconds left, uvarint length of the head, head, body
//	outcome    2, uvarint length of what follows, uvarint number, u8 status and
//	           flags, [code, sentence, details], [counts], [answer]
//	delivered  3, uvarint number: an outcome without anything beside it
//	interest   4, uvarint length of what follows, uvarint number, uvarint from,
//	           uvarint to, and changes: u8 1 (new) or 0 (gone), pattern
//
// A head is a row of strings, each a uvarint length and its bytes; the flags
// say which there are. Messages and interests are numbered by who sends them;
// outcome and delivered carry the number of what they answer. Integers of a
// fixed size are big-endian.
const (
	recordMessage byte = iota + 1
	recordOutcome
	recordDelivered
	recordInterest
)

const (
	flagAll uint16 = 1 << iota
	flagWait
	flagTopic
	flagSticky
	flagSealed
	flagStored
	flagTo // To is not the agent alone
	flagAgent
	flagType
	flagConversation
	flagRequest
	flagTrace
	flagKey
	flagPriority
	flagNoBody
)

const (
	// MaxRecord bounds one record between nodes, in bytes: a body and what
	// is around it.
	MaxRecord = MaxBody + 16<<10
	// maxHead bounds what is around a body.
	maxHead = 8 << 10
	// maxRefusal bounds each text of a refusal that crosses, and the number
	// of its details.
	maxRefusal = 4 << 10
	maxDetails = 32
)

var errRecord = errors.New("malformed message record")

// envelope is a message between nodes: what the record says beside it.
type envelope struct {
	agent     string // whose sessions it is for; "" for a topic
	all, wait bool
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// textReader takes a head apart without copying it.
type textReader struct {
	rest string
	bad  bool
}

func (r *textReader) uvarint() uint64 {
	var v uint64
	for i := 0; i < len(r.rest) && i < binary.MaxVarintLen64; i++ {
		c := r.rest[i]
		if c < 0x80 {
			if i == binary.MaxVarintLen64-1 && c > 1 {
				break
			}
			r.rest = r.rest[i+1:]
			return v | uint64(c)<<(7*i)
		}
		v |= uint64(c&0x7f) << (7 * i)
	}
	r.bad, r.rest = true, ""
	return 0
}

func (r *textReader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, ""
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *textReader) textIf(has bool) string {
	if !has {
		return ""
	}
	return r.text()
}

// putPadded writes v as a uvarint of exactly len(b) bytes.
func putPadded(b []byte, v uint64) {
	for i := range b {
		b[i] = byte(v)&0x7f | 0x80
		v >>= 7
	}
	b[len(b)-1] &= 0x7f
}

// record is one record as it came; the slices are of the batch.
type record struct {
	kind   byte
	number uint64
	flags  uint16
	leftMs uint64
	head   []byte
	body   []byte
}

func uvarint(b []byte) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}

// nextRecord splits the first record off a batch.
func nextRecord(b []byte) (r record, rest []byte, err error) {
	r.kind = b[0]
	b = b[1:]
	var ok bool
	if r.kind == recordDelivered {
		if r.number, rest, ok = uvarint(b); !ok {
			return r, nil, errRecord
		}
		return r, rest, nil
	}
	n, b, ok := uvarint(b)
	if !ok || n > uint64(len(b)) || n > MaxRecord {
		return r, nil, errRecord
	}
	b, rest = b[:n], b[n:]
	if r.number, b, ok = uvarint(b); !ok {
		return r, nil, errRecord
	}
	switch r.kind {
	case recordMessage:
		if len(b) < 2 {
			return r, nil, errRecord
		}
		r.flags = binary.BigEndian.Uint16(b)
		if r.leftMs, b, ok = uvarint(b[2:]); !ok {
			return r, nil, errRecord
		}
		var head uint64
		if head, b, ok = uvarint(b); !ok || head > uint64(len(b)) || head > maxHead {
			return r, nil, errRecord
		}
		r.head, r.body = b[:head], b[head:]
	case recordOutcome, recordInterest:
		r.body = b
	default:
		return r, nil, errRecord
	}
	return r, rest, nil
}

package agent

import (
	"encoding/binary"
	"math"
	"slices"
	"sync"
)

// Opcodes of RFC 6455 section 5.2. The node writes its frames itself: many of
// them then go out in one write and one TLS record, from one buffer.
const (
	opText = 0x1
	opPing = 0x9
	opPong = 0xA
)

// appendWS appends a final, unmasked WebSocket frame.
func appendWS(dst []byte, op byte, payload []byte) []byte {
	return append(appendHead(dst, op, len(payload)), payload...)
}

// appendHead appends what is in front of a payload of n bytes.
func appendHead(dst []byte, op byte, n int) []byte {
	dst = append(dst, 0x80|op)
	switch {
	case n < 126:
		return append(dst, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
}

// headRoom is what a message's header takes mostly, and the bracket behind it.
const headRoom = 4

// fullText is how long a message of several frames grows.
const fullText = 32 << 10

// texts appends text messages to out. Each holds a frame or, if arrays, several
// in a JSON array, as many as fit. begin, append to out, end, for each frame;
// seal when all are there.
type texts struct {
	out    []byte
	arrays bool
	opened int // where the open message begins, with room for its header
	frames int // in it
}

// begin returns where the frame that is about to be appended begins.
func (t *texts) begin() int {
	if t.frames++; t.frames > 1 {
		t.out = append(t.out, ',')
		return len(t.out)
	}
	t.opened = len(t.out)
	t.out = append(t.out, "\x00\x00\x00\x00["...)
	return len(t.out)
}

// end closes the message, unless another frame may follow.
func (t *texts) end() {
	if !t.arrays || t.frames >= maxFrames || len(t.out)-t.opened >= fullText {
		t.seal()
	}
}

// frame appends one that is encoded.
func (t *texts) frame(text []byte) {
	t.begin()
	t.out = append(t.out, text...)
	t.end()
}

// seal writes the header of the open message, if there is one.
func (t *texts) seal() {
	at := t.opened + headRoom // where the payload begins
	switch t.frames {
	case 0:
		return
	case 1:
		at++ // without the bracket
	default:
		t.out = append(t.out, ']')
	}
	t.frames = 0
	var head [10]byte
	h := appendHead(head[:0], opText, len(t.out)-at)
	if gap := at - t.opened - len(h); gap != 0 {
		t.out = slices.Replace(t.out, t.opened, at, h...)
	} else {
		copy(t.out[t.opened:], h)
	}
}

// Buffers that are given back larger than this are left to the collector.
const maxPooled = 128 << 10

var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 4<<10)
	return &b
}}

func getBuffer() *[]byte { return buffers.Get().(*[]byte) }

func putBuffer(b *[]byte) {
	if cap(*b) <= maxPooled {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}

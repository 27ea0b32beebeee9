package client

import (
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/meshd/meshd/node/jsonwalk"
)

// frameWriter appends frames, which are JSON objects, as masked text messages of
// RFC 6455. Writing many at once is what makes a client fast. A message holds
// one frame or, to a node that takes them so, as many as fit, in a JSON array.
type frameWriter struct {
	b      []byte
	most   int // frames in a message; 0: 1
	begun  int // where the open message begins, with room for its header
	frames int // in it
}

const (
	// headRoom is what a message's header mostly takes, and maxTogether how long
	// a message of several frames grows.
	headRoom    = 8
	maxTogether = 32 << 10
)

// add appends a frame with its number in the session, if it has one, as the
// first member.
func (w *frameWriter) add(data []byte, number uint64) {
	if len(data) > maxTogether/2 {
		w.seal() // alone
	}
	if w.frames++; w.frames == 1 {
		w.begun = len(w.b)
		w.b = append(w.b, "\x00\x00\x00\x00\x00\x00\x00\x00["...)
	} else {
		w.b = append(w.b, ',')
	}
	if number > 0 {
		w.b = append(strconv.AppendUint(append(w.b, `{"frame":`...), number, 10), ',')
		data = data[1:]
	}
	w.b = append(w.b, data...)
	if w.frames >= w.most || len(w.b)-w.begun >= maxTogether {
		w.seal()
	}
}

// seal writes the header of the open message, if there is one, and masks it. The
// mask need only be such that nobody outside can choose the bytes on the wire.
func (w *frameWriter) seal() {
	at := w.begun + headRoom // where the payload begins
	switch w.frames {
	case 0:
		return
	case 1:
		at++ // without the bracket
	default:
		w.b = append(w.b, ']')
	}
	w.frames = 0
	var memory [14]byte
	head := append(memory[:0], 0x81)
	switch n := len(w.b) - at; {
	case n < 126:
		head = append(head, 0x80|byte(n))
	case n < 1<<16:
		head = binary.BigEndian.AppendUint16(append(head, 0x80|126), uint16(n))
	default:
		head = binary.BigEndian.AppendUint64(append(head, 0x80|127), uint64(n))
	}
	mask := rand.Uint32()
	head = binary.LittleEndian.AppendUint32(head, mask)
	w.b = slices.Replace(w.b, w.begun, at, head...)
	wide := uint64(mask) | uint64(mask)<<32
	in := w.b[w.begun+len(head):]
	for len(in) >= 8 {
		binary.LittleEndian.PutUint64(in, binary.LittleEndian.Uint64(in)^wide)
		in = in[8:]
	}
	for i := range in {
		in[i] ^= byte(wide >> (8 * i))
	}
}

// eachFrame calls visit for the frames of a message: one, or several in an
// array. What is not of that form ends the walk.
func eachFrame(data []byte, visit func(frame []byte)) {
	i := jsonwalk.Space(data, 0)
	if i >= len(data) || data[i] != '[' {
		visit(data)
		return
	}
	for i < len(data) && (data[i] == '[' || data[i] == ',') {
		begin := jsonwalk.Space(data, i+1)
		end := jsonwalk.Value(data, begin)
		if end <= begin {
			return
		}
		visit(data[begin:end])
		i = jsonwalk.Space(data, end)
	}
}

// appendString appends s as a JSON string.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(s) // a string can be
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

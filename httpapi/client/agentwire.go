package client

import (
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"unicode/utf8"
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
	i := skipSpace(data, 0)
	if i >= len(data) || data[i] != '[' {
		visit(data)
		return
	}
	for i < len(data) && (data[i] == '[' || data[i] == ',') {
		begin := skipSpace(data, i+1)
		end := skipValue(data, begin)
		if end <= begin {
			return
		}
		visit(data[begin:end])
		i = skipSpace(data, end)
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

// eachMember walks the members of a JSON object that is known to be one, and calls
// visit with each name, as it is spelled, and the bytes of its value. What is not of that form ends
// the walk with false; what is inside of values is not looked at.
func eachMember(data []byte, visit func(name, value []byte) bool) bool {
	i := skipSpace(data, 0)
	if i >= len(data) || data[i] != '{' {
		return false
	}
	i = skipSpace(data, i+1)
	if i < len(data) && data[i] == '}' {
		return skipSpace(data, i+1) == len(data)
	}
	for {
		from := i
		if i = skipValue(data, i); i < from+2 || data[from] != '"' {
			return false
		}
		name := data[from+1 : i-1]
		if i = skipSpace(data, i); i >= len(data) || data[i] != ':' {
			return false
		}
		from = skipSpace(data, i+1)
		if i = skipValue(data, from); i <= from {
			return false
		}
		if !visit(name, data[from:i]) {
			return false
		}
		i = skipSpace(data, i)
		if i >= len(data) {
			return false
		}
		switch data[i] {
		case ',':
			i = skipSpace(data, i+1)
		case '}':
			return skipSpace(data, i+1) == len(data)
		default:
			return false
		}
	}
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// skipValue returns where the value at i ends, -1 where it does not.
func skipValue(b []byte, i int) int {
	depth := 0
	for start := i; i < len(b); {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if i >= len(b) {
				return -1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // of what is around, after a number or a word
			}
			depth--
		case ',', ':', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return i
			}
		}
		i++
		if depth == 0 && (b[i-1] == '"' && start < i-1 || b[i-1] == '}' || b[i-1] == ']') {
			return i
		}
	}
	return -1
}

// textOf is a JSON string, empty for what is none.
func textOf(value []byte) string {
	if len(value) < 2 || value[0] != '"' {
		return ""
	}
	plain := value[1 : len(value)-1]
	for _, c := range plain {
		if c == '\\' || c < ' ' || c >= utf8.RuneSelf {
			var s string
			_ = json.Unmarshal(value, &s) // what is no string stays empty
			return s
		}
	}
	return string(plain)
}

// numberOf is a JSON number that is whole and not negative, 0 for others.
func numberOf(value []byte) uint64 {
	n, err := strconv.ParseUint(string(value), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

package client

import (
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"unicode/utf8"
)

// appendFrame appends a frame, a JSON object, as one masked text message of
// RFC 6455, with its number in the session, if it has one, as the first member.
// Writing many of them at once is what makes a client fast. The masks need only
// be such that nobody outside can choose the bytes on the wire.
func appendFrame(b, data []byte, number uint64) []byte {
	var head [32]byte
	first := head[:0]
	if number > 0 {
		first = append(strconv.AppendUint(append(first, `{"frame":`...), number, 10), ',')
		data = data[1:]
	}
	b = append(b, 0x81)
	switch n := len(first) + len(data); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := rand.Uint32()
	b = binary.LittleEndian.AppendUint32(b, mask)
	at := len(b)
	b = append(append(b, first...), data...)
	wide := uint64(mask) | uint64(mask)<<32
	in := b[at:]
	for len(in) >= 8 {
		binary.LittleEndian.PutUint64(in, binary.LittleEndian.Uint64(in)^wide)
		in = in[8:]
	}
	for i := range in {
		in[i] ^= byte(wide >> (8 * i))
	}
	return b
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

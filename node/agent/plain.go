package agent

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/meshd/meshd/node/jsonwalk"
	"github.com/meshd/meshd/node/strictjson"
)

// jsonEnd returns where the JSON value at i ends, -1 where there is none that
// strictjson would take.
func jsonEnd(b []byte, i int) int {
	if end := plainValue(b, i, 0); end >= 0 {
		return end
	}
	end := jsonwalk.Value(b, i)
	if end < 0 || strictjson.Check(b[i:end]) != nil {
		return -1
	}
	return end
}

// Bounds of what plainValue looks at by itself.
const (
	plainDepth   = 32
	plainMembers = 16
)

// plainValue returns where a value ends that is certainly right; -1 leaves it
// to strictjson.
func plainValue(b []byte, i, depth int) int {
	if i >= len(b) || depth > plainDepth {
		return -1
	}
	switch c := b[i]; {
	case c == '"':
		return plainText(b, i)
	case c == '{':
		return plainObject(b, i, depth)
	case c == '[':
		if i = jsonwalk.Space(b, i+1); i < len(b) && b[i] == ']' {
			return i + 1
		}
		for {
			if i = plainValue(b, i, depth+1); i < 0 {
				return -1
			}
			if i = jsonwalk.Space(b, i); i >= len(b) {
				return -1
			}
			if b[i] == ']' {
				return i + 1
			}
			if b[i] != ',' {
				return -1
			}
			i = jsonwalk.Space(b, i+1)
		}
	case c == 't' && len(b)-i >= 4 && string(b[i:i+4]) == "true", c == 'n' && len(b)-i >= 4 && string(b[i:i+4]) == "null":
		return i + 4
	case c == 'f' && len(b)-i >= 5 && string(b[i:i+5]) == "false":
		return i + 5
	case c == '-' || c >= '0' && c <= '9':
		return plainNumber(b, i)
	}
	return -1
}

// plainText is scanString with the escapes of one letter.
func plainText(b []byte, i int) int {
	odd := false
	for j := i + 1; ; j++ {
		for len(b)-j >= 8 && odd8(binary.LittleEndian.Uint64(b[j:])) == 0 {
			j += 8
		}
		if j >= len(b) {
			return -1
		}
		switch c := b[j]; {
		case c == '"':
			if odd && !utf8.Valid(b[i+1:j]) {
				return -1
			}
			return j + 1
		case c == '\\':
			if j++; j >= len(b) {
				return -1
			}
			switch b[j] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			default:
				return -1
			}
		case c < ' ':
			return -1
		case c >= utf8.RuneSelf:
			odd = true
		}
	}
}

// odd8 is not 0 where one of eight bytes is a quote, a backslash, a control
// character or beyond ASCII (Warren, Hacker's Delight, 6-1): a subtraction
// borrows from the high bit of the byte that is too small.
func odd8(v uint64) uint64 {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	return (v | (v - ones*' ') | ((v ^ ones*'"') - ones) | ((v ^ ones*'\\') - ones)) & high
}

func plainObject(b []byte, i, depth int) int {
	if i = jsonwalk.Space(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	var names [plainMembers][]byte
	for n := 0; n < plainMembers; n++ {
		name, end := scanString(b, i)
		if end < 0 {
			return -1
		}
		for _, had := range names[:n] {
			if string(had) == string(name) {
				return -1
			}
		}
		names[n] = name
		if i = jsonwalk.Space(b, end); i >= len(b) || b[i] != ':' {
			return -1
		}
		if i = plainValue(b, jsonwalk.Space(b, i+1), depth+1); i < 0 {
			return -1
		}
		if i = jsonwalk.Space(b, i); i >= len(b) {
			return -1
		}
		if b[i] == '}' {
			return i + 1
		}
		if b[i] != ',' {
			return -1
		}
		i = jsonwalk.Space(b, i+1)
	}
	return -1
}

// plainNumber follows the grammar of RFC 8259 section 6.
func plainNumber(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	digits := func() bool {
		begin := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		return i > begin
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		if i++; !digits() {
			return -1
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return -1
		}
	}
	return i
}

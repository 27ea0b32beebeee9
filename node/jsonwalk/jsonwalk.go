// Package jsonwalk walks JSON without building anything: it finds where values
// begin and end, for who reads many small frames and knows their members.
//
// It is no validator. What it does not look at may be anything; who must know
// that a text is JSON asks encoding/json. It promises to end, and to point
// nowhere outside of the text, whatever it is given.
package jsonwalk

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// Space returns the first place from i on that is no white space.
func Space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// Value returns where the value at i ends, -1 where it does not. It ends at a
// comma, a colon, white space or the end of what is around where it is a number
// or a word.
func Value(b []byte, i int) int {
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

// Members walks the members of the object that data is, and calls visit with each
// name, as it is spelled, and the bytes of its value, until that says false. What
// is not of that form, and being told to stop, end the walk with false; what is
// inside of values is not looked at.
func Members(data []byte, visit func(name, value []byte) bool) bool {
	i := Space(data, 0)
	if i >= len(data) || data[i] != '{' {
		return false
	}
	i = Space(data, i+1)
	if i < len(data) && data[i] == '}' {
		return Space(data, i+1) == len(data)
	}
	for {
		from := i
		if i = Value(data, i); i < from+2 || data[from] != '"' {
			return false
		}
		name := data[from+1 : i-1]
		if i = Space(data, i); i >= len(data) || data[i] != ':' {
			return false
		}
		from = Space(data, i+1)
		if i = Value(data, from); i <= from {
			return false
		}
		if !visit(name, data[from:i]) {
			return false
		}
		i = Space(data, i)
		if i >= len(data) {
			return false
		}
		switch data[i] {
		case ',':
			i = Space(data, i+1)
		case '}':
			return Space(data, i+1) == len(data)
		default:
			return false
		}
	}
}

// Text is a string, empty for what is none.
func Text(value []byte) string {
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

// Number is a number that is whole and not negative, 0 for others.
func Number(value []byte) uint64 {
	n, err := strconv.ParseUint(string(value), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

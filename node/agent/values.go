package agent

import (
	"unicode/utf8"

	"github.com/meshd/meshd/node/jsonwalk"
)

// scanString is plainString for a value: what it holds is checked.
func scanString(b []byte, i int) ([]byte, int) {
	if i >= len(b) || b[i] != '"' {
		return nil, -1
	}
	odd := false
	for j := i + 1; j < len(b); j++ {
		switch c := b[j]; {
		case c == '"':
			if text := b[i+1 : j]; !odd || utf8.Valid(text) {
				return text, j + 1
			}
			return nil, -1
		case c == '\\' || c < ' ':
			return nil, -1
		case c >= utf8.RuneSelf:
			odd = true
		}
	}
	return nil, -1
}

func scanStrings(b []byte, i int, out *[]string) int {
	if i >= len(b) || b[i] != '[' {
		return -1
	}
	list := []string{}
	for i = jsonwalk.Space(b, i+1); ; i = jsonwalk.Space(b, i+1) {
		text, end := scanString(b, i)
		if end < 0 || len(list) > maxAcks {
			return -1 // an empty list too
		}
		list = append(list, string(text))
		i = jsonwalk.Space(b, end)
		switch {
		case i >= len(b):
			return -1
		case b[i] == ']':
			*out = list
			return i + 1
		case b[i] != ',':
			return -1
		}
	}
}

func scanBool(b []byte, i int, out *bool) int {
	switch {
	case len(b)-i >= 4 && string(b[i:i+4]) == "true":
		*out = true
		return i + 4
	case len(b)-i >= 5 && string(b[i:i+5]) == "false":
		return i + 5
	}
	return -1
}

// scanNumber reads a whole number without sign, fraction or exponent.
func scanNumber(b []byte, i int) (uint64, int) {
	end := i
	for end < len(b) && b[end] >= '0' && b[end] <= '9' {
		end++
	}
	n, ok := parseNumber(string(b[i:end]))
	if !ok || end < len(b) && (b[end] == '.' || b[end] == 'e' || b[end] == 'E') {
		return 0, -1
	}
	return n, end
}

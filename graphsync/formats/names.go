package formats

import (
	"strings"
	"unicode/utf8"
)

const maxType = 64

func isType(s string) bool {
	if s == "" || len(s) > maxType {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_'
		if !letter && (i == 0 || !(c >= '0' && c <= '9' || c == '.' || c == ':' || c == '-')) {
			return false
		}
	}
	return true
}

// typeOf makes an identifier of a foreign name: what cannot be in one becomes
// "_". Two names may come to the same; callers keep the original where it
// matters. Empty becomes none.
func typeOf(name, none string) string {
	if isType(name) {
		return name
	}
	var b strings.Builder
	for _, c := range strings.TrimSpace(name) {
		if b.Len() >= maxType {
			break
		}
		s := string(c)
		switch {
		case isType("_"+s) && b.Len() == 0 && !isType(s):
			b.WriteByte('_')
			b.WriteString(s)
		case isType("_" + s):
			b.WriteString(s)
		default:
			b.WriteByte('_')
		}
	}
	if b.Len() == 0 {
		return none
	}
	return b.String()[:min(b.Len(), maxType)]
}

// cut shortens a text to at most n bytes between characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// Names of types where a file gives none, and the bounds of texts that a reader
// shortens because they are not what the file is about.
const (
	someNode = "node"
	someEdge = "related"
	maxLabel = 1 << 10
)

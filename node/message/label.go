package message

import (
	"unicode"
	"unicode/utf8"
)

// Visible says whether s has at most limit bytes, all of them visible ASCII
// characters, as ids have. The empty text is visible.
func Visible(s string, limit int) bool {
	if len(s) > limit {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Printable says whether s may stand in a message beside its body, as its type or
// conversation: at most 256 bytes of UTF-8 in which all can be printed. Live and
// durable messages take the same.
func Printable(s string) bool {
	if len(s) > maxLabel {
		return false
	}
	ascii := true
	for i := 0; i < len(s) && ascii; i++ {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
		ascii = s[i] < utf8.RuneSelf
	}
	if ascii {
		return true
	}
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

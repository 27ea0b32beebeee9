package search

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// FoldWord is the form under which a word is indexed: compatibility forms
// resolved (NFKD), case folded, apostrophes and the diacritics of alphabetic
// scripts dropped.
// Viramas and vowel signs, which are marks too, carry the word in the scripts
// of India and stay.
func FoldWord(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || s[i] == '\'' {
			return foldWordUnicode(s)
		}
	}
	return strings.ToLower(s)
}

var folders = sync.Pool{New: func() any { c := cases.Fold(); return &c }}

func foldWordUnicode(s string) string {
	f := folders.Get().(*cases.Caser)
	defer folders.Put(f)
	s = norm.NFKD.String(f.String(norm.NFKD.String(s)))
	drop := false
	for _, r := range s {
		if drop = dropped(r); drop {
			break
		}
	}
	if drop {
		s = strings.Map(func(r rune) rune {
			if dropped(r) {
				return -1
			}
			return r
		}, s)
	}
	return norm.NFC.String(s)
}

// dropped says that a rune is a diacritic or says nothing: the general
// combining blocks, Hebrew and Arabic points, tatweel, joiners, soft hyphen.
func dropped(r rune) bool {
	switch {
	case r < 0x300:
		return r == 0xad || r == '\''
	case r <= 0x36f, r >= 0x1ab0 && r <= 0x1aff, r >= 0x1dc0 && r <= 0x1dff, r >= 0x20d0 && r <= 0x20ff, r >= 0xfe20 && r <= 0xfe2f:
		return true
	case r >= 0x591 && r <= 0x5c7, r >= 0x610 && r <= 0x61a, r >= 0x64b && r <= 0x65f, r == 0x670, r == 0x640:
		return unicode.Is(unicode.Mn, r) || r == 0x640
	case r >= 0x200b && r <= 0x200f, r == 0xfeff, r == '’':
		return true
	}
	return false
}

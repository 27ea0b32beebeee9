package graphsync

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/meshd/meshd/consensus"
)

func validType(s string) bool {
	if len(s) == 0 || len(s) > MaxType {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '_':
		case i > 0 && (c >= '0' && c <= '9' || c == '.' || c == ':' || c == '-'):
		default:
			return false
		}
	}
	return true
}

func checkType(field, s string) *consensus.Refusal {
	if !validType(s) {
		return invalid(field, "must be an identifier of 1 to %d characters (letters, digits, _ . : -, beginning with a letter or _)", MaxType)
	}
	return nil
}

// checkText bounds a free text: valid UTF-8, no NUL, min to max bytes.
func checkText(field, s string, min, max int) *consensus.Refusal {
	switch {
	case len(s) < min:
		return invalid(field, "must not be empty")
	case len(s) > max:
		return invalid(field, "has %d bytes, at most %d are allowed", len(s), max)
	case !utf8.ValidString(s):
		return invalid(field, "is not valid UTF-8")
	case strings.IndexByte(s, 0) >= 0:
		return invalid(field, "contains a NUL character")
	}
	return nil
}

// checkShown refuses a text that shows nothing: made of white space, controls,
// characters without width and fillers alone. It is for what is made; what was
// stored before is named and read as ever.
func checkShown(field, s string) *consensus.Refusal {
	for _, c := range s {
		if c > ' ' && c < 0x7f || c >= 0x80 && shows(c) {
			return nil
		}
	}
	return invalid(field, "has no visible character")
}

func shows(c rune) bool {
	return !unicode.In(c, unicode.White_Space, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) &&
		c != '\u2800' // the Braille pattern without dots
}

// CheckNamespace refuses what cannot name a namespace: it takes 1 to 128 bytes
// of UTF-8 without control characters.
func CheckNamespace(s string) error {
	if r := checkNamespace(s); r != nil {
		return r
	}
	return nil
}

func checkNamespace(s string) *consensus.Refusal {
	if r := checkText("session_id", s, 1, MaxNamespace); r != nil {
		return r
	}
	for _, c := range s {
		if c < 0x20 || c == 0x7f {
			return invalid("session_id", "contains a control character")
		}
	}
	return nil
}

// NormalKey returns the form under which a key is unique: NFKC, case folded,
// runs of white space collapsed to one space, none at the ends (Unicode
// Standard Annex 15; NFKC_Casefold without removing ignorable characters).
func NormalKey(s string) string { return fold(s) }

// fold is NormalKey for keys and labels. The proposer folds and the command
// carries the result, so that replicas built with different Unicode tables
// still apply the same bytes.
func fold(s string) string {
	plain, lower := true, true
	space := true // a space here would be leading or doubled
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= utf8.RuneSelf:
			return foldUnicode(s)
		case c >= 'A' && c <= 'Z':
			lower = false
		}
		if c == ' ' {
			plain = plain && !space
			space = true
			continue
		}
		if c >= '\t' && c <= '\r' {
			plain = false
		}
		space = false
	}
	plain = plain && (!space || s == "")
	if !plain {
		s = strings.Join(strings.Fields(s), " ")
	}
	if !lower {
		s = strings.ToLower(s)
	}
	return s
}

func foldUnicode(s string) string {
	s = norm.NFKC.String(s)
	for range 3 { // folding may leave what composes or folds again
		next := norm.NFKC.String(cases.Fold().String(s))
		if next == s {
			break
		}
		s = next
	}
	return strings.Join(strings.Fields(s), " ")
}

// indexName is the part of a folded label that the label index holds.
func indexName(label string) string {
	name := fold(label)
	if len(name) <= maxName {
		return name
	}
	n := maxName
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:n]
}

func checkKey(field, s string) (normal string, _ *consensus.Refusal) {
	if r := checkText(field, s, 1, MaxKey); r != nil {
		return "", r
	}
	normal = fold(s)
	if normal == "" {
		return "", invalid(field, "must not be blank")
	}
	if len(normal) > maxNormKey {
		return "", invalid(field, "has %d bytes after normalisation, at most %d are allowed", len(normal), maxNormKey)
	}
	return normal, nil
}

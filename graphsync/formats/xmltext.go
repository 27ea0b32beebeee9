package formats

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// inXML says that XML 1.0 has a character (section 2.2).
func inXML(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000
}

// appendXML appends a text for an attribute or an element; ok is false where XML
// cannot hold it.
func appendXML(b []byte, s string) (_ []byte, ok bool) {
	ok = true
	for _, r := range s {
		switch r {
		case '&':
			b = append(b, "&amp;"...)
		case '<':
			b = append(b, "&lt;"...)
		case '>':
			b = append(b, "&gt;"...)
		case '"':
			b = append(b, "&#34;"...)
		case '\t':
			b = append(b, "&#9;"...)
		case '\n':
			b = append(b, "&#10;"...)
		case '\r':
			b = append(b, "&#13;"...)
		default:
			ok = ok && inXML(r)
			b = utf8.AppendRune(b, r)
		}
	}
	return b, ok
}

// escapeNonXML spells the characters of a JSON text that XML does not have as
// JSON can.
func escapeNonXML(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !inXML(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if inXML(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(`\u`)
			for shift := 12; shift >= 0; shift -= 4 {
				b.WriteByte(hexDigits[r>>shift&15])
			}
		}
	}
	return b.String()
}

// aliasList is a node's aliases as a JSON list, or nothing.
func aliasList(r *Record) (string, error) {
	if r.Node == nil || len(r.Node.Aliases) == 0 {
		return "", nil
	}
	list, err := json.Marshal(r.Node.Aliases)
	return string(list), err
}

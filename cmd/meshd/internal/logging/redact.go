package logging

import (
	"log/slog"
	"regexp"
	"strings"
)

const placeholder = "(hidden)"

// secretKeys are the names, or the last words of names, whose values are
// secrets whatever they look like.
var secretKeys = []string{"token", "key", "secret", "authorization", "password", "cookie"}

// redactAttr takes the values of attributes out whose name says secret.
func redactAttr(_ []string, a slog.Attr) slog.Attr {
	name := strings.ToLower(a.Key)
	for _, k := range secretKeys {
		rest, ok := strings.CutSuffix(name, k)
		if ok && (rest == "" || strings.ContainsRune("_-. ", rune(rest[len(rest)-1]))) {
			return slog.String(a.Key, placeholder)
		}
	}
	return a
}

// secretText is what credentials of this project look like, wherever in a line
// they turn up: in messages, in errors, inside other values.
var secretText = regexp.MustCompile(`\b(mesh1\.|mk_|(?:[Bb]earer )|at_[A-Za-z0-9_-]{16}|ic_[A-Za-z0-9_-]{16})[A-Za-z0-9_.~+/=-]{4,}`)

// redactLine returns a copy of line without anything that looks like a
// credential.
func redactLine(line []byte) []byte {
	if !secretText.Match(line) {
		return append([]byte(nil), line...)
	}
	return secretText.ReplaceAllFunc(line, func(m []byte) []byte {
		kept := 3
		if i := strings.IndexAny(string(m), ". "); i >= 0 {
			kept = i + 1
		}
		return append(append([]byte{}, m[:kept]...), placeholder...)
	})
}

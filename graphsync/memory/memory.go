// Package memory maps the names of the reference memory server for MCP clients
// (@modelcontextprotocol/server-memory) to those of the graph and back, without
// loss: there, types of entities and relations are any text; here they are
// identifiers.
//
// It is pure and knows neither the graph nor the protocol. Whoever reads or
// writes such a memory, by tools or by file, maps by it.
package memory

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const (
	// Mentioned is the type of a node that only relations speak of: it is no
	// entity until one of its name is created.
	Mentioned = "mentioned"
	// TypeProperty is the property that keeps an entity's type as given, where
	// the node's type is its escaped form.
	TypeProperty = "entityType"
)

const (
	maxType   = 64
	maxWords  = 48
	hashChars = 10
)

// NodeType returns the node type for an entity's type, and what the property
// TypeProperty must hold; kept is false where it must be absent.
func NodeType(entityType string) (nodeType string, kept bool) {
	if plain(entityType) && entityType != Mentioned {
		return entityType, false
	}
	return Escape(entityType), true
}

// EntityType is the way back. Original is the property TypeProperty, empty
// where there is none or it is no text. A node type that does not belong to it
// was changed by other means, and wins.
func EntityType(nodeType, original string, kept bool) string {
	if kept && Escape(original) == nodeType {
		return original
	}
	return nodeType
}

// EdgeType returns the edge type for a relation's type, and the predicate that
// keeps the original; kept is false where it must be empty.
func EdgeType(relationType string) (edgeType string, kept bool) {
	if plain(relationType) {
		return relationType, false
	}
	return Escape(relationType), true
}

// RelationType is the way back.
func RelationType(edgeType, predicate string) string {
	if looksEscaped(edgeType) && Escape(predicate) == edgeType {
		return predicate
	}
	return edgeType
}

// Escape makes an identifier of any text: its words, a colon and a hash that
// tells texts of the same words apart.
func Escape(text string) string {
	var b strings.Builder
	gap := false
	for i := range len(text) {
		c := text[i]
		if !inIdentifier(c) {
			gap = b.Len() > 0
			continue
		}
		if b.Len() == 0 && !begins(c) {
			b.WriteByte('x')
		}
		if gap {
			b.WriteByte('_')
			gap = false
		}
		b.WriteByte(c)
		if b.Len() >= maxWords {
			break
		}
	}
	words := b.String()
	if words == "" {
		words = "x"
	}
	sum := sha256.Sum256([]byte(text))
	return words[:min(len(words), maxWords)] + ":" + hex.EncodeToString(sum[:hashChars/2])
}

// plain says that a text is an identifier of the graph that no escaping makes.
func plain(s string) bool {
	if s == "" || len(s) > maxType || !begins(s[0]) || looksEscaped(s) {
		return false
	}
	for i := range len(s) {
		if !inIdentifier(s[i]) {
			return false
		}
	}
	return true
}

func looksEscaped(s string) bool {
	at := len(s) - hashChars - 1
	if at < 0 || s[at] != ':' {
		return false
	}
	return strings.Trim(s[at+1:], "0123456789abcdef") == ""
}

func begins(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_'
}

func inIdentifier(c byte) bool {
	return begins(c) || c >= '0' && c <= '9' || c == '.' || c == ':' || c == '-'
}

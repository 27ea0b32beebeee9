package graphsync

import (
	"bytes"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync/cursor"
)

// A cursor is the last key a page looked at, without its namespace, behind a
// byte that names the table. It is opaque to clients, holds at any node, and
// stays true while the graph changes: a page goes on after that key. One that was
// damaged on its way is refused by its checksum, which the namespace is a part of.

const (
	cursorNodes byte = 1 + iota
	cursorTypes
	cursorSPO
	cursorOPS
	cursorNames
	cursorNamespaces
	cursorHistory
)

const maxCursor = 2 * (maxNormKey + 16)

func encodeCursor(kind byte, key []byte) string {
	return cursor.Seal(string(key[:3]), append([]byte{kind}, key[3:]...))
}

// decodeCursor returns the whole key of a cursor, which must lie under prefix;
// nil for the empty cursor.
func decodeCursor(kind byte, ns nsID, prefix []byte, text string) ([]byte, *consensus.Refusal) {
	if text == "" {
		return nil, nil
	}
	key := appendSymbol(nil, ns)
	b, ok := cursor.Open(string(key), text)
	if len(text) > maxCursor || !ok || len(b) < 2 || b[0] != kind {
		return nil, invalid("cursor", "is damaged, or not from this list: begin again without it")
	}
	key = append(key, b[1:]...)
	if !bytes.HasPrefix(key, prefix) {
		return nil, invalid("cursor", "is from a list with other filters")
	}
	return key, nil
}

// next is the least key after key.
func next(key []byte) []byte { return append(append([]byte(nil), key...), 0) }

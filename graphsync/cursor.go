package graphsync

import (
	"bytes"
	"encoding/base64"

	"github.com/meshd/meshd/consensus"
)

// A cursor is the last key a page looked at, without its namespace, behind a
// byte that names the table. It is opaque to clients, holds at any node, and
// stays true while the graph changes: a page goes on after that key.

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
	return base64.RawURLEncoding.EncodeToString(append([]byte{kind}, key[3:]...))
}

// decodeCursor returns the whole key of a cursor, which must lie under prefix;
// nil for the empty cursor.
func decodeCursor(kind byte, ns nsID, prefix []byte, cursor string) ([]byte, *consensus.Refusal) {
	if cursor == "" {
		return nil, nil
	}
	if len(cursor) > maxCursor {
		return nil, invalid("cursor", "is not from this list")
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) < 2 || b[0] != kind {
		return nil, invalid("cursor", "is not from this list")
	}
	key := append(appendSymbol(nil, ns), b[1:]...)
	if !bytes.HasPrefix(key, prefix) {
		return nil, invalid("cursor", "is from a list with other filters")
	}
	return key, nil
}

// next is the least key after key.
func next(key []byte) []byte { return append(append([]byte(nil), key...), 0) }

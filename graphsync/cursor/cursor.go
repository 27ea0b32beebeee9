// Package cursor spells places in lists as text that clients hand back: URL-safe,
// opaque, and with a checksum, so that a cursor which lost its end or a character
// on its way is refused instead of naming another place. It keeps no secret and
// proves no origin: who reads a cursor must check what it says.
package cursor

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
)

var table = crc32.MakeTable(crc32.Castagnoli)

const sumSize = 4

// text refuses a last character with bits that mean nothing.
var text = base64.RawURLEncoding.Strict()

// Seal spells a place. The checksum also covers list, which says of which list
// it is and is not in the text: Open needs the same.
func Seal(list string, place []byte) string {
	b := append(make([]byte, 0, len(place)+sumSize), place...)
	return text.EncodeToString(binary.BigEndian.AppendUint32(b, sum(list, place)))
}

// Open returns the place that Seal spelled, false for any other text.
func Open(list, cursor string) (place []byte, ok bool) {
	b, err := text.DecodeString(cursor)
	if err != nil || len(b) < sumSize {
		return nil, false
	}
	place = b[:len(b)-sumSize]
	return place, binary.BigEndian.Uint32(b[len(place):]) == sum(list, place)
}

func sum(list string, place []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(list), table), table, place)
}

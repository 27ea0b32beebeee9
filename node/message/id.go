package message

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"time"
)

// newID makes a UUIDv7 (RFC 9562). Ids need not be secret, only unlike: the
// random part is ChaCha8's, which costs a tenth of asking the system.
func newID(now time.Time) string {
	var u [16]byte
	binary.BigEndian.PutUint64(u[:], uint64(now.UnixMilli())<<16|0x7000|rand.Uint64()&0x0fff)
	binary.BigEndian.PutUint64(u[8:], 1<<63|rand.Uint64()>>2)
	var text [36]byte
	at := 0
	for i, part := range [...][]byte{u[:4], u[4:6], u[6:8], u[8:10], u[10:]} {
		if i > 0 {
			text[at] = '-'
			at++
		}
		at += hex.Encode(text[at:], part)
	}
	return string(text[:])
}

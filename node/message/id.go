package message

import (
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// newID makes a UUIDv7 (RFC 9562). Ids need not be secret, only unlike: the
// random part is ChaCha8's, which costs a tenth of asking the system.
func newID(now time.Time) string {
	first := uint64(now.UnixMilli())<<16 | 0x7000 | rand.Uint64()&0x0fff
	second := 1<<63 | rand.Uint64()>>2
	var digits [32]byte
	for i, v := range [...]uint32{uint32(first >> 32), uint32(first), uint32(second >> 32), uint32(second)} {
		binary.BigEndian.PutUint64(digits[8*i:], hexDigits(v))
	}
	text := [36]byte{8: '-', 13: '-', 18: '-', 23: '-'}
	copy(text[:8], digits[:8])
	copy(text[9:13], digits[8:12])
	copy(text[14:18], digits[12:16])
	copy(text[19:23], digits[16:20])
	copy(text[24:], digits[20:])
	return string(text[:])
}

// hexDigits spells v, a byte for each of its eight digits: the digits are spread
// over the bytes, and those beyond 9, which carry when 6 is added, become
// letters.
func hexDigits(v uint32) uint64 {
	x := uint64(v)
	x = (x<<16 | x) & 0x0000ffff0000ffff
	x = (x<<8 | x) & 0x00ff00ff00ff00ff
	x = (x<<4 | x) & 0x0f0f0f0f0f0f0f0f
	letters := (x + 0x0606060606060606) >> 4 & 0x0101010101010101
	return x + 0x3030303030303030 + letters*('a'-'9'-1)
}

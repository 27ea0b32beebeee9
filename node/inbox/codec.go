package inbox

import (
	"encoding/binary"
	"math"
)

// The records and commands of every message are written by hand: fields in a
// fixed order, numbers as unsigned varints, texts behind their length. The
// first byte of each is its format.

func appendText[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// cursor reads them; what it yields shares the bytes it reads. After a mistake
// it is bad, and yields zeros.
type cursor struct {
	b   []byte
	bad bool
}

func (r *cursor) fail() { r.b, r.bad = nil, true }

func (r *cursor) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// millis is a time or a span in milliseconds: what would overflow when two are
// added is a mistake.
func (r *cursor) millis() int64 {
	v := r.uvarint()
	if v > math.MaxInt64/4 {
		r.fail()
		return 0
	}
	return int64(v)
}

func (r *cursor) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail()
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// text reads one of at most limit bytes.
func (r *cursor) text(limit int) []byte {
	n := r.uvarint()
	if n > uint64(limit) {
		r.fail()
		return nil
	}
	return r.take(int(n))
}

func (r *cursor) string(limit int) string { return string(r.text(limit)) }

// count reads how many things follow of which each has a byte at least.
func (r *cursor) count(limit int) int {
	n := r.uvarint()
	if n > uint64(limit) || n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

// whole says that all was read and made sense.
func (r *cursor) whole() bool { return !r.bad && len(r.b) == 0 }

func key64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// varint reads a distance.
func (r *cursor) varint() uint64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return uint64(v)
}

package graphsync

import (
	"encoding/binary"
	"math"

	"github.com/meshd/meshd/consensus"
)

// What every write encodes and decodes is done here by hand, to the byte as
// consensus.Encode does it: CBOR maps with small numbers for names, in rising
// order. The reader takes that form only. What it does not take goes to
// consensus.Decode, which decides whether it is good, so that there is one
// grammar; a fuzz test holds the two to each other.

// Major types of CBOR (RFC 8949, section 3.1), in place.
const (
	cborUint  = 0x00
	cborNeg   = 0x20
	cborBytes = 0x40
	cborText  = 0x60
	cborArray = 0x80
	cborMap   = 0xa0
	cborFalse = 0xf4
	cborTrue  = 0xf5
	cborHalf  = 0xf9
	cborFloat = 0xfa
	cborLong  = 0xfb
)

func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= math.MaxUint8:
		return append(b, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func appendInt(b []byte, n int64) []byte {
	if n < 0 {
		return appendHead(b, cborNeg, uint64(-1-n))
	}
	return appendHead(b, cborUint, uint64(n))
}

// fields writes a map whose length is known at its end; it has at most 23
// members.
type fields struct {
	b []byte
	n byte
	// at is where the head of the map is.
	at int
}

func mapFields(b []byte) fields { return fields{b: append(b, cborMap), at: len(b)} }

func (f *fields) end() []byte {
	f.b[f.at] |= f.n
	return f.b
}

func (f *fields) name(k uint64) {
	f.n++
	f.b = appendHead(f.b, cborUint, k)
}

func (f *fields) uint(k, v uint64) {
	f.name(k)
	f.b = appendHead(f.b, cborUint, v)
}

// uintIf and the others whose names end so leave out the zero value.
func (f *fields) uintIf(k, v uint64) {
	if v != 0 {
		f.uint(k, v)
	}
}

func (f *fields) int(k uint64, v int64) {
	f.name(k)
	f.b = appendInt(f.b, v)
}

func (f *fields) intIf(k uint64, v int64) {
	if v != 0 {
		f.int(k, v)
	}
}

func (f *fields) text(k uint64, v string) {
	f.name(k)
	f.b = append(appendHead(f.b, cborText, uint64(len(v))), v...)
}

func (f *fields) textIf(k uint64, v string) {
	if v != "" {
		f.text(k, v)
	}
}

func (f *fields) bytesIf(k uint64, v []byte) {
	if len(v) > 0 {
		f.name(k)
		f.b = append(appendHead(f.b, cborBytes, uint64(len(v))), v...)
	}
}

func (f *fields) trueIf(k uint64, v bool) {
	if v {
		f.name(k)
		f.b = append(f.b, cborTrue)
	}
}

func (f *fields) float(k uint64, v float64) {
	f.name(k)
	if v == 1 { // what most weights are
		f.b = append(f.b, cborHalf, 0x3c, 0x00)
		return
	}
	f.b = append(f.b, consensus.Encode(v)...)
}

func (f *fields) floatIf(k uint64, v float64) {
	if v != 0 {
		f.name(k)
		f.b = append(f.b, consensus.Encode(v)...)
	}
}

// cborReader reads what fields writes. After something else bad is set, and all
// it returns is to be thrown away. Texts are copied, bytes are parts of the
// input.
type cborReader struct {
	b   []byte
	bad bool
}

func (r *cborReader) fail() {
	r.bad, r.b = true, nil
}

// head reads the head of an item, in its shortest form, if its major type is
// the one asked for.
func (r *cborReader) head(major byte) uint64 {
	if len(r.b) == 0 || r.b[0]&0xe0 != major {
		r.fail()
		return 0
	}
	info := r.b[0] & 0x1f
	if info < 24 {
		r.b = r.b[1:]
		return uint64(info)
	}
	size := 1 << (info - 24)
	if info > 27 || len(r.b) < 1+size {
		r.fail()
		return 0
	}
	var n uint64
	for _, c := range r.b[1 : 1+size] {
		n = n<<8 | uint64(c)
	}
	if n < 24 || size > 1 && n>>(4*size) == 0 { // there is a shorter form
		r.fail()
		return 0
	}
	r.b = r.b[1+size:]
	return n
}

func (r *cborReader) uint() uint64 { return r.head(cborUint) }

func (r *cborReader) uintTo(limit uint64) uint64 {
	n := r.uint()
	if n > limit {
		r.fail()
		return 0
	}
	return n
}

func (r *cborReader) int() int64 {
	if len(r.b) > 0 && r.b[0]&0xe0 == cborNeg {
		n := r.head(cborNeg)
		if n > math.MaxInt64 {
			r.fail()
			return 0
		}
		return -1 - int64(n)
	}
	return int64(r.uintTo(math.MaxInt64))
}

func (r *cborReader) span(major byte) []byte {
	n := r.head(major)
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// text takes ASCII only; the decoder knows about UTF-8.
func (r *cborReader) text() string {
	v := r.span(cborText)
	for _, c := range v {
		if c >= 0x80 {
			r.fail()
			return ""
		}
	}
	return string(v)
}

func (r *cborReader) bytes() []byte { return r.span(cborBytes) }

func (r *cborReader) bool() bool {
	if len(r.b) == 0 || r.b[0] != cborTrue && r.b[0] != cborFalse {
		r.fail()
		return false
	}
	v := r.b[0] == cborTrue
	r.b = r.b[1:]
	return v
}

// float reads a finite number.
func (r *cborReader) float() (f float64) {
	f = math.NaN()
	switch {
	case len(r.b) >= 3 && r.b[0] == cborHalf:
		h := binary.BigEndian.Uint16(r.b[1:])
		exp, mant := int(h>>10&0x1f), float64(h&0x3ff)
		switch exp {
		case 31:
		case 0:
			f = math.Ldexp(mant, -24)
		default:
			f = math.Ldexp(mant+1024, exp-25)
		}
		if h>>15 != 0 {
			f = -f
		}
		r.b = r.b[3:]
	case len(r.b) >= 5 && r.b[0] == cborFloat:
		f = float64(math.Float32frombits(binary.BigEndian.Uint32(r.b[1:])))
		r.b = r.b[5:]
	case len(r.b) >= 9 && r.b[0] == cborLong:
		f = math.Float64frombits(binary.BigEndian.Uint64(r.b[1:]))
		r.b = r.b[9:]
	}
	if !finite(f) {
		r.fail()
	}
	return f
}

// members reads a map: member is called with each name, and reads its value.
func (r *cborReader) members(member func(name uint64) bool) {
	last := uint64(0)
	for range r.head(cborMap) {
		name := r.uint()
		if name <= last || !member(name) {
			r.fail()
		}
		if r.bad {
			return
		}
		last = name
	}
}

// whole says that all was read, and well.
func (r *cborReader) whole() bool { return !r.bad && len(r.b) == 0 }

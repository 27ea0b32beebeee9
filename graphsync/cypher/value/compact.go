package value

import (
	"math"
	"unsafe"
)

const (
	valueBytes = int(unsafe.Sizeof(Value{}))
	entryBytes = valueBytes + 16 // of a map, with its key's header
)

// String is a text. It shares the bytes of s.
func String(s string) Value {
	if s == "" {
		return Value{kind: KindString}
	}
	return Value{kind: KindString, size: saturate(len(s)), num: uint64(len(s)), ref: unsafe.StringData(s)}
}

// AsString is the text of v, or "".
func (v Value) AsString() string {
	if v.kind != KindString || v.num == 0 {
		return ""
	}
	p, _ := v.ref.(*byte)
	return unsafe.String(p, int(v.num))
}

// List is a list. It shares l, which must not be changed any more.
func List(l []Value) Value {
	if len(l) == 0 {
		return Value{kind: KindList, depth: 1}
	}
	depth, size := uint16(0), len(l)*valueBytes
	for i := range l {
		depth = max(depth, l[i].depth)
		size += int(l[i].size)
	}
	return Value{kind: KindList, depth: deeper(depth), size: saturate(size), num: uint64(len(l)), ref: unsafe.SliceData(l)}
}

// AsList is the elements of v, or nil. They must not be changed.
func (v Value) AsList() []Value {
	if v.kind != KindList || v.num == 0 {
		return nil
	}
	p, _ := v.ref.(*Value)
	return unsafe.Slice(p, int(v.num))
}

// MapOf is a map. It shares m, which must not be changed any more.
func MapOf(m Map) Value {
	depth, size := uint16(0), 48
	for k, v := range m {
		depth = max(depth, v.depth)
		size += entryBytes + len(k) + int(v.size)
	}
	return Value{kind: KindMap, depth: deeper(depth), size: saturate(size), ref: m}
}

// Size is about how many bytes v takes, of which parts that it holds twice count
// twice. It is at most 4 GiB.
func Size(v Value) int { return valueBytes + int(v.size) }

// Depth is how deep lists and maps are nested in v: 0 for what is neither.
func Depth(v Value) int { return int(v.depth) }

func pathSize(p *Path) int { return 64 + 8*len(p.Nodes) + 8*len(p.Rels) }

func saturate(n int) uint32 {
	if n < 0 || n > math.MaxUint32 {
		return math.MaxUint32
	}
	return uint32(n)
}

func deeper(d uint16) uint16 {
	if d == math.MaxUint16 {
		return d
	}
	return d + 1
}

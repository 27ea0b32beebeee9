package value

import (
	"encoding/binary"
	"math"
)

// AppendKey appends a key of v: two values have the same key if, and only if,
// they are equivalent. Keys end by themselves, so that several may be written one
// after the other.
func AppendKey(dst []byte, v Value) []byte {
	if v.kind == KindFloat {
		f := v.AsFloat()
		switch {
		case f != f:
			f = math.NaN()
		case f >= -1<<63 && f < 1<<63 && f == math.Trunc(f):
			return AppendKey(dst, Int(int64(f)))
		}
		return appendWord(append(dst, byte(KindFloat)), math.Float64bits(f))
	}
	dst = append(dst, byte(v.kind))
	switch v.kind {
	case KindBool:
		dst = append(dst, byte(v.num))
	case KindInt, KindNode, KindRel:
		dst = appendWord(dst, v.num)
	case KindString:
		dst = appendText(dst, v.AsString())
	case KindList:
		list := v.AsList()
		dst = binary.AppendUvarint(dst, uint64(len(list)))
		for _, x := range list {
			dst = AppendKey(dst, x)
		}
	case KindMap:
		m := v.AsMap()
		dst = binary.AppendUvarint(dst, uint64(len(m)))
		for _, k := range sortedKeys(m) {
			dst = AppendKey(appendText(dst, k), m[k])
		}
	case KindPath:
		p := v.AsPath()
		dst = binary.AppendUvarint(dst, uint64(len(p.Rels)))
		for _, id := range p.Nodes {
			dst = appendWord(dst, id)
		}
		for _, r := range p.Rels {
			dst = appendWord(dst, r.ID)
		}
	default:
		dst = appendTemporalKey(dst, v)
	}
	return dst
}

func appendTemporalKey(dst []byte, v Value) []byte {
	switch v.kind {
	case KindDate:
		return appendWord(dst, uint64(v.AsDate().Days))
	case KindLocalTime:
		return appendWord(dst, uint64(v.AsLocalTime().Nanos))
	case KindTime:
		t := v.AsTime()
		return binary.AppendVarint(appendWord(dst, uint64(t.Nanos)), int64(t.Offset))
	case KindLocalDateTime:
		t := v.AsLocalDateTime()
		return binary.AppendVarint(appendWord(dst, uint64(t.Seconds)), int64(t.Nanos))
	case KindDateTime:
		t := v.AsDateTime()
		dst = binary.AppendVarint(appendWord(dst, uint64(t.Seconds)), int64(t.Nanos))
		return appendText(binary.AppendVarint(dst, int64(t.Offset)), t.Zone)
	case KindDuration:
		d := v.AsDuration()
		dst = appendWord(appendWord(appendWord(dst, uint64(d.Months)), uint64(d.Days)), uint64(d.Seconds))
		return binary.AppendVarint(dst, int64(d.Nanos))
	}
	return dst
}

func appendWord(dst []byte, w uint64) []byte { return binary.BigEndian.AppendUint64(dst, w) }

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// Package value is what expressions are made of: openCypher's types, with its
// null, equality, comparison, order and arithmetic.
//
// A Value is small and immutable; nodes are ids, whose labels and properties are
// read from the graph when they are asked for. It is pure: no clock, no graph, no
// state. The rules are those of openCypher 9 (CIP2016-06-14, comparability,
// equality, orderability and equivalence).
package value

import (
	"math"

	"github.com/meshd/meshd/graphsync/cypher/temporal"
)

// Kind is the type of a value.
type Kind uint8

// The kinds. The zero Value is null.
const (
	KindNull Kind = iota
	KindBool
	KindInt
	KindFloat
	KindString
	KindList
	KindMap
	KindNode
	KindRel
	KindPath
	KindDate
	KindLocalTime
	KindTime
	KindLocalDateTime
	KindDateTime
	KindDuration
)

// Value is one value. Two are compared with Equal, Compare or Order, or by
// AppendKey, never with ==.
//
// Texts and lists are kept as a pointer and a length, so that making a Value
// allocates nothing. Depth and size are known from the parts when a list or map
// is made: asking for them costs nothing, and a value that holds another one many
// times cannot cost more to measure than to make.
type Value struct {
	kind  Kind
	depth uint16 // of nesting, 0 for what is no list and no map
	size  uint32 // bytes behind ref, at most
	num   uint64
	ref   any
}

// Rel is a relationship: where it leads from and to. It is shared and immutable.
type Rel struct {
	ID, From, To uint64
	Type         string
}

// Path is a walk: Nodes has one id more than Rels. A relationship may be walked
// against its direction.
type Path struct {
	Nodes []uint64
	Rels  []*Rel
}

// Map is a map value. It must not be changed once it is in a Value.
type Map = map[string]Value

// Null is null.
var Null Value

// Bool is a boolean. It and the functions below make values of Go's.
func Bool(b bool) Value {
	if b {
		return Value{kind: KindBool, num: 1}
	}
	return Value{kind: KindBool}
}
func Int(i int64) Value          { return Value{kind: KindInt, num: uint64(i)} }
func Float(f float64) Value      { return Value{kind: KindFloat, num: math.Float64bits(f)} }
func Node(id uint64) Value       { return Value{kind: KindNode, num: id} }
func RelOf(r *Rel) Value         { return Value{kind: KindRel, num: r.ID, ref: r} }
func PathOf(p *Path) Value       { return Value{kind: KindPath, size: saturate(pathSize(p)), ref: p} }
func Date(d temporal.Date) Value { return Value{kind: KindDate, ref: d} }
func Time(t temporal.Time) Value { return Value{kind: KindTime, ref: t} }
func LocalTime(t temporal.LocalTime) Value {
	return Value{kind: KindLocalTime, ref: t}
}
func DateTime(t temporal.DateTime) Value { return Value{kind: KindDateTime, ref: t} }
func LocalDateTime(t temporal.LocalDateTime) Value {
	return Value{kind: KindLocalDateTime, ref: t}
}
func Duration(d temporal.Duration) Value { return Value{kind: KindDuration, ref: d} }

// Kind is the type of v.
func (v Value) Kind() Kind { return v.kind }

// IsNull says that v is null.
func (v Value) IsNull() bool { return v.kind == KindNull }

// IsTrue says that v is true: neither false nor null nor anything else.
func (v Value) IsTrue() bool { return v.kind == KindBool && v.num == 1 }

// AsBool is the boolean v. It and the accessors below are for values of their
// kind; of others they give zero values.
func (v Value) AsBool() bool     { return v.num == 1 }
func (v Value) AsInt() int64     { return int64(v.num) }
func (v Value) AsFloat() float64 { return math.Float64frombits(v.num) }
func (v Value) AsMap() Map       { m, _ := v.ref.(Map); return m }
func (v Value) AsNode() uint64   { return v.num }
func (v Value) AsRel() *Rel      { r, _ := v.ref.(*Rel); return r }
func (v Value) AsPath() *Path    { p, _ := v.ref.(*Path); return p }

func (v Value) AsDate() temporal.Date           { d, _ := v.ref.(temporal.Date); return d }
func (v Value) AsTime() temporal.Time           { t, _ := v.ref.(temporal.Time); return t }
func (v Value) AsLocalTime() temporal.LocalTime { t, _ := v.ref.(temporal.LocalTime); return t }
func (v Value) AsDateTime() temporal.DateTime   { t, _ := v.ref.(temporal.DateTime); return t }
func (v Value) AsLocalDateTime() temporal.LocalDateTime {
	t, _ := v.ref.(temporal.LocalDateTime)
	return t
}
func (v Value) AsDuration() temporal.Duration { d, _ := v.ref.(temporal.Duration); return d }

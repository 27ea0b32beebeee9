package httpapi

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/meshd/meshd/graphsync"
)

// plainJSON reads JSON in the spelling that programs write: known names, each
// once and exactly spelled, strings without escapes, no null. What it does not
// take is not wrong for that, it is left to the full decoder, which also finds
// the words for what is wrong. It costs a tenth of encoding/json.
//
// Every method says whether it could go on; after false nothing that was read
// may be used. Strings are copied, raw values are parts of the input.
type plainJSON struct {
	b []byte
	i int
}

// Bounds of the values that are taken raw: their nesting, and the members of
// an object, which are compared with each other.
const (
	plainDepth   = 32
	plainMembers = 24
)

func (p *plainJSON) space() {
	for p.i < len(p.b) {
		switch p.b[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

// take reads one byte of punctuation and the space before it.
func (p *plainJSON) take(c byte) bool {
	p.space()
	if p.i < len(p.b) && p.b[p.i] == c {
		p.i++
		return true
	}
	return false
}

// end says that nothing but space is left.
func (p *plainJSON) end() bool {
	p.space()
	return p.i == len(p.b)
}

// raw reads a string without escapes, as it lies in the input.
func (p *plainJSON) raw() ([]byte, bool) {
	if !p.take('"') {
		return nil, false
	}
	start := p.i
	for ; p.i < len(p.b); p.i++ {
		switch c := p.b[p.i]; {
		case c == '"':
			p.i++
			return p.b[start : p.i-1], true
		case c < ' ' || c == '\\':
			return nil, false
		}
	}
	return nil, false
}

func (p *plainJSON) text(to *string) bool {
	s, ok := p.raw()
	if !ok || !utf8.Valid(s) {
		return false
	}
	*to = string(s)
	return true
}

func (p *plainJSON) textAt(to **string) bool {
	*to = new(string)
	return p.text(*to)
}

// uint reads a whole number of at most 19 digits.
func (p *plainJSON) uint(to *uint64) bool {
	p.space()
	start := p.i
	if !p.number() || p.i-start > 19 {
		return false
	}
	n, err := strconv.ParseUint(string(p.b[start:p.i]), 10, 64)
	*to = n
	return err == nil
}

func (p *plainJSON) float(to **float64) bool {
	p.space()
	start := p.i
	if !p.number() {
		return false
	}
	f, err := strconv.ParseFloat(string(p.b[start:p.i]), 64)
	*to = &f
	return err == nil
}

func (p *plainJSON) bool(to *bool) bool {
	p.space()
	*to = p.i < len(p.b) && p.b[p.i] == 't'
	return p.word("true") || p.word("false")
}

func (p *plainJSON) word(w string) bool {
	if len(p.b)-p.i < len(w) || string(p.b[p.i:p.i+len(w)]) != w {
		return false
	}
	p.i += len(w)
	return true
}

// object reads an object's members; member is called behind each name, with
// its value to be read.
func (p *plainJSON) object(member func(name []byte) bool) bool {
	if !p.take('{') {
		return false
	}
	for n := 0; ; n++ {
		if n == 0 && p.take('}') {
			return true
		}
		name, ok := p.raw()
		if !ok || !p.take(':') || !member(name) {
			return false
		}
		if p.take('}') {
			return true
		}
		if !p.take(',') {
			return false
		}
	}
}

// array reads an array's elements.
func (p *plainJSON) array(element func() bool) bool {
	if !p.take('[') {
		return false
	}
	for n := 0; ; n++ {
		if n == 0 && p.take(']') {
			return true
		}
		if !element() {
			return false
		}
		if p.take(']') {
			return true
		}
		if !p.take(',') {
			return false
		}
	}
}

// rawObject takes a whole object as it is spelled; it is valid JSON.
func (p *plainJSON) rawObject(to *[]byte) bool {
	p.space()
	start := p.i
	if p.i >= len(p.b) || p.b[p.i] != '{' || !p.value(0) {
		return false
	}
	*to = p.b[start:p.i:p.i]
	return true
}

// value passes over a valid value (RFC 8259) without a member that stands twice
// in one object.
func (p *plainJSON) value(depth int) bool {
	p.space()
	if p.i >= len(p.b) || depth > plainDepth {
		return false
	}
	switch p.b[p.i] {
	case '{':
		p.i++
		var names [plainMembers][]byte
		for n := 0; ; n++ {
			if n == 0 && p.take('}') {
				return true
			}
			name, ok := p.raw()
			if !ok || !utf8.Valid(name) || n == plainMembers || slices.ContainsFunc(names[:n], func(s []byte) bool { return bytes.Equal(s, name) }) {
				return false
			}
			names[n] = name
			if !p.take(':') || !p.value(depth+1) {
				return false
			}
			if p.take('}') {
				return true
			}
			if !p.take(',') {
				return false
			}
		}
	case '[':
		return p.array(func() bool { return p.value(depth + 1) })
	case '"':
		return p.str()
	case 't':
		return p.word("true")
	case 'f':
		return p.word("false")
	case 'n':
		return p.word("null")
	}
	return p.number()
}

// str passes over a valid string; its escapes are the short ones.
func (p *plainJSON) str() bool {
	if !p.one('"') {
		return false
	}
	for start := p.i; p.i < len(p.b); p.i++ {
		switch c := p.b[p.i]; {
		case c == '"':
			p.i++
			return utf8.Valid(p.b[start : p.i-1])
		case c < ' ':
			return false
		case c == '\\':
			p.i++
			if p.i >= len(p.b) || !strings.ContainsRune(`"\/bfnrt`, rune(p.b[p.i])) {
				return false
			}
		}
	}
	return false
}

// number passes over a valid number.
func (p *plainJSON) number() bool {
	start := p.i
	p.one('-')
	if !p.one('0') && !p.digits() {
		return false
	}
	if p.one('.') && !p.digits() {
		return false
	}
	if p.one('e') || p.one('E') {
		if !p.one('+') {
			p.one('-')
		}
		if !p.digits() {
			return false
		}
		_, err := strconv.ParseFloat(string(p.b[start:p.i]), 64)
		return err == nil
	}
	return p.i-start < 300 // longer ones may be beyond what a float64 holds
}

func (p *plainJSON) one(c byte) bool {
	if p.i < len(p.b) && p.b[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *plainJSON) digits() bool {
	start := p.i
	for p.i < len(p.b) && p.b[p.i] >= '0' && p.b[p.i] <= '9' {
		p.i++
	}
	return p.i > start
}

// once notes that a member was given and says that it is the first time.
func once(seen *uint32, bit uint) bool {
	was := *seen
	*seen |= 1 << bit
	return was != *seen
}

// time reads a time of RFC 3339 with all its digits.
func (p *plainJSON) time(to **time.Time) bool {
	text, ok := p.raw()
	if !ok || len(text) < len("2006-01-02T15:04:05Z") || text[len("2006-01-02T15:04:05")] == ',' {
		return false
	}
	var t time.Time
	*to = &t
	return t.UnmarshalText(text) == nil
}

// vector reads finite numbers.
func (p *plainJSON) vector(to *[]float32) bool {
	*to = []float32{}
	return p.array(func() bool {
		p.space()
		start := p.i
		if !p.number() || len(*to) == graphsync.MaxDimension {
			return false
		}
		f, err := strconv.ParseFloat(string(p.b[start:p.i]), 32)
		*to = append(*to, float32(f))
		return err == nil
	})
}

// fact reads a member of an operation about what is known of a thing. A schema
// is for the full decoder.
func (p *plainJSON) fact(name []byte, seen *uint32, o *graphsync.Op) bool {
	switch string(name) {
	case "valid_from":
		return once(seen, 15) && p.time(&o.ValidFrom)
	case "valid_to":
		return once(seen, 16) && p.time(&o.ValidTo)
	case "provenance":
		return once(seen, 17) && p.textAt(&o.Provenance)
	case "confidence":
		return once(seen, 18) && p.float(&o.Confidence)
	case "expires_at":
		return once(seen, 19) && p.time(&o.ExpiresAt)
	case "node_id":
		return once(seen, 20) && p.uint(&o.NodeID)
	case "alias":
		return once(seen, 21) && p.text(&o.Alias)
	case "text":
		return once(seen, 22) && p.text(&o.Text)
	case "model":
		return once(seen, 23) && p.text(&o.Model)
	case "vector":
		return once(seen, 24) && p.vector(&o.Vector)
	case "reason":
		return once(seen, 25) && p.text(&o.Reason)
	case "days":
		return once(seen, 26) && p.uint(&o.Days)
	case "bytes":
		return once(seen, 27) && p.uint(&o.Bytes)
	}
	return false
}

// op reads one operation on the graph.
func (p *plainJSON) op(o *graphsync.Op) bool {
	var seen uint32
	return p.object(func(name []byte) bool {
		switch string(name) {
		case "op":
			return once(&seen, 0) && p.text(&o.Op)
		case "id":
			return once(&seen, 1) && p.uint(&o.ID)
		case "key":
			return once(&seen, 2) && p.text(&o.Key)
		case "type":
			return once(&seen, 3) && p.text(&o.Type)
		case "label":
			return once(&seen, 4) && p.textAt(&o.Label)
		case "properties":
			return once(&seen, 5) && p.rawObject((*[]byte)(&o.Properties))
		case "merge":
			return once(&seen, 6) && p.bool(&o.Merge)
		case "source_id":
			return once(&seen, 7) && p.uint(&o.SourceID)
		case "target_id":
			return once(&seen, 8) && p.uint(&o.TargetID)
		case "source":
			return once(&seen, 9) && p.text(&o.Source)
		case "target":
			return once(&seen, 10) && p.text(&o.Target)
		case "weight":
			return once(&seen, 11) && p.float(&o.Weight)
		case "predicate":
			return once(&seen, 12) && p.textAt(&o.Predicate)
		case "parallel":
			var n uint64
			ok := once(&seen, 13) && p.uint(&n) && n <= math.MaxUint32
			o.Parallel = uint32(n)
			return ok
		case "if_version":
			return once(&seen, 14) && p.uint(&o.IfVersion)
		}
		return p.fact(name, &seen, o)
	})
}

// ops reads a list of operations that is not empty.
func (p *plainJSON) ops(to *[]graphsync.Op) bool {
	return p.array(func() bool {
		*to = append(*to, graphsync.Op{})
		return p.op(&(*to)[len(*to)-1])
	}) && len(*to) > 0
}

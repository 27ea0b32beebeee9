package httpapi

import (
	"math"
	"strconv"
	"time"

	"github.com/meshd/meshd/graphsync"
)

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

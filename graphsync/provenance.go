package graphsync

import (
	"math"
	"time"

	"github.com/meshd/meshd/consensus"
)

// noTime in an op takes a time away. It cannot be 0, which is a moment in 1970.
const noTime = math.MinInt64

// take returns p with what the op gives; all puts what it does not give back
// to nothing, as an upsert does.
func (p provenance) take(o *op, all bool) (provenance, *consensus.Refusal) {
	if all {
		p = provenance{}
	}
	if o.has(hasValidFrom) {
		p.ValidFrom = moment(o.ValidFrom)
	}
	if o.has(hasValidTo) {
		p.ValidTo = moment(o.ValidTo)
	}
	if o.has(hasSource) {
		p.Source = o.From
	}
	if o.has(hasConfidence) {
		p.Confidence = nil
		if o.Confidence >= 0 {
			p.Confidence = &o.Confidence
		}
	}
	if o.has(hasExpires) {
		p.Expires = o.Expires
	}
	if p.ValidFrom != nil && p.ValidTo != nil && *p.ValidFrom >= *p.ValidTo {
		return p, invalid("valid_to", "must be after valid_from")
	}
	return p, nil
}

func moment(ms int64) *int64 {
	if ms == noTime {
		return nil
	}
	return &ms
}

func (p *provenance) same(q *provenance) bool {
	return equal(p.ValidFrom, q.ValidFrom) && equal(p.ValidTo, q.ValidTo) && p.Source == q.Source &&
		equal(p.Confidence, q.Confidence) && p.Expires == q.Expires
}

func equal[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// good says that a stored provenance can be shown.
func (p *provenance) good() bool {
	return len(p.Source) <= MaxProvenance && (p.Confidence == nil || *p.Confidence >= 0 && *p.Confidence <= 1)
}

// wire is the provenance as clients see it.
func (p *provenance) wire() Provenance {
	out := Provenance{ValidFrom: wireTime(p.ValidFrom), ValidTo: wireTime(p.ValidTo), Provenance: p.Source}
	if p.Confidence != nil {
		c := *p.Confidence
		out.Confidence = &c
	}
	if p.Expires != 0 {
		out.ExpiresAt = wireTime(&p.Expires)
	}
	return out
}

func wireTime(ms *int64) *time.Time {
	if ms == nil {
		return nil
	}
	t := millis(*ms)
	return &t
}

package graphsync

import (
	"time"

	"github.com/meshd/meshd/consensus"
)

// Times that a fact may have: the years that RFC 3339 can write.
var (
	firstTime = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	lastTime  = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
)

// prepareTold checks a provenance and an expiry. The zero time, which is also
// the first millisecond of year 1, takes a time away.
func prepareTold(in *Op, out *op) *consensus.Refusal {
	for _, at := range []struct {
		field string
		given *time.Time
		to    *int64
		flag  uint64
		none  int64
	}{
		{"valid_from", in.ValidFrom, &out.ValidFrom, hasValidFrom, noTime},
		{"valid_to", in.ValidTo, &out.ValidTo, hasValidTo, noTime},
		{"expires_at", in.ExpiresAt, &out.Expires, hasExpires, 0},
	} {
		if at.given == nil {
			continue
		}
		out.Flags |= at.flag
		switch {
		case at.given.IsZero():
			*at.to = at.none
		case at.given.Before(firstTime) || at.given.After(lastTime):
			return invalid(at.field, "must be in the years 0001 to 9999")
		default:
			*at.to = at.given.UnixMilli()
		}
	}
	if out.has(hasExpires) && out.Expires <= 0 && !in.ExpiresAt.IsZero() {
		return invalid("expires_at", "must be after 1970")
	}
	if in.ValidFrom != nil && in.ValidTo != nil && out.ValidFrom != noTime && out.ValidTo != noTime && out.ValidFrom >= out.ValidTo {
		return invalid("valid_to", "must be after valid_from")
	}
	if in.Provenance != nil {
		if r := checkText("provenance", *in.Provenance, 0, MaxProvenance); r != nil {
			return r
		}
		out.Flags |= hasSource
		out.From = *in.Provenance
	}
	return prepareConfidence(in, out)
}

func prepareConfidence(in *Op, out *op) *consensus.Refusal {
	if in.Confidence == nil {
		return nil
	}
	out.Flags |= hasConfidence
	out.Confidence = *in.Confidence
	switch {
	case !finite(out.Confidence) || out.Confidence > 1:
		return invalid("confidence", "must be 0 to 1")
	case out.Confidence < 0:
		if out.Kind != opUpdateEdge {
			return invalid("confidence", "must be 0 to 1")
		}
		out.Confidence = -1
	}
	return nil
}

// checkTold is what the tables rely on, whoever made the command.
func (o *op) checkTold() *consensus.Refusal {
	for _, at := range []struct {
		field string
		flag  uint64
		ms    int64
	}{{"valid_from", hasValidFrom, o.ValidFrom}, {"valid_to", hasValidTo, o.ValidTo}, {"expires_at", hasExpires, o.Expires}} {
		if o.has(at.flag) && at.ms != noTime && (at.ms < firstTime.UnixMilli() || at.ms > lastTime.UnixMilli()) {
			return invalid(at.field, "must be in the years 0001 to 9999")
		}
	}
	switch {
	case o.Expires < 0:
		return invalid("expires_at", "must be after 1970")
	case len(o.From) > MaxProvenance:
		return invalid("provenance", "is too long")
	case o.has(hasConfidence) && (!finite(o.Confidence) || o.Confidence > 1 || o.Confidence < 0 && o.Confidence != -1):
		return invalid("confidence", "must be 0 to 1")
	}
	return nil
}

package httpapi

import (
	"strconv"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// WhenInput says which state of the graph a read shows, and of which time of
// the world.
type WhenInput struct {
	AsOf    string `query:"as_of" maxLength:"40" doc:"The graph as it was then: a revision, a time (RFC 3339) or a day; 410 where that is no longer kept"`
	ValidAt string `query:"valid_at" maxLength:"40" doc:"Facts that are true at this time (RFC 3339) or day, or any: of all times; now, or the time of as_of, if left out"`
}

// When reads what the client asked for. Its error is a 400 that names the
// parameter.
func (in WhenInput) When() (w graphsync.When, err error) {
	if in.AsOf != "" {
		if w.Revision, err = strconv.ParseUint(in.AsOf, 10, 64); err != nil {
			w.Time, err = moment("as_of", in.AsOf)
		} else if w.Revision == 0 {
			err = invalid("query.as_of", "revisions begin at 1")
		}
		if err != nil {
			return graphsync.When{}, err
		}
	}
	switch in.ValidAt {
	case "":
	case "any":
		w.AnyValid = true
	default:
		if w.ValidAt, err = moment("valid_at", in.ValidAt); err != nil {
			return graphsync.When{}, err
		}
	}
	return w, nil
}

// Times that may be asked for: those that a fact may have. The zero time stands
// for none and is not among them.
var (
	firstMoment = time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)
	lastMoment  = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
)

func moment(name, text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t, err = time.Parse(time.DateOnly, text) // the day's beginning, UTC
	}
	if err != nil || t.Before(firstMoment) || t.After(lastMoment) {
		return time.Time{}, invalid("query."+name, name+" is neither a time like 2026-01-31T12:00:00Z nor a day like 2026-01-31"+map[bool]string{true: ", nor a revision"}[name == "as_of"])
	}
	return t, nil
}

// timed reads how fresh an answer must be, and of when.
func timed(in ReadInput, when WhenInput) (consensus.ReadOptions, graphsync.When, error) {
	o, err := in.Options()
	if err != nil {
		return o, graphsync.When{}, err
	}
	w, err := when.When()
	return o, w, err
}

package httpapi

import (
	"github.com/meshd/meshd/graphsync"
)

// FilterInput chooses among the things of a list.
type FilterInput struct {
	Where         map[string]string `query:"where,deepObject" doc:"where[NAME]=VALUE: properties of the top level, at most 8; a value is JSON, or any other text for a string"`
	UpdatedSince  string            `query:"updated_since" maxLength:"40" doc:"Changed last at this time (RFC 3339) or after"`
	UpdatedBefore string            `query:"updated_before" maxLength:"40" doc:"Changed last before this time"`
}

func (in FilterInput) filter() (f graphsync.Filter, err error) {
	f.Where = in.Where
	if in.UpdatedSince != "" {
		if f.UpdatedSince, err = moment("updated_since", in.UpdatedSince); err != nil {
			return f, err
		}
	}
	if in.UpdatedBefore != "" {
		f.UpdatedBefore, err = moment("updated_before", in.UpdatedBefore)
	}
	return f, err
}

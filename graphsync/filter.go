package graphsync

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/meshd/meshd/consensus"
)

const maxConditions = 8

// Filter chooses among the things of a list; its zero value takes all. What a
// page looked at and did not take counts against the bound of its work.
type Filter struct {
	// Where asks for properties of the top level by name. A value is JSON, or
	// any other text for a string: 5 is the number and the string of it, as
	// both are written so.
	Where map[string]string
	// UpdatedSince and UpdatedBefore bound when the thing last changed.
	UpdatedSince  time.Time
	UpdatedBefore time.Time
	// Prefix is how a node's label begins, but for case, width and runs of
	// spaces.
	Prefix string
}

// sieve is a Filter made ready.
type sieve struct {
	where         [][2][]byte // member as spelled with a JSON value, and with a string
	since, before int64
	prefix        string
	any           bool // something is asked for
}

func (f *Filter) sieve() (s sieve, _ *consensus.Refusal) {
	if len(f.Where) > maxConditions {
		return s, invalid("where", "has %d conditions, at most %d are allowed", len(f.Where), maxConditions)
	}
	for name, value := range f.Where {
		if r := checkText("where", name, 1, MaxLabel); r != nil {
			return s, r
		}
		if r := checkText("where", value, 0, MaxLabel); r != nil {
			return s, r
		}
		start := append(appendQuoted(nil, name), ':')
		member := [2][]byte{nil, appendQuoted(bytes.Clone(start), value)}
		p := parser{src: []byte(value), maxDepth: MaxDepth}
		if p.value(0) == nil {
			if p.space(); p.pos == len(p.src) {
				member[0] = append(start, p.out...)
			}
		}
		s.where = append(s.where, member)
	}
	if !f.UpdatedSince.IsZero() {
		s.since = f.UpdatedSince.UnixMilli()
	}
	if !f.UpdatedBefore.IsZero() {
		s.before = f.UpdatedBefore.UnixMilli()
	}
	if f.Prefix != "" {
		if r := checkText("prefix", f.Prefix, 1, MaxLabel); r != nil {
			return s, r
		}
		if s.prefix = fold(f.Prefix); s.prefix == "" {
			return s, invalid("prefix", "must not be blank")
		}
	}
	s.any = len(s.where) > 0 || s.since != 0 || s.before != 0 || s.prefix != ""
	return s, nil
}

func (s *sieve) node(n *nodeRecord) bool {
	return !s.any || s.stamp(&n.stamp) && s.props(n.Props) && (s.prefix == "" || strings.HasPrefix(fold(n.Label), s.prefix))
}

func (s *sieve) edge(e *edgeRecord) bool {
	return !s.any || s.stamp(&e.stamp) && s.props(e.Props)
}

func (s *sieve) stamp(t *stamp) bool {
	at := t.CreatedAt
	if t.UpdatedRev != 0 {
		at = t.UpdatedAt
	}
	return (s.since == 0 || at >= s.since) && (s.before == 0 || at < s.before)
}

// props looks for the members as bytes first: most objects have none of them,
// and need not be taken apart.
func (s *sieve) props(props []byte) bool {
	for _, member := range s.where {
		if !slices.ContainsFunc(member[:], func(m []byte) bool { return m != nil && bytes.Contains(props, m) }) {
			return false
		}
	}
	if len(s.where) == 0 {
		return true
	}
	all, err := members(props)
	if err != nil {
		return false
	}
	for _, member := range s.where {
		if !slices.ContainsFunc(all, func(m span) bool {
			text := props[m.from:m.to]
			return bytes.Equal(text, member[0]) || bytes.Equal(text, member[1])
		}) {
			return false
		}
	}
	return true
}

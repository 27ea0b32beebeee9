package exec

import (
	"math"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/plan"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// slice leaves out the first rows, and those after the last.
type slice struct {
	link
	m           *machine
	skip, limit fn
	skipPos     fault.Pos
	limitPos    fault.Pos
	first, most int
	skipped     int
	given       int
}

// slice takes the slice of the sorting before it, where there is one.
func (b *builder) slice(op *plan.Slice) error {
	s := b.cut
	if b.cut = nil; s == nil {
		var err error
		if s, err = b.newSlice(op.Skip, op.Limit); err != nil {
			return err
		}
	}
	b.chain.add(s)
	return nil
}

func (b *builder) newSlice(skip, limit ast.Expr) (*slice, error) {
	s := &slice{m: b.m}
	var err error
	if skip != nil {
		s.skipPos = skip.Place()
		if s.skip, err = b.compile(skip); err != nil {
			return nil, err
		}
	}
	if limit != nil {
		s.limitPos = limit.Place()
		if s.limit, err = b.compile(limit); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// measure computes how many rows there are to leave out and to give.
func (s *slice) measure() error {
	s.first, s.most = 0, math.MaxInt
	var err error
	if s.skip != nil {
		if s.first, err = s.m.number("SKIP", s.skip, s.skipPos); err != nil {
			return err
		}
	}
	if s.limit != nil {
		s.most, err = s.m.number("LIMIT", s.limit, s.limitPos)
	}
	return err
}

func (m *machine) number(what string, f fn, pos fault.Pos) (int, error) {
	v, err := f(m.env, m.row)
	if err != nil {
		return 0, err
	}
	if v.Kind() != value.KindInt {
		return 0, fault.Run(pos, fault.Syntax, "InvalidArgumentType", "%s takes an integer, but this is %s", what, v.Kind())
	}
	if v.AsInt() < 0 {
		return 0, fault.Run(pos, fault.Syntax, "NegativeIntegerArgument", "%s takes no negative number", what)
	}
	return int(min(v.AsInt(), math.MaxInt/2)), nil
}

func (s *slice) open() error {
	s.skipped, s.given = 0, 0
	if err := s.measure(); err != nil {
		return err
	}
	return s.next.open()
}

func (s *slice) push() error {
	if s.skipped < s.first {
		s.skipped++
		return nil
	}
	if s.given >= s.most {
		return errStop
	}
	s.given++
	if err := s.next.push(); err != nil {
		return err
	}
	if s.given >= s.most {
		return errStop
	}
	return nil
}

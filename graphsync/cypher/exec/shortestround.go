package exec

import "github.com/meshd/meshd/graphsync/cypher/value"

// round offers the shortest walks from a node back to itself: for each first
// relationship, the shortest way back without it. It returns their length, or -1
// if there is no way back.
func (s *shortest) round(at uint64) (int, error) {
	if s.max == 0 {
		return -1, nil
	}
	defer s.search.done()
	first, err := s.beginnings(at)
	if err != nil {
		return -1, err
	}
	s.search.bans = true
	lengths, best, err := s.waysBack(at, first)
	if err != nil || best < 0 {
		return -1, err
	}
	s.search.all = s.all || len(s.conditions) > 0
	for i := range first {
		if lengths[i] != best {
			continue
		}
		r := &first[i]
		if r.From == r.To {
			err = s.offer(at, []*value.Rel{r})
		} else {
			s.search.banned = r.ID
			if _, err = s.search.run(other(r, at), at, best-1); err == nil {
				err = s.search.each(func(rels []*value.Rel) error { return s.offer(at, append([]*value.Rel{r}, rels...)) })
			}
		}
		if err != nil {
			return best, err
		}
	}
	return best, nil
}

// beginnings are the relationships that a walk from a node may begin with.
func (s *shortest) beginnings(at uint64) (first []value.Rel, err error) {
	var failed error
	err = s.m.env.Graph.Rels(s.m.env.Ctx, at, s.dir, s.search.types, func(r value.Rel) bool {
		failed = s.m.env.Budget.Expand(1)
		var ok bool
		if failed == nil {
			ok, failed = s.tests.rel(&r)
		}
		if failed == nil && ok {
			ok, failed = s.tests.node(other(&r, at))
		}
		if ok {
			first = append(first, r)
		}
		return failed == nil
	})
	if err == nil {
		err = failed
	}
	return first, err
}

// waysBack tells how long the shortest walks back are that begin with each of
// these, and the shortest of them; -1 for those that lead nowhere, or have been
// seen to be longer than others.
func (s *shortest) waysBack(at uint64, first []value.Rel) (lengths []int, best int, err error) {
	best = -1
	for i := range first {
		if first[i].From == first[i].To {
			best = 1
		}
	}
	s.search.all = false
	lengths = make([]int, len(first))
	for i := range first {
		r := &first[i]
		if lengths[i] = 1; r.From == r.To {
			continue
		}
		lengths[i] = -1
		most := s.max - 1
		if s.max < 0 {
			most = -1
		}
		if best >= 0 && (most < 0 || best-1 < most) {
			most = best - 1
		}
		if most == 0 {
			continue
		}
		s.search.banned = r.ID
		ok, err := s.search.run(other(r, at), at, most)
		if err != nil {
			return nil, -1, err
		}
		if ok {
			lengths[i] = s.search.length + 1
			if best < 0 || lengths[i] < best {
				best = lengths[i]
			}
		}
	}
	return lengths, best, nil
}

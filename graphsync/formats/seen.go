package formats

import (
	"errors"
	"hash/maphash"
)

// seen remembers names by hash, so as not to say the same again. It forgets all
// where there are too many, which costs repetition and nothing else.
type seen struct {
	seed maphash.Seed
	set  map[uint64]struct{}
}

const maxSeen = 1 << 20

// add says whether a name is new.
func (s *seen) add(name string) bool {
	if s.set == nil || len(s.set) >= maxSeen {
		s.seed, s.set = maphash.MakeSeed(), make(map[uint64]struct{})
	}
	sum := maphash.String(s.seed, name)
	if _, ok := s.set[sum]; ok {
		return false
	}
	s.set[sum] = struct{}{}
	return true
}

func isLineError(err error) bool { return errors.Is(err, ErrLine) }

package search

import (
	"math/bits"
	"slices"
)

// tier sorts segments by size: those of one tier are merged when there are
// fanout of them, so that a document is merged a number of times that grows
// with the logarithm of the whole.
func tier(docs int) int { return bits.Len(uint(max(1, docs)-1)) / 3 }

// mergeSmall merges what is small enough to be part of a write.
func (s *space) mergeSmall(segs []live) []live {
	for {
		pick := choose(segs, func(l *live) bool { return !s.busy[l.segment] && l.alive() <= inlineDocs/fanout })
		if pick == nil {
			return segs
		}
		segs = replace(segs, pick, mergeSegments(pick))
	}
}

// choose returns segments that should become one, nil where all is well.
func choose(segs []live, may func(*live) bool) []live {
	var tiers [32][]live
	for i := range segs {
		l := &segs[i]
		if !may(l) {
			continue
		}
		if l.ndead*deadPortion > len(l.ids) {
			return []live{*l}
		}
		t := tier(l.alive())
		tiers[t] = append(tiers[t], *l)
	}
	for _, t := range tiers {
		if len(t) < fanout {
			continue
		}
		// The smallest first, as many as fit.
		slices.SortStableFunc(t, func(a, b live) int { return a.alive() - b.alive() })
		n, sum, size := 0, 0, 0
		for ; n < len(t) && n < fanout; n++ {
			sum += t[n].alive()
			size += t[n].bytes()
			if sum > maxSegment || size > 64<<20 {
				break
			}
		}
		if n > 1 {
			return t[:n]
		}
	}
	return nil
}

func replace(segs, out []live, in *segment) []live {
	kept := slices.DeleteFunc(slices.Clone(segs), func(l live) bool {
		return slices.ContainsFunc(out, func(o live) bool { return o.segment == l.segment })
	})
	if len(in.ids) == 0 {
		return kept
	}
	return append(kept, live{segment: in})
}

// compact does one large merge and says whether there was one to do. Writes go
// on beside it.
func (s *space) compact() bool {
	s.mu.Lock()
	pick := choose(s.snap.Load().segs, func(l *live) bool { return !s.busy[l.segment] })
	for _, l := range pick {
		s.busy[l.segment] = true
	}
	s.mu.Unlock()
	if pick == nil {
		return false
	}
	merged := live{segment: mergeSegments(pick)}

	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.snap.Load()
	for _, was := range pick {
		delete(s.busy, was.segment)
		i := slices.IndexFunc(old.segs, func(l live) bool { return l.segment == was.segment })
		merged.bury(&was, &old.segs[i])
	}
	next := *old
	next.segs = replace(old.segs, pick, merged.segment)
	if merged.ndead > 0 {
		next.segs[len(next.segs)-1] = merged
	}
	s.snap.Store(&next)
	return true
}

// bury marks in l, which nobody else knows yet, what died in a segment or got
// another time while it was being merged into l.
func (l *live) bury(was, is *live) {
	if was.ndead == is.ndead && is.times == nil {
		return
	}
	for d, id := range is.ids {
		here, at := uint32(d), is.updatedAt(uint32(d))
		if !was.has(here) || is.has(here) && at == was.updatedAt(here) {
			continue
		}
		doc, ok := l.find(id)
		switch {
		case !ok:
		case is.has(here):
			l.updated[doc] = at
		default:
			if l.dead == nil {
				l.dead = newBitset(len(l.ids))
			}
			l.dead.set(doc)
			l.ndead++
		}
	}
}

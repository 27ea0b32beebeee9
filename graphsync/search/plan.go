package search

// maxWork bounds the postings one query decodes, over all segments; what it has
// then is the answer, and it says so.
const maxWork = 8 << 20

// searcher runs one query on one snapshot.
type searcher struct {
	snap  *snapshot
	query *Query
	rank  *ranking
	stems *stemmer
	work  int
	terms [][][][]wanted // by segment, clause, slot
	idfs  []float32      // by clause
}

func newSearcher(snap *snapshot, q *Query) *searcher {
	s := &searcher{snap: snap, query: q, rank: newRanking(snap.average()), stems: q.lang.stemmer(), idfs: make([]float32, len(q.clauses))}
	df := make([]int, len(q.clauses))
	for i := range snap.segs {
		seg := snap.segs[i].segment
		byClause := make([][][]wanted, len(q.clauses))
		for c := range q.clauses {
			slots := q.clauses[c].slots
			least := -1
			for n := range slots {
				list := q.expand(seg, &slots[n], s.stems)
				byClause[c] = append(byClause[c], list)
				sum := 0
				for _, w := range list {
					sum += int(seg.entries[w.term].df)
				}
				if least < 0 || sum < least {
					least = sum
				}
				if sum == 0 {
					break
				}
			}
			df[c] += max(0, least)
		}
		s.terms = append(s.terms, byClause)
	}
	for c := range df {
		s.idfs[c] = idf(snap.docs, df[c])
	}
	return s
}

func (s *searcher) spent() bool { return s.work > maxWork }

// list opens a clause in a segment; nil where it has nothing there.
func (s *searcher) list(at, c int) *cursor {
	seg := s.snap.segs[at].segment
	slots := s.terms[at][c]
	if len(slots) < len(s.query.clauses[c].slots) || len(slots[len(slots)-1]) == 0 {
		return nil
	}
	cur := &cursor{idf: s.idfs[c], unit: 1, work: &s.work}
	switch {
	case len(slots) > 1:
		cur.made, cur.unit = s.sequence(seg, slots), 1.0/scale
	case len(slots[0]) == 1 && slots[0][0].worth == scale:
		cur.seg, cur.entry = seg, seg.entries[slots[0][0].term]
	case len(slots[0]) == 1:
		cur.seg, cur.entry = seg, seg.entries[slots[0][0].term]
		cur.unit = float32(slots[0][0].worth) / scale
	default:
		cur.made, cur.unit = s.either(seg, slots[0]), 1.0/scale
	}
	if cur.size() == 0 {
		return nil
	}
	cur.start()
	cur.setBound(s.rank)
	return cur
}

// either makes one list of those of several terms.
func (s *searcher) either(seg *segment, terms []wanted) madeList {
	weights := make([]uint16, len(seg.ids))
	seen := newBitset(len(seg.ids))
	sum := 0
	for _, w := range terms {
		if s.spent() {
			break
		}
		e := seg.entries[w.term]
		s.work += int(e.df)
		sum += int(e.df)
		seg.each(e, func(doc uint32, weight uint16) {
			seen.set(doc)
			weights[doc] = uint16(min(0xffff, uint32(weights[doc])+uint32(weight)*uint32(w.worth)))
		})
	}
	m := madeList{docs: seen.list(make([]uint32, 0, min(sum, len(seg.ids))))}
	m.weights = make([]uint16, len(m.docs))
	for i, d := range m.docs {
		m.weights[i] = weights[d]
	}
	return m
}

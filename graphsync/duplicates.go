package graphsync

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/meshd/meshd/consensus"
)

// DifferentFrom is the type of edge that says of two nodes that they are not
// one: such a pair is not suggested again.
const DifferentFrom = "DIFFERENT_FROM"

// DefaultMinScore is what Duplicates asks of a pair by default.
const DefaultMinScore = 0.7

// DuplicateQuery asks for pairs of nodes of one type that may be the same
// thing. Type may be empty: any. MinScore 0 is DefaultMinScore.
type DuplicateQuery struct {
	Namespace string
	Type      string
	MinScore  float64
	Limit     int
	Cursor    string
}

// Duplicate is a pair of nodes that may be one.
type Duplicate struct {
	A     NodeSummary `json:"a"`
	B     NodeSummary `json:"b"`
	Score float64     `json:"score" doc:"0 to 1"`
	Why   string      `json:"why"`
}

// DuplicatePage is a page of pairs, the likeliest first. There may be more
// behind the cursor also where the page has few or none: a page is the work of
// a bounded time. It may have a few pairs more than its limit.
type DuplicatePage struct {
	Pairs  []Duplicate `json:"pairs"`
	Looked int         `json:"looked_at" doc:"nodes that were compared"`
	Cursor string      `json:"cursor,omitempty"`
}

// Duplicates suggests nodes to merge, by their labels, keys and aliases: the
// same name, the same words in another order, or a similar spelling (trigrams).
// It is a pure function of the graph. Among more than some 10,000 nodes, those
// whose labels begin differently are found only where they stand near in order.
func (s *Service) Duplicates(ctx context.Context, ro consensus.ReadOptions, q DuplicateQuery) (DuplicatePage, consensus.ReadInfo, error) {
	page := DuplicatePage{Pairs: []Duplicate{}}
	if r := q.check(); r != nil {
		return page, consensus.ReadInfo{}, r
	}
	var list []likeness
	var full bool
	var cut []byte
	info, err := s.readAt(ctx, ro, When{}, func(v *view) (err error) {
		ns := v.namespace(q.Namespace)
		only := v.symbol(symType, q.Type)
		if ns == 0 || q.Type != "" && only == 0 {
			return nil
		}
		prefix := appendSymbol(nil, ns)
		from, r := decodeCursor(cursorDuplicates, ns, prefix, q.Cursor)
		if r != nil {
			return r
		}
		if from == nil {
			from = prefix
		} else {
			from = next(from)
		}
		list, full, cut, err = v.window(ns, from, only)
		return err
	})
	if err != nil {
		return page, info, err
	}
	// The comparing is done outside of the view, which it would keep open.
	pairs, done := pairsIn(list, full, q.MinScore, q.Limit)
	page.Looked = done
	switch {
	case done < len(list) && done > 0:
		page.Cursor = encodeCursor(cursorDuplicates, list[done-1].at)
	case cut != nil:
		page.Cursor = encodeCursor(cursorDuplicates, cut)
	}
	slices.SortStableFunc(pairs, func(a, b likePair) int { return cmp.Compare(b.score, a.score) })
	_, err = s.readAt(ctx, consensus.ReadOptions{}, When{}, func(v *view) error {
		for _, p := range pairs {
			if err := v.addDuplicate(&page, &q, list[p.a].id, list[p.b].id, &p); err != nil {
				return err
			}
		}
		return nil
	})
	return page, info, err
}

func (q *DuplicateQuery) check() (r *consensus.Refusal) {
	if q.Limit, r = checkLimit(q.Limit); r != nil {
		return r
	}
	if r = checkNamespace(q.Namespace); r != nil {
		return r
	}
	if q.Type != "" {
		if r = checkType("node_type", q.Type); r != nil {
			return r
		}
	}
	if q.MinScore == 0 {
		q.MinScore = DefaultMinScore
	}
	if !(q.MinScore >= 0.3 && q.MinScore <= 1) {
		return invalid("min_score", "must be 0.3 to 1")
	}
	return nil
}

// addDuplicate adds a pair, unless one of it is gone by now or somebody said
// that they are different.
func (v *view) addDuplicate(page *DuplicatePage, q *DuplicateQuery, a, b uint64, p *likePair) error {
	ns := v.namespace(q.Namespace)
	if typ := v.symbol(symType, DifferentFrom); typ != 0 {
		for _, ends := range [][2]uint64{{a, b}, {b, a}} {
			prefix := appendSpan(nil, ns, ends[0], typ, ends[1])
			for range v.r.Scan(tSPO, prefix, after(prefix)) {
				return nil
			}
		}
	}
	d := Duplicate{Score: math.Round(p.score*1000) / 1000, Why: p.why}
	for _, end := range []struct {
		id uint64
		to *NodeSummary
	}{{a, &d.A}, {b, &d.B}} {
		n, ok, err := v.seeNode(ns, end.id)
		if err != nil || !ok {
			return err
		}
		whole, err := v.toNode(ns, end.id, &n)
		if err != nil {
			return err
		}
		*end.to = whole.Summary()
	}
	page.Pairs = append(page.Pairs, d)
	return nil
}

package graphsync

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync/cursor"
	"github.com/meshd/meshd/graphsync/search"
)

// SearchMode says what a search goes by.
type SearchMode string

// Modes of a search. The empty one is fused where there is a text and a vector,
// else what there is.
const (
	SearchWords     SearchMode = "words"
	SearchVector    SearchMode = "vector"
	SearchFused     SearchMode = "fused" // words and vector, by reciprocal rank
	SearchSubstring SearchMode = "substring"
)

// SearchQuery asks for the nodes of a namespace that match a text or lie near a
// vector.
type SearchQuery struct {
	Namespace string
	// Text is a query of words (search.Query says its grammar) or, for
	// SearchSubstring, a part of a label, key, alias, type, property or
	// observation, whatever its case, width and runs of spaces. Numbers of
	// more than 128 digits (hex, base 64) are found by their beginning.
	Text string
	// Language widens words to their other forms; empty: by the script.
	Language string
	Mode     SearchMode
	// Vector is compared with those of its model and dimension, by cosine, or
	// by their product with Dot.
	Vector []float32
	Model  string
	Dot    bool
	// Types, if any are given, are those of the nodes wanted.
	Types         []string
	UpdatedSince  time.Time
	UpdatedBefore time.Time
	// ValidAt looks at the observations that were true then; zero: now.
	ValidAt time.Time
	// Near lifts what is few edges away from a node: its distance is one more
	// ranking that is fused with the others.
	Near   uint64
	Limit  int
	Cursor string
	Answer Answer
}

// SearchHit is a node found. Field says where it matched best, Name which
// property or observation that was; Highlights are places in the snippet,
// [from, to) in characters. A hit by its vector alone has no snippet.
type SearchHit struct {
	Node       Node
	Score      float64
	Field      string
	Name       string
	Snippet    string
	Highlights [][2]int
}

// SearchPage is a page of hits, best first; by substring, in order of ids.
// IndexRevision is the revision up to which changes were looked at: later ones
// show in the nodes but may be missing among them. Partial says that the query
// was too much work to be done to the end.
type SearchPage struct {
	Hits          []SearchHit
	Cursor        string
	Truncated     bool
	Partial       bool
	IndexRevision uint64
	Mode          SearchMode
}

const (
	// maxRanked is how far a ranking goes.
	maxRanked = MaxLimit
	// fuseDepth is how much of each ranking is fused.
	fuseDepth      = 200
	maxSearchTypes = 32
	// maxLooks bounds the texts that a search by substring looks at for one
	// page.
	maxLooks = 20_000
)

// Search finds nodes by words, parts of words, a vector, or words and vector. It
// reads this node's search index, which follows the state: with MinRevision, or
// a consistency above stale, it waits for the index, at most five seconds.
func (s *Service) Search(ctx context.Context, ro consensus.ReadOptions, q SearchQuery) (SearchPage, consensus.ReadInfo, error) {
	var page SearchPage
	r := &searchRun{q: q}
	if refusal := r.check(); refusal != nil {
		return page, consensus.ReadInfo{}, refusal
	}
	reach := uint64(0)
	if ro.Consistency != consensus.Stale || ro.MinRevision > 0 {
		info, err := s.state.View(ctx, ro, func(consensus.Reader) error { return nil })
		if err != nil {
			return page, info, err
		}
		reach = max(ro.MinRevision, 1)
		if ro.Consistency != consensus.Stale {
			reach = info.Revision
		}
	}
	words, at, err := s.index.wait(ctx, reach)
	if err != nil {
		return page, consensus.ReadInfo{}, err
	}
	page.IndexRevision, page.Mode = at, r.q.Mode
	if q.Near != 0 {
		if r.near, err = s.distances(ctx, q.Namespace, q.Near); err != nil {
			return page, consensus.ReadInfo{}, err
		}
	}
	info, err := s.readAt(ctx, consensus.ReadOptions{MaxAge: ro.MaxAge, MinRevision: reach}, When{ValidAt: q.ValidAt}, func(v *view) error {
		return r.page(v, words, &page)
	})
	return page, info, err
}

// searchRun is one search under way.
type searchRun struct {
	q      SearchQuery
	query  *search.Query
	needle string
	filter search.Filter
	offset int
	after  uint64
	near   []search.Hit
	limit  int
}

func (r *searchRun) check() *consensus.Refusal {
	q := &r.q
	limit, refusal := checkLimit(q.Limit)
	r.limit = limit
	if refusal == nil {
		refusal = checkNamespace(q.Namespace)
	}
	if refusal == nil {
		refusal = q.Answer.check()
	}
	if refusal == nil && len(q.Types) > maxSearchTypes {
		refusal = invalid("types", "has %d types, at most %d are allowed", len(q.Types), maxSearchTypes)
	}
	for _, t := range q.Types {
		if refusal == nil {
			refusal = checkType("types", t)
		}
	}
	if refusal != nil {
		return refusal
	}
	r.filter = search.Filter{Types: q.Types}
	if !q.UpdatedSince.IsZero() {
		r.filter.UpdatedFrom = q.UpdatedSince.UnixMilli()
	}
	if !q.UpdatedBefore.IsZero() {
		r.filter.UpdatedTo = q.UpdatedBefore.UnixMilli()
	}
	if refusal = r.checkMode(); refusal != nil {
		return refusal
	}
	return r.readCursor()
}

func (r *searchRun) checkMode() *consensus.Refusal {
	q := &r.q
	if q.Mode == "" {
		switch {
		case q.Text != "" && len(q.Vector) > 0:
			q.Mode = SearchFused
		case len(q.Vector) > 0:
			q.Mode = SearchVector
		default:
			q.Mode = SearchWords
		}
	}
	switch q.Mode {
	case SearchWords, SearchVector, SearchFused, SearchSubstring:
	default:
		return invalid("mode", "must be words, vector, fused or substring")
	}
	if q.Mode == SearchVector || q.Mode == SearchFused {
		if len(q.Vector) == 0 || len(q.Vector) > MaxDimension {
			return invalid("vector", "must have 1 to %d numbers", MaxDimension)
		}
		for _, f := range q.Vector {
			if !finite(float64(f)) {
				return invalid("vector", "must hold numbers only")
			}
		}
		if refusal := checkText("model", q.Model, 1, MaxModel); refusal != nil {
			return refusal
		}
	} else if len(q.Vector) > 0 {
		return invalid("vector", "does not go with mode %s", q.Mode)
	}
	switch q.Mode {
	case SearchSubstring:
		if refusal := checkText("q", q.Text, 1, MaxLabel); refusal != nil {
			return refusal
		}
		if r.needle = fold(q.Text); r.needle == "" {
			return invalid("q", "must not be blank")
		}
	case SearchWords, SearchFused:
		var err error
		if r.query, err = search.Parse(q.Text, q.Language); err != nil {
			refusal := invalid("q", "cannot be read: %s", err)
			var at *search.SyntaxError
			if errors.As(err, &at) {
				refusal.Details["position"] = strconv.Itoa(at.Position)
			}
			return refusal
		}
	}
	return nil
}

// A search's cursor is how many of a ranking were seen, or the last id.
func (r *searchRun) readCursor() *consensus.Refusal {
	if r.q.Cursor == "" {
		return nil
	}
	b, ok := cursor.Open(r.q.Namespace, r.q.Cursor)
	if !ok || len(b) != 9 || b[0] != r.cursorKind() {
		return invalid("cursor", "is damaged, or not from this search: begin again without it")
	}
	n := binary.BigEndian.Uint64(b[1:])
	if r.q.Mode == SearchSubstring {
		r.after = n
	} else if r.offset = int(min(n, maxRanked)); r.offset == maxRanked {
		return invalid("cursor", "a ranking ends after %d", maxRanked)
	}
	return nil
}

const cursorRanked, cursorPart byte = 96, 97

func (r *searchRun) cursorKind() byte {
	if r.q.Mode == SearchSubstring {
		return cursorPart
	}
	return cursorRanked
}

func (r *searchRun) cursor(n uint64) string {
	return cursor.Seal(r.q.Namespace, binary.BigEndian.AppendUint64([]byte{r.cursorKind()}, n))
}

// ranked is the ranking a search asks for, as far as this page needs it.
func (r *searchRun) ranked(words wordIndex) (hits []search.Hit, partial bool) {
	q, k := &r.q, min(maxRanked, r.offset+r.limit+1)
	fused := q.Mode == SearchFused || len(r.near) > 0
	if fused {
		k = max(k, fuseDepth)
	}
	var rankings [][]search.Hit
	if r.query != nil {
		hits, partial = words.Words(q.Namespace, r.query, r.filter, k)
		rankings = append(rankings, hits)
	}
	if len(q.Vector) > 0 {
		metric := search.Cosine
		if q.Dot {
			metric = search.Dot
		}
		hits = words.Vectors(q.Namespace, q.Model, q.Vector, metric, r.filter, k)
		rankings = append(rankings, hits)
	}
	if !fused {
		return hits, partial
	}
	if len(r.near) > 0 {
		rankings = append(rankings, r.close(rankings))
	}
	return search.Fuse(k, rankings...), partial
}

// close is the ranking by distance of what is in other rankings.
func (r *searchRun) close(rankings [][]search.Hit) []search.Hit {
	found := map[uint64]bool{}
	for _, hits := range rankings {
		for _, h := range hits {
			found[h.ID] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(r.near), func(h search.Hit) bool { return !found[h.ID] })
}

// distances ranks what lies at most two edges from a node.
func (s *Service) distances(ctx context.Context, namespace string, id uint64) ([]search.Hit, error) {
	near, _, err := s.Neighbors(ctx, consensus.ReadOptions{}, NeighborQuery{Namespace: namespace, ID: id, Depth: 2, Limit: MaxLimit})
	if err != nil {
		var r *consensus.Refusal
		if errors.As(err, &r) && r.Code == CodeNotFound {
			return nil, refuse(CodeNotFound, "near", "no node has the id %d", id)
		}
		return nil, err
	}
	out := []search.Hit{{ID: id}}
	for i := range near.Nodes {
		out = append(out, search.Hit{ID: near.Nodes[i].ID})
	}
	return out, nil
}

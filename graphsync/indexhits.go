package graphsync

import (
	"math"

	"github.com/meshd/meshd/graphsync/search"
)

// page reads the nodes of the hits in one view. A node that changed since it was
// indexed, and no longer matches, is left out.
func (r *searchRun) page(v *view, words wordIndex, page *SearchPage) error {
	page.Hits = []SearchHit{}
	ns := v.namespace(r.q.Namespace)
	if ns == 0 {
		return nil
	}
	left := r.q.Answer.budget()
	if r.q.Mode == SearchSubstring {
		return r.parts(v, ns, words, &left, page)
	}
	hits, partial := r.ranked(words)
	page.Partial = partial
	for i := r.offset; i < len(hits); i++ {
		if len(page.Hits) == r.limit {
			page.Cursor = r.cursor(uint64(i))
			return nil
		}
		hit, ok, err := r.hit(v, nodeRef{ns, hits[i].ID})
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		hit.Score = rounded(hits[i].Score)
		if !left.take(left.node(&hit.Node) + hit.size()) {
			page.Cursor, page.Truncated = r.cursor(uint64(i)), true
			return nil
		}
		page.Hits = append(page.Hits, hit)
	}
	return nil
}

// rounded is a score in the digits that mean something.
func rounded(f float32) float64 { return math.Round(float64(f)*1e6) / 1e6 }

// hit reads a node and says why it was found; false where it no longer matches.
func (r *searchRun) hit(v *view, ref nodeRef) (h SearchHit, ok bool, err error) {
	rec, ok, err := v.seeNode(ref.ns, ref.id)
	if err != nil || !ok {
		return h, false, err
	}
	if r.query != nil || r.needle != "" {
		texts, err := v.docTexts(ref, &rec)
		if err != nil {
			return h, false, err
		}
		typ, err := v.text(symType, rec.Type)
		if err != nil {
			return h, false, err
		}
		texts = append(texts, search.Text{Field: search.Type, Text: typ})
		var s search.Snippet
		if r.needle != "" {
			s, ok = search.ExplainPart(r.needle, texts, fold)
		} else {
			s, ok = search.Explain(r.query, texts)
			ok = ok || len(r.q.Vector) > 0
		}
		if !ok {
			return h, false, nil
		}
		if s.Text != "" {
			h.Field, h.Name, h.Snippet, h.Highlights = s.Field.String(), s.Name, s.Text, s.Highlights
		}
	}
	h.Node, err = v.toNode(ref.ns, ref.id, &rec)
	return h, err == nil, err
}

func (h *SearchHit) size() int {
	return 120 + textSize(h.Snippet) + textSize(h.Name) + 16*len(h.Highlights)
}

// parts pages through the nodes that contain the needle, by id.
func (r *searchRun) parts(v *view, ns nsID, words wordIndex, left *answerBudget, page *SearchPage) (err error) {
	last, looks := r.after, 0
	words.Contains(r.q.Namespace, r.needle, r.filter, r.after, func(id uint64) bool {
		if len(page.Hits) == r.limit || looks == maxLooks {
			page.Truncated = len(page.Hits) < r.limit
			page.Cursor = r.cursor(last)
			return false
		}
		looks++
		hit, ok, e := r.hit(v, nodeRef{ns, id})
		if err = e; e != nil {
			return false
		}
		if ok {
			if !left.take(left.node(&hit.Node) + hit.size()) {
				page.Cursor, page.Truncated = r.cursor(last), true
				return false
			}
			page.Hits = append(page.Hits, hit)
		}
		last = id
		return true
	})
	return err
}

package graphsync

import (
	"context"

	"github.com/meshd/meshd/consensus"
)

// EdgeQuery asks for a page of a namespace's edges. Each of Source, Target
// (node ids) and Type may be left out.
type EdgeQuery struct {
	Namespace string
	Source    uint64
	Target    uint64
	Type      string
	Limit     int
	Cursor    string
	When      When
	Filter
	Answer
}

// EdgePage is a page of edges. Cursor is empty on the last page. Truncated
// says that the page ended short of the limit, for its size or because too few
// of the edges looked at matched.
type EdgePage struct {
	Edges     []Edge `json:"edges"`
	Count     int    `json:"count"`
	Cursor    string `json:"cursor,omitempty"`
	Truncated bool   `json:"truncated,omitempty"`
}

// ListEdges returns edges in the order of source, type and target; where only
// a target is given, of type and source.
func (s *Service) ListEdges(ctx context.Context, ro consensus.ReadOptions, q EdgeQuery) (EdgePage, consensus.ReadInfo, error) {
	page := EdgePage{Edges: []Edge{}}
	limit, r := checkLimit(q.Limit)
	if r == nil {
		r = checkNamespace(q.Namespace)
	}
	if r == nil && q.Type != "" {
		r = checkType("edge_type", q.Type)
	}
	if r == nil && q.Source > maxID {
		r = invalid("source_id", "is larger than any id")
	}
	if r == nil && q.Target > maxID {
		r = invalid("target_id", "is larger than any id")
	}
	if r == nil && q.Prefix != "" {
		r = invalid("prefix", "is for nodes: edges have no label")
	}
	if r == nil {
		r = q.Answer.check()
	}
	var sieve sieve
	if r == nil {
		sieve, r = q.sieve()
	}
	if r != nil {
		return page, consensus.ReadInfo{}, r
	}
	info, err := s.readAt(ctx, ro, q.When, func(v *view) error {
		ns := v.namespace(q.Namespace)
		if ns == 0 {
			return nil
		}
		var typ symbol
		if q.Type != "" {
			if typ = v.symbol(symType, q.Type); typ == 0 {
				return nil
			}
		}
		return v.pageEdges(&page, newPager(limit, q.Answer, sieve), ns, typ, &q)
	})
	page.Count = len(page.Edges)
	return page, info, err
}

func (v *view) pageEdges(page *EdgePage, p *pager, ns nsID, typ symbol, q *EdgeQuery) error {
	table, kind := tSPO, cursorSPO
	prefix := appendSymbol(nil, ns)
	switch {
	case q.Source != 0:
		prefix = appendSpan(nil, ns, q.Source, typ, q.Target)
	case q.Target != 0:
		table, kind = tOPS, cursorOPS
		prefix = appendSpan(nil, ns, q.Target, typ, 0)
	}
	from, r := decodeCursor(kind, ns, prefix, q.Cursor)
	if r != nil {
		return r
	}
	if from == nil {
		from = prefix
	} else if from = after(from); from == nil { // past the versions of that edge too
		return nil
	}
	var failed error
	err := v.edgesIn(table, from, after(prefix), p.look, func(at triple, val []byte) bool {
		if typ != 0 && at.typ != typ || q.Source != 0 && at.source != q.Source || q.Target != 0 && at.target != q.Target {
			return true
		}
		if val == nil {
			v.buf = at.appendSPO(v.buf[:0])
			val = v.r.Get(tSPO, v.buf)
		}
		var rec edgeRecord
		if rec, failed = decodeEdge(val); failed != nil || !p.sieve.edge(&rec) {
			return failed == nil
		}
		var e Edge
		if e, failed = v.toEdge(at, &rec); failed != nil || !p.take(p.left.edge(&e)) {
			return false
		}
		page.Edges = append(page.Edges, e)
		return true
	})
	page.Cursor, page.Truncated = p.end(kind)
	if failed != nil {
		return failed
	}
	return err
}

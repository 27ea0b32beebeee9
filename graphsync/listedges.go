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
		return v.pageEdges(&page, ns, typ, &q, limit)
	})
	page.Count = len(page.Edges)
	return page, info, err
}

func (v *view) pageEdges(page *EdgePage, ns nsID, typ symbol, q *EdgeQuery, limit int) error {
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
	size, scanned := 0, 0
	var last []byte
	look := func(k []byte) bool {
		if len(page.Edges) == limit || size > MaxAnswerBytes || scanned == maxScan {
			page.Truncated = len(page.Edges) < limit
			page.Cursor = encodeCursor(kind, last)
			return false
		}
		scanned++
		last = append(last[:0], k...)
		return true
	}
	var failed error
	err := v.edgesIn(table, from, after(prefix), look, func(at triple, val []byte) bool {
		if typ != 0 && at.typ != typ || q.Source != 0 && at.source != q.Source || q.Target != 0 && at.target != q.Target {
			return true
		}
		if val == nil {
			v.buf = at.appendSPO(v.buf[:0])
			val = v.r.Get(tSPO, v.buf)
		}
		var rec edgeRecord
		var e Edge
		if rec, failed = decodeEdge(val); failed == nil {
			e, failed = v.toEdge(at, &rec)
		}
		if failed != nil {
			return false
		}
		page.Edges = append(page.Edges, e)
		size += e.size()
		return true
	})
	if failed != nil {
		return failed
	}
	return err
}

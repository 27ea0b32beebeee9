package graphsync

import (
	"bytes"
	"context"

	"github.com/meshd/meshd/consensus"
)

// NodeQuery asks for a page of a namespace's nodes. Type may be empty. Limit 0
// is DefaultLimit.
type NodeQuery struct {
	Namespace string
	Type      string
	Limit     int
	Cursor    string
}

// NodePage is a page of nodes. Cursor is empty on the last page. Truncated
// says that the page ended for its size, short of the limit.
type NodePage struct {
	Nodes     []Node `json:"nodes"`
	Count     int    `json:"count"`
	Cursor    string `json:"cursor,omitempty"`
	Truncated bool   `json:"truncated,omitempty"`
}

// ListNodes returns nodes, newest first.
func (s *Service) ListNodes(ctx context.Context, ro consensus.ReadOptions, q NodeQuery) (NodePage, consensus.ReadInfo, error) {
	page := NodePage{Nodes: []Node{}}
	limit, r := checkLimit(q.Limit)
	if r == nil {
		r = checkNamespace(q.Namespace)
	}
	if r == nil && q.Type != "" {
		r = checkType("node_type", q.Type)
	}
	if r != nil {
		return page, consensus.ReadInfo{}, r
	}
	info, err := s.read(ctx, ro, func(v *view) error {
		ns := v.namespace(q.Namespace)
		if ns == 0 {
			return nil
		}
		table, kind, prefix := tNode, cursorNodes, appendSymbol(nil, ns)
		if q.Type != "" {
			typ := v.symbol(symType, q.Type)
			if typ == 0 {
				return nil
			}
			table, kind, prefix = tType, cursorTypes, appendSymbol(prefix, typ)
		}
		to, r := decodeCursor(kind, ns, prefix, q.Cursor)
		if r != nil {
			return r
		}
		if to == nil {
			to = after(prefix)
		}
		return v.pageNodes(&page, table, kind, prefix, to, ns, limit)
	})
	page.Count = len(page.Nodes)
	return page, info, err
}

func (v *view) pageNodes(page *NodePage, table consensus.Table, kind byte, from, to []byte, ns nsID, limit int) error {
	size := 0
	var last []byte
	for k, val := range v.r.ScanReverse(table, from, to) {
		if len(k) < 5 {
			return errRecord
		}
		if len(page.Nodes) == limit || size > MaxAnswerBytes {
			page.Truncated = len(page.Nodes) < limit
			page.Cursor = encodeCursor(kind, last)
			return nil
		}
		id := readID(k[len(k)-5:])
		last = append(last[:0], k...)
		var n Node
		var err error
		if table == tNode {
			var rec nodeRecord
			if rec, err = decodeNode(val); err == nil {
				n, err = v.toNode(ns, id, &rec)
			}
		} else {
			n, err = v.mustNode(ns, id)
		}
		if err != nil {
			return err
		}
		page.Nodes = append(page.Nodes, n)
		size += n.size()
	}
	return nil
}

// EdgeQuery asks for a page of a namespace's edges. Each of Source, Target
// (node ids) and Type may be left out.
type EdgeQuery struct {
	Namespace string
	Source    uint64
	Target    uint64
	Type      string
	Limit     int
	Cursor    string
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
	info, err := s.read(ctx, ro, func(v *view) error {
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
	table, kind, parse := tSPO, cursorSPO, parseSPO
	prefix := appendSymbol(nil, ns)
	switch {
	case q.Source != 0:
		prefix = appendSpan(nil, ns, q.Source, typ, q.Target)
	case q.Target != 0:
		table, kind, parse = tOPS, cursorOPS, parseOPS
		prefix = appendSpan(nil, ns, q.Target, typ, 0)
	}
	from, r := decodeCursor(kind, ns, prefix, q.Cursor)
	if r != nil {
		return r
	}
	if from == nil {
		from = prefix
	} else {
		from = next(from)
	}
	size, scanned := 0, 0
	var last []byte
	for k, val := range v.r.Scan(table, from, after(prefix)) {
		if len(page.Edges) == limit || size > MaxAnswerBytes || scanned == maxScan {
			page.Truncated = len(page.Edges) < limit
			page.Cursor = encodeCursor(kind, last)
			return nil
		}
		scanned++
		last = append(last[:0], k...)
		at, ok := parse(k)
		if !ok {
			return errRecord
		}
		if typ != 0 && at.typ != typ || q.Source != 0 && at.source != q.Source || q.Target != 0 && at.target != q.Target {
			continue
		}
		if table == tOPS {
			v.buf = at.appendSPO(v.buf[:0])
			val = v.r.Get(tSPO, v.buf)
		}
		rec, err := decodeEdge(val)
		if err != nil {
			return err
		}
		e, err := v.toEdge(at, &rec)
		if err != nil {
			return err
		}
		page.Edges = append(page.Edges, e)
		size += e.size()
	}
	return nil
}

// NamespaceInfo is a namespace with its totals.
type NamespaceInfo struct {
	SessionID string `json:"session_id"`
	Nodes     uint64 `json:"nodes"`
	Edges     uint64 `json:"edges"`
}

// NamespacePage is a page of namespaces by name.
type NamespacePage struct {
	Namespaces []NamespaceInfo `json:"namespaces"`
	Cursor     string          `json:"cursor,omitempty"`
}

// Namespaces lists the namespaces ever written to, by name.
func (s *Service) Namespaces(ctx context.Context, ro consensus.ReadOptions, limit int, cursor string) (NamespacePage, consensus.ReadInfo, error) {
	page := NamespacePage{Namespaces: []NamespaceInfo{}}
	limit, r := checkLimit(limit)
	if r != nil {
		return page, consensus.ReadInfo{}, r
	}
	info, err := s.read(ctx, ro, func(v *view) error {
		from := []byte{symNamespace}
		// A cursor leaves out three bytes of namespace, which a symbol has not.
		pad := []byte{0, 0, 0}
		if last, r := decodeCursor(cursorNamespaces, 0, pad, cursor); r != nil {
			return r
		} else if last != nil {
			from = next(appendSymKey(nil, symNamespace, string(last[3:])))
		}
		for k, val := range v.r.Scan(tSym, from, []byte{symNamespace + 1}) {
			if len(page.Namespaces) == limit {
				page.Cursor = encodeCursor(cursorNamespaces, append(pad, page.Namespaces[limit-1].SessionID...))
				return nil
			}
			if len(val) != 3 {
				return errRecord
			}
			ns := readSymbol(val)
			page.Namespaces = append(page.Namespaces, NamespaceInfo{SessionID: string(k[1:]),
				Nodes: v.count(ns, countNodes, 0), Edges: v.count(ns, countEdges, 0)})
		}
		return nil
	})
	return page, info, err
}

// Stats are a namespace's totals. The maps go by type; Truncated says that
// they leave types out.
type Stats struct {
	SessionID string            `json:"session_id"`
	Nodes     uint64            `json:"nodes"`
	Edges     uint64            `json:"edges"`
	NodeTypes map[string]uint64 `json:"node_types"`
	EdgeTypes map[string]uint64 `json:"edge_types"`
	Truncated bool              `json:"truncated,omitempty"`
}

// Stats reads the totals that the state keeps; it counts nothing. A namespace
// never written to has zeros.
func (s *Service) Stats(ctx context.Context, ro consensus.ReadOptions, namespace string) (Stats, consensus.ReadInfo, error) {
	st := Stats{SessionID: namespace, NodeTypes: map[string]uint64{}, EdgeTypes: map[string]uint64{}}
	if r := checkNamespace(namespace); r != nil {
		return st, consensus.ReadInfo{}, r
	}
	info, err := s.read(ctx, ro, func(v *view) error {
		ns := v.namespace(namespace)
		if ns == 0 {
			return nil
		}
		st.Nodes, st.Edges = v.count(ns, countNodes, 0), v.count(ns, countEdges, 0)
		for _, part := range []struct {
			kind byte
			to   map[string]uint64
		}{{countNodes, st.NodeTypes}, {countEdges, st.EdgeTypes}} {
			prefix := append(appendSymbol(nil, ns), part.kind)
			for k, val := range v.r.Scan(tCount, prefix, after(prefix)) {
				if len(k) != 7 || !bytes.HasPrefix(k, prefix) {
					return errRecord
				}
				typ := readSymbol(k[4:])
				if typ == 0 {
					continue
				}
				if len(part.to) == MaxLimit {
					st.Truncated = true
					break
				}
				name, err := v.text(symType, typ)
				if err != nil {
					return err
				}
				part.to[name] = readCount(val)
			}
		}
		return nil
	})
	return st, info, err
}

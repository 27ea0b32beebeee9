package graphsync

import (
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

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
	When      When
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
	info, err := s.readAt(ctx, ro, q.When, func(v *view) error {
		ns := v.namespace(q.Namespace)
		if ns == 0 {
			return nil
		}
		var only symbol
		table, kind, prefix := tNode, cursorNodes, appendSymbol(nil, ns)
		if q.Type != "" {
			typ := v.symbol(symType, q.Type)
			if typ == 0 {
				return nil
			}
			if !v.at.past { // the index knows only what types are now
				table, kind, prefix = tType, cursorTypes, appendSymbol(prefix, typ)
			}
			only = typ
		}
		to, r := decodeCursor(kind, ns, prefix, q.Cursor)
		if r != nil {
			return r
		}
		if to == nil {
			to = after(prefix)
		}
		if v.at.past {
			return v.pageNodesThen(&page, prefix, to, ns, only, limit)
		}
		return v.pageNodes(&page, table, kind, prefix, to, ns, limit)
	})
	page.Count = len(page.Nodes)
	return page, info, err
}

func (v *view) pageNodes(page *NodePage, table consensus.Table, kind byte, from, to []byte, ns nsID, limit int) error {
	size, scanned := 0, 0
	var last []byte
	for k, val := range v.r.ScanReverse(table, from, to) {
		if len(k) < 5 {
			return errRecord
		}
		if len(page.Nodes) == limit || size > MaxAnswerBytes || scanned == maxScan {
			page.Truncated = len(page.Nodes) < limit
			page.Cursor = encodeCursor(kind, last)
			return nil
		}
		scanned++
		id := readID(k[len(k)-5:])
		last = append(last[:0], k...)
		var n Node
		var shown bool
		var err error
		if table == tNode {
			var rec nodeRecord
			if rec, err = decodeNode(val); err == nil && !v.expired(rec.Expires) {
				shown = true
				n, err = v.toNode(ns, id, &rec)
			}
		} else {
			n, shown, err = v.findNode(ns, id)
		}
		if err != nil {
			return err
		}
		if !shown {
			continue
		}
		page.Nodes = append(page.Nodes, n)
		size += n.size()
	}
	return nil
}

// pageNodesThen is pageNodes as of a revision, among nodes of one type, if only
// is given.
func (v *view) pageNodesThen(page *NodePage, from, to []byte, ns nsID, only symbol, limit int) error {
	size, scanned := 0, 0
	var last []byte
	var failed error
	past := pastScan(v.r, tNodeHist, from, to, nodeKeySize, v.at.rev, true)
	beside(v.r.ScanReverse(tNode, from, to), past, true, func(k []byte, cur bool, val []byte, p pastEntry) bool {
		if len(k) != nodeKeySize {
			failed = errRecord
			return false
		}
		if len(page.Nodes) == limit || size > MaxAnswerBytes || scanned == maxScan {
			page.Truncated = len(page.Nodes) < limit
			page.Cursor = encodeCursor(cursorNodes, last)
			return false
		}
		scanned++
		last = append(last[:0], k...)
		var rec nodeRecord
		ok := false
		if cur {
			rec, failed = decodeNode(val)
			ok = rec.began() <= v.at.rev
		}
		if failed == nil && !ok {
			rec, ok, failed = v.thenNode(p)
		}
		if failed != nil || !ok || v.expired(rec.Expires) || only != 0 && rec.Type != only {
			return failed == nil
		}
		var n Node
		if n, failed = v.toNode(ns, readID(k[3:]), &rec); failed != nil {
			return false
		}
		page.Nodes = append(page.Nodes, n)
		size += n.size()
		return true
	})
	return failed
}

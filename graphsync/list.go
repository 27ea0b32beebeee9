package graphsync

import (
	"bytes"
	"context"
	"iter"

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
	Filter
	Answer
}

// NodePage is a page of nodes. Cursor is empty on the last page. Truncated
// says that the page ended short of the limit, for its size or because too few
// of the nodes looked at matched.
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
		var only symbol
		table, kind, prefix := tNode, cursorNodes, appendSymbol(nil, ns)
		if q.Type != "" {
			typ := v.symbol(symType, q.Type)
			if typ == 0 {
				return nil
			}
			if q.When.now() { // the index knows only what types are now
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
		p := newPager(limit, q.Answer, sieve)
		var err error
		if !q.When.now() { // also if that is the present, which the next page may find past
			err = v.pageNodesThen(&page, p, prefix, to, ns, func(n *nodeRecord) bool { return only == 0 || n.Type == only })
		} else {
			err = v.pageNodes(&page, p, table, prefix, to, ns)
		}
		page.Cursor, page.Truncated = p.end(kind)
		return err
	})
	page.Count = len(page.Nodes)
	return page, info, err
}

func (v *view) pageNodes(page *NodePage, p *pager, table consensus.Table, from, to []byte, ns nsID) error {
	for k, val := range v.r.ScanReverse(table, from, to) {
		if len(k) < 5 {
			return errRecord
		}
		if !p.look(k) {
			return nil
		}
		id := readID(k[len(k)-5:])
		var rec nodeRecord
		var shown bool
		var err error
		if table == tNode {
			rec, err = decodeNode(val)
			shown = err == nil && !v.expired(rec.Expires)
		} else {
			rec, shown, err = v.seeNode(ns, id)
		}
		if err != nil {
			return err
		}
		if !shown {
			continue
		}
		if on, err := v.addNode(page, p, ns, id, &rec); err != nil || !on {
			return err
		}
	}
	return nil
}

// addNode puts a node into the page if the filter takes it; on is false where
// the page has ended.
func (v *view) addNode(page *NodePage, p *pager, ns nsID, id uint64, rec *nodeRecord) (on bool, _ error) {
	if !p.sieve.node(rec) {
		return true, nil
	}
	n, err := v.toNode(ns, id, rec)
	if err != nil || !p.take(p.left.node(&n)) {
		return false, err
	}
	page.Nodes = append(page.Nodes, n)
	return true, nil
}

// pageNodesThen is pageNodes as of a revision, among the nodes that fit.
func (v *view) pageNodesThen(page *NodePage, p *pager, from, to []byte, ns nsID, fits func(*nodeRecord) bool) error {
	var failed error
	v.nodesIn(from, to, true, p.look, func(id uint64, rec *nodeRecord, err error) (on bool) {
		p.scanned += v.steps
		v.steps = 0
		if failed = err; err != nil || rec == nil || !fits(rec) {
			return err == nil
		}
		on, failed = v.addNode(page, p, ns, id, rec)
		return on
	})
	return failed
}

// nodesIn calls fn for the nodes of a range, in order of age or from the newest,
// with the version that the view shows, nil where there is none, until it returns
// false. Look is called before, for each key looked at, and ends the scan by false;
// whole says that neither did.
func (v *view) nodesIn(from, to []byte, reverse bool, look func(k []byte) bool, fn func(id uint64, rec *nodeRecord, err error) bool) (whole bool) {
	scan := v.r.Scan
	if reverse {
		scan = v.r.ScanReverse
	}
	whole = true
	step := func(k []byte, cur bool, val []byte, then pastEntry) bool {
		var rec nodeRecord
		ok := false
		var err error
		if len(k) != nodeKeySize {
			whole = false
			fn(0, nil, errRecord)
			return false
		}
		if whole = look(k); !whole {
			return false
		}
		id := readID(k[3:])
		if cur {
			rec, err = decodeNode(val)
			then.end = rec.began()
			ok = err == nil && (!v.at.past || then.end <= v.at.rev)
		}
		if err == nil && !ok {
			rec, ok, err = v.thenNode(v.nodeThen(then.end, id, v.at.rev))
		}
		if err != nil || !ok || v.expired(rec.Expires) {
			whole = fn(id, nil, err)
		} else {
			whole = fn(id, &rec, nil)
		}
		return whole
	}
	if v.at.past {
		beside(scan(tNode, from, to), goneNodes(scan(tNodeGone, from, to)), reverse, step)
		return whole
	}
	for k, val := range scan(tNode, from, to) {
		if !step(k, true, val, pastEntry{}) {
			break
		}
	}
	return whole
}

// goneNodes yields the nodes that have ended, and when they did.
func goneNodes(scan iter.Seq2[[]byte, []byte]) iter.Seq2[[]byte, pastEntry] {
	return func(yield func([]byte, pastEntry) bool) {
		for k, val := range scan {
			if len(val) == 8 && !yield(bytes.Clone(k), pastEntry{end: readRev(val)}) {
				return
			}
		}
	}
}

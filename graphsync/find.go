package graphsync

import (
	"bytes"
	"context"
	"strings"

	"github.com/meshd/meshd/consensus"
)

// Match says how Find compares labels. All ways ignore case, width and runs of
// spaces. MatchContains sees the first 128 bytes of a label so folded.
type Match string

// Ways of matching a label.
const (
	MatchExact    Match = "exact"
	MatchPrefix   Match = "prefix"
	MatchContains Match = "contains"
)

// FindQuery asks for nodes by label.
type FindQuery struct {
	Namespace string
	Text      string
	Match     Match // default MatchExact
	Type      string
	Limit     int
	Cursor    string
	When      When
	Answer
}

// Find returns nodes by label in the order of folded labels. MatchExact and
// MatchPrefix read only what matches; MatchContains looks through the label
// index, at most 200,000 labels a page (Truncated, with a cursor to go on).
//
// Labels of the past are in no index: as of another time all nodes are looked
// through, the newest first, which is the order of the answer.
func (s *Service) Find(ctx context.Context, ro consensus.ReadOptions, q FindQuery) (NodePage, consensus.ReadInfo, error) {
	page := NodePage{Nodes: []Node{}}
	limit, r := checkLimit(q.Limit)
	if r == nil {
		r = checkNamespace(q.Namespace)
	}
	if r == nil && q.Type != "" {
		r = checkType("node_type", q.Type)
	}
	if r == nil {
		r = checkText("q", q.Text, 1, MaxLabel)
	}
	text := fold(q.Text)
	switch q.Match {
	case "":
		q.Match = MatchExact
	case MatchExact, MatchPrefix, MatchContains:
	default:
		r = invalid("match", "must be exact, prefix or contains")
	}
	if r == nil && text == "" {
		r = invalid("q", "must not be blank")
	}
	if r == nil {
		r = q.Answer.check()
	}
	if r != nil {
		return page, consensus.ReadInfo{}, r
	}
	info, err := s.readAt(ctx, ro, q.When, func(v *view) error {
		ns, typ, none := v.lookup(q.Namespace, q.Type)
		if ns == 0 || none {
			return nil
		}
		prefix := appendSymbol(nil, ns)
		if !q.When.now() {
			return v.findThen(&page, &q, limit, prefix, &nameScan{ns: ns, typ: typ, match: q.Match, text: text})
		}
		name := indexName(q.Text)
		switch q.Match {
		case MatchExact:
			prefix = append(append(prefix, name...), 0)
		case MatchPrefix:
			prefix = append(prefix, name...)
		}
		from, r := decodeCursor(cursorNames, ns, prefix, q.Cursor)
		if r != nil {
			return r
		}
		if from == nil {
			from = prefix
		} else {
			from = next(from)
		}
		p := newPager(limit, q.Answer, sieve{})
		err := v.pageNames(&page, p, &nameScan{ns: ns, typ: typ, match: q.Match, text: text}, from, after(prefix))
		page.Cursor, page.Truncated = p.end(cursorNames)
		return err
	})
	page.Count = len(page.Nodes)
	return page, info, err
}

// findThen is Find as of a revision.
func (v *view) findThen(page *NodePage, q *FindQuery, limit int, prefix []byte, scan *nameScan) error {
	to, r := decodeCursor(cursorNodes, scan.ns, prefix, q.Cursor)
	if r != nil {
		return r
	}
	if to == nil {
		to = after(prefix)
	}
	p := newPager(limit, q.Answer, sieve{})
	err := v.pageNodesThen(page, p, prefix, to, scan.ns, func(n *nodeRecord) bool {
		if scan.typ != 0 && n.Type != scan.typ {
			return false
		}
		switch scan.match {
		case MatchExact:
			return fold(n.Label) == scan.text
		case MatchPrefix:
			return strings.HasPrefix(fold(n.Label), scan.text)
		}
		return strings.Contains(indexName(n.Label), scan.text)
	})
	page.Cursor, page.Truncated = p.end(cursorNodes)
	return err
}

type nameScan struct {
	ns    nsID
	typ   symbol
	match Match
	text  string
}

// fits looks at the whole label where the index could not tell.
func (q *nameScan) fits(label string) bool {
	switch q.match {
	case MatchExact:
		return fold(label) == q.text
	case MatchPrefix:
		return len(q.text) <= maxName || strings.HasPrefix(fold(label), q.text)
	}
	return true
}

func (v *view) pageNames(page *NodePage, p *pager, q *nameScan, from, to []byte) error {
	text := []byte(q.text)
	for k := range v.r.Scan(tName, from, to) {
		if len(k) < minNameKey {
			return errRecord
		}
		if !p.look(k) {
			return nil
		}
		name, id := k[3:len(k)-6], readID(k[len(k)-5:])
		if q.match == MatchContains && !bytes.Contains(name, text) {
			continue
		}
		rec, ok, err := v.node(q.ns, id)
		if err != nil {
			return err
		}
		if !ok {
			return errRecord
		}
		if v.expired(rec.Expires) || q.typ != 0 && rec.Type != q.typ || !q.fits(rec.Label) {
			continue
		}
		if on, err := v.addNode(page, p, q.ns, id, &rec); err != nil || !on {
			return err
		}
	}
	return nil
}

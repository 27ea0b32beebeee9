package graphsync

import (
	"bytes"
	"context"
	"encoding/binary"
	"iter"
	"time"

	"github.com/meshd/meshd/consensus"
)

// maxChanged bounds the names in Version.Changed.
const maxChanged = 100

// Version is one step in the life of a node or an edge: what a revision made of
// it, or that it ended.
type Version struct {
	Revision uint64    `json:"revision"`
	Time     time.Time `json:"time"`
	Author   string    `json:"author,omitempty"`
	What     string    `json:"what" enum:"created,updated,deleted,merged,expired,restored"`
	Version  uint64    `json:"version"`
	// Changed names what differs from the version before: fields, and
	// properties as "properties.name", at most 100.
	Changed []string `json:"changed,omitempty"`
	// Node or Edge is the version, but not where What says that it ended.
	Node *Node `json:"node,omitempty"`
	Edge *Edge `json:"edge,omitempty"`
	// MergedInto is the node that this one was merged into.
	MergedInto uint64 `json:"merged_into,omitempty"`
}

// HistoryPage is a part of a history, newest first. Cursor is empty on the last
// page; what is older than OldestRevision may be forgotten.
type HistoryPage struct {
	Versions       []Version `json:"versions"`
	Count          int       `json:"count"`
	Cursor         string    `json:"cursor,omitempty"`
	Truncated      bool      `json:"truncated,omitempty"`
	OldestRevision uint64    `json:"oldest_revision"`
}

// HistoryQuery asks for a page of the history of a node or an edge by ID, or of
// the node that has Key, or had it last. An empty namespace allows any, but not
// with a key. Limit 0 is DefaultLimit.
type HistoryQuery struct {
	Namespace string
	ID        uint64
	Key       string
	Limit     int
	Cursor    string
	Answer
}

// History returns the versions of a node or an edge, newest first, also of one
// that has ended: Limit of them (0: DefaultLimit), within the bytes of an
// answer. NOT_FOUND where nothing of that id is known in the namespace; an
// empty namespace allows any.
func (s *Service) History(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64, limit int, cursor string) (HistoryPage, consensus.ReadInfo, error) {
	return s.HistoryOf(ctx, ro, HistoryQuery{Namespace: namespace, ID: id, Limit: limit, Cursor: cursor})
}

// HistoryOf is History of what a query names.
func (s *Service) HistoryOf(ctx context.Context, ro consensus.ReadOptions, q HistoryQuery) (HistoryPage, consensus.ReadInfo, error) {
	page := HistoryPage{Versions: []Version{}}
	limit, r := checkLimit(q.Limit)
	norm := ""
	if r == nil && q.Key != "" {
		if r = checkNamespace(q.Namespace); r == nil {
			norm, r = reference("id", q.ID, "key", q.Key)
		}
	}
	if r == nil {
		r = q.Answer.check()
	}
	if r != nil {
		return page, consensus.ReadInfo{}, r
	}
	info, err := s.read(ctx, ro, func(v *view) error {
		m, err := v.counters()
		if err != nil {
			return err
		}
		page.OldestRevision = m.oldest(v.r.Revision())
		h := historian{v: v, page: &page, limit: limit, left: q.budget(), id: q.ID}
		if norm != "" {
			if h.id = v.lastKey(v.namespace(q.Namespace), norm); h.id == 0 {
				return noKey("key", q.Key)
			}
		}
		r := h.locate(q.Namespace)
		if r == nil {
			r = h.resume(q.Cursor)
		}
		if r != nil {
			return r
		}
		return h.run()
	})
	page.Count = len(page.Versions)
	return page, info, err
}

// lastKey returns the node that has a key, or had it last; 0 where none is
// remembered.
func (v *view) lastKey(ns nsID, norm string) uint64 {
	if id := v.byKey(ns, norm); id != 0 || ns == 0 {
		return id
	}
	prefix := append(append(appendSymbol(nil, ns), norm...), 0)
	for k, val := range v.r.ScanReverse(tKeyHist, prefix, after(prefix)) {
		if len(k) == len(prefix)+8 && len(val) == 5 {
			return readID(val)
		}
	}
	return 0
}

// historian reads one history from its end to its beginning.
type historian struct {
	v      *view
	page   *HistoryPage
	limit  int
	left   answerBudget
	id     uint64
	ns     nsID
	edge   bool
	into   uint64
	prefix []byte
	// before is the revision from which on all was shown on pages before.
	before uint64
}

// locate says where the history lies.
func (h *historian) locate(namespace string) *consensus.Refusal {
	v := h.v
	ns, into, ok := v.everNode(h.id)
	if ok {
		h.ns, h.into, h.prefix = ns, into, appendNodeKey(nil, ns, h.id)
	} else if h.id != 0 && h.id <= maxID {
		var at triple
		at, _, ok = parseAnyEdge(h.id, v.r.Get(tEdge, appendID(nil, h.id)))
		h.ns, h.edge, h.prefix = at.ns, true, appendID(nil, h.id)
	}
	if !ok || namespace != "" && v.namespace(namespace) != h.ns {
		return refuse(CodeNotFound, "id", "no node or edge has the id %d, and none that is remembered had it", h.id)
	}
	return nil
}

// resume takes the cursor: a page begins below a revision.
func (h *historian) resume(cursor string) *consensus.Refusal {
	h.before = 1<<64 - 1
	pad := []byte{0, 0, 0}
	key, r := decodeCursor(cursorHistory, 0, pad, cursor)
	if r == nil && key != nil {
		if len(key) != len(pad)+8 {
			return invalid("cursor", "is not from this list")
		}
		h.before = binary.BigEndian.Uint64(key[len(pad):])
	}
	return r
}

// toldVersion is a version that was read and waits for the one before it, to say what
// changed between them.
type toldVersion struct {
	Version
	node  nodeRecord
	edge  edgeRecord
	place triple
	began uint64
}

func (h *historian) run() error {
	var newer *toldVersion
	if h.before == 1<<64-1 {
		var err error
		if newer, err = h.current(); err != nil {
			return err
		}
	}
	for end, val := range h.past() {
		past, err := decodePast(val)
		if err != nil {
			return err
		}
		older, err := h.version(past.Record, past.Place)
		if err != nil {
			return err
		}
		more := true
		switch {
		case past.How == endChanged || newer != nil && newer.began == end:
			more = newer == nil || h.add(newer, older)
		default:
			if newer != nil {
				newer.What = deedNames[changeRestored]
				more = h.add(newer, nil)
			}
			if more && end < h.before {
				more, err = h.addEnd(&past, end, older)
			}
		}
		if err != nil || !more {
			return err
		}
		newer = older
	}
	if newer != nil {
		h.add(newer, nil)
	}
	return nil
}

// past yields the versions that are past, newest first. The version whose end
// was shown last on the page before is read again: it ended at the revision of
// the cursor.
func (h *historian) past() iter.Seq2[uint64, []byte] {
	return func(yield func(uint64, []byte) bool) {
		if !h.edge {
			end := h.before
			if end == 1<<64-1 {
				end = h.v.lastEnd(h.ns, h.id)
			}
			for p := range h.v.chain(end, h.id, false) {
				if !yield(p.end, p.val) {
					return
				}
			}
			return
		}
		to := after(h.prefix)
		if h.before != 1<<64-1 {
			to = appendRev(bytes.Clone(h.prefix), h.before+1)
		}
		for k, val := range h.v.r.ScanReverse(tEdgeHist, h.prefix, to) {
			if len(k) == len(h.prefix)+8 && !yield(readRev(k), val) {
				return
			}
		}
	}
}

// current reads the version that is current, if any.
func (h *historian) current() (*toldVersion, error) {
	if !h.edge {
		val := h.v.r.Get(tNode, h.prefix)
		if val == nil {
			return nil, nil
		}
		return h.version(val, nil)
	}
	at, ok := h.v.place(h.id)
	if !ok {
		return nil, nil
	}
	val := h.v.r.Get(tSPO, at.appendSPO(nil))
	if val == nil {
		return nil, errRecord
	}
	return h.version(val, at.appendValue(nil))
}

func (h *historian) version(record, place []byte) (*toldVersion, error) {
	out := new(toldVersion)
	var s *stamp
	var err error
	if h.edge {
		var ok bool
		if out.place, _, ok = parseAnyEdge(h.id, place); !ok {
			return nil, errRecord
		}
		if out.edge, err = decodeEdge(record); err != nil {
			return nil, err
		}
		e, err := h.v.toEdge(out.place, &out.edge)
		if err != nil {
			return nil, err
		}
		out.Edge, s = &e, &out.edge.stamp
	} else {
		if out.node, err = decodeNode(record); err != nil {
			return nil, err
		}
		n, err := h.v.toNode(h.ns, h.id, &out.node)
		if err != nil {
			return nil, err
		}
		out.Node, s = &n, &out.node.stamp
	}
	out.began, out.Revision, out.Version.Version = s.began(), s.began(), s.Version
	ms, by := s.CreatedAt, s.CreatedBy
	out.What = deedNames[changeCreated]
	if s.UpdatedRev != 0 {
		ms, by, out.What = s.UpdatedAt, s.UpdatedBy, deedNames[changeUpdated]
	}
	out.Time = millis(ms)
	out.Author, err = h.v.text(symAuthor, by)
	return out, err
}

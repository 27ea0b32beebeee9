package graphsync

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"iter"

	"github.com/meshd/meshd/consensus"
)

// snapshotBytes bounds the things of a page, as they are in JSON.
const snapshotBytes = 4 << 20

// SnapshotQuery asks for a page of all that a namespace holds, as of one
// revision.
type SnapshotQuery struct {
	// WatchFilter names a namespace, and may choose kinds and types.
	WatchFilter
	// At is the revision; 0: the present one. Only the first page asks for it.
	At     uint64
	Cursor string
	// Limit is how many things a page has at most; 0: DefaultChanges.
	Limit int
}

// SnapshotItem is one thing: a node, an edge or an observation.
type SnapshotItem struct {
	Node        *Node        `json:"node,omitempty"`
	Edge        *Edge        `json:"edge,omitempty"`
	Observation *Observation `json:"observation,omitempty"`
}

// SnapshotPage is a page of a snapshot: nodes by age, then edges, then
// observations.
type SnapshotPage struct {
	Revision uint64
	Items    []SnapshotItem
	// Cursor is for the next page, empty on the last.
	Cursor string
	// Token, on the last page, is where the changes behind the snapshot begin:
	// nothing is left out between, and nothing comes twice.
	Token string
}

// Snapshot returns a page, read in one short view. What does not fit on one
// page takes a lease, which keeps the history of the revision from being
// forgotten until the last page, or for LeaseTime. Facts are there whether or
// not they are so at present, and what has expired until a command ends it:
// the tail says so then. Vectors are not in it.
func (y Sync) Snapshot(ctx context.Context, ro consensus.ReadOptions, wo WriteOptions, q SnapshotQuery) (SnapshotPage, consensus.ReadInfo, error) {
	page := SnapshotPage{Items: []SnapshotItem{}}
	var info consensus.ReadInfo
	place, r := y.snapshotStart(&q)
	if r != nil {
		return page, info, r
	}
	first := q.Cursor == ""
	ro.MinRevision = max(ro.MinRevision, place.rev)
	info, err := y.s.read(ctx, ro, func(v *view) error {
		if err := v.snapshotAt(&place); err != nil {
			return err
		}
		return v.snapshotPage(&page, &place, &q)
	})
	if err != nil {
		return page, info, y.compacted(&q.WatchFilter, err)
	}
	page.Revision = place.rev
	switch {
	case place.done:
		page.Token = y.token(&q.WatchFilter, Position{Revision: place.rev})
		if place.lease != 0 {
			_, _, _ = y.s.propose(context.WithoutCancel(ctx), wo, command{Ops: []op{{Kind: opUnlease, ID: place.lease}}}) // or it ends by itself
		}
		return page, info, nil
	case first:
		res, _, err := y.s.propose(ctx, wo, command{Ops: []op{{Kind: opLease, Rev: place.rev}}})
		if err != nil {
			return page, info, y.compacted(&q.WatchFilter, err)
		}
		place.lease = res.Ops[0].ID
	}
	page.Cursor = place.cursor()
	return page, info, nil
}

func (y Sync) snapshotStart(q *SnapshotQuery) (snapshotPlace, *consensus.Refusal) {
	place := snapshotPlace{mesh: y.meshHash(), rev: q.At, phase: snapshotNodes}
	switch {
	case q.Limit == 0:
		q.Limit = DefaultChanges
	case q.Limit < 0 || q.Limit > MaxChangesLimit:
		return place, invalid("limit", "must be 1 to %d", MaxChangesLimit)
	}
	if r := checkNamespace(q.Namespace); r != nil {
		return place, r
	}
	if len(q.Nodes)+len(q.Keys) > 0 {
		return place, invalid("filter", "of a snapshot cannot choose single nodes")
	}
	if r := q.check(); r != nil {
		return place, r
	}
	place.filter = q.hash()
	if q.Cursor == "" {
		return place, nil
	}
	got, ok := parseSnapshotCursor(q.Cursor)
	switch {
	case !ok || q.At != 0 && q.At != got.rev:
		return place, invalid("cursor", "is not from this snapshot")
	case got.mesh != place.mesh:
		return place, resync(refuse(CodeOtherMesh, "cursor", "the cursor is another mesh's"))
	case got.filter != place.filter:
		return place, refuse(CodeOtherFilter, "cursor", "the cursor was given out for another filter")
	}
	return got, nil
}

// Phases of a snapshot.
const (
	snapshotNodes byte = 1 + iota
	snapshotEdges
	snapshotSaid
)

// snapshotPlace is where a snapshot stands between two pages.
type snapshotPlace struct {
	mesh, filter, rev, lease uint64
	phase                    byte
	last                     []byte // key without the namespace; nil: the phase begins
	done                     bool
}

const snapshotCursorHead = 1 + 8 + 8 + 8 + 5 + 1

func (p *snapshotPlace) cursor() string {
	b := binary.BigEndian.AppendUint64([]byte{tokenVersion}, p.mesh)
	b = binary.BigEndian.AppendUint64(b, p.filter)
	b = append(appendID(binary.BigEndian.AppendUint64(b, p.rev), p.lease), p.phase)
	b = append(b, p.last...)
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(append(b, sum[:tokenCheck]...))
}

// parseSnapshotCursor reads what cursor writes, and nothing else.
func parseSnapshotCursor(s string) (p snapshotPlace, ok bool) {
	if len(s) > 2*(snapshotCursorHead+tripleKeySize) {
		return p, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < snapshotCursorHead+tokenCheck || b[0] != tokenVersion {
		return p, false
	}
	body := b[:len(b)-tokenCheck]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:tokenCheck], b[len(body):]) {
		return p, false
	}
	p = snapshotPlace{mesh: binary.BigEndian.Uint64(body[1:]), filter: binary.BigEndian.Uint64(body[9:]), rev: binary.BigEndian.Uint64(body[17:]),
		lease: readID(body[25:]), phase: body[30], last: body[snapshotCursorHead:]}
	sizes := map[byte]int{snapshotNodes: nodeKeySize, snapshotEdges: tripleKeySize, snapshotSaid: obsKeySize}
	if size, known := sizes[p.phase]; !known || len(p.last) != 0 && len(p.last) != size-3 {
		return snapshotPlace{}, false
	}
	return p, true
}

// snapshotAt lets the view show a revision as it was, all of it.
func (v *view) snapshotAt(place *snapshotPlace) error {
	now := v.r.Revision()
	if place.rev == 0 {
		place.rev = now
	}
	if err := v.lookRevision(place.rev); err != nil {
		return err
	}
	v.at = vantage{past: place.rev < now, rev: place.rev}
	return nil
}

// snapshotFiller fills a page.
type snapshotFiller struct {
	*view
	page         *SnapshotPage
	place        *snapshotPlace
	q            *SnapshotQuery
	ns           nsID
	nodes, edges map[symbol]bool // types wanted; nil: all
	scanned      int
	size         int
	full         bool
	err          error
}

func (v *view) snapshotPage(page *SnapshotPage, place *snapshotPlace, q *SnapshotQuery) error {
	f := snapshotFiller{view: v, page: page, place: place, q: q, ns: v.namespace(q.Namespace)}
	if f.ns == 0 {
		place.done = true
		return nil
	}
	types := func(names []string) map[symbol]bool {
		if len(names) == 0 {
			return nil
		}
		out := map[symbol]bool{}
		for _, name := range names {
			out[v.symbol(symType, name)] = true
		}
		return out
	}
	f.nodes, f.edges = types(q.NodeTypes), types(q.EdgeTypes)
	for ; place.phase <= snapshotSaid; place.phase, place.last = place.phase+1, nil {
		prefix := appendSymbol(nil, f.ns)
		from, to := prefix, after(prefix)
		if len(place.last) > 0 {
			from = after(append(bytes.Clone(prefix), place.last...)) // and after the past of that thing
		}
		switch {
		case len(q.Kinds) > 0 && !f.wants(place.phase):
		case place.phase == snapshotNodes:
			f.nodesIn(from, to)
		case place.phase == snapshotEdges:
			f.edgesOf(from, to)
		default:
			f.saidIn(from, to)
		}
		if f.err != nil || f.full {
			return f.err
		}
	}
	place.done = true
	return nil
}

func (f *snapshotFiller) wants(phase byte) bool {
	kind := [...]string{snapshotNodes: EntityNode, snapshotEdges: EntityEdge, snapshotSaid: EntityObservation}[phase]
	for _, k := range f.q.Kinds {
		if k == kind {
			return true
		}
	}
	return false
}

// look says whether a key may be looked at; else the page has ended before it.
func (f *snapshotFiller) look(k []byte) bool {
	if len(f.page.Items) >= f.q.Limit || f.size >= snapshotBytes || f.scanned >= maxScan {
		f.full = true
		return false
	}
	f.scanned++
	f.place.last = append(f.place.last[:0:0], k[3:]...)
	return true
}

func (f *snapshotFiller) add(item SnapshotItem, size int) {
	f.page.Items = append(f.page.Items, item)
	f.size += size
}

var wholeAnswer = answerBudget{detail: ShowFull}

func (f *snapshotFiller) nodesIn(from, to []byte) {
	step := func(k []byte, cur bool, val []byte, then pastEntry) bool {
		if len(k) != nodeKeySize {
			f.err = errRecord
		}
		if f.err != nil || !f.look(k) {
			return false
		}
		id := readID(k[3:])
		var rec nodeRecord
		ok := false
		if cur {
			rec, f.err = decodeNode(val)
			then.end = rec.began()
			ok = !f.at.past || then.end <= f.at.rev
		}
		if f.err == nil && !ok {
			before := f.steps
			rec, ok, f.err = f.thenNode(f.nodeThen(then.end, id, f.at.rev))
			f.scanned += f.steps - before
		}
		if f.err != nil || !ok || f.nodes != nil && !f.nodes[rec.Type] {
			return f.err == nil
		}
		n, err := f.toNode(f.ns, id, &rec)
		f.err = err
		f.add(SnapshotItem{Node: &n}, wholeAnswer.node(&n))
		return err == nil
	}
	if f.at.past {
		beside(f.r.Scan(tNode, from, to), f.goneNodesUp(from, to), false, step)
		return
	}
	for k, val := range f.r.Scan(tNode, from, to) {
		if !step(k, true, val, pastEntry{}) {
			return
		}
	}
}

// goneNodesUp is goneNodes from the beginning of a range.
func (v *view) goneNodesUp(from, to []byte) iter.Seq2[[]byte, pastEntry] {
	return func(yield func([]byte, pastEntry) bool) {
		for k, val := range v.r.Scan(tNodeGone, from, to) {
			if len(val) == 8 && !yield(bytes.Clone(k), pastEntry{end: readRev(val)}) {
				return
			}
		}
	}
}

func (f *snapshotFiller) edgesOf(from, to []byte) {
	err := f.edgesIn(tSPO, from, to, f.look, func(at triple, val []byte) bool {
		if f.edges != nil && !f.edges[at.typ] {
			return true
		}
		rec, err := decodeEdge(val)
		if err == nil {
			var e Edge
			if e, err = f.toEdge(at, &rec); err == nil {
				f.add(SnapshotItem{Edge: &e}, wholeAnswer.edge(&e))
			}
		}
		f.err = err
		return err == nil
	})
	if f.err == nil {
		f.err = err
	}
}

func (f *snapshotFiller) saidIn(from, to []byte) {
	step := func(k []byte, cur bool, val []byte, past pastEntry) bool {
		at, ok := parseObsKey(k)
		if !ok {
			f.err = errRecord
			return false
		}
		if !f.look(k) {
			return false
		}
		rec, shown, err := f.obsThen(cur, val, past)
		if err == nil && shown {
			var o Observation
			if o, err = f.toObservation(at, &rec); err == nil {
				f.add(SnapshotItem{Observation: &o}, 240+textSize(o.Text)+len(o.Properties))
			}
		}
		f.err = err
		return err == nil
	}
	if f.at.past {
		beside(f.r.Scan(tObs, from, to), pastScan(f.r, tObsHist, from, to, obsKeySize, f.at.rev, false), false, step)
		return
	}
	for k, val := range f.r.Scan(tObs, from, to) {
		if !step(k, true, val, pastEntry{}) {
			return
		}
	}
}

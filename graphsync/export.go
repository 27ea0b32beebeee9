package graphsync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/meshd/meshd/consensus"
)

// exportPage bounds the lines one view writes, so that views stay short.
const (
	exportPageBytes   = 512 << 10
	exportPageRecords = 2000
	// exportGroup is how many edges of one node and direction are sorted in
	// memory; a node with more is read type by type.
	exportGroup = 1000
)

// ExportQuery asks for a namespace as import lines.
type ExportQuery struct {
	Namespace string
	// When is of which revision the export is; the zero value is that of its
	// first page. Facts of any time are written, unless it says of when.
	When When
	// Begun, if given, is called once, after the first page is read and before
	// anything is written. Progress, if given, is called after each page.
	Begun    func(consensus.ReadInfo)
	Progress func(ExportReport)

	noSchema bool
}

// ExportReport says what an export wrote.
type ExportReport struct {
	Nodes        uint64 `json:"nodes"`
	Edges        uint64 `json:"edges"`
	Observations uint64 `json:"observations,omitempty"`
	Vectors      uint64 `json:"vectors,omitempty"`
	Bytes        int64  `json:"bytes"`
	// Revision is that of everything in the export.
	Revision uint64 `json:"revision"`
}

// Export writes a namespace as JSON lines, in the form Import reads: nodes in
// the order they were made, each with its observations by age and its vectors by
// model, then edges by source, type, target and age, and at last the schema. The
// order does not depend on ids as such, so a namespace and its re-import write
// the same bytes. What has expired is left out.
//
// All of it is one revision, however much is written meanwhile: pages after the
// first one are read from the history. COMPACTED where that is forgotten before
// the export has come to its end. Two things have no past: of the vectors those
// are written that have not changed since the revision, and the schema is if the
// revision was the present when the export began.
//
// A node without a key is given the key "_:" and its id (and a suffix, should
// an imported node hold that key), so that edges can name it; importing makes
// it the node's key.
func (s *Service) Export(ctx context.Context, ro consensus.ReadOptions, q ExportQuery, w io.Writer) (ExportReport, error) {
	var rep ExportReport
	if r := checkNamespace(q.Namespace); r != nil {
		return rep, r
	}
	e := exporter{q: &q}
	for first := true; !e.done; first = false {
		info, err := s.read(ctx, ro, e.page)
		if err != nil {
			return rep, err
		}
		if first {
			rep.Revision = e.at.rev
			if q.Begun != nil {
				q.Begun(info)
			}
		}
		// The following pages need no more than this node has shown already.
		ro = consensus.ReadOptions{MinRevision: info.Revision}
		n, err := w.Write(e.out)
		rep.Bytes += int64(n)
		if err != nil {
			return rep, fmt.Errorf("writing the export: %w", err)
		}
		rep.Nodes, rep.Edges, rep.Observations, rep.Vectors = e.nodes, e.edges, e.observations, e.vectors
		if q.Progress != nil {
			q.Progress(rep)
		}
	}
	return rep, nil
}

// LogicalHash is the SHA-256 of a namespace's export in hex, but for the line of
// its schema, which says what may be written and not what is there: equal where
// two namespaces hold the same graph made in the same order, whatever their ids.
func (s *Service) LogicalHash(ctx context.Context, ro consensus.ReadOptions, namespace string) (string, error) {
	h := sha256.New()
	if _, err := s.Export(ctx, ro, ExportQuery{Namespace: namespace, noSchema: true}, h); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// exporter is where an export stands between two pages.
type exporter struct {
	q                     *ExportQuery
	at                    vantage // of all pages; its revision is set also if it is the present
	schema                []byte  // the line of the schema, if there is one
	out                   []byte
	records, looked       int
	nodes, edges          uint64
	observations, vectors uint64
	bound                 uint64 // ids from here on were made after the export began
	inEdges               bool
	node                  uint64 // last node that is written, or whose edges are
	within                uint64 // node whose observations, or edges, are partly written
	observed              uint64 // its last observation that was looked at
	inVectors             bool   // all of them were
	modelled              string // model of the last vector that is
	said                  bool   // the namespace may have observations or vectors
	typ                   string // the type of edge it stands at
	seen                  []byte // the last key of an edge that was looked at
	last                  triple // and the last edge written
	parallel              uint32
	done                  bool
	keys                  map[uint64]string
}

func (e *exporter) full() bool {
	return len(e.out) > exportPageBytes || e.records >= exportPageRecords || e.looked >= maxScan
}

func (e *exporter) page(v *view) error {
	e.out, e.records, e.looked, e.keys = e.out[:0], 0, 0, map[uint64]string{}
	ns := v.namespace(e.q.Namespace)
	if err := e.look(v, ns); err != nil {
		return err
	}
	if ns == 0 {
		e.done = true
		return nil
	}
	if !e.inEdges {
		e.said = v.at.past || v.saysAny(ns)
	}
	from, to := appendNodeKey(nil, ns, e.node+1), appendNodeKey(nil, ns, e.bound)
	if e.within != 0 {
		from = appendNodeKey(nil, ns, e.within)
	}
	var failed error
	whole := v.nodesIn(from, to, false, func(k []byte) bool {
		e.looked++
		return !e.full()
	}, func(id uint64, n *nodeRecord, err error) bool {
		e.looked += v.steps
		v.steps = 0
		switch {
		case err != nil:
		case n == nil:
			e.within = 0 // erased, if it was begun
		case e.inEdges:
			err = e.edgesOf(v, ns, id)
		default:
			err = e.nodeLine(v, ns, id, n)
		}
		if failed = err; err != nil || e.within != 0 { // or the page is full
			return false
		}
		e.node = id
		return true
	})
	if failed != nil || !whole {
		return failed
	}
	if e.inEdges {
		e.out = append(e.out, e.schema...)
		e.done = true
	}
	e.inEdges, e.node, e.within = true, 0, 0
	return nil
}

// look lets the view of a page show what that of the first page did.
func (e *exporter) look(v *view, ns nsID) error {
	if e.bound != 0 {
		return v.lookAgain(e.at)
	}
	if err := v.look(e.q.When, time.Now()); err != nil {
		return err
	}
	v.at.any = e.q.When.ValidAt.IsZero()
	m, err := v.counters()
	if err != nil {
		return err
	}
	e.bound, e.at = max(m.NextID, 1), v.at
	if e.at.past {
		return nil
	}
	e.at.rev = v.r.Revision()
	if ns != 0 && !e.q.noSchema {
		e.schema, err = v.schemaLine(ns)
	}
	return err
}

// nodeLine writes a node and what is said of it; where the page before did not
// end with it, only the rest.
func (e *exporter) nodeLine(v *view, ns nsID, id uint64, n *nodeRecord) error {
	key := v.exportKey(ns, id, n)
	if e.within == id {
		return e.saidOf(v, ns, id, key)
	}
	e.within = 0
	typ, err := v.text(symType, n.Type)
	if err != nil {
		return err
	}
	e.out = append(e.out, `{"node":{"key":`...)
	e.out = appendQuoted(e.out, key)
	e.out = append(e.out, `,"type":`...)
	e.out = appendQuoted(e.out, typ)
	e.out = append(e.out, `,"label":`...)
	e.out = appendQuoted(e.out, n.Label)
	e.properties(n.Props)
	for i, a := range n.Aliases {
		if i == 0 {
			e.out = append(e.out, `,"aliases":[`...)
		} else {
			e.out = append(e.out, ',')
		}
		e.out = appendQuoted(e.out, a.Key)
	}
	if len(n.Aliases) > 0 {
		e.out = append(e.out, ']')
	}
	if n.Expires != 0 {
		e.time("expires_at", &n.Expires)
	}
	e.out = append(e.out, '}', '}', '\n')
	e.nodes++
	e.records++
	if !e.said {
		return nil
	}
	return e.saidOf(v, ns, id, key)
}

// exportKey is the node's key, or one made for it that no other node holds.
func (v *view) exportKey(ns nsID, id uint64, n *nodeRecord) string {
	if n.Key != "" {
		return n.Key
	}
	made := madeKey + itoa(id)
	for try := 1; ; try++ {
		if holder := v.seeKey(ns, made); holder == 0 || !v.seesNode(ns, holder) {
			return made
		}
		made = madeKey + itoa(id) + "." + strconv.Itoa(try)
	}
}

// keyOf is the key of an edge's end; ok is false where that has expired.
func (e *exporter) keyOf(v *view, ns nsID, id uint64) (_ string, ok bool, _ error) {
	if k, ok := e.keys[id]; ok {
		return k, true, nil
	}
	n, ok, err := v.seeNode(ns, id)
	if err != nil || !ok {
		return "", false, err
	}
	k := v.exportKey(ns, id, &n)
	e.keys[id] = k
	return k, true, nil
}

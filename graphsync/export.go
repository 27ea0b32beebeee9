package graphsync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"

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

// ExportReport says what an export wrote.
type ExportReport struct {
	Nodes        uint64 `json:"nodes"`
	Edges        uint64 `json:"edges"`
	Observations uint64 `json:"observations,omitempty"`
	Vectors      uint64 `json:"vectors,omitempty"`
	Bytes        int64  `json:"bytes"`
	// FirstRevision and LastRevision are those of the first and last page.
	// Equal: the export is exactly that revision. Else it holds what stood
	// from the first to the last, and in no case an edge without its ends.
	FirstRevision uint64 `json:"first_revision"`
	LastRevision  uint64 `json:"last_revision"`
}

// Export writes a namespace as JSON lines, in the form Import reads: nodes in
// the order they were made, each with its observations by age and its vectors by
// model, then edges by source, type, target and age. The
// order does not depend on ids as such, so a namespace and its re-import write
// the same bytes.
//
// A node without a key is given the key "_:" and its id (and a suffix, should
// an imported node hold that key), so that edges can name it; importing makes
// it the node's key. Progress may be nil; it is called after each page.
func (s *Service) Export(ctx context.Context, ro consensus.ReadOptions, namespace string, w io.Writer, progress func(ExportReport)) (ExportReport, error) {
	var rep ExportReport
	if r := checkNamespace(namespace); r != nil {
		return rep, r
	}
	e := exporter{namespace: namespace}
	for first := true; !e.done; first = false {
		info, err := s.read(ctx, ro, e.page)
		if err != nil {
			return rep, err
		}
		if first {
			rep.FirstRevision = info.Revision
		}
		rep.LastRevision = info.Revision
		// The following pages need no more than this node has shown already.
		ro = consensus.ReadOptions{MinRevision: info.Revision}
		n, err := w.Write(e.out)
		rep.Bytes += int64(n)
		if err != nil {
			return rep, fmt.Errorf("writing the export: %w", err)
		}
		rep.Nodes, rep.Edges, rep.Observations, rep.Vectors = e.nodes, e.edges, e.observations, e.vectors
		if progress != nil {
			progress(rep)
		}
	}
	return rep, nil
}

// LogicalHash is the SHA-256 of a namespace's export in hex: equal where two
// namespaces hold the same graph made in the same order, whatever their ids.
func (s *Service) LogicalHash(ctx context.Context, ro consensus.ReadOptions, namespace string) (string, error) {
	h := sha256.New()
	if _, err := s.Export(ctx, ro, namespace, h, nil); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// exporter is where an export stands between two pages.
type exporter struct {
	namespace             string
	out                   []byte
	records               int
	nodes, edges          uint64
	observations, vectors uint64
	bound                 uint64 // ids from here on were made after the export began
	inEdges               bool
	node                  uint64 // last node that is written, or whose edges are
	within                uint64 // node whose observations, or edges, are partly written
	observed              uint64 // its last observation that is written
	inVectors             bool   // all of them are
	modelled              string // model of the last vector that is
	said                  bool   // the namespace has observations or vectors
	typ                   string // the type of edge it stands at
	last                  triple // and the last edge written
	parallel              uint32
	done                  bool
	keys                  map[uint64]string
}

func (e *exporter) full() bool { return len(e.out) > exportPageBytes || e.records >= exportPageRecords }

func (e *exporter) page(v *view) error {
	e.out, e.records, e.keys = e.out[:0], 0, map[uint64]string{}
	ns := v.namespace(e.namespace)
	if ns == 0 {
		e.done = true
		return nil
	}
	if e.bound == 0 {
		var meta metaRecord
		if err := consensus.Decode(v.r.Get(tMeta, metaKey), &meta); err != nil {
			return err
		}
		e.bound = meta.NextID
	}
	if !e.inEdges {
		e.said = v.saysAny(ns)
	}
	from, to := appendNodeKey(nil, ns, e.node+1), appendNodeKey(nil, ns, e.bound)
	for k, val := range v.r.Scan(tNode, from, to) {
		if e.full() {
			return nil
		}
		if len(k) != nodeKeySize {
			return errRecord
		}
		id := readID(k[3:])
		var err error
		if e.inEdges {
			err = e.edgesOf(v, ns, id)
		} else {
			err = e.nodeLine(v, ns, id, val)
		}
		if err != nil {
			return err
		}
		if e.within != 0 {
			return nil // the page is full
		}
		e.node = id
	}
	if e.inEdges {
		e.done = true
	}
	e.inEdges, e.node, e.within = true, 0, 0
	return nil
}

// nodeLine writes a node and what is said of it; where the page before did not
// end with it, only the rest.
func (e *exporter) nodeLine(v *view, ns nsID, id uint64, val []byte) error {
	n, err := decodeNode(val)
	if err != nil {
		return err
	}
	key := v.exportKey(ns, id, &n)
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
	for try := 1; v.byKey(ns, made) != 0; try++ {
		made = madeKey + itoa(id) + "." + strconv.Itoa(try)
	}
	return made
}

func (e *exporter) keyOf(v *view, ns nsID, id uint64) (string, error) {
	if k, ok := e.keys[id]; ok {
		return k, nil
	}
	n, ok, err := v.node(ns, id)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", errRecord
	}
	k := v.exportKey(ns, id, &n)
	e.keys[id] = k
	return k, nil
}

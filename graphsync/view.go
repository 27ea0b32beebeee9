package graphsync

import (
	"encoding/binary"
	"fmt"

	"github.com/meshd/meshd/consensus"
)

// view reads the tables. It remembers the symbols it met, so it lives no
// longer than its Reader. Not safe for concurrent use.
type view struct {
	r     consensus.Reader
	at    vantage
	buf   []byte
	names names
	// steps are those taken along chains of past versions.
	steps int
}

// symbol returns the symbol of a string, 0 where it has none.
func (v *view) symbol(kind byte, s string) symbol {
	if sym := v.names.symbol(kind, s); sym != 0 {
		return sym
	}
	v.buf = appendSymKey(v.buf[:0], kind, s)
	got := v.r.Get(tSym, v.buf)
	if len(got) != 3 {
		return 0
	}
	sym := readSymbol(got)
	v.names.add(kind, sym, s)
	return sym
}

// text returns the string of a symbol; 0 is the empty one.
func (v *view) text(kind byte, sym symbol) (string, error) {
	if sym == 0 {
		return "", nil
	}
	if s, ok := v.names.text(kind, sym); ok {
		return s, nil
	}
	v.buf = appendSymrKey(v.buf[:0], kind, sym)
	got := v.r.Get(tSymr, v.buf)
	if got == nil {
		return "", fmt.Errorf("%w: symbol %c%d has no text", errRecord, kind, sym)
	}
	s := string(got)
	v.names.add(kind, sym, s)
	return s, nil
}

// namespace returns the id of a namespace, 0 where it has never been written.
func (v *view) namespace(name string) nsID {
	if name == "" {
		return 0
	}
	return v.symbol(symNamespace, name)
}

// counters returns what the state counts; a zero Format says that nothing was written yet.
func (v *view) counters() (metaRecord, error) {
	var m metaRecord
	got := v.r.Get(tMeta, metaKey)
	if got == nil || m.read(got) {
		return m, nil
	}
	return decodeSlowly[metaRecord](got)
}

func (v *view) nodeNamespace(id uint64) (nsID, bool) {
	if id == 0 || id > maxID {
		return 0, false
	}
	v.buf = appendID(v.buf[:0], id)
	got := v.r.Get(tID, v.buf)
	if len(got) != 3 {
		return 0, false
	}
	return readSymbol(got), true
}

func (v *view) node(ns nsID, id uint64) (nodeRecord, bool, error) {
	got := v.storedNode(ns, id)
	if got == nil {
		return nodeRecord{}, false, nil
	}
	n, err := decodeNode(got)
	return n, err == nil, err
}

// peek is node with the properties left in the table's memory: they hold until
// the next write.
func (v *view) peek(ns nsID, id uint64) (nodeRecord, bool, error) {
	got := v.storedNode(ns, id)
	if got == nil {
		return nodeRecord{}, false, nil
	}
	n, err := peekNode(got)
	return n, err == nil, err
}

func (v *view) storedNode(ns nsID, id uint64) []byte {
	v.buf = appendNodeKey(v.buf[:0], ns, id)
	return v.r.Get(tNode, v.buf)
}

// hasNode is node without decoding the record.
func (v *view) hasNode(ns nsID, id uint64) bool {
	got, ok := v.nodeNamespace(id)
	return ok && got == ns
}

// byKey returns the node that holds a normalised key, 0 where none does.
func (v *view) byKey(ns nsID, norm string) uint64 {
	if ns == 0 || norm == "" {
		return 0
	}
	v.buf = append(appendSymbol(v.buf[:0], ns), norm...)
	got := v.r.Get(tKey, v.buf)
	if len(got) != 5 {
		return 0
	}
	return readID(got)
}

func (v *view) place(id uint64) (triple, bool) {
	if id == 0 || id > maxID {
		return triple{}, false
	}
	v.buf = appendID(v.buf[:0], id)
	return parseEdgeValue(id, v.r.Get(tEdge, v.buf))
}

func (v *view) edge(id uint64) (triple, edgeRecord, bool, error) {
	at, ok := v.place(id)
	if !ok {
		return triple{}, edgeRecord{}, false, nil
	}
	e, ok, err := v.edgeAt(at)
	return at, e, ok, err
}

func (v *view) edgeAt(at triple) (edgeRecord, bool, error) {
	v.buf = at.appendSPO(v.buf[:0])
	got := v.r.Get(tSPO, v.buf)
	if got == nil {
		return edgeRecord{}, false, nil
	}
	e, err := decodeEdge(got)
	return e, err == nil, err
}

func (v *view) count(ns nsID, kind byte, typ symbol) uint64 {
	v.buf = appendCountKey(v.buf[:0], ns, kind, typ)
	return readCount(v.r.Get(tCount, v.buf))
}

func readCount(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

func (v *view) stamp(s *stamp) (wireStamp, error) {
	w := wireStamp{Version: s.Version, CreatedAt: s.CreatedAt, UpdatedAt: s.CreatedAt}
	if s.UpdatedRev != 0 {
		w.UpdatedAt = s.UpdatedAt
	}
	var err error
	if w.CreatedBy, err = v.text(symAuthor, s.CreatedBy); err != nil {
		return w, err
	}
	w.UpdatedBy, err = v.text(symAuthor, s.UpdatedBy)
	return w, err
}

func (v *view) wireNode(ns nsID, id uint64, n *nodeRecord) (w wireNode, err error) {
	w = wireNode{ID: id, Label: n.Label, Key: n.Key, Props: n.Props, Expires: n.Expires}
	for i := range n.Aliases {
		w.Aliases = append(w.Aliases, n.Aliases[i].Key)
	}
	if w.Namespace, err = v.text(symNamespace, ns); err != nil {
		return w, err
	}
	if w.Type, err = v.text(symType, n.Type); err != nil {
		return w, err
	}
	w.wireStamp, err = v.stamp(&n.stamp)
	return w, err
}

func (v *view) wireEdge(at triple, e *edgeRecord) (w wireEdge, err error) {
	w = wireEdge{ID: at.id, Source: at.source, Target: at.target, Props: e.Props, Predicate: e.Predicate, Weight: e.weight(), wireTold: wireOf(&e.provenance)}
	if w.Namespace, err = v.text(symNamespace, at.ns); err != nil {
		return w, err
	}
	if w.Type, err = v.text(symType, at.typ); err != nil {
		return w, err
	}
	w.wireStamp, err = v.stamp(&e.stamp)
	return w, err
}

package graphsync

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/meshd/meshd/graphsync/search"
)

const (
	// docViewNodes bounds what is read in one view.
	docViewNodes = 1000
	// Bounds of the documents that are handed over at once. A large batch is
	// one segment, which is not merged so often, but takes twenty times its
	// size while it is made.
	docPageNodes = 4000
	docPageBytes = 1 << 20
	// maxDocObservations are indexed of one node, the newest.
	maxDocObservations = 10_000
)

// docPage is documents on their way from the state to the index. Its zero value
// scans from the beginning.
type docPage struct {
	changes map[string][]search.Change // by namespace
	size    int
	n       int
	viewed  int    // of n, in this view
	last    []byte // key of the last node scanned
}

// heavy says that the documents should be handed over.
func (b *docPage) heavy() bool { return b.n >= docPageNodes || b.size >= docPageBytes }

// full says that the view should end.
func (b *docPage) full() bool { return b.viewed >= docViewNodes || b.heavy() }

// apply hands the documents over and forgets them.
func (b *docPage) apply(words wordIndex) {
	for namespace, list := range b.changes {
		words.Apply(namespace, list)
	}
	b.changes, b.size, b.n = nil, 0, 0
}

// scan reads the next nodes of all namespaces; more says that there may be
// others.
func (b *docPage) scan(v *view) (more bool, err error) {
	b.viewed = 0
	var from []byte
	if b.last != nil {
		from = next(b.last)
	}
	for k, val := range v.r.Scan(tNode, from, nil) {
		if b.full() {
			return true, nil
		}
		if len(k) != nodeKeySize {
			return false, errRecord
		}
		b.last = append(b.last[:0], k...)
		rec, err := peekNode(val)
		if err != nil {
			return false, err
		}
		if err := b.add(v, nodeRef{readSymbol(k), readID(k[3:])}, &rec); err != nil {
			return false, err
		}
	}
	return false, nil
}

// fetch reads nodes by name and returns how many it did. What is no longer there
// is taken out of the index.
func (b *docPage) fetch(v *view, todo []nodeRef) (int, error) {
	b.viewed = 0
	for i, ref := range todo {
		if b.full() {
			return i, nil
		}
		rec, ok, err := v.peek(ref.ns, ref.id)
		if err != nil {
			return i, err
		}
		if ok {
			err = b.add(v, ref, &rec)
		} else {
			err = b.put(v, ref.ns, search.Change{Document: search.Document{ID: ref.id}, Delete: true})
		}
		if err != nil {
			return i, err
		}
	}
	return len(todo), nil
}

func (b *docPage) put(v *view, ns nsID, c search.Change) error {
	namespace, err := v.text(symNamespace, ns)
	if err != nil {
		return err
	}
	if b.changes == nil {
		b.changes = map[string][]search.Change{}
	}
	b.changes[namespace] = append(b.changes[namespace], c)
	b.n++
	b.viewed++
	return nil
}

func (b *docPage) add(v *view, ref nodeRef, rec *nodeRecord) error {
	d := search.Document{ID: ref.id, Updated: rec.CreatedAt}
	if rec.UpdatedRev != 0 {
		d.Updated = rec.UpdatedAt
	}
	var err error
	if d.Type, err = v.text(symType, rec.Type); err != nil {
		return err
	}
	if d.Texts, err = v.docTexts(ref, rec); err != nil {
		return err
	}
	if d.Vectors, err = v.docVectors(ref); err != nil {
		return err
	}
	for _, t := range d.Texts {
		b.size += len(t.Text) + 32
	}
	for _, vec := range d.Vectors {
		b.size += 4 * len(vec.Data)
	}
	return b.put(v, ref.ns, search.Change{Document: d})
}

// docTexts is what is said of a node: by itself, and by its observations that
// the view shows. The texts are copies.
func (v *view) docTexts(ref nodeRef, rec *nodeRecord) ([]search.Text, error) {
	out := []search.Text{{Field: search.Label, Text: rec.Label}}
	if rec.Key != "" {
		out = append(out, search.Text{Field: search.Key, Text: rec.Key})
	}
	for _, a := range rec.Aliases {
		out = append(out, search.Text{Field: search.Alias, Text: a.Key})
	}
	out = propertyTexts(rec.Props, out)
	prefix := appendNodeKey(nil, ref.ns, ref.id)
	size, n := 0, 0
	for k, val := range v.r.ScanReverse(tObs, prefix, after(prefix)) {
		if size >= search.MaxDocumentText || n == maxDocObservations {
			break
		}
		at, ok := parseObsKey(k)
		if !ok {
			return nil, errRecord
		}
		o, err := decodeObs(val)
		if err != nil {
			return nil, err
		}
		if v.shows(&o.provenance) {
			out = append(out, search.Text{Field: search.Observation, Name: itoa(at.id), Text: o.Text})
		}
		size += len(o.Text)
		n++
	}
	return out, nil
}

// propertyTexts appends the strings in a canonical object, at any depth, under
// the name of the property at the top.
func propertyTexts(props []byte, out []search.Text) []search.Text {
	if len(props) == 0 || bytes.IndexByte(props, '"') < 0 {
		return out
	}
	all, err := members(props)
	if err != nil {
		return out // damage is told where the node is read
	}
	for _, m := range all {
		value := m.value(props)
		if bytes.IndexByte(value, '"') < 0 {
			continue
		}
		name := string(m.name(props))
		for i := 0; i < len(value); {
			if value[i] != '"' {
				i++
				continue
			}
			end := skipString(value, i)
			if end >= len(value) || value[end] != ':' {
				if s, err := unquote(value[i:end]); err == nil && s != "" {
					out = append(out, search.Text{Field: search.Property, Name: name, Text: s})
				}
			}
			i = end
		}
	}
	return out
}

func (v *view) docVectors(ref nodeRef) ([]search.Vector, error) {
	var out []search.Vector
	prefix := appendNodeKey(nil, ref.ns, ref.id)
	for k, val := range v.r.Scan(tVector, prefix, after(prefix)) {
		if len(k) != vectorKeySize {
			return nil, errRecord
		}
		rec, err := decodeVector(val)
		if err != nil {
			return nil, err
		}
		model, err := v.text(symModel, readSymbol(k[nodeKeySize:]))
		if err != nil {
			return nil, err
		}
		data := make([]float32, len(rec.Data)/4)
		for i := range data {
			data[i] = math.Float32frombits(binary.LittleEndian.Uint32(rec.Data[4*i:]))
		}
		out = append(out, search.Vector{Model: model, Data: data})
	}
	return out, nil
}

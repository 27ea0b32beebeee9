package graphsync

import (
	"bytes"
	"fmt"
	"math"

	"github.com/meshd/meshd/consensus"
)

func (s *stamp) encode(f *fields) {
	f.uintIf(1, s.Flags)
	f.uint(2, s.Version)
	f.uint(3, s.CreatedRev)
	f.int(4, s.CreatedAt)
	f.uintIf(5, s.UpdatedRev)
	f.intIf(6, s.UpdatedAt)
	f.uintIf(7, uint64(s.CreatedBy))
	f.uintIf(8, uint64(s.UpdatedBy))
}

func (s *stamp) member(r *cborReader, name uint64) bool {
	switch name {
	case 1:
		s.Flags = r.uint()
	case 2:
		s.Version = r.uint()
	case 3:
		s.CreatedRev = r.uint()
	case 4:
		s.CreatedAt = r.int()
	case 5:
		s.UpdatedRev = r.uint()
	case 6:
		s.UpdatedAt = r.int()
	case 7:
		s.CreatedBy = symbol(r.uintTo(math.MaxUint32))
	case 8:
		s.UpdatedBy = symbol(r.uintTo(math.MaxUint32))
	default:
		return false
	}
	return true
}

func (n *nodeRecord) encode(b []byte) []byte {
	f := mapFields(b)
	n.stamp.encode(&f)
	f.uint(9, uint64(n.Type))
	f.text(10, n.Label)
	f.textIf(11, n.Name)
	f.textIf(12, n.Key)
	f.textIf(13, n.Norm)
	f.bytesIf(14, n.Props)
	if len(n.Aliases) > 0 {
		f.name(20)
		f.b = appendHead(f.b, cborArray, uint64(len(n.Aliases)))
		for _, a := range n.Aliases {
			f.b = append(f.b, cborArray|2)
			f.b = append(appendHead(f.b, cborText, uint64(len(a.Key))), a.Key...)
			f.b = append(appendHead(f.b, cborText, uint64(len(a.Norm))), a.Norm...)
		}
	}
	f.intIf(26, n.Expires)
	return f.end()
}

func (n *nodeRecord) readAliases(r *cborReader) {
	count := r.head(cborArray)
	if count > uint64(len(r.b)) {
		r.fail()
		return
	}
	n.Aliases = make([]alias, count)
	for i := range n.Aliases {
		if r.head(cborArray) != 2 {
			r.fail()
			return
		}
		n.Aliases[i] = alias{Key: r.text(), Norm: r.text()}
	}
}

// read reads a record in the form encode writes; its properties are a part of v.
func (n *nodeRecord) read(v []byte) bool {
	r := cborReader{b: v}
	r.members(func(name uint64) bool {
		switch name {
		case 9:
			n.Type = symbol(r.uintTo(math.MaxUint32))
		case 10:
			n.Label = r.text()
		case 11:
			n.Name = r.text()
		case 12:
			n.Key = r.text()
		case 13:
			n.Norm = r.text()
		case 14:
			n.Props = r.bytes()
		case 20:
			n.readAliases(&r)
		case 26:
			n.Expires = r.int()
		default:
			return n.member(&r, name)
		}
		return true
	})
	return r.whole()
}

func (m *metaRecord) encode(b []byte) []byte {
	f := mapFields(b)
	f.uint(1, m.Format)
	f.uint(2, m.NextID)
	f.uintIf(3, uint64(m.Namespaces))
	f.uintIf(4, uint64(m.Types))
	f.uintIf(5, uint64(m.Authors))
	f.uintIf(6, uint64(m.Models))
	f.uintIf(7, m.LogFrom)
	f.uintIf(10, m.KeepMillis)
	f.uintIf(11, m.KeepBytes)
	f.intIf(12, m.LogSince)
	return f.end()
}

func (m *metaRecord) read(v []byte) bool {
	r := cborReader{b: v}
	r.members(func(name uint64) bool {
		switch name {
		case 1:
			m.Format = r.uint()
		case 2:
			m.NextID = r.uint()
		case 3:
			m.Namespaces = symbol(r.uintTo(math.MaxUint32))
		case 4:
			m.Types = symbol(r.uintTo(math.MaxUint32))
		case 5:
			m.Authors = symbol(r.uintTo(math.MaxUint32))
		case 6:
			m.Models = symbol(r.uintTo(math.MaxUint32))
		case 7:
			m.LogFrom = r.uint()
		case 10:
			m.KeepMillis = r.uint()
		case 11:
			m.KeepBytes = r.uint()
		case 12:
			m.LogSince = r.int()
		default:
			return false
		}
		return true
	})
	return r.whole()
}

// decodeSlowly reads what is not in the form that is read by hand. It has a
// variable of its own, which is on the heap.
func decodeSlowly[T any](b []byte) (T, error) {
	var v T
	err := consensus.Decode(b, &v)
	return v, err
}

// decodeNode reads a node's record and copies all of it.
func decodeNode(v []byte) (nodeRecord, error) {
	n, err := peekNode(v)
	n.Props = bytes.Clone(n.Props)
	return n, err
}

// peekNode is decodeNode with the properties left where they are, for who is
// done with them before v changes.
func peekNode(v []byte) (nodeRecord, error) {
	var n nodeRecord
	if !n.read(v) {
		var err error
		if n, err = decodeSlowly[nodeRecord](v); err != nil {
			return n, fmt.Errorf("%w: %w", errRecord, err)
		}
	}
	if n.Version == 0 || n.Type == 0 || n.Type > maxSymbol || len(n.Label) > MaxLabel || !goodProps(n.Props) {
		return n, errRecord
	}
	return n, nil
}

func (e *edgeRecord) encode(b []byte) []byte {
	f := mapFields(b)
	e.stamp.encode(&f)
	if e.Weight != nil {
		f.name(9)
		f.b = append(f.b, consensus.Encode(*e.Weight)...)
	}
	f.textIf(10, e.Predicate)
	f.bytesIf(14, e.Props)
	e.provenance.encode(&f)
	return f.end()
}

func (p *provenance) encode(f *fields) {
	if p.ValidFrom != nil {
		f.int(21, *p.ValidFrom)
	}
	if p.ValidTo != nil {
		f.int(22, *p.ValidTo)
	}
	f.textIf(23, p.Source)
	if p.Confidence != nil {
		f.name(24)
		f.b = append(f.b, consensus.Encode(*p.Confidence)...)
	}
	f.intIf(26, p.Expires)
}

func (p *provenance) member(r *cborReader, name uint64) bool {
	switch name {
	case 21:
		at := r.int()
		p.ValidFrom = &at
	case 22:
		at := r.int()
		p.ValidTo = &at
	case 23:
		p.Source = r.text()
	case 24:
		c := r.float()
		p.Confidence = &c
	case 26:
		p.Expires = r.int()
	default:
		return false
	}
	return true
}

func (e *edgeRecord) read(v []byte) bool {
	r := cborReader{b: v}
	r.members(func(name uint64) bool {
		switch name {
		case 9:
			w := r.float()
			e.Weight = &w
		case 10:
			e.Predicate = r.text()
		case 14:
			e.Props = bytes.Clone(r.bytes())
		default:
			return e.stamp.member(&r, name) || e.provenance.member(&r, name)
		}
		return true
	})
	return r.whole()
}

func decodeEdge(v []byte) (edgeRecord, error) {
	var e edgeRecord
	if !e.read(v) {
		e = edgeRecord{}
		if err := consensus.Decode(v, &e); err != nil {
			return e, fmt.Errorf("%w: %w", errRecord, err)
		}
	}
	if e.Version == 0 || !finite(e.weight()) || !goodProps(e.Props) {
		return e, errRecord
	}
	return e, nil
}

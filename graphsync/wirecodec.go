package graphsync

func (s *wireStamp) encode(f *fields) {
	f.uint(20, s.Version)
	f.int(21, s.CreatedAt)
	f.int(22, s.UpdatedAt)
	f.textIf(23, s.CreatedBy)
	f.textIf(24, s.UpdatedBy)
}

func (s *wireStamp) member(r *cborReader, name uint64) bool {
	switch name {
	case 20:
		s.Version = r.uint()
	case 21:
		s.CreatedAt = r.int()
	case 22:
		s.UpdatedAt = r.int()
	case 23:
		s.CreatedBy = r.text()
	case 24:
		s.UpdatedBy = r.text()
	default:
		return false
	}
	return true
}

func (w *wireNode) encode(b []byte) []byte {
	f := mapFields(b)
	f.text(1, w.Namespace)
	f.uint(2, w.ID)
	f.text(3, w.Type)
	f.text(4, w.Label)
	f.textIf(5, w.Key)
	f.bytesIf(6, w.Props)
	f.trueIf(7, w.Given)
	if len(w.Aliases) > 0 {
		f.name(8)
		f.b = appendHead(f.b, cborArray, uint64(len(w.Aliases)))
		for _, a := range w.Aliases {
			f.b = append(appendHead(f.b, cborText, uint64(len(a))), a...)
		}
	}
	w.wireStamp.encode(&f)
	f.intIf(30, w.Expires)
	return f.end()
}

func (w *wireNode) read(r *cborReader) {
	r.members(func(name uint64) bool {
		switch name {
		case 1:
			w.Namespace = r.text()
		case 2:
			w.ID = r.uint()
		case 3:
			w.Type = r.text()
		case 4:
			w.Label = r.text()
		case 5:
			w.Key = r.text()
		case 6:
			w.Props = r.bytes()
		case 7:
			w.Given = r.bool()
		case 8:
			n := r.head(cborArray)
			if n > uint64(len(r.b)) {
				return false
			}
			w.Aliases = make([]string, n)
			for i := range w.Aliases {
				w.Aliases[i] = r.text()
			}
		case 30:
			w.Expires = r.int()
		default:
			return w.member(r, name)
		}
		return true
	})
}

func (w *wireTold) encode(f *fields) {
	f.intIf(30, w.Expires)
	if w.ValidFrom != nil {
		f.int(31, *w.ValidFrom)
	}
	if w.ValidTo != nil {
		f.int(32, *w.ValidTo)
	}
	f.textIf(33, w.Origin)
	if w.Confidence != nil {
		f.float(34, *w.Confidence)
	}
}

func (w *wireTold) member(r *cborReader, name uint64) bool {
	switch name {
	case 30:
		w.Expires = r.int()
	case 31:
		at := r.int()
		w.ValidFrom = &at
	case 32:
		at := r.int()
		w.ValidTo = &at
	case 33:
		w.Origin = r.text()
	case 34:
		c := r.float()
		w.Confidence = &c
	default:
		return false
	}
	return true
}

func (w *wireEdge) encode(b []byte) []byte {
	f := mapFields(b)
	f.text(1, w.Namespace)
	f.uint(2, w.ID)
	f.text(3, w.Type)
	f.uint(4, w.Source)
	f.uint(5, w.Target)
	f.bytesIf(6, w.Props)
	f.textIf(7, w.Predicate)
	f.float(8, w.Weight)
	w.wireStamp.encode(&f)
	w.wireTold.encode(&f)
	return f.end()
}

func (w *wireEdge) read(r *cborReader) {
	r.members(func(name uint64) bool {
		switch name {
		case 1:
			w.Namespace = r.text()
		case 2:
			w.ID = r.uint()
		case 3:
			w.Type = r.text()
		case 4:
			w.Source = r.uint()
		case 5:
			w.Target = r.uint()
		case 6:
			w.Props = r.bytes()
		case 7:
			w.Predicate = r.text()
		case 8:
			w.Weight = r.float()
		default:
			return w.wireStamp.member(r, name) || w.wireTold.member(r, name)
		}
		return true
	})
}

func wireOf(p *provenance) wireTold {
	return wireTold{Expires: p.Expires, ValidFrom: p.ValidFrom, ValidTo: p.ValidTo, Origin: p.Source, Confidence: p.Confidence}
}

func (w *wireTold) provenance() Provenance {
	p := provenance{ValidFrom: w.ValidFrom, ValidTo: w.ValidTo, Source: w.Origin, Confidence: w.Confidence, Expires: w.Expires}
	return p.wire()
}

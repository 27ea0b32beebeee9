package graphsync

import (
	"bytes"
	"slices"
)

// add puts a version on the page; false says that the page is full. Older is
// the version before it; nil where there is none, or none that is remembered.
func (h *historian) add(t, older *toldVersion) bool {
	if t.Revision >= h.before {
		return true // on the page before
	}
	switch {
	case older == nil:
	case h.edge:
		t.Changed = t.edgeChanges(older)
	default:
		t.Changed = t.nodeChanges(older)
	}
	return h.put(t.Version)
}

// addEnd puts the end of a version on the page.
func (h *historian) addEnd(p *pastRecord, end uint64, t *toldVersion) (more bool, err error) {
	out := Version{Revision: end, Time: millis(p.EndAt), What: deedNames[endingChange(p.How)], Version: t.Version.Version}
	if p.How == endMerged {
		out.MergedInto = h.into
	}
	if out.Author, err = h.v.text(symAuthor, p.EndBy); err != nil {
		return false, err
	}
	return h.put(out), nil
}

func (h *historian) put(out Version) bool {
	last := h.page.Versions
	if len(last) == h.limit || !h.left.take(h.sizeOf(&out)) {
		h.page.Truncated = len(last) < h.limit
		h.page.Cursor = encodeCursor(cursorHistory, appendRev([]byte{0, 0, 0}, last[len(last)-1].Revision))
		return false
	}
	h.page.Versions = append(last, out)
	return true
}

// sizeOf is how many bytes a version adds to the answer, and a few more.
func (h *historian) sizeOf(out *Version) int {
	size := 180 + textSize(out.Author)
	for _, name := range out.Changed {
		size += 1 + textSize(name)
	}
	if out.Node != nil {
		size += h.left.node(out.Node)
	}
	if out.Edge != nil {
		size += h.left.edge(out.Edge)
	}
	return size
}

func (t *toldVersion) nodeChanges(older *toldVersion) []string {
	var c changes
	a, b := &older.node, &t.node
	c.add(a.Type != b.Type, "node_type")
	c.add(a.Label != b.Label, "label")
	c.add(a.Key != b.Key, "key")
	c.add(!slices.Equal(a.Aliases, b.Aliases), "aliases")
	c.add(a.Expires != b.Expires, "expires_at")
	c.properties(a.Props, b.Props)
	return c
}

func (t *toldVersion) edgeChanges(older *toldVersion) []string {
	var c changes
	a, b := &older.edge, &t.edge
	c.add(older.place.source != t.place.source, "source_id")
	c.add(older.place.target != t.place.target, "target_id")
	c.add(older.place.typ != t.place.typ, "edge_type")
	c.add(a.weight() != b.weight(), "weight")
	c.add(a.Predicate != b.Predicate, "predicate")
	c.add(!equal(a.ValidFrom, b.ValidFrom), "valid_from")
	c.add(!equal(a.ValidTo, b.ValidTo), "valid_to")
	c.add(a.Source != b.Source, "provenance")
	c.add(!equal(a.Confidence, b.Confidence), "confidence")
	c.add(a.Expires != b.Expires, "expires_at")
	c.properties(a.Props, b.Props)
	return c
}

// changes are the names of what differs.
type changes []string

func (c *changes) add(differs bool, name string) {
	if differs && len(*c) < maxChanged {
		*c = append(*c, name)
	}
}

// properties compares canonical objects: their members are sorted.
func (c *changes) properties(a, b []byte) {
	if bytes.Equal(a, b) {
		return
	}
	was, err1 := memberSpans(a)
	is, err2 := memberSpans(b)
	if err1 != nil || err2 != nil {
		c.add(true, "properties")
		return
	}
	for len(was) > 0 || len(is) > 0 {
		order := 0
		switch {
		case len(was) == 0:
			order = 1
		case len(is) == 0:
			order = -1
		default:
			order = bytes.Compare(was[0].name(a), is[0].name(b))
		}
		switch {
		case order < 0:
			c.add(true, "properties."+string(was[0].name(a)))
			was = was[1:]
		case order > 0:
			c.add(true, "properties."+string(is[0].name(b)))
			is = is[1:]
		default:
			c.add(!bytes.Equal(was[0].value(a), is[0].value(b)), "properties."+string(is[0].name(b)))
			was, is = was[1:], is[1:]
		}
	}
}

func memberSpans(object []byte) ([]span, error) {
	if len(object) == 0 {
		return nil, nil
	}
	return members(object)
}

package graphsync

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// What a client changed is compared field by field: label, type and expiry of a
// node, weight, predicate and provenance of an edge, and each property. A field
// is free for the client if its value is the one that the client believes: the
// one as of its base, or the one that it gave itself since.

// propField begins the names of properties among fields, before the name as
// canonical properties spell it.
const propField = "properties."

// maxCompared is how many versions are compared for one mutation, beside the one
// as of the base. What the client gave a field in older ones is not known.
const maxCompared = 64

// snap is a version of a thing as fields. A field with the empty value of its
// kind is left out.
type snap struct {
	began  uint64
	made   bool // it is as the revision left it that made the thing
	fields map[string]string
}

func propFields(fields map[string]string, props []byte) error {
	list, err := objectMembers(props)
	if err != nil {
		return errRecord
	}
	for _, m := range list {
		fields[propField+string(m.name(props))] = string(m.value(props))
	}
	return nil
}

func (v *view) nodeSnap(n *nodeRecord) (snap, error) {
	s := snap{began: n.began(), made: n.CreatedRev == n.began(), fields: map[string]string{"label": n.Label}}
	typ, err := v.text(symType, n.Type)
	if err != nil {
		return s, err
	}
	s.fields["type"] = typ
	if n.Expires != 0 {
		s.fields["expires_at"] = strconv.FormatInt(n.Expires, 10)
	}
	return s, propFields(s.fields, n.Props)
}

func edgeSnap(e *edgeRecord) (snap, error) {
	s := snap{began: e.began(), made: e.CreatedRev == e.began(), fields: map[string]string{}}
	if e.weight() != 1 {
		s.fields["weight"] = strconv.FormatFloat(e.weight(), 'g', -1, 64)
	}
	if e.Predicate != "" {
		s.fields["predicate"] = e.Predicate
	}
	if e.ValidFrom != nil {
		s.fields["valid_from"] = strconv.FormatInt(*e.ValidFrom, 10)
	}
	if e.ValidTo != nil {
		s.fields["valid_to"] = strconv.FormatInt(*e.ValidTo, 10)
	}
	if e.Source != "" {
		s.fields["provenance"] = e.Source
	}
	if e.Confidence != nil {
		s.fields["confidence"] = strconv.FormatFloat(*e.Confidence, 'g', -1, 64)
	}
	if e.Expires != 0 {
		s.fields["expires_at"] = strconv.FormatInt(e.Expires, 10)
	}
	return s, propFields(s.fields, e.Props)
}

// want is what a mutation makes of a field.
type want struct {
	field string
	value string
	has   bool // false: nothing is to be there
	// patch is applied to the value (RFC 7396).
	patch bool
}

// of returns what is wanted in place of a value.
func (w *want) of(value string, has bool) (string, bool) {
	if !w.patch {
		return w.value, w.has
	}
	if !has {
		value = ""
	}
	out, err := appendMerged(nil, []byte(value), []byte(w.value), 0)
	if err != nil {
		return w.value, true
	}
	return string(out), true
}

// replaces says that an operation takes away what the client believes to be
// there and it does not give.
func (o *op) replaces() bool {
	return o.has(isUpsert) || o.has(hasProps) && !o.has(isMerge) && o.Kind != opCreateNode
}

// wanted lists the fields that an operation on a thing gives. Believed matters
// to one that replaces.
func wanted(o *op, believed map[string]string) ([]want, error) {
	var list []want
	add := func(flag uint64, field, value string, has bool) {
		_, was := believed[field]
		if o.has(flag) || o.has(isUpsert) && was {
			list = append(list, want{field: field, value: value, has: has && o.has(flag)})
		}
	}
	number := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	time := func(ms int64) string { return strconv.FormatInt(ms, 10) }
	if o.has(hasLabel) {
		list = append(list, want{field: "label", value: o.Label, has: true})
	}
	if o.has(hasType) && o.Kind != opCreateEdge {
		list = append(list, want{field: "type", value: o.Type, has: true})
	}
	add(hasWeight, "weight", number(o.Weight), o.Weight != 1)
	add(hasPredicate, "predicate", o.Predicate, o.Predicate != "")
	add(hasValidFrom, "valid_from", time(o.ValidFrom), o.ValidFrom != noTime)
	add(hasValidTo, "valid_to", time(o.ValidTo), o.ValidTo != noTime)
	add(hasSource, "provenance", o.From, o.From != "")
	add(hasConfidence, "confidence", number(o.Confidence), o.Confidence >= 0)
	add(hasExpires, "expires_at", time(o.Expires), o.Expires != 0)
	if !o.has(hasProps) {
		return list, nil
	}
	given, err := objectMembers(o.Props)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, m := range given {
		w := want{field: propField + string(m.name(o.Props)), value: string(m.value(o.Props)), has: true}
		names[w.field] = true
		if o.has(isMerge) {
			w.has = w.value != "null"
			w.patch = w.value[0] == '{'
		}
		list = append(list, w)
	}
	if !o.replaces() {
		return list, nil
	}
	for _, field := range slices.Sorted(maps.Keys(believed)) {
		if strings.HasPrefix(field, propField) && !names[field] {
			list = append(list, want{field: field})
		}
	}
	return list, nil
}

// lineage is a thing's versions from the current one back to the base, or as
// far as was looked: then basis are its fields as of the base, unless that is
// forgotten.
type lineage struct {
	snaps []snap
	base  uint64
	own   func(rev uint64) bool
	cut   bool
	basis map[string]string // nil: not known
}

// others says that others than the client changed the thing since the base.
func (l *lineage) others() bool {
	for i := range l.snaps {
		if l.snaps[i].began > l.base && !l.own(l.snaps[i].began) {
			return true
		}
	}
	return l.cut
}

// belief is the value that the client takes a field to have; known is false
// where that cannot be told.
func (l *lineage) belief(field string) (value string, has, known bool) {
	for i := range l.snaps {
		s := &l.snaps[i]
		value, has = s.fields[field]
		if s.began <= l.base {
			return value, has, true
		}
		var older string
		var had bool
		switch {
		case i+1 < len(l.snaps):
			older, had = l.snaps[i+1].fields[field]
		case l.cut:
			older, had = value, has // somebody's, further back
		}
		if l.own(s.began) && (has != had || value != older) {
			return value, has, true
		}
	}
	if l.cut {
		value, has = l.basis[field]
		return value, has, l.basis != nil
	}
	return "", false, true // the thing was not there
}

// believed is belief of all fields that are known to be believed to be there.
func (l *lineage) believed() map[string]string {
	if l.snaps[0].began <= l.base {
		return l.snaps[0].fields
	}
	out, asked := map[string]string{}, map[string]bool{}
	ask := func(fields map[string]string) {
		for field := range fields {
			if asked[field] {
				continue
			}
			asked[field] = true
			if value, has, known := l.belief(field); known && has {
				out[field] = value
			}
		}
	}
	for i := range l.snaps {
		ask(l.snaps[i].fields)
	}
	ask(l.basis)
	return out
}

// asBefore says that a field has the value that it had at the base.
func (l *lineage) asBefore(field, cur string, there bool) bool {
	if l.basis == nil {
		return false
	}
	was, had := l.basis[field]
	return had == there && was == cur
}

// compare divides what is wanted into what is free, and what others gave
// another value. What is so already is in neither.
func (l *lineage) compare(wants []want) (free, clash []want) {
	for _, w := range wants {
		cur, there := l.snaps[0].fields[w.field]
		value, has := w.of(cur, there)
		if has == there && (!has || value == cur) {
			continue
		}
		was, had, known := l.belief(w.field)
		if known && had == there && was == cur || l.asBefore(w.field, cur, there) {
			free = append(free, want{field: w.field, value: value, has: has})
			continue
		}
		if known {
			value, has = w.of(was, had)
		}
		clash = append(clash, want{field: w.field, value: value, has: has})
	}
	return free, clash
}

// setMembers returns a canonical object with members set or removed.
func setMembers(props []byte, wants []want) ([]byte, error) {
	all := map[string]string{}
	if err := propFields(all, props); err != nil {
		return nil, err
	}
	touched := false
	for _, w := range wants {
		if !strings.HasPrefix(w.field, propField) {
			continue
		}
		touched = true
		if w.has {
			all[w.field] = w.value
		} else {
			delete(all, w.field)
		}
	}
	if !touched {
		return props, nil
	}
	var list [][]byte
	for _, field := range slices.Sorted(maps.Keys(all)) {
		list = append(list, slices.Concat([]byte{'"'}, []byte(field[len(propField):]), []byte(`":`), []byte(all[field])))
	}
	return joinMembers(list), nil
}

// sibling is the property that keeps the value of a field that was not taken:
// the field's name, "~" and the conflict.
func sibling(field string, conflict uint64) string {
	return propField + strings.TrimPrefix(field, propField) + "~" + itoa(conflict)
}

// siblings keeps values that were not taken beside those that stand.
func siblings(clash []want, conflict uint64) (list []want) {
	for _, w := range clash {
		value := w.value
		switch {
		case !w.has:
			value = "null"
		case !strings.HasPrefix(w.field, propField):
			value = string(appendQuoted(nil, w.value))
		}
		list = append(list, want{field: sibling(w.field, conflict), value: value, has: true})
	}
	return list
}

func fieldsOf(list []want) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].field
	}
	slices.Sort(out)
	return out[:min(len(out), maxChanged)]
}

// versionWork is what reading a version counts beside its size.
const versionWork = 512

// nodeLineage reads a node's versions back to a revision, maxCompared of them
// at most.
func (p *pushing) nodeLineage(ns nsID, id uint64, cur *nodeRecord, base uint64) (lineage, error) {
	l := lineage{base: base, own: p.isOwn}
	s, err := p.nodeSnap(cur)
	if err != nil {
		return l, err
	}
	l.snaps = append(l.snaps, s)
	if s.began <= base {
		return l, nil
	}
	for _, past := range p.chain(s.began, id, false) {
		if past == nil {
			return l, errRecord
		}
		if p.work += len(past.Record) + versionWork; len(l.snaps) == maxCompared {
			break
		}
		n, err := peekNode(past.Record)
		if err == nil {
			s, err = p.nodeSnap(&n)
		}
		if err != nil {
			return l, err
		}
		if l.snaps = append(l.snaps, s); s.began <= base {
			return l, nil
		}
	}
	if l.cut = !s.made; !l.cut {
		return l, nil
	}
	then := p.nodeThen(s.began, id, base)
	if then.val == nil {
		l.basis = p.nothingAt(base)
		return l, nil
	}
	past, err := decodePast(then.val)
	if err != nil {
		return l, err
	}
	n, err := peekNode(past.Record)
	if err == nil {
		s, err = p.nodeSnap(&n)
	}
	l.basis = s.fields
	return l, err
}

// nothingAt is what a thing was that was not there at a revision; nil where that
// is forgotten.
func (p *pushing) nothingAt(rev uint64) map[string]string {
	if rev < p.meta.oldest(p.r.Revision()) {
		return nil
	}
	return map[string]string{}
}

// edgeLineage is nodeLineage for an edge.
func (p *pushing) edgeLineage(id uint64, cur *edgeRecord, base uint64) (lineage, error) {
	l := lineage{base: base, own: p.isOwn}
	s, err := edgeSnap(cur)
	if err != nil {
		return l, err
	}
	l.snaps = append(l.snaps, s)
	if s.began <= base {
		return l, nil
	}
	prefix := appendID(nil, id)
	for _, val := range p.r.ScanReverse(tEdgeHist, prefix, after(prefix)) {
		past, err := decodePast(val)
		if err != nil {
			return l, err
		}
		if p.work += len(past.Record) + versionWork; len(l.snaps) == maxCompared {
			break
		}
		e, err := decodeEdge(past.Record)
		if err == nil {
			s, err = edgeSnap(&e)
		}
		if err != nil {
			return l, err
		}
		if l.snaps = append(l.snaps, s); s.began <= base {
			return l, nil
		}
	}
	if l.cut = !s.made; !l.cut {
		return l, nil
	}
	then := firstPast(p.r, tEdgeHist, prefix, base)
	if then.val == nil {
		l.basis = p.nothingAt(base)
		return l, nil
	}
	past, err := decodePast(then.val)
	if err != nil {
		return l, err
	}
	e, err := decodeEdge(past.Record)
	if err != nil || e.began() > base {
		l.basis = p.nothingAt(base)
		return l, err
	}
	s, err = edgeSnap(&e)
	l.basis = s.fields
	return l, err
}

// heldBy says whether since a revision nobody but the client changed a thing
// with these versions.
func (l *lineage) heldBy(rev uint64) bool {
	for i := range l.snaps {
		s := &l.snaps[i]
		if s.began <= rev {
			return true
		}
		if !l.own(s.began) {
			return false
		}
	}
	return len(l.snaps) > 0 && l.snaps[len(l.snaps)-1].made
}

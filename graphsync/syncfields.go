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
func siblings(touched []want, conflict uint64) (list []want) {
	for _, w := range touched {
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

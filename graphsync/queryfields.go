package graphsync

import (
	"context"

	"github.com/meshd/meshd/graphsync/cypher/temporal"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// What a query reads like properties. Key and label come before a property of the
// same name, since they are found by an index; other fields stand behind.
const (
	fieldKey   = "key"
	fieldLabel = "label"
)

// Property returns the key, the label, a property or a field of a node.
func (q *queryReader) Property(_ context.Context, id uint64, name string) (value.Value, error) {
	at, err := q.glance(id)
	if err != nil || at == nil {
		return value.Null, err
	}
	switch {
	case name == fieldLabel && len(at.label) > 0:
		return value.String(string(at.label)), nil
	case name == fieldKey && len(at.key) > 0:
		return value.String(string(at.key)), nil
	}
	got, err := q.member(at.props, name)
	if err != nil || !got.IsNull() || !nodeFields[name] {
		return got, err
	}
	return q.nodeField(at, name)
}

// nodeFields are what a node's record says beside its properties.
var nodeFields = map[string]bool{
	"observations": true, "aliases": true, "expires_at": true, "version": true,
	"created_at": true, "updated_at": true, "created_by": true, "updated_by": true,
}

func (q *queryReader) nodeField(at *nodeGlance, name string) (value.Value, error) {
	if name == "observations" {
		return q.observations(at.id)
	}
	rec, err := at.whole()
	if err != nil {
		return value.Null, err
	}
	switch name {
	case "aliases":
		if len(rec.Aliases) == 0 {
			return value.Null, nil
		}
		names := make([]value.Value, len(rec.Aliases))
		for i := range rec.Aliases {
			names[i] = value.String(rec.Aliases[i].Key)
		}
		return value.List(names), nil
	case "expires_at":
		return queryTime(rec.Expires), nil
	}
	return q.stampField(&rec.stamp, name)
}

// member is queryMember with the texts that were met before.
func (q *queryReader) member(props []byte, name string) (value.Value, error) {
	if q.texts == nil {
		q.texts = new(shortTexts)
	}
	return queryMember(props, name, q.texts)
}

// maxQueryObservations bounds the property observations of one node.
const maxQueryObservations = MaxLimit

// observations are the texts of what is said of a node, null where nothing is.
func (q *queryReader) observations(id uint64) (value.Value, error) {
	var page ObservationPage
	prefix := appendNodeKey(nil, q.ns, id)
	if err := q.v.pageObservations(&page, q.ns, prefix, &ObservationQuery{Limit: maxQueryObservations}); err != nil || len(page.Observations) == 0 {
		return value.Null, err
	}
	texts := make([]value.Value, len(page.Observations))
	for i := range page.Observations {
		texts[i] = value.String(page.Observations[i].Text)
	}
	return value.List(texts), nil
}

func (q *queryReader) stampField(s *stamp, name string) (value.Value, error) {
	by := s.CreatedBy
	switch name {
	case "version":
		return value.Int(int64(s.Version)), nil
	case "created_at":
		return queryTime(s.CreatedAt), nil
	case "updated_at":
		if s.UpdatedRev == 0 {
			return queryTime(s.CreatedAt), nil
		}
		return queryTime(s.UpdatedAt), nil
	case "created_by":
	case "updated_by":
		if s.UpdatedRev != 0 {
			by = s.UpdatedBy
		}
	default:
		return value.Null, nil
	}
	if by == 0 {
		return value.Null, nil
	}
	text, err := q.v.text(symAuthor, by)
	return value.String(text), err
}

func (q *queryReader) edgeField(e *edgeRecord, name string) (value.Value, error) {
	switch name {
	case "weight":
		if e.Weight == nil {
			return value.Float(1), nil
		}
		return value.Float(*e.Weight), nil
	case "predicate":
		return textOrNull(e.Predicate), nil
	case "valid_from":
		return queryTimePtr(e.ValidFrom), nil
	case "valid_to":
		return queryTimePtr(e.ValidTo), nil
	case "provenance":
		return textOrNull(e.Source), nil
	case "confidence":
		if e.Confidence == nil {
			return value.Null, nil
		}
		return value.Float(*e.Confidence), nil
	case "expires_at":
		return queryTime(e.Expires), nil
	}
	return q.stampField(&e.stamp, name)
}

func textOrNull(s string) value.Value {
	if s == "" {
		return value.Null
	}
	return value.String(s)
}

func queryTimePtr(ms *int64) value.Value {
	if ms == nil {
		return value.Null
	}
	return queryInstant(*ms)
}

// queryTime is a time of a record, null where it has none.
func queryTime(ms int64) value.Value {
	if ms == 0 {
		return value.Null
	}
	return queryInstant(ms)
}

func queryInstant(ms int64) value.Value {
	seconds, rest := ms/1000, ms%1000
	if rest < 0 {
		seconds, rest = seconds-1, rest+1000
	}
	return value.DateTime(temporal.DateTime{Seconds: seconds, Nanos: int32(rest * 1e6)})
}

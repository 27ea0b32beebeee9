package graphsync

import (
	"bytes"
	"context"
	"slices"

	"github.com/meshd/meshd/consensus"
)

// setSchema replaces the schema of the command's namespace; what is there
// already is not looked at.
func (t *tx) setSchema(o *op) (opResult, *consensus.Refusal, error) {
	if t.cmd.Namespace == "" {
		return opResult{}, invalid("session_id", "must not be empty"), nil
	}
	if r := t.room(""); r != nil {
		return opResult{}, r, nil
	}
	ns := t.namespace(t.cmd.Namespace)
	var was []byte
	if ns != 0 {
		was = t.w.Get(tSchema, appendSymbol(nil, ns))
	}
	if bytes.Equal(was, o.Data) {
		return opResult{}, nil, nil
	}
	res := opResult{Status: deleted}
	d := changeDeleted
	if len(o.Data) > 0 {
		if _, err := decodeSchema(o.Data); err != nil {
			return opResult{}, invalid("schema", "cannot be read"), nil
		}
		res.Status, d = created, changeCreated
		if was != nil {
			res.Status, d = updated, changeUpdated
		}
	}
	t.changed = true
	ns = t.intern(symNamespace, t.cmd.Namespace)
	t.schemas, t.ruled = nil, 0
	if len(o.Data) == 0 {
		t.w.Delete(tSchema, appendSymbol(nil, ns))
	} else {
		t.w.Put(tSchema, appendSymbol(nil, ns), o.Data)
	}
	t.note(change{deed: d, kind: kindSchema, ns: ns})
	return res, nil, nil
}

// schema returns what a namespace asks, nil where it asks nothing.
func (t *tx) schema(ns nsID) (*schemaRecord, error) {
	if ns == 0 || !t.keeps {
		return nil, nil
	}
	if t.ruled == ns {
		return t.rules, nil
	}
	if rec, ok := t.schemas[ns]; ok {
		return rec, nil
	}
	var rec *schemaRecord
	t.buf = appendSymbol(t.buf[:0], ns)
	if got := t.w.Get(tSchema, t.buf); got != nil {
		var err error
		if rec, err = decodeSchema(got); err != nil {
			return nil, err
		}
	}
	if t.ruled == 0 {
		t.ruled, t.rules = ns, rec
		return rec, nil
	}
	if t.schemas == nil {
		t.schemas = make(map[nsID]*schemaRecord)
	}
	t.schemas[ns] = rec
	return rec, nil
}

// allowNode says whether the schema lets a node be so: its type, and the
// properties as they would be stored.
func (t *tx) allowNode(ns nsID, typ string, props []byte) (*consensus.Refusal, error) {
	rec, err := t.schema(ns)
	if rec == nil || err != nil {
		return nil, err
	}
	rule := rec.node(typ)
	if rule == nil {
		if rec.Closed {
			return refuse(CodeSchema, "type", "the schema has no node type %q", typ), nil
		}
		return nil, nil
	}
	if len(rule.Required) == 0 {
		return nil, nil
	}
	have, err := objectMembers(props)
	if err != nil {
		return nil, err
	}
	for _, name := range rule.Required {
		spelled := jsonName(name)
		if !slices.ContainsFunc(have, func(m span) bool { return bytes.Equal(m.name(props), spelled) }) {
			return refuse(CodeSchema, "properties", "lack %q, which the schema requires of %s", name, typ), nil
		}
	}
	return nil, nil
}

// allowChange is allowNode for a node that an op has changed but for its type.
func (t *tx) allowChange(ns nsID, o *op, n *nodeRecord) (*consensus.Refusal, error) {
	rec, err := t.schema(ns)
	if rec == nil || err != nil {
		return nil, err
	}
	typ := o.Type
	if !o.has(hasType) {
		if typ, err = t.text(symType, n.Type); err != nil {
			return nil, err
		}
	}
	return t.allowNode(ns, typ, n.Props)
}

// jsonName is a name as canonical properties spell it.
func jsonName(name string) []byte {
	quoted := appendQuoted(nil, name)
	return quoted[1 : len(quoted)-1]
}

// allowEdge says whether the schema lets an edge be so. The ends are of the
// same namespace.
func (t *tx) allowEdge(ns nsID, source uint64, typ string, target uint64) (*consensus.Refusal, error) {
	rec, err := t.schema(ns)
	if rec == nil || err != nil {
		return nil, err
	}
	rule := rec.edge(typ)
	if rule == nil {
		if rec.Closed {
			return refuse(CodeSchema, "type", "the schema has no edge type %q", typ), nil
		}
		return nil, nil
	}
	for _, end := range []struct {
		field string
		id    uint64
		types []string
	}{{"source", source, rule.From}, {"target", target, rule.To}} {
		if len(end.types) == 0 {
			continue
		}
		n, ok, err := t.peek(ns, end.id)
		if err != nil || !ok {
			return nil, err
		}
		name, err := t.text(symType, n.Type)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(end.types, name) {
			return refuse(CodeSchema, end.field, "is of type %s, which the schema does not allow as the %s of %s", name, end.field, typ), nil
		}
	}
	return nil, nil
}

// GetSchema returns a namespace's schema, which is empty where it has none.
func (s *Service) GetSchema(ctx context.Context, ro consensus.ReadOptions, namespace string) (Schema, consensus.ReadInfo, error) {
	var out Schema
	if r := checkNamespace(namespace); r != nil {
		return out, consensus.ReadInfo{}, r
	}
	info, err := s.read(ctx, ro, func(v *view) error {
		ns := v.namespace(namespace)
		if ns == 0 {
			return nil
		}
		got := v.r.Get(tSchema, appendSymbol(nil, ns))
		if got == nil {
			return nil
		}
		rec, err := decodeSchema(got)
		if err == nil {
			out = rec.schema()
		}
		return err
	})
	return out, info, err
}

// SetSchema replaces a namespace's schema; one that asks for nothing takes it
// away. It holds for writes from then on: what is there already stays.
func (s *Service) SetSchema(ctx context.Context, wo WriteOptions, namespace string, in Schema) (OpResult, consensus.Outcome, error) {
	return s.oneResult(ctx, wo, namespace, &Op{Op: OpSetSchema, Schema: &in})
}

package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/meshd/meshd/graphsync"
)

// apply does to the view what the mesh is expected to do with a mutation, and
// returns the thing it is about. Where the mutation does not fit what is there,
// the view stays as it is.
//
// It foretells and decides nothing: schemas, single-valued facts and what
// others do are the mesh's to know, and its answer takes the place of this.
func (v view) apply(m *graphsync.Mutation) (uint64, error) {
	op := m.Op
	for _, id := range []*uint64{&op.ID, &op.SourceID, &op.TargetID, &op.NodeID} {
		*id = v.now(*id)
	}
	own := v.idOf(m.Seq)
	if own == 0 {
		own = localID(m.Seq)
	}
	now := time.Time{}
	if m.At != nil {
		now = m.At.UTC()
	}
	id, err := v.do(&op, own, now)
	if err == nil {
		v.made[m.Seq] = id
	}
	return id, err
}

func (v view) do(op *graphsync.Op, own uint64, now time.Time) (uint64, error) {
	switch op.Op {
	case graphsync.OpCreateNode, graphsync.OpUpsertNode:
		return v.makeNode(op, own, now)
	case graphsync.OpUpdateNode:
		return v.updateNode(op, now)
	case graphsync.OpDeleteNode:
		return v.deleteNode(op)
	case graphsync.OpCreateEdge, graphsync.OpUpsertEdge:
		return v.makeEdge(op, own, now)
	case graphsync.OpUpdateEdge:
		return v.updateEdge(op, now)
	case graphsync.OpDeleteEdge:
		if _, err := v.edge(op.ID); err != nil {
			return op.ID, ignored(err)
		}
		v.edges[op.ID] = nil
		return op.ID, nil
	case graphsync.OpAddObservation:
		return v.observe(op, own, now)
	case graphsync.OpDeleteObservation:
		return v.unobserve(op)
	case graphsync.OpAddAlias, graphsync.OpRemoveAlias:
		return v.alias(op, now)
	case graphsync.OpMergeNodes:
		return v.mergeNodes(op)
	}
	return 0, fmt.Errorf("%w: %q is no operation that can be pushed", ErrInvalid, op.Op)
}

// ErrInvalid says that a replica refuses a mutation that the mesh would refuse
// too.
var ErrInvalid = errors.New("the mutation is not valid")

// ignored takes an end of what is not there for done.
func ignored(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (v view) find(id uint64, key string) (*graphsync.Node, error) {
	if id == 0 {
		var err error
		if id, err = v.byKey(graphsync.NormalKey(key)); err != nil {
			return nil, err
		}
		if id == 0 {
			return nil, fmt.Errorf("%w: no node has the key %q", ErrNotFound, key)
		}
	}
	return v.node(id)
}

func (v view) makeNode(op *graphsync.Op, own uint64, now time.Time) (uint64, error) {
	if op.Type == "" || op.Label == nil || *op.Label == "" {
		return 0, fmt.Errorf("%w: a node has a type and a label", ErrInvalid)
	}
	n := &graphsync.Node{ID: own, NodeType: op.Type, Label: *op.Label, Key: op.Key, Properties: object(op.Properties), CreatedAt: now, UpdatedAt: now, ExpiresAt: expiry(op.ExpiresAt)}
	if op.Key != "" {
		norm := graphsync.NormalKey(op.Key)
		id, err := v.byKey(norm)
		if err != nil {
			return 0, err
		}
		switch {
		case id == 0:
			v.keys[norm] = own
		case op.Op == graphsync.OpCreateNode && id != own:
			return 0, fmt.Errorf("%w: the key %q is node %d's", ErrInvalid, op.Key, id)
		default:
			old, err := v.node(id)
			if err != nil {
				return 0, err
			}
			n.ID, n.Key, n.Aliases, n.Version, n.CreatedBy, n.CreatedAt = id, old.Key, old.Aliases, old.Version, old.CreatedBy, old.CreatedAt
		}
	} else if _, err := v.node(own); err == nil {
		return own, nil // the base has it already
	}
	v.putNode(n)
	return n.ID, nil
}

func (v view) updateNode(op *graphsync.Op, now time.Time) (uint64, error) {
	n, err := v.find(op.ID, op.Key)
	if err != nil {
		return 0, err
	}
	if op.Type != "" {
		n.NodeType = op.Type
	}
	if op.Label != nil {
		n.Label = *op.Label
	}
	if n.Properties, err = changed(n.Properties, op); err != nil {
		return 0, err
	}
	if op.ExpiresAt != nil {
		n.ExpiresAt = expiry(op.ExpiresAt)
	}
	n.UpdatedAt = now
	v.putNode(n)
	return n.ID, nil
}

func (v view) deleteNode(op *graphsync.Op) (uint64, error) {
	n, err := v.find(op.ID, op.Key)
	if err != nil {
		return op.ID, ignored(err)
	}
	edges, err := edgesAt(v, n.ID)
	if err != nil {
		return 0, err
	}
	said, err := saidAt(v, n.ID)
	if err != nil {
		return 0, err
	}
	for _, e := range edges {
		v.edges[e.ID] = nil
	}
	for _, o := range said {
		v.said[o.ID] = nil
	}
	for _, norm := range keysOf(n) {
		v.keys[norm] = 0
	}
	v.nodes[n.ID] = nil
	return n.ID, nil
}

func (v view) makeEdge(op *graphsync.Op, own uint64, now time.Time) (uint64, error) {
	if op.Type == "" {
		return 0, fmt.Errorf("%w: an edge has a type", ErrInvalid)
	}
	source, err := v.find(op.SourceID, op.Source)
	if err != nil {
		return 0, err
	}
	target, err := v.find(op.TargetID, op.Target)
	if err != nil {
		return 0, err
	}
	e := &graphsync.Edge{ID: own, SourceID: source.ID, TargetID: target.ID, EdgeType: op.Type, Weight: 1, CreatedAt: now}
	if op.Op == graphsync.OpUpsertEdge {
		old, err := v.parallel(op, source.ID, target.ID)
		if err != nil {
			return 0, err
		}
		if old != nil {
			e.ID, e.Version, e.CreatedAt, e.CreatedBy = old.ID, old.Version, old.CreatedAt, old.CreatedBy
		}
	} else if _, err := v.edge(own); err == nil {
		return own, nil
	}
	if len(op.Properties) > 0 {
		e.Properties = object(op.Properties)
	}
	tell(e, op)
	e.UpdatedAt = now
	v.putEdge(e)
	return e.ID, nil
}

// parallel is the edge that an upsert means, nil where there is none.
func (v view) parallel(op *graphsync.Op, source, target uint64) (*graphsync.Edge, error) {
	edges, err := edgesAt(v, source)
	before := op.Parallel
	for _, e := range edges {
		if e.SourceID != source || e.TargetID != target || e.EdgeType != op.Type {
			continue
		}
		if before == 0 {
			return e, nil
		}
		before--
	}
	return nil, err
}

// tell takes over what an operation says of an edge but its properties.
func tell(e *graphsync.Edge, op *graphsync.Op) {
	if op.Weight != nil {
		e.Weight = *op.Weight
	}
	if op.Predicate != nil {
		e.Predicate = *op.Predicate
	}
	provide(&e.Provenance, op)
}

func provide(p *graphsync.Provenance, op *graphsync.Op) {
	if op.ValidFrom != nil {
		p.ValidFrom = expiry(op.ValidFrom)
	}
	if op.ValidTo != nil {
		p.ValidTo = expiry(op.ValidTo)
	}
	if op.Provenance != nil {
		p.Provenance = *op.Provenance
	}
	if op.Confidence != nil {
		if p.Confidence = op.Confidence; *op.Confidence < 0 {
			p.Confidence = nil
		}
	}
	if op.ExpiresAt != nil {
		p.ExpiresAt = expiry(op.ExpiresAt)
	}
}

func (v view) updateEdge(op *graphsync.Op, now time.Time) (uint64, error) {
	e, err := v.edge(op.ID)
	if err != nil {
		return 0, err
	}
	if e.Properties, err = changed(e.Properties, op); err != nil {
		return 0, err
	}
	tell(e, op)
	e.UpdatedAt = now
	v.putEdge(e)
	return e.ID, nil
}

func (v view) observe(op *graphsync.Op, own uint64, now time.Time) (uint64, error) {
	if op.Text == "" {
		return 0, fmt.Errorf("%w: an observation has a text", ErrInvalid)
	}
	n, err := v.find(op.ID, op.Key)
	if err != nil {
		return 0, err
	}
	said, err := saidAt(v, n.ID)
	if err != nil {
		return 0, err
	}
	for _, o := range said {
		if o.Text == op.Text {
			return o.ID, nil
		}
	}
	o := &graphsync.Observation{ID: own, NodeID: n.ID, Text: op.Text, CreatedAt: now}
	if len(op.Properties) > 0 {
		o.Properties = object(op.Properties)
	}
	provide(&o.Provenance, op)
	v.putSaid(o)
	return own, nil
}

func (v view) unobserve(op *graphsync.Op) (uint64, error) {
	if op.ID != 0 {
		if _, err := v.observation(op.ID); err != nil {
			return op.ID, ignored(err)
		}
		v.said[op.ID] = nil
		return op.ID, nil
	}
	n, err := v.find(op.NodeID, op.Key)
	if err != nil {
		return 0, ignored(err)
	}
	said, err := saidAt(v, n.ID)
	for _, o := range said {
		if o.Text == op.Text {
			v.said[o.ID] = nil
			return o.ID, nil
		}
	}
	return 0, err
}

func (v view) alias(op *graphsync.Op, now time.Time) (uint64, error) {
	n, err := v.find(op.ID, op.Key)
	if err != nil {
		return 0, err
	}
	norm := graphsync.NormalKey(op.Alias)
	holder, err := v.byKey(norm)
	if err != nil {
		return 0, err
	}
	same := func(alias string) bool { return graphsync.NormalKey(alias) == norm }
	switch has := slices.ContainsFunc(n.Aliases, same); {
	case norm == "":
		return 0, fmt.Errorf("%w: an alias is not empty", ErrInvalid)
	case op.Op == graphsync.OpRemoveAlias && !has:
		return n.ID, nil
	case op.Op == graphsync.OpRemoveAlias:
		n.Aliases = slices.DeleteFunc(n.Aliases, same)
		v.keys[norm] = 0
	case holder == n.ID:
		return n.ID, nil
	case holder != 0:
		return 0, fmt.Errorf("%w: the key %q is node %d's", ErrInvalid, op.Alias, holder)
	default:
		n.Aliases = append(n.Aliases, op.Alias)
		v.keys[norm] = n.ID
	}
	n.UpdatedAt = now
	v.putNode(n)
	return n.ID, nil
}

// mergeNodes makes two nodes one: the target's words win, and the source's keys
// lead to it.
func (v view) mergeNodes(op *graphsync.Op) (uint64, error) {
	source, err := v.find(op.SourceID, op.Source)
	if err != nil {
		return 0, err
	}
	target, err := v.find(op.TargetID, op.Target)
	if err != nil {
		return 0, err
	}
	if source.ID == target.ID {
		return 0, fmt.Errorf("%w: a node cannot be merged into itself", ErrInvalid)
	}
	edges, err := edgesAt(v, source.ID)
	if err != nil {
		return 0, err
	}
	said, err := saidAt(v, source.ID)
	if err != nil {
		return 0, err
	}
	there, err := saidAt(v, target.ID)
	if err != nil {
		return 0, err
	}
	if target.Properties, err = missing(target.Properties, source.Properties); err != nil {
		return 0, err
	}
	for _, e := range edges {
		for _, end := range []*uint64{&e.SourceID, &e.TargetID} {
			if *end == source.ID {
				*end = target.ID
			}
		}
		v.putEdge(e)
	}
	for _, o := range said {
		if slices.ContainsFunc(there, func(t *graphsync.Observation) bool { return t.Text == o.Text }) {
			v.said[o.ID] = nil
			continue
		}
		o.NodeID = target.ID
		v.putSaid(o)
	}
	if source.Key != "" {
		target.Aliases = append(target.Aliases, source.Key)
	}
	target.Aliases = append(target.Aliases, source.Aliases...)
	for _, norm := range keysOf(source) {
		v.keys[norm] = target.ID
	}
	v.nodes[source.ID] = nil
	v.putNode(target)
	return target.ID, nil
}

func expiry(t *time.Time) *time.Time {
	if t == nil || t.IsZero() {
		return nil
	}
	at := t.UTC()
	return &at
}

func object(props json.RawMessage) json.RawMessage {
	if len(props) == 0 || string(props) == "null" {
		return json.RawMessage("{}")
	}
	return props
}

// changed is what an operation makes of properties.
func changed(old json.RawMessage, op *graphsync.Op) (json.RawMessage, error) {
	switch {
	case len(op.Properties) == 0:
		return old, nil
	case op.Merge:
		return merged(old, op.Properties)
	}
	return object(op.Properties), nil
}

// merged is a merge patch (RFC 7396).
func merged(old, patch json.RawMessage) (json.RawMessage, error) {
	to, err := members(old)
	if err != nil {
		return nil, err
	}
	by, err := members(patch)
	if err != nil {
		return nil, err
	}
	return spelled(mergePatch(to, by))
}

func mergePatch(to, by any) any {
	patch, ok := by.(map[string]any)
	if !ok {
		return by
	}
	out, ok := to.(map[string]any)
	if !ok {
		out = map[string]any{}
	}
	for name, value := range patch {
		if value == nil {
			delete(out, name)
		} else {
			out[name] = mergePatch(out[name], value)
		}
	}
	return out
}

// missing is to with the members of from that it lacks.
func missing(to, from json.RawMessage) (json.RawMessage, error) {
	out, err := members(to)
	if err != nil {
		return nil, err
	}
	more, err := members(from)
	if err != nil {
		return nil, err
	}
	for name, value := range more {
		if _, has := out[name]; !has {
			out[name] = value
		}
	}
	return spelled(out)
}

func members(props json.RawMessage) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(object(props)))
	d.UseNumber()
	var out map[string]any
	if err := d.Decode(&out); err != nil {
		return nil, fmt.Errorf("%w: properties: %w", ErrInvalid, err)
	}
	return out, nil
}

func spelled(v any) (json.RawMessage, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(out.Bytes()), err
}

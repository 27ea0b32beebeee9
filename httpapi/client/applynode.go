package client

import (
	"fmt"
	"slices"
	"time"

	"github.com/meshd/meshd/graphsync"
)

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
	n := &graphsync.Node{ID: own, NodeType: op.Type, Label: *op.Label, Key: op.Key, Properties: object(op.Properties), CreatedAt: now, UpdatedAt: now, ExpiresAt: moment(op.ExpiresAt)}
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
		n.ExpiresAt = moment(op.ExpiresAt)
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
	observations, err := observationsAt(v, n.ID)
	if err != nil {
		return 0, err
	}
	for _, e := range edges {
		v.edges[e.ID] = nil
	}
	for _, o := range observations {
		v.observations[o.ID] = nil
	}
	for _, norm := range keysOf(n) {
		v.keys[norm] = 0
	}
	v.nodes[n.ID] = nil
	return n.ID, nil
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
	observations, err := observationsAt(v, source.ID)
	if err != nil {
		return 0, err
	}
	there, err := observationsAt(v, target.ID)
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
	for _, o := range observations {
		if slices.ContainsFunc(there, func(t *graphsync.Observation) bool { return t.Text == o.Text }) {
			v.observations[o.ID] = nil
			continue
		}
		o.NodeID = target.ID
		v.putObservation(o)
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

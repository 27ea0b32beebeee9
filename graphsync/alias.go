package graphsync

import (
	"context"
	"slices"

	"github.com/meshd/meshd/consensus"
)

// keyTaken is the refusal where a normalised key is another node's.
func keyTaken(field, key string, holder uint64) *consensus.Refusal {
	r := refuse(CodeKeyExists, field, "the key %q belongs to node %d", key, holder)
	r.Details["id"] = itoa(holder)
	return r
}

// aliased finds the node whose aliases an op changes, ready to be rewritten.
func (t *tx) aliased(o *op) (nsID, uint64, nodeRecord, *consensus.Refusal, error) {
	ns, id, r := t.findNode(o.ID, o.norm(), "key")
	if r == nil {
		r = t.room("")
	}
	if r != nil {
		return 0, 0, nodeRecord{}, r, nil
	}
	n, r, err := t.mayEnd(ns, id, o)
	return ns, id, n, r, err
}

// addAlias gives a node another key. A key or alias that it has already is no
// change.
func (t *tx) addAlias(o *op) (opResult, *consensus.Refusal, error) {
	ns, id, n, r, err := t.aliased(o)
	if r != nil || err != nil {
		return opResult{}, r, err
	}
	if holder := t.byKey(ns, o.TargetKey); holder == id {
		return opResult{ID: id, Status: unchanged, Version: n.Version}, nil, nil
	} else if holder != 0 {
		return opResult{}, keyTaken("alias", o.Text, holder), nil
	}
	if len(n.Aliases) >= MaxAliases {
		return opResult{}, refuse(CodeTooLarge, "alias", "node %d has %d aliases, which is all it can have", id, MaxAliases), nil
	}
	old := n.stamp
	n.Aliases = append(slices.Clip(n.Aliases), alias{Key: o.Text, Norm: o.TargetKey})
	t.setKey(ns, o.TargetKey, id, true)
	t.rewriteNode(ns, id, &old, &n)
	return opResult{ID: id, Status: updated, Version: n.Version}, nil, nil
}

// removeAlias takes an alias away. The node's own key is not an alias.
func (t *tx) removeAlias(o *op) (opResult, *consensus.Refusal, error) {
	ns, id, n, r, err := t.aliased(o)
	if r != nil || err != nil {
		return opResult{}, r, err
	}
	i := n.alias(o.TargetKey)
	if i < 0 {
		return opResult{ID: id, Status: unchanged, Version: n.Version}, nil, nil
	}
	old := n.stamp
	n.Aliases = slices.Delete(slices.Clone(n.Aliases), i, i+1)
	t.dropKey(ns, o.TargetKey, id, &old)
	t.rewriteNode(ns, id, &old, &n)
	return opResult{ID: id, Status: updated, Version: n.Version}, nil, nil
}

func (n *nodeRecord) alias(norm string) int {
	return slices.IndexFunc(n.Aliases, func(a alias) bool { return a.Norm == norm })
}

// rewriteNode replaces the record of a node whose type and label stay; old is
// its stamp from before.
func (t *tx) rewriteNode(ns nsID, id uint64, old *stamp, n *nodeRecord) {
	t.changed = true
	kept := t.pastNode(ns, id, old, endChanged)
	t.touch(&n.stamp)
	t.putNode(ns, id, n)
	t.noteNode(changeUpdated, ns, id, n.Type, kept)
}

// AddAlias gives a node another key, by which it is found from then on.
// KEY_EXISTS where the key is another node's. It returns the node.
func (s *Service) AddAlias(ctx context.Context, wo WriteOptions, namespace string, id uint64, name string, ifVersion uint64) (Node, consensus.Outcome, error) {
	return s.writeNode(ctx, wo, namespace, &Op{Op: OpAddAlias, ID: id, Alias: name, IfVersion: ifVersion})
}

// RemoveAlias takes an alias away from a node, and returns the node.
func (s *Service) RemoveAlias(ctx context.Context, wo WriteOptions, namespace string, id uint64, name string, ifVersion uint64) (Node, consensus.Outcome, error) {
	return s.writeNode(ctx, wo, namespace, &Op{Op: OpRemoveAlias, ID: id, Alias: name, IfVersion: ifVersion})
}

package graphsync

import (
	"context"
	"hash/maphash"

	"github.com/meshd/meshd/consensus"
)

// HasKeys says which of the keys name a node of a namespace; one that cannot
// be a key names none. At most MaxBatchOps keys.
func (s *Service) HasKeys(ctx context.Context, ro consensus.ReadOptions, namespace string, keys []string) ([]bool, consensus.ReadInfo, error) {
	if r := checkNamespace(namespace); r != nil {
		return nil, consensus.ReadInfo{}, r
	}
	if len(keys) > MaxBatchOps {
		return nil, consensus.ReadInfo{}, refuse(CodeTooLarge, "keys", "there are %d keys, at most %d are allowed", len(keys), MaxBatchOps)
	}
	out := make([]bool, len(keys))
	info, err := s.read(ctx, ro, func(v *view) error {
		ns := v.namespace(namespace)
		for i, k := range keys {
			norm, r := checkKey("key", k)
			out[i] = r == nil && v.byKey(ns, norm) != 0
		}
		return nil
	})
	return out, info, err
}

// dryRun answers an import as if it were applied, and writes nothing. It
// remembers the keys it has seen by hash, eight bytes each, so that one edge in
// some 10^13 to an unknown node may pass. Not safe for concurrent use.
type dryRun struct {
	Applier
	hash maphash.Hash
	seen map[uint64]struct{}
}

func (d *dryRun) sum(key string) uint64 {
	d.hash.Reset()
	d.hash.WriteString(fold(key))
	return d.hash.Sum64()
}

// ApplyEach implements Applier.
func (d *dryRun) ApplyEach(ctx context.Context, _ WriteOptions, namespace string, ops []Op) ([]OpResult, []OpRefusal, consensus.Outcome, error) {
	results := make([]OpResult, len(ops))
	var asked []string
	for i := range ops {
		switch ops[i].Op {
		case OpUpsertNode, OpCreateNode:
			d.seen[d.sum(ops[i].Key)] = struct{}{}
		case OpAddAlias:
			d.seen[d.sum(ops[i].Alias)] = struct{}{}
		}
		for _, end := range endsOf(&ops[i]) {
			key := end.key
			if _, ok := d.seen[d.sum(key)]; !ok {
				asked = append(asked, key)
			}
		}
	}
	known := make(map[string]bool, len(asked))
	for len(asked) > 0 {
		n := min(len(asked), MaxBatchOps)
		has, _, err := d.HasKeys(ctx, consensus.ReadOptions{}, namespace, asked[:n])
		if err != nil {
			return nil, nil, consensus.Outcome{}, err
		}
		for i, ok := range has {
			if known[asked[i]] = ok; ok {
				d.seen[d.sum(asked[i])] = struct{}{}
			}
		}
		asked = asked[n:]
	}
	var refused []OpRefusal
	for i := range ops {
		results[i].Status = StatusUnchanged
		for _, end := range endsOf(&ops[i]) {
			if has, asked := known[end.key]; asked && !has {
				refused = append(refused, OpRefusal{i, refuse(CodeNotFound, end.field, "no node has the key %q", end.key)})
				results[i].Status = ""
				break
			}
		}
	}
	return results, refused, consensus.Outcome{}, nil
}

type keyField struct{ field, key string }

// endsOf lists the nodes that an operation needs.
func endsOf(o *Op) []keyField {
	switch o.Op {
	case OpUpsertEdge:
		return []keyField{{"source", o.Source}, {"target", o.Target}}
	case OpAddObservation, OpSetVector:
		return []keyField{{"node", o.Key}}
	}
	return nil
}

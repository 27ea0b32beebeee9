package graphsync

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/meshd/meshd/consensus"
)

const vectorKeySize = nodeKeySize + 3

func appendVectorKey(b []byte, ns nsID, node uint64, model symbol) []byte {
	return appendSymbol(appendNodeKey(b, ns, node), model)
}

// setVector keeps what a model made of a node. Vectors of one model have one
// dimension in a namespace, which the first one sets.
func (t *tx) setVector(o *op) (opResult, *consensus.Refusal, error) {
	ns, node, r := t.findNode(o.ID, o.norm(), "key")
	if r == nil {
		r = t.room("")
	}
	if r == nil {
		r = t.modelRoom(o.Text)
	}
	if r != nil {
		return opResult{}, r, nil
	}
	model := t.symbol(symModel, o.Text)
	var old vectorRecord
	had := false
	if model != 0 {
		var err error
		if old, had, err = t.vector(ns, node, model); err != nil {
			return opResult{}, nil, err
		}
		dimension := t.dimension(ns, model)
		if dimension != 0 && dimension != len(o.Data)/4 && !(had && t.total(ns, countVectors, model) == 1) {
			return opResult{}, invalid("vector", "has %d dimensions, those of %q have %d", len(o.Data)/4, o.Text, dimension), nil
		}
	}
	if had && bytes.Equal(old.Data, o.Data) {
		return opResult{ID: node, Status: unchanged, Version: old.Version}, nil, nil
	}
	if !had && t.vectorsOf(ns, node) >= maxModels {
		return opResult{}, refuse(CodeTooLarge, "model", "node %d has vectors of %d models, which is all it can have", node, maxModels), nil
	}
	t.changed = true
	model = t.intern(symModel, o.Text)
	res, deed := opResult{ID: node, Status: updated}, changeUpdated
	if had {
		t.touch(&old.stamp)
	} else {
		old.stamp = t.made()
		res.Status, deed = created, changeCreated
		t.add(ns, countVectors, model, 1)
	}
	old.Data = o.Data
	t.setDimension(ns, model, len(o.Data)/4)
	t.w.Put(tVector, appendVectorKey(nil, ns, node, model), consensus.Encode(&old))
	t.note(change{deed: deed, kind: kindVector, ns: ns, id: node, typ: model})
	res.Version = old.Version
	return res, nil, nil
}

// maxModels is how many vectors a node has at most.
const maxModels = 32

func (t *tx) deleteVector(o *op) (opResult, *consensus.Refusal, error) {
	ns, node, r := t.findNode(o.ID, o.norm(), "key")
	if r != nil {
		return opResult{ID: o.ID}, nil, nil
	}
	model := t.symbol(symModel, o.Text)
	old, ok, err := t.vector(ns, node, model)
	if err != nil || !ok {
		return opResult{ID: node}, nil, err
	}
	t.dropVector(ns, node, model, changeDeleted)
	return opResult{ID: node, Status: deleted, Version: old.Version}, nil, nil
}

// dropVector removes a vector that is there; there is no history of vectors.
func (t *tx) dropVector(ns nsID, node uint64, model symbol, d deed) {
	t.changed = true
	t.w.Delete(tVector, appendVectorKey(nil, ns, node, model))
	t.add(ns, countVectors, model, -1)
	if t.total(ns, countVectors, model) == 0 {
		t.setDimension(ns, model, 0)
	}
	t.note(change{deed: d, kind: kindVector, ns: ns, id: node, typ: model})
}

// dropVectorsOf removes the vectors of a node that ends.
func (t *tx) dropVectorsOf(ns nsID, node uint64, d deed) {
	for _, model := range t.modelsOf(ns, node) {
		t.dropVector(ns, node, model, d)
	}
}

func (v *view) modelsOf(ns nsID, node uint64) (models []symbol) {
	prefix := appendNodeKey(nil, ns, node)
	for k := range v.r.Scan(tVector, prefix, after(prefix)) {
		if len(k) == vectorKeySize {
			models = append(models, readSymbol(k[nodeKeySize:]))
		}
	}
	return models
}

func (v *view) vectorsOf(ns nsID, node uint64) int { return len(v.modelsOf(ns, node)) }

func (t *tx) modelRoom(name string) *consensus.Refusal {
	if t.meta.Models >= maxSymbol && t.symbol(symModel, name) == 0 {
		return refuse(CodeExhausted, "model", "the graph has used up its names: %q cannot be added", name)
	}
	return nil
}

// dimension is that of a model's vectors in a namespace, 0 where it has none.
func (v *view) dimension(ns nsID, model symbol) int {
	return int(v.count(ns, countDimension, model))
}

func (t *tx) setDimension(ns nsID, model symbol, dimension int) {
	key := appendCountKey(nil, ns, countDimension, model)
	if dimension == 0 {
		t.w.Delete(tCount, key)
		return
	}
	t.w.Put(tCount, key, binary.BigEndian.AppendUint64(nil, uint64(dimension)))
}

func (v *view) vector(ns nsID, node uint64, model symbol) (vectorRecord, bool, error) {
	got := v.r.Get(tVector, appendVectorKey(nil, ns, node, model))
	if got == nil {
		return vectorRecord{}, false, nil
	}
	rec, err := decodeVector(got)
	return rec, err == nil, err
}

func decodeVector(v []byte) (vectorRecord, error) {
	var rec vectorRecord
	if err := consensus.Decode(v, &rec); err != nil {
		return rec, fmt.Errorf("%w: %w", errRecord, err)
	}
	if rec.Version == 0 || !goodVector(rec.Data) {
		return rec, errRecord
	}
	return rec, nil
}

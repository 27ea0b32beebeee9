package graphsync

import (
	"bytes"
	"slices"

	"github.com/meshd/meshd/consensus"
)

// undoMerge brings back a node that was merged into another, with what still is
// as the merge left it: edges, observations, keys and properties that were
// changed since stay where they are.
func (t *tx) undoMerge(o *op) (opResult, *consensus.Refusal, error) {
	m, ok, err := t.mergeRecord(o.ID)
	if err != nil {
		return opResult{}, nil, err
	}
	if !ok || t.cmd.Namespace != "" && t.namespace(t.cmd.Namespace) != m.NS {
		return opResult{}, refuse(CodeNotFound, "id", "no merge that could be undone has the id %d", o.ID), nil
	}
	if r := t.room(""); r != nil {
		return opResult{}, r, nil
	}
	source, err := decodeNode(m.Record)
	if err != nil {
		return opResult{}, nil, err
	}
	target, standing, r, err := t.mergedInto(&m)
	if err != nil || r != nil {
		return opResult{}, r, err
	}
	back, r := t.keysBack(&m, &source, &target)
	if r != nil {
		return opResult{}, r, nil
	}
	if t.cascade+len(m.Edges)+len(m.Observations)+len(m.Twice) > maxCascade {
		return opResult{}, tooMany(m.Target, "move"), nil
	}
	t.changed = true
	t.cascade += len(m.Edges) + len(m.Observations) + len(m.Twice)
	if standing {
		if err := t.giveBack(&m, &target, back); err != nil {
			return opResult{}, nil, err
		}
	}
	flags := t.revive(m.NS, m.Source)
	t.touch(&source.stamp)
	t.beginNode(m.NS, m.Source, &source)
	for _, norm := range source.norms() {
		t.setKey(m.NS, norm, m.Source, true)
	}
	t.noteNode(changeRestored, m.NS, m.Source, source.Type, flags)
	if err := t.moveBack(&m); err != nil {
		return opResult{}, nil, err
	}
	t.vectorsBack(&m)
	t.dropMerge(o.ID, &m)
	return opResult{ID: m.Source, Status: created, Version: source.Version}, nil, nil
}

// mergedInto reads the node that stayed; standing says that it still does.
func (t *tx) mergedInto(m *mergeRecord) (target nodeRecord, standing bool, _ *consensus.Refusal, _ error) {
	got := t.w.Get(tID, appendID(nil, m.Target))
	if len(got) > 3 && got[3] == goneMerged {
		return target, false, refuse(CodePrecondition, "id", "node %d was merged into another since: undo that first", m.Target), nil
	}
	if !t.hasNode(m.NS, m.Target) {
		return target, false, nil, nil
	}
	target, ok, err := t.node(m.NS, m.Target)
	return target, ok, nil, err
}

// keysBack lists the keys that the source takes back, and strikes from it the
// aliases that are another node's by now. Its key must be free.
func (t *tx) keysBack(m *mergeRecord, source, target *nodeRecord) (back []string, _ *consensus.Refusal) {
	free := func(norm string) bool {
		switch holder := t.byKey(m.NS, norm); {
		case holder == 0:
			return true
		case holder == m.Target && target.alias(norm) >= 0 && slices.Contains(m.Norms, norm):
			back = append(back, norm)
			return true
		}
		return false
	}
	if source.Key != "" && !free(source.norm()) {
		return nil, keyTaken("id", source.Key, t.byKey(m.NS, source.norm()))
	}
	source.Aliases = slices.DeleteFunc(slices.Clone(source.Aliases), func(a alias) bool { return !free(a.Norm) })
	return back, nil
}

// giveBack takes from the target what it got and has not changed.
func (t *tx) giveBack(m *mergeRecord, target *nodeRecord, back []string) error {
	n := *target
	n.Aliases = slices.DeleteFunc(slices.Clone(target.Aliases), func(a alias) bool { return slices.Contains(back, a.Norm) })
	for _, norm := range back {
		t.dropKey(m.NS, norm, m.Target, &target.stamp)
	}
	var err error
	if n.Props, err = withoutSame(target.Props, m.Props); err != nil {
		return err
	}
	if len(back) > 0 || !bytes.Equal(n.Props, target.Props) {
		t.rewriteNode(m.NS, m.Target, &target.stamp, &n)
	}
	return nil
}

func (t *tx) moveBack(m *mergeRecord) error {
	for _, moved := range m.Edges {
		at, e, ok, err := t.edge(moved.ID)
		if err != nil {
			return err
		}
		to := at
		if moved.Ends&movedSource != 0 {
			ok = ok && at.source == m.Target
			to.source = m.Source
		}
		if moved.Ends&movedTarget != 0 {
			ok = ok && at.target == m.Target
			to.target = m.Source
		}
		if ok && e.sum() == moved.Sum {
			t.moveEdge(at, to, &e)
		}
	}
	for _, moved := range m.Observations {
		at, ok := t.obsPlace(moved.ID)
		if !ok || at.node != m.Target {
			continue
		}
		rec, ok, err := t.obsAt(at)
		if err != nil {
			return err
		}
		if ok && rec.sum() == moved.Sum {
			t.moveObservation(at, m.Source, &rec)
		}
	}
	for _, saved := range m.Twice {
		rec, err := decodeObs(saved.Record)
		if err != nil {
			return err
		}
		at := obsPlace{m.NS, m.Source, saved.ID}
		t.touch(&rec.stamp)
		t.placeObservation(at, &rec, t.formerNodes(at.id))
		t.reschedule(at.id, kindObservation, 0, rec.Expires)
		t.tally(m.NS, countObservations, 1)
		t.noteObservation(changeRestored, at, 0)
	}
	return nil
}

// vectorsBack puts the source's vectors back, but for those of a model that has
// another dimension by now.
func (t *tx) vectorsBack(m *mergeRecord) {
	for _, saved := range m.Vectors {
		model := symbol(saved.ID)
		rec, err := decodeVector(saved.Record)
		if d := t.dimension(m.NS, model); err != nil || d != 0 && d != len(rec.Data)/4 {
			continue
		}
		t.w.Put(tVector, appendVectorKey(nil, m.NS, m.Source, model), saved.Record)
		t.add(m.NS, countVectors, model, 1)
		t.setDimension(m.NS, model, len(rec.Data)/4)
		t.note(change{deed: changeRestored, kind: kindVector, ns: m.NS, id: m.Source, typ: model})
	}
}

package graphsync

import (
	"bytes"
	"slices"

	"github.com/meshd/meshd/consensus"
)

// mergeNodes makes two nodes one. The target stays; it gets the source's keys
// as aliases, its edges and observations, and the properties that it lacks. The
// source ends, and what undoing takes is kept.
func (t *tx) mergeNodes(o *op) (opResult, *consensus.Refusal, error) {
	m, source, target, r, err := t.mayMerge(o)
	if r != nil || err != nil {
		return opResult{}, r, err
	}
	edges, more := t.edgesOf(m.NS, m.Source, maxCascade-t.cascade)
	said, still := t.observationsOf(m.NS, m.Source, maxCascade-t.cascade-len(edges))
	if more || still {
		return opResult{}, tooMany(m.Source, "move"), nil
	}
	merged, r := mergeInto(&m, &source, &target)
	if r != nil {
		return opResult{}, r, nil
	}
	twice, r, err := t.saidTwice(&m, said)
	if r != nil || err != nil {
		return opResult{}, r, err
	}
	t.changed = true
	m.By = t.author()
	t.cascade += len(edges) + len(said)
	id := t.nextID()
	for _, at := range edges {
		if err := t.mergeEdge(&m, at); err != nil {
			return opResult{}, nil, err
		}
	}
	for _, at := range said {
		if err := t.mergeObservation(&m, at, twice[at.id]); err != nil {
			return opResult{}, nil, err
		}
	}
	for _, model := range t.modelsOf(m.NS, m.Source) {
		was := bytes.Clone(t.w.Get(tVector, appendVectorKey(nil, m.NS, m.Source, model)))
		m.Vectors = append(m.Vectors, savedThing{ID: uint64(model), Record: was})
		t.dropVector(m.NS, m.Source, model, changeDeleted)
	}
	t.endNode(m.NS, m.Source, &source, endMerged, m.Target)
	for _, norm := range m.Norms {
		t.setKey(m.NS, norm, m.Target, true)
	}
	if len(m.Norms) > 0 || len(m.Props) > 0 {
		t.rewriteNode(m.NS, m.Target, &target.stamp, &merged)
	}
	t.putMerge(id, &m)
	return opResult{ID: id, Status: created, Version: merged.Version}, nil, nil
}

func tooMany(id uint64, do string) *consensus.Refusal {
	return refuse(CodeTooManyEdges, "", "node %d has more edges and observations than one command may %s (%d)", id, do, maxCascade)
}

// mayMerge finds the two nodes and begins the record.
func (t *tx) mayMerge(o *op) (m mergeRecord, source, target nodeRecord, r *consensus.Refusal, err error) {
	m = mergeRecord{At: t.c.Time.UnixMilli(), Rev: t.c.Revision}
	if m.NS, m.Source, r = t.findNode(o.Source, o.SourceKey, "source"); r != nil {
		return
	}
	ns, id, r := t.findNode(o.Target, o.TargetKey, "target")
	if r == nil {
		r = t.room("")
	}
	if r != nil {
		return m, source, target, r, nil
	}
	m.Target = id
	switch {
	case ns != m.NS:
		r = invalid("target", "is in another namespace than the source")
	case id == m.Source:
		r = invalid("target", "is the same node as the source")
	}
	if r != nil {
		return m, source, target, r, nil
	}
	if source, r, err = t.mayEnd(ns, m.Source, &op{}); r != nil || err != nil {
		return
	}
	m.Record = source.encode(nil)
	target, r, err = t.mayEnd(ns, m.Target, &op{})
	return
}

// mergeInto returns the target with what it takes from the source, and says so
// in the record.
func mergeInto(m *mergeRecord, source, target *nodeRecord) (nodeRecord, *consensus.Refusal) {
	merged := *target
	merged.Aliases = slices.Clone(target.Aliases)
	if source.Key != "" {
		merged.Aliases = append(merged.Aliases, alias{Key: source.Key, Norm: source.norm()})
	}
	merged.Aliases = append(merged.Aliases, source.Aliases...)
	if len(merged.Aliases) > MaxAliases {
		return merged, refuse(CodeTooLarge, "target", "would have %d aliases, at most %d are allowed", len(merged.Aliases), MaxAliases)
	}
	m.Norms = source.norms()
	var err error
	if merged.Props, m.Props, err = mergeMissing(target.Props, source.Props); err != nil {
		return merged, invalid("properties", "cannot be merged: %v", err)
	}
	if len(merged.Props) > MaxProperties {
		return merged, refuse(CodeTooLarge, "properties", "have %d bytes after merging, at most %d are allowed", len(merged.Props), MaxProperties)
	}
	return merged, nil
}

// saidTwice finds the source's observations whose text the target has too.
func (t *tx) saidTwice(m *mergeRecord, said []obsPlace) (map[uint64]bool, *consensus.Refusal, error) {
	twice, size := map[uint64]bool{}, 0
	for _, at := range said {
		rec, ok, err := t.obsAt(at)
		if err != nil || !ok {
			return nil, nil, err
		}
		if t.w.Get(tObsText, appendTextKey(nil, m.NS, m.Target, rec.Text)) == nil {
			continue
		}
		twice[at.id] = true
		if size += len(rec.Text) + len(rec.Props) + 100; size > maxMergeBytes {
			return nil, refuse(CodeTooLarge, "source", "has more observations in common with the target than a merge can keep: delete some first"), nil
		}
	}
	return twice, nil, nil
}

func (t *tx) mergeEdge(m *mergeRecord, at triple) error {
	to, moved := at, movedThing{ID: at.id}
	if at.source == m.Source {
		to.source, moved.Ends = m.Target, movedSource
	}
	if at.target == m.Source {
		to.target, moved.Ends = m.Target, moved.Ends|movedTarget
	}
	e, ok, err := t.edgeAt(at)
	if err != nil {
		return err
	}
	if !ok {
		return errRecord
	}
	moved.Sum = e.sum()
	t.moveEdge(at, to, &e)
	m.Edges = append(m.Edges, moved)
	return nil
}

// moveEdge gives an edge other ends.
func (t *tx) moveEdge(at, to triple, e *edgeRecord) {
	kept := t.pastEdge(at, &e.stamp, endChanged)
	t.unlinkEdge(at, e)
	t.touch(&e.stamp)
	t.linkEdge(to, e)
	t.noteEdge(changeUpdated, to, kept)
}

func (t *tx) mergeObservation(m *mergeRecord, at obsPlace, twice bool) error {
	rec, ok, err := t.obsAt(at)
	if err != nil {
		return err
	}
	if !ok {
		return errRecord
	}
	if twice {
		m.Twice = append(m.Twice, savedThing{ID: at.id, Record: rec.encode(nil)})
		t.endObservation(at, &rec, endMerged)
		return nil
	}
	t.moveObservation(at, m.Target, &rec)
	m.Observations = append(m.Observations, movedThing{ID: at.id, Sum: rec.sum()})
	return nil
}

// maxFormer bounds what is kept of the nodes that an observation spoke of.
const maxFormer = 5 * 64

// moveObservation lets an observation speak of another node.
func (t *tx) moveObservation(at obsPlace, node uint64, rec *obsRecord) {
	flags := t.pastObservation(at.ns, at.node, at.id, &rec.stamp, endChanged)
	t.liftObservation(at, rec)
	t.touch(&rec.stamp)
	former := appendID(nil, at.node)
	for rest := t.formerNodes(at.id); len(rest) >= 5 && len(former) < maxFormer; rest = rest[5:] {
		if was := readID(rest); was != node && was != at.node {
			former = append(former, rest[:5]...)
		}
	}
	t.placeObservation(obsPlace{at.ns, node, at.id}, rec, former)
	t.note(change{deed: changeUpdated, kind: kindObservation, flags: flags, ns: at.ns, id: at.id, node: node, other: at.node})
}

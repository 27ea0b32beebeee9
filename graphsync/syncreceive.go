package graphsync

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"

	"github.com/meshd/meshd/consensus"
)

// Apply takes over another instance's payload, thing by thing: what is only
// news of the other is taken, what is no news is passed over, and where both
// have changed a thing its fields are compared as in a push, by the graph's
// strategy. A thing whose clock names the mesh has the mesh's id; any other has
// the id that it has with the instance from, which is remembered. From is the
// instance that sends; empty: who modified the thing.
func (y Sync) Apply(ctx context.Context, wo WriteOptions, in SyncPayload, from string) (ApplyStats, consensus.Outcome, error) {
	stats := ApplyStats{SyncType: in.SyncType}
	namespace := GraphNamespace(in.SessionID, in.GraphName)
	r := checkNamespace(namespace)
	if r == nil {
		r = checkText("instance_id", from, 0, maxInstance)
	}
	if n := len(in.Nodes) + len(in.Edges) + len(in.Tombstones); r == nil && n > MaxPayload {
		r = refuse(CodeTooLarge, "", "the payload has %d things, at most %d are allowed", n, MaxPayload)
	}
	clock, _, bad := y.clock(in.VectorClock)
	if r == nil {
		r = bad
	}
	if r != nil {
		return stats, consensus.Outcome{}, r
	}
	items := y.items(&in, from)
	var out consensus.Outcome
	for len(items) > 0 {
		part := pushPart{From: from}
		if from == "" {
			part.From = "payload"
		}
		cmd := command{Namespace: namespace, Push: &part}
		size := 0
		for size < pushBytes && len(cmd.Ops) < min(MaxPush, len(items)) {
			item := &items[len(cmd.Ops)]
			size += item.size()
			cmd.Ops, part.Heads = append(cmd.Ops, item.op), append(part.Heads, item.head)
		}
		if len(cmd.Ops) == len(items) {
			part.Clock = clock
		}
		res, now, err := y.s.propose(ctx, wo, cmd)
		if err != nil {
			return stats, now, err
		}
		out = now
		for i, o := range res.Push.Outcomes {
			stats.count(cmd.Ops[i].Kind, &o)
		}
		if res.Push.Stopped != "" {
			return stats, out, refuse(res.Push.Stopped, "session_id", "the graph has as many open conflicts as it may: resolve some first")
		}
		if len(res.Push.Outcomes) == 0 {
			return stats, out, errors.New("the graph took none of the things")
		}
		items = items[len(res.Push.Outcomes):] // a command may be full before its end
	}
	return stats, out, nil
}

func (s *ApplyStats) count(kind opKind, o *outcome) {
	switch o.Status {
	case pushDuplicate:
		s.Passed++
		return
	case pushInvalid:
		s.Invalid++
		return
	case pushConflict:
		s.ConflictsDetected++
		if o.Reason != reasonKeptBoth {
			return
		}
	case pushRebased:
		s.ConflictsDetected++
		s.ConflictsResolved++
	}
	switch kind {
	case opCreateNode:
		s.NodesApplied++
	case opCreateEdge:
		s.EdgesApplied++
	default:
		s.TombstonesApplied++
	}
}

// clock divides a vector clock into the mesh's counter and those of others.
func (y Sync) clock(in VectorClock) (others []clockPart, mesh uint64, _ *consensus.Refusal) {
	if len(in.Versions) > maxInstances {
		return nil, 0, invalid("vector_clock", "has %d instances, at most %d are allowed", len(in.Versions), maxInstances)
	}
	for name, count := range in.Versions {
		if r := checkText("vector_clock", name, 1, maxInstance); r != nil {
			return nil, 0, r
		}
		if name == y.mesh {
			mesh = count
		} else {
			others = append(others, clockPart{Instance: name, Count: count})
		}
	}
	slices.SortFunc(others, func(a, b clockPart) int { return strings.Compare(a.Instance, b.Instance) })
	return others, mesh, nil
}

// items turns a payload into operations: nodes, edges, and what ended.
func (y Sync) items(in *SyncPayload, from string) []preparedMutation {
	var list []preparedMutation
	origin := map[uint64][]byte{} // of the payload's nodes
	add := func(o Op, kind string, id uint64, at VectorClock, by string, finish func(m *preparedMutation)) {
		others, mesh, r := y.clock(at)
		m := preparedMutation{head: pushHead{Base: mesh, Clock: others}}
		if r == nil {
			m.op, r = prepare(&o)
		}
		if r != nil {
			list = append(list, preparedMutation{refused: r, head: pushHead{Code: r.Code, Field: r.Details["field"]}})
			return
		}
		if m.op.ID = id; mesh == 0 {
			m.op.ID, m.head.Foreign = 0, foreignID(from, by, others, kind, id)
		}
		if kind == EntityNode {
			origin[id] = m.head.Foreign
		}
		finish(&m)
		list = append(list, m)
	}
	none := func(*preparedMutation) {}
	for i := range in.Nodes {
		n := &in.Nodes[i]
		o := Op{Op: OpUpsertNode, Type: n.NodeType, Label: &n.Label, Key: n.Key, Properties: n.Properties}
		switch {
		case n.IsDeleted:
			o = Op{Op: OpDeleteNode, ID: 1}
		case n.Key == "":
			o.Key = madeKey // which a node without a key has while it is checked
		}
		add(o, EntityNode, n.ID, n.VectorClock, n.LastModifiedBy, func(m *preparedMutation) {
			if n.Key == "" {
				m.op.Key, m.op.Norm = "", ""
			}
		})
	}
	for i := range in.Edges {
		e := &in.Edges[i]
		o := Op{Op: OpUpsertEdge, SourceID: 1, TargetID: 1, Type: e.EdgeType, Weight: &e.Weight, Properties: e.Properties, ValidFrom: e.TemporalStart, ValidTo: e.TemporalEnd}
		if e.Predicate != "" {
			o.Predicate = &e.Predicate
		}
		if e.IsDeleted {
			o = Op{Op: OpDeleteEdge, ID: 1}
		}
		add(o, EntityEdge, e.ID, e.VectorClock, e.LastModifiedBy, func(m *preparedMutation) {
			if e.IsDeleted {
				return
			}
			m.op.Source, m.op.Target = e.SourceID, e.TargetID
			for _, end := range []struct {
				id   *uint64
				from *[]byte
			}{{&m.op.Source, &m.head.SourceForeign}, {&m.op.Target, &m.head.TargetForeign}} {
				known, ok := origin[*end.id]
				switch {
				case ok:
					*end.from = known
				case m.head.Base == 0:
					others, _, _ := y.clock(e.VectorClock)
					*end.from = foreignID(from, e.LastModifiedBy, others, EntityNode, *end.id)
				}
				if len(*end.from) > 0 {
					*end.id = 0
				}
			}
		})
	}
	for i := range in.Tombstones {
		t := &in.Tombstones[i]
		o := Op{Op: OpDeleteNode, ID: 1}
		if t.EntityType == EntityEdge {
			o.Op = OpDeleteEdge
		}
		add(o, t.EntityType, t.EntityID, t.VectorClock, t.DeletedBy, none)
	}
	return list
}

// foreignID is by what a thing of another instance is remembered.
func foreignID(from, by string, clock []clockPart, kind string, id uint64) []byte {
	if from == "" {
		from = by
	}
	if from == "" && len(clock) > 0 {
		from = clock[0].Instance
	}
	sum := sha256.Sum256(consensus.Encode([]any{from, kind, id}))
	return sum[:16]
}

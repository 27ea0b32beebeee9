package graphsync

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/meshd/meshd/consensus"
)

// Bounds of a payload: larger graphs are for Snapshot and Changes.
const (
	MaxPayload      = 20_000 // things
	MaxPayloadBytes = 16 << 20
)

// Sync types of a payload.
const (
	SyncFull        = "full"
	SyncIncremental = "incremental"
)

// SyncPayload is a graph, or what changed in it, as instances hand it to each
// other. Types are the graph's own names.
type SyncPayload struct {
	SyncType      string          `json:"sync_type"`
	SessionID     string          `json:"session_id"`
	GraphName     string          `json:"graph_name"`
	VectorClock   VectorClock     `json:"vector_clock"`
	Nodes         []SyncedNode    `json:"nodes"`
	Edges         []SyncedEdge    `json:"edges"`
	Tombstones    []SyncTombstone `json:"tombstones"`
	CorrelationID string          `json:"correlation_id,omitempty"`
}

// SyncedNode is a node in a payload.
type SyncedNode struct {
	ID             uint64          `json:"id"`
	SessionID      string          `json:"session_id"`
	NodeType       string          `json:"node_type"`
	Label          string          `json:"label"`
	Key            string          `json:"key,omitempty"`
	Properties     json.RawMessage `json:"properties"`
	CreatedAt      time.Time       `json:"created_at"`
	UpdatedAt      time.Time       `json:"updated_at"`
	VectorClock    VectorClock     `json:"vector_clock"`
	LastModifiedBy string          `json:"last_modified_by,omitempty"`
	IsDeleted      bool            `json:"is_deleted"`
	SyncEnabled    bool            `json:"sync_enabled"`
}

// SyncedEdge is an edge in a payload.
type SyncedEdge struct {
	ID             uint64          `json:"id"`
	SessionID      string          `json:"session_id"`
	SourceID       uint64          `json:"source_id"`
	TargetID       uint64          `json:"target_id"`
	EdgeType       string          `json:"edge_type"`
	Predicate      string          `json:"predicate,omitempty"`
	Properties     json.RawMessage `json:"properties,omitempty"`
	Weight         float64         `json:"weight"`
	TemporalStart  *time.Time      `json:"temporal_start,omitempty"`
	TemporalEnd    *time.Time      `json:"temporal_end,omitempty"`
	CreatedAt      time.Time       `json:"created_at"`
	VectorClock    VectorClock     `json:"vector_clock"`
	LastModifiedBy string          `json:"last_modified_by,omitempty"`
	IsDeleted      bool            `json:"is_deleted"`
	SyncEnabled    bool            `json:"sync_enabled"`
}

// SyncTombstone is something that ended.
type SyncTombstone struct {
	EntityType  string      `json:"entity_type"` // node or edge
	EntityID    uint64      `json:"entity_id"`
	VectorClock VectorClock `json:"vector_clock"`
	DeletedBy   string      `json:"deleted_by,omitempty"`
	DeletedAt   time.Time   `json:"deleted_at"`
}

// ApplyStats is what applying a payload came to. Passed counts what was no
// news, Invalid what cannot be.
type ApplyStats struct {
	NodesApplied      int    `json:"nodes_applied"`
	EdgesApplied      int    `json:"edges_applied"`
	TombstonesApplied int    `json:"tombstones_applied"`
	ConflictsDetected int    `json:"conflicts_detected"`
	ConflictsResolved int    `json:"conflicts_resolved"`
	SyncType          string `json:"sync_type"`
	Passed            int    `json:"passed"`
	Invalid           int    `json:"invalid"`
}

// Request returns a session's graph for somebody who has seen what the clock
// says: what changed since, or all of it where the clock does not name the
// mesh, names what is no longer kept, or more than three in ten things changed.
// TOO_LARGE where that is more than a payload may hold: then Snapshot and
// Changes are the way.
func (y Sync) Request(ctx context.Context, ro consensus.ReadOptions, session, graph string, clock VectorClock) (SyncPayload, consensus.ReadInfo, error) {
	out := SyncPayload{SyncType: SyncFull, SessionID: session, GraphName: graph, Nodes: []SyncedNode{}, Edges: []SyncedEdge{}, Tombstones: []SyncTombstone{}}
	if out.GraphName == "" {
		out.GraphName = defaultGraph
	}
	f := WatchFilter{Namespace: GraphNamespace(session, graph), Kinds: []string{EntityNode, EntityEdge}}
	if r := f.check(); r != nil {
		return out, consensus.ReadInfo{}, r
	}
	if r := checkNamespace(session); r != nil {
		return out, consensus.ReadInfo{}, r
	}
	x := exchange{y: y, f: f, out: &out}
	info, err := y.s.read(ctx, ro, func(v *view) error {
		conf, err := v.syncRecord(v.namespace(f.Namespace))
		if err == nil && conf.Disabled {
			return refuse(CodeSyncDisabled, "session_id", "sync of %q is switched off", f.Namespace)
		}
		if err != nil {
			return err
		}
		return x.plan(v, clock.Versions[y.mesh])
	})
	if err != nil {
		return out, info, err
	}
	return out, info, x.fill(ctx)
}

// exchange makes a payload.
type exchange struct {
	y            Sync
	f            WatchFilter
	out          *SyncPayload
	ns           nsID
	rev          uint64
	nodes, edges []uint64 // that changed
	bytes        int
}

// plan decides between full and incremental, and notes what ended.
func (x *exchange) plan(v *view, since uint64) error {
	x.rev, x.ns = v.r.Revision(), v.namespace(x.f.Namespace)
	x.out.VectorClock = VectorClock{map[string]uint64{x.y.mesh: x.rev}}
	if x.ns == 0 {
		return nil
	}
	if all, err := v.clockOf(appendSymbol(nil, x.ns)); err != nil {
		return err
	} else if err == nil {
		for _, c := range all.Clock {
			x.out.VectorClock.Versions[c.Instance] = c.Count
		}
	}
	m, err := v.counters()
	if err != nil {
		return err
	}
	full := since == 0 || since > x.rev || since < m.oldest(x.rev) || m.LogFrom == 0
	if full {
		return nil
	}
	total := v.count(x.ns, countNodes, 0) + v.count(x.ns, countEdges, 0)
	nodes, edges := map[uint64]bool{}, map[uint64]bool{}
	looked := 0
	for k, val := range v.r.Scan(tLog, Position{Revision: since}.key(nil), nil) {
		if looked++; looked > maxScan {
			full = true
			break
		}
		c, ok := readChange(k, val)
		if !ok {
			return errRecord
		}
		set := nodes
		switch {
		case c.ns != x.ns || c.kind != kindNode && c.kind != kindEdge:
			continue
		case c.kind == kindEdge:
			set = edges
		}
		if set[c.id] = !c.deed.ended(); c.deed.ended() {
			by, err := v.text(symAuthor, c.author)
			if err != nil {
				return err
			}
			x.out.Tombstones = append(x.out.Tombstones, SyncTombstone{EntityType: entities[c.kind], EntityID: c.id,
				VectorClock: VectorClock{map[string]uint64{x.y.mesh: c.rev}}, DeletedBy: by, DeletedAt: millis(c.at)})
		}
	}
	x.out.Tombstones = slices.DeleteFunc(x.out.Tombstones, func(t SyncTombstone) bool { return nodes[t.EntityID] || edges[t.EntityID] })
	if len(x.out.Tombstones) > MaxPayload {
		return tooLarge()
	}
	if full || uint64(len(nodes)+len(edges))*10 > max(total, 100)*3 {
		return nil
	}
	x.out.SyncType = SyncIncremental
	x.nodes, x.edges = living(nodes), living(edges)
	return nil
}

func living(set map[uint64]bool) (ids []uint64) {
	for id, there := range set {
		if there {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func tooLarge() *consensus.Refusal {
	return refuse(CodeTooLarge, "", "the payload would be too large: take a snapshot and the changes behind it")
}

// fill reads the things as of the revision, in short views.
func (x *exchange) fill(ctx context.Context) error {
	if x.ns == 0 {
		return nil
	}
	place := snapshotPlace{rev: x.rev, phase: snapshotNodes}
	q := SnapshotQuery{WatchFilter: x.f, Limit: DefaultChanges}
	for done := false; !done; {
		_, err := x.y.s.read(ctx, consensus.ReadOptions{MinRevision: x.rev}, func(v *view) error {
			if err := v.snapshotAt(&place); err != nil {
				return err
			}
			if x.out.SyncType == SyncIncremental {
				var err error
				done, err = x.some(v)
				return err
			}
			var page SnapshotPage
			if err := v.snapshotPage(&page, &place, &q); err != nil {
				return err
			}
			done = place.done
			for i := range page.Items {
				if err := x.add(v, page.Items[i].Node, page.Items[i].Edge); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return x.y.compacted(&x.f, err)
		}
		if len(x.out.Nodes)+len(x.out.Edges) > MaxPayload || x.bytes > MaxPayloadBytes {
			return tooLarge()
		}
	}
	return nil
}

// some reads a page of what changed.
func (x *exchange) some(v *view) (done bool, err error) {
	for range DefaultChanges {
		switch {
		case len(x.nodes) > 0:
			n, ok, err := v.findNode(x.ns, x.nodes[0])
			if x.nodes = x.nodes[1:]; err != nil {
				return false, err
			}
			if ok {
				err = x.add(v, &n, nil)
			}
			if err != nil {
				return false, err
			}
		case len(x.edges) > 0:
			at, rec, ok, err := v.seeEdge(x.edges[0])
			if x.edges = x.edges[1:]; err != nil {
				return false, err
			}
			if ok {
				var e Edge
				if e, err = v.toEdge(at, &rec); err == nil {
					err = x.add(v, nil, &e)
				}
			}
			if err != nil {
				return false, err
			}
		default:
			return true, nil
		}
	}
	return false, nil
}

// add puts a thing into the payload.
func (x *exchange) add(v *view, n *Node, e *Edge) error {
	id, began := uint64(0), uint64(0)
	if n != nil {
		id = n.ID
		rec, ok, err := v.seeNode(x.ns, id)
		if err != nil || !ok {
			return err
		}
		began = rec.began()
		x.bytes += len(n.Properties) + len(n.Label) + 400
	} else {
		id = e.ID
		_, rec, ok, err := v.seeEdge(id)
		if err != nil || !ok {
			return err
		}
		began = rec.began()
		x.bytes += len(e.Properties) + len(e.Predicate) + 400
	}
	known, err := v.clockOf(appendID(nil, id))
	if err != nil {
		return err
	}
	clock := VectorClock{map[string]uint64{x.y.mesh: began}}
	for _, c := range known.Clock {
		clock.Versions[c.Instance] = c.Count
	}
	if n != nil {
		by := n.UpdatedBy
		if by == "" {
			by = n.CreatedBy
		}
		x.out.Nodes = append(x.out.Nodes, SyncedNode{ID: id, SessionID: x.out.SessionID, NodeType: n.NodeType, Label: n.Label, Key: n.Key,
			Properties: n.Properties, CreatedAt: n.CreatedAt, UpdatedAt: n.UpdatedAt, VectorClock: clock, LastModifiedBy: by, SyncEnabled: true})
		return nil
	}
	by := e.UpdatedBy
	if by == "" {
		by = e.CreatedBy
	}
	x.out.Edges = append(x.out.Edges, SyncedEdge{ID: id, SessionID: x.out.SessionID, SourceID: e.SourceID, TargetID: e.TargetID, EdgeType: e.EdgeType,
		Predicate: e.Predicate, Properties: e.Properties, Weight: e.Weight, TemporalStart: e.ValidFrom, TemporalEnd: e.ValidTo,
		CreatedAt: e.CreatedAt, VectorClock: clock, LastModifiedBy: by, SyncEnabled: true})
	return nil
}

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

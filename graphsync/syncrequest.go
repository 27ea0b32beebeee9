package graphsync

import (
	"context"
	"slices"

	"github.com/meshd/meshd/consensus"
)

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
	p := payloadReader{y: y, f: f, out: &out}
	info, err := y.s.read(ctx, ro, func(v *view) error {
		conf, err := v.syncRecord(v.namespace(f.Namespace))
		if err == nil && conf.Disabled {
			return refuse(CodeSyncDisabled, "session_id", "sync of %q is switched off", f.Namespace)
		}
		if err != nil {
			return err
		}
		return p.plan(v, clock.Versions[y.mesh])
	})
	if err != nil {
		return out, info, err
	}
	return out, info, p.fill(ctx)
}

// payloadReader reads the graph into a payload.
type payloadReader struct {
	y            Sync
	f            WatchFilter
	out          *SyncPayload
	ns           nsID
	rev          uint64
	nodes, edges []uint64 // that changed
	bytes        int
}

// plan decides between full and incremental, and notes what ended.
func (p *payloadReader) plan(v *view, since uint64) error {
	p.rev, p.ns = v.r.Revision(), v.namespace(p.f.Namespace)
	p.out.VectorClock = VectorClock{map[string]uint64{p.y.mesh: p.rev}}
	if p.ns == 0 {
		return nil
	}
	known, err := v.clockOf(appendSymbol(nil, p.ns))
	if err != nil {
		return err
	}
	for _, c := range known.Clock {
		p.out.VectorClock.Versions[c.Instance] = c.Count
	}
	m, err := v.counters()
	if err != nil {
		return err
	}
	full := since == 0 || since > p.rev || since < m.oldest(p.rev) || m.LogFrom == 0
	if full {
		return nil
	}
	total := v.count(p.ns, countNodes, 0) + v.count(p.ns, countEdges, 0)
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
		case c.ns != p.ns || c.kind != kindNode && c.kind != kindEdge:
			continue
		case c.kind == kindEdge:
			set = edges
		}
		if set[c.id] = !c.deed.ended(); c.deed.ended() {
			by, err := v.text(symAuthor, c.author)
			if err != nil {
				return err
			}
			p.out.Tombstones = append(p.out.Tombstones, SyncTombstone{EntityType: entities[c.kind], EntityID: c.id,
				VectorClock: VectorClock{map[string]uint64{p.y.mesh: c.rev}}, DeletedBy: by, DeletedAt: millis(c.at)})
		}
	}
	p.out.Tombstones = slices.DeleteFunc(p.out.Tombstones, func(t SyncTombstone) bool { return nodes[t.EntityID] || edges[t.EntityID] })
	if len(p.out.Tombstones) > MaxPayload {
		return tooLarge()
	}
	if full || uint64(len(nodes)+len(edges))*10 > max(total, 100)*3 {
		return nil
	}
	p.out.SyncType = SyncIncremental
	p.nodes, p.edges = living(nodes), living(edges)
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
func (p *payloadReader) fill(ctx context.Context) error {
	if p.ns == 0 {
		return nil
	}
	place := snapshotPlace{rev: p.rev, phase: snapshotNodes}
	q := SnapshotQuery{WatchFilter: p.f, Limit: DefaultChanges}
	for done := false; !done; {
		_, err := p.y.s.read(ctx, consensus.ReadOptions{MinRevision: p.rev}, func(v *view) error {
			if err := v.snapshotAt(&place); err != nil {
				return err
			}
			if p.out.SyncType == SyncIncremental {
				var err error
				done, err = p.some(v)
				return err
			}
			var page SnapshotPage
			if err := v.snapshotPage(&page, &place, &q); err != nil {
				return err
			}
			done = place.done
			for i := range page.Items {
				if err := p.add(v, page.Items[i].Node, page.Items[i].Edge); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return p.y.compacted(&p.f, err)
		}
		if len(p.out.Nodes)+len(p.out.Edges) > MaxPayload || p.bytes > MaxPayloadBytes {
			return tooLarge()
		}
	}
	return nil
}

// some reads a page of what changed.
func (p *payloadReader) some(v *view) (done bool, err error) {
	for range DefaultChanges {
		switch {
		case len(p.nodes) > 0:
			n, ok, err := v.findNode(p.ns, p.nodes[0])
			if p.nodes = p.nodes[1:]; err != nil {
				return false, err
			}
			if ok {
				err = p.add(v, &n, nil)
			}
			if err != nil {
				return false, err
			}
		case len(p.edges) > 0:
			at, rec, ok, err := v.seeEdge(p.edges[0])
			if p.edges = p.edges[1:]; err != nil {
				return false, err
			}
			if ok {
				var e Edge
				if e, err = v.toEdge(at, &rec); err == nil {
					err = p.add(v, nil, &e)
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
func (p *payloadReader) add(v *view, n *Node, e *Edge) error {
	id, began := uint64(0), uint64(0)
	if n != nil {
		id = n.ID
		rec, ok, err := v.seeNode(p.ns, id)
		if err != nil || !ok {
			return err
		}
		began = rec.began()
		p.bytes += len(n.Properties) + len(n.Label) + 400
	} else {
		id = e.ID
		_, rec, ok, err := v.seeEdge(id)
		if err != nil || !ok {
			return err
		}
		began = rec.began()
		p.bytes += len(e.Properties) + len(e.Predicate) + 400
	}
	known, err := v.clockOf(appendID(nil, id))
	if err != nil {
		return err
	}
	clock := VectorClock{map[string]uint64{p.y.mesh: began}}
	for _, c := range known.Clock {
		clock.Versions[c.Instance] = c.Count
	}
	if n != nil {
		by := n.UpdatedBy
		if by == "" {
			by = n.CreatedBy
		}
		p.out.Nodes = append(p.out.Nodes, SyncedNode{ID: id, SessionID: p.out.SessionID, NodeType: n.NodeType, Label: n.Label, Key: n.Key,
			Properties: n.Properties, CreatedAt: n.CreatedAt, UpdatedAt: n.UpdatedAt, VectorClock: clock, LastModifiedBy: by, SyncEnabled: true})
		return nil
	}
	by := e.UpdatedBy
	if by == "" {
		by = e.CreatedBy
	}
	p.out.Edges = append(p.out.Edges, SyncedEdge{ID: id, SessionID: p.out.SessionID, SourceID: e.SourceID, TargetID: e.TargetID, EdgeType: e.EdgeType,
		Predicate: e.Predicate, Properties: e.Properties, Weight: e.Weight, TemporalStart: e.ValidFrom, TemporalEnd: e.ValidTo,
		CreatedAt: e.CreatedAt, VectorClock: clock, LastModifiedBy: by, SyncEnabled: true})
	return nil
}

package graphsync

import (
	"slices"

	"github.com/meshd/meshd/consensus"
)

// Bounds of a watcher's filter.
const (
	maxWatchTypes = 64
	maxWatchIDs   = 1024
	maxWatchKeys  = 16
)

// WatchFilter says which changes a watcher wants: those that pass all of what
// is set. The zero value wants all.
type WatchFilter struct {
	// Namespace; empty: any.
	Namespace string
	// Kinds are entity types.
	Kinds []string
	// NodeTypes and EdgeTypes choose among nodes and among edges. Without
	// Kinds, only what is named so is wanted.
	NodeTypes, EdgeTypes []string
	// Nodes chooses nodes, the edges that join them, and what is observed of
	// them. Keys does the same by key, in Namespace.
	Nodes []uint64
	Keys  []string

	keys []string // as indexed
}

// check refuses a filter that is out of bounds or could never match, and
// normalises it.
func (f *WatchFilter) check() *consensus.Refusal {
	if f.Namespace != "" {
		if r := checkNamespace(f.Namespace); r != nil {
			return r
		}
	}
	for _, k := range f.Kinds {
		if !slices.Contains(entities[kindNode:], k) {
			return invalid("kind", "%q is none of node, edge, observation, vector, schema, retention and conflict", clipped(k))
		}
	}
	for _, l := range []struct {
		field string
		types []string
	}{{"node_type", f.NodeTypes}, {"edge_type", f.EdgeTypes}} {
		if len(l.types) > maxWatchTypes {
			return invalid(l.field, "names more than %d types", maxWatchTypes)
		}
		for _, t := range l.types {
			if r := checkType(l.field, t); r != nil {
				return r
			}
		}
	}
	if len(f.Nodes) > maxWatchIDs {
		return invalid("node_id", "names more than %d nodes", maxWatchIDs)
	}
	if len(f.Keys) > maxWatchKeys {
		return invalid("key", "names more than %d keys", maxWatchKeys)
	}
	if len(f.Keys) > 0 && f.Namespace == "" {
		return invalid("session_id", "must be given where nodes are named by key")
	}
	f.keys = nil
	for _, k := range f.Keys {
		norm, r := checkKey("key", k)
		if r != nil {
			return r
		}
		f.keys = append(f.keys, norm)
	}
	if len(f.Kinds) == 0 {
		if len(f.NodeTypes) > 0 {
			f.Kinds = append(f.Kinds, EntityNode)
		}
		if len(f.EdgeTypes) > 0 {
			f.Kinds = append(f.Kinds, EntityEdge)
		}
	}
	slices.Sort(f.Nodes)
	return nil
}

func clipped(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// passes says whether an event is wanted, as far as it can be said without
// looking up keys.
func (f *WatchFilter) passes(e *Event) bool {
	if f.Namespace != "" && e.SessionID != f.Namespace || len(f.Kinds) > 0 && !slices.Contains(f.Kinds, e.EntityType) {
		return false
	}
	switch {
	case e.EntityType == EntityNode && len(f.NodeTypes) > 0 && !slices.Contains(f.NodeTypes, e.Type) && (e.former == "" || !slices.Contains(f.NodeTypes, e.former)),
		e.EntityType == EntityEdge && len(f.EdgeTypes) > 0 && !slices.Contains(f.EdgeTypes, e.Type):
		return false
	}
	return len(f.keys) > 0 || len(f.Nodes) == 0 || e.touches(func(id uint64) bool {
		_, found := slices.BinarySearch(f.Nodes, id)
		return found
	})
}

// touches says whether one of the nodes that the event is about is wanted.
func (e *Event) touches(wanted func(id uint64) bool) bool {
	if e.OtherID != 0 && wanted(e.OtherID) {
		return true
	}
	switch e.EntityType {
	case EntityNode:
		return wanted(e.EntityID)
	case EntityEdge:
		return wanted(e.SourceID) || wanted(e.TargetID)
	case EntityObservation, EntityVector:
		return wanted(e.NodeID)
	}
	return false
}

// byKeys keeps the events about nodes that are listed or have had one of the
// keys about the time of the event.
func (f *WatchFilter) byKeys(v *view, events []*Event) []*Event {
	ns := v.namespace(f.Namespace)
	return slices.DeleteFunc(events, func(e *Event) bool {
		return !e.touches(func(id uint64) bool {
			if _, found := slices.BinarySearch(f.Nodes, id); found {
				return true
			}
			return slices.ContainsFunc(f.keys, func(norm string) bool { return v.keptKey(ns, norm, id, e.Revision) })
		})
	})
}

// keptKey says whether a node has a key since before a revision, or lost it with
// the revision or as the first to lose it after.
func (v *view) keptKey(ns nsID, norm string, id, rev uint64) bool {
	if ns == 0 {
		return false
	}
	from := appendKeyPast(nil, ns, norm, rev)
	prefix := from[:len(from)-8]
	for k, val := range v.r.Scan(tKeyHist, from, after(prefix)) {
		if len(k) != len(from) || len(val) < 5 {
			continue
		}
		if readID(val) == id {
			return true
		}
		if string(k) != string(from) { // it was another's then
			return false
		}
	}
	return v.byKey(ns, norm) == id
}

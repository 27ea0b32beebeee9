package client

import (
	"errors"
	"slices"

	"github.com/meshd/meshd/graphsync"
)

// localBit marks the id of a thing that the mesh does not know yet: the rest of
// the number is the seq of the mutation that makes it. Ids of the mesh are
// below 2^40.
const localBit = uint64(1) << 63

// Local says whether an id is of a thing that the mesh does not know yet. It
// may be used as before when the mesh knows it.
func Local(id uint64) bool { return id&localBit != 0 }

func localID(seq uint64) uint64 { return seq | localBit }
func seqOf(id uint64) uint64    { return id &^ localBit }

// things is what a replica holds: as the mesh had it at a revision, or with the
// pending mutations on top. What is returned is the caller's.
type things interface {
	node(id uint64) (*graphsync.Node, error)
	edge(id uint64) (*graphsync.Edge, error)
	observation(id uint64) (*graphsync.Observation, error)
	// byKey is the node that has a normalised key or alias; 0: none.
	byKey(norm string) (uint64, error)
	// edgesOf and observationsOf are the ids of what may touch a node, by age.
	edgesOf(node uint64) ([]uint64, error)
	observationsOf(node uint64) ([]uint64, error)
	// idOf is what the mesh calls what a mutation made; 0: it has not said.
	idOf(seq uint64) uint64
}

// ErrNotFound says that a replica has no such thing.
var ErrNotFound = errors.New("the replica has no such thing")

// overlay is what pending mutations make of a base. A thing that is there with
// nil is gone.
type overlay struct {
	nodes        map[uint64]*graphsync.Node
	edges        map[uint64]*graphsync.Edge
	observations map[uint64]*graphsync.Observation
	keys         map[string]uint64              // normalised; 0: taken away
	ends         map[uint64]map[uint64]struct{} // edges of nodes, beside the base's
	observed     map[uint64]map[uint64]struct{} // observations of nodes, beside the base's
	made         map[uint64]uint64              // what a mutation made or found, by its seq
}

func newOverlay() *overlay {
	return &overlay{nodes: map[uint64]*graphsync.Node{}, edges: map[uint64]*graphsync.Edge{}, observations: map[uint64]*graphsync.Observation{},
		keys: map[string]uint64{}, ends: map[uint64]map[uint64]struct{}{}, observed: map[uint64]map[uint64]struct{}{}, made: map[uint64]uint64{}}
}

// view is an overlay on a base. It implements things.
type view struct {
	base things
	*overlay
}

func (v view) node(id uint64) (*graphsync.Node, error) {
	n, ok := v.nodes[id]
	switch {
	case !ok:
		return v.base.node(id)
	case n == nil:
		return nil, ErrNotFound
	}
	out := *n
	out.Aliases = slices.Clone(n.Aliases)
	return &out, nil
}

func (v view) edge(id uint64) (*graphsync.Edge, error) {
	e, ok := v.edges[id]
	switch {
	case !ok:
		return v.base.edge(id)
	case e == nil:
		return nil, ErrNotFound
	}
	out := *e
	return &out, nil
}

func (v view) observation(id uint64) (*graphsync.Observation, error) {
	o, ok := v.observations[id]
	switch {
	case !ok:
		return v.base.observation(id)
	case o == nil:
		return nil, ErrNotFound
	}
	out := *o
	return &out, nil
}

func (v view) byKey(norm string) (uint64, error) {
	if id, ok := v.keys[norm]; ok {
		return id, nil
	}
	return v.base.byKey(norm)
}

func (v view) edgesOf(node uint64) ([]uint64, error) {
	list, err := v.base.edgesOf(node)
	return with(list, v.ends[node]), err
}

func (v view) observationsOf(node uint64) ([]uint64, error) {
	list, err := v.base.observationsOf(node)
	return with(list, v.observed[node]), err
}

func (v view) idOf(seq uint64) uint64 { return v.base.idOf(seq) }

// now is what the view calls a thing: a local id stands for what the mutation
// made as long as that is shown under it, and then for the mesh's.
func (v view) now(id uint64) uint64 {
	if !Local(id) {
		return id
	}
	if made, ok := v.made[seqOf(id)]; ok {
		return made
	}
	if known := v.base.idOf(seqOf(id)); known != 0 {
		return known
	}
	return id
}

func with(list []uint64, more map[uint64]struct{}) []uint64 {
	if len(more) == 0 {
		return list
	}
	for id := range more {
		list = append(list, id)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func note(in map[uint64]map[uint64]struct{}, node, id uint64) {
	if in[node] == nil {
		in[node] = map[uint64]struct{}{}
	}
	in[node][id] = struct{}{}
}

// edgesAt are the edges that touch a node now.
func edgesAt(t things, node uint64) ([]*graphsync.Edge, error) {
	ids, err := t.edgesOf(node)
	if err != nil {
		return nil, err
	}
	var out []*graphsync.Edge
	for _, id := range ids {
		e, err := t.edge(id)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if e.SourceID == node || e.TargetID == node {
			out = append(out, e)
		}
	}
	return out, nil
}

// observationsAt are the observations of a node now.
func observationsAt(t things, node uint64) ([]*graphsync.Observation, error) {
	ids, err := t.observationsOf(node)
	if err != nil {
		return nil, err
	}
	var out []*graphsync.Observation
	for _, id := range ids {
		o, err := t.observation(id)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if o.NodeID == node {
			out = append(out, o)
		}
	}
	return out, nil
}

// keysOf are the normalised keys of a node.
func keysOf(n *graphsync.Node) []string {
	var out []string
	if n.Key != "" {
		out = append(out, graphsync.NormalKey(n.Key))
	}
	for _, alias := range n.Aliases {
		out = append(out, graphsync.NormalKey(alias))
	}
	return out
}

func (v view) putNode(n *graphsync.Node) { v.nodes[n.ID] = n }

func (v view) putEdge(e *graphsync.Edge) {
	v.edges[e.ID] = e
	note(v.ends, e.SourceID, e.ID)
	note(v.ends, e.TargetID, e.ID)
}

func (v view) putObservation(o *graphsync.Observation) {
	v.observations[o.ID] = o
	note(v.observed, o.NodeID, o.ID)
}

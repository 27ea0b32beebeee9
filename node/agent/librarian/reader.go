package librarian

import (
	"context"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// reader is the graph during one question: one namespace, and the lowest
// revision that any of its reads reflected.
type reader struct {
	ctx       context.Context
	graph     Graph
	namespace string
	options   consensus.ReadOptions
	revision  uint64
	read      bool
	vocabulary
	stats graphsync.Stats
}

func (l *Librarian) open(ctx context.Context, q Question) (*reader, error) {
	r := &reader{ctx: ctx, graph: l.graph, namespace: q.Namespace, options: consensus.ReadOptions{MinRevision: q.MinRevision}}
	if r.namespace == "" {
		r.namespace = DefaultNamespace
	}
	st, info, err := r.graph.Stats(ctx, r.options, r.namespace)
	if err != nil {
		return nil, err
	}
	r.saw(info)
	r.stats = st
	r.vocabulary = *newVocabulary(st)
	return r, nil
}

// saw notes what a read reflected.
func (r *reader) saw(info consensus.ReadInfo) {
	if !r.read || info.Revision < r.revision {
		r.revision, r.read = info.Revision, true
	}
}

func (r *reader) node(id uint64) (graphsync.Node, error) {
	n, info, err := r.graph.GetNode(r.ctx, r.options, r.namespace, id)
	r.saw(info)
	return n, err
}

func (r *reader) byKey(key string) (graphsync.Node, error) {
	n, info, err := r.graph.GetNodeByKey(r.ctx, r.options, r.namespace, key)
	r.saw(info)
	return n, err
}

func (r *reader) find(text string, m graphsync.Match, typ string, limit int) (graphsync.NodePage, error) {
	page, info, err := r.graph.Find(r.ctx, r.options, graphsync.FindQuery{
		Namespace: r.namespace, Text: text, Match: m, Type: typ, Limit: limit,
	})
	r.saw(info)
	return page, err
}

func (r *reader) list(typ string, limit int) (graphsync.NodePage, error) {
	page, info, err := r.graph.ListNodes(r.ctx, r.options, graphsync.NodeQuery{Namespace: r.namespace, Type: typ, Limit: limit})
	r.saw(info)
	return page, err
}

func (r *reader) degree(id uint64) (graphsync.Degree, error) {
	d, info, err := r.graph.Degree(r.ctx, r.options, r.namespace, id, "")
	r.saw(info)
	return d, err
}

func (r *reader) neighbors(id uint64, d graphsync.Direction, typ string, depth int) (graphsync.Neighborhood, error) {
	n, info, err := r.graph.Neighbors(r.ctx, r.options, graphsync.NeighborQuery{
		Namespace: r.namespace, ID: id, Direction: d, Type: typ, Depth: depth, Limit: graphsync.MaxLimit,
	})
	r.saw(info)
	return n, err
}

func (r *reader) path(from, to uint64, d graphsync.Direction, typ string, depth int) (graphsync.Path, error) {
	p, info, err := r.graph.Path(r.ctx, r.options, graphsync.PathQuery{
		Namespace: r.namespace, From: from, To: to, Direction: d, Type: typ, MaxDepth: depth,
	})
	r.saw(info)
	return p, err
}

package mcp

import (
	"context"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// Graph is what the tools ask. *graphsync.Service implements it.
type Graph interface {
	Batch(ctx context.Context, wo graphsync.WriteOptions, namespace string, ops []graphsync.Op) ([]graphsync.OpResult, consensus.Outcome, error)
	DeleteNode(ctx context.Context, wo graphsync.WriteOptions, namespace string, id, ifVersion uint64) (existed bool, _ consensus.Outcome, _ error)

	GetNode(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64) (graphsync.Node, consensus.ReadInfo, error)
	GetNodeByKey(ctx context.Context, ro consensus.ReadOptions, namespace, key string) (graphsync.Node, consensus.ReadInfo, error)
	ListNodes(ctx context.Context, ro consensus.ReadOptions, q graphsync.NodeQuery) (graphsync.NodePage, consensus.ReadInfo, error)
	ListEdges(ctx context.Context, ro consensus.ReadOptions, q graphsync.EdgeQuery) (graphsync.EdgePage, consensus.ReadInfo, error)
	ListObservations(ctx context.Context, ro consensus.ReadOptions, q graphsync.ObservationQuery) (graphsync.ObservationPage, consensus.ReadInfo, error)
	Find(ctx context.Context, ro consensus.ReadOptions, q graphsync.FindQuery) (graphsync.NodePage, consensus.ReadInfo, error)
	Neighbors(ctx context.Context, ro consensus.ReadOptions, q graphsync.NeighborQuery) (graphsync.Neighborhood, consensus.ReadInfo, error)
	Path(ctx context.Context, ro consensus.ReadOptions, q graphsync.PathQuery) (graphsync.Path, consensus.ReadInfo, error)
}

var _ Graph = (*graphsync.Service)(nil)

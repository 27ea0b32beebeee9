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
	GetNodeAt(ctx context.Context, ro consensus.ReadOptions, when graphsync.When, namespace string, id uint64) (graphsync.Node, consensus.ReadInfo, error)
	GetNodeByKeyAt(ctx context.Context, ro consensus.ReadOptions, when graphsync.When, namespace, key string) (graphsync.Node, consensus.ReadInfo, error)
	History(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64, limit int, cursor string) (graphsync.HistoryPage, consensus.ReadInfo, error)
	Log(ctx context.Context, ro consensus.ReadOptions, after uint64, max int) (list []graphsync.Change, upTo, oldest uint64, err error)
	GetEdge(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64) (graphsync.Edge, consensus.ReadInfo, error)
	GetObservation(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64) (graphsync.Observation, consensus.ReadInfo, error)
	Labels(ctx context.Context, ro consensus.ReadOptions, namespace string, ids []uint64) (map[uint64]string, consensus.ReadInfo, error)
	ListNodes(ctx context.Context, ro consensus.ReadOptions, q graphsync.NodeQuery) (graphsync.NodePage, consensus.ReadInfo, error)
	ListEdges(ctx context.Context, ro consensus.ReadOptions, q graphsync.EdgeQuery) (graphsync.EdgePage, consensus.ReadInfo, error)
	ListObservations(ctx context.Context, ro consensus.ReadOptions, q graphsync.ObservationQuery) (graphsync.ObservationPage, consensus.ReadInfo, error)
	Search(ctx context.Context, ro consensus.ReadOptions, q graphsync.SearchQuery) (graphsync.SearchPage, consensus.ReadInfo, error)
	Neighbors(ctx context.Context, ro consensus.ReadOptions, q graphsync.NeighborQuery) (graphsync.Neighborhood, consensus.ReadInfo, error)
	Query(ctx context.Context, ro consensus.ReadOptions, q graphsync.Query) (graphsync.QueryAnswer, consensus.ReadInfo, error)
	Watch(ctx context.Context, q graphsync.WatchQuery) (*graphsync.Watcher, error)
	Path(ctx context.Context, ro consensus.ReadOptions, q graphsync.PathQuery) (graphsync.Path, consensus.ReadInfo, error)
}

var _ Graph = (*graphsync.Service)(nil)

package mcp

import (
	"context"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// item says what a change was about, as far as it is still known.
func (s *Server) item(ctx context.Context, c Call, ch *graphsync.Change, names *names) (n NewsItem, err error) {
	n = NewsItem{Revision: ch.Revision, Time: ch.Time, By: ch.Author, What: ch.What, Kind: ch.Kind, ID: ch.ID}
	switch ch.Kind {
	case "node":
		n.Kind = "entity"
		n.Name, err = names.name(ctx, ch.ID)
	case "edge":
		n.Kind, n.RelationType = "relation", ch.Type
		if n.From, err = names.name(ctx, ch.SourceID); err == nil {
			n.To, err = names.name(ctx, ch.TargetID)
		}
		if err == nil && ch.What != "deleted" {
			e, _, missing := s.graph.GetEdge(ctx, consensus.ReadOptions{}, c.Namespace, ch.ID)
			if missing == nil {
				j, err := names.joined(ctx, &e)
				n.RelationType = j.RelationType
				return n, err
			}
		}
	case "observation":
		if n.Name, err = names.name(ctx, ch.NodeID); err == nil && ch.What == "created" {
			o, _, missing := s.graph.GetObservation(ctx, consensus.ReadOptions{}, c.Namespace, ch.ID)
			if missing == nil {
				n.Text = o.Text
			}
		}
	case "vector":
		n.Name, err = names.name(ctx, ch.NodeID)
	}
	return n, err
}

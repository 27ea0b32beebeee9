package mcp

import (
	"context"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/graphsync/memory"
)

// Surroundings is what neighbors and path answer.
type Surroundings struct {
	Found     *bool    `json:"found,omitempty"`
	Length    *int     `json:"length,omitempty"`
	Entities  []Shown  `json:"entities"`
	Relations []Joined `json:"relations"`
	Truncated bool     `json:"truncated,omitempty"`
	Note      string   `json:"note,omitempty"`
}

type neighborsIn struct {
	Name         string `json:"name"`
	Direction    string `json:"direction"`
	Depth        int    `json:"depth"`
	RelationType string `json:"relationType"`
	Limit        int    `json:"limit"`
	MaxBytes     int    `json:"max_bytes"`
	at
}

func edgeType(relationType string) string {
	if relationType == "" {
		return ""
	}
	t, _ := memory.EdgeType(relationType)
	return t
}

// neighbors shows what lies around an entity, the nearest first.
func neighbors(ctx context.Context, c Call, s *Server, in neighborsIn) (reply, error) {
	when, err := in.when()
	if err != nil {
		return reply{}, err
	}
	got, _, err := s.graph.Neighbors(ctx, consensus.ReadOptions{}, graphsync.NeighborQuery{Namespace: c.Namespace, Key: in.Name,
		Direction: graphsync.Direction(in.Direction), Depth: in.Depth, Type: edgeType(in.RelationType), Limit: in.Limit, When: when})
	if r, _ := refused(err, graphsync.CodeNotFound); r != nil {
		return reply{}, noEntity(in.Name)
	}
	if err != nil {
		return reply{}, err
	}
	out := Surroundings{Entities: []Shown{}, Relations: []Joined{}, Truncated: got.Truncated}
	room, names := roomFor(in.MaxBytes), s.names(c, when)
	names.of[got.Start.ID] = got.Start.Label
	inside := map[uint64]bool{got.Start.ID: true}
	for i := range got.Nodes {
		n := shown(&got.Nodes[i].Node, false)
		n.Distance = got.Nodes[i].Depth
		if !room.takes(n) {
			out.Truncated = true
			break
		}
		names.of[n.ID], inside[n.ID] = n.Name, true
		out.Entities = append(out.Entities, n)
	}
	for i := range got.Edges {
		e := &got.Edges[i]
		if !inside[e.SourceID] || !inside[e.TargetID] {
			continue
		}
		j, err := names.joined(ctx, e)
		if err != nil {
			return reply{}, err
		}
		if !room.takes(j) {
			out.Truncated = true
			break
		}
		out.Relations = append(out.Relations, j)
	}
	if out.Truncated {
		out.Note = "There is more than is shown. Ask with a smaller depth, one relationType or one direction, or a larger limit or max_bytes."
	}
	return brief(out, out.Note)
}

type pathIn struct {
	From         string `json:"from"`
	To           string `json:"to"`
	MaxDepth     int    `json:"max_depth"`
	Direction    string `json:"direction"`
	RelationType string `json:"relationType"`
	at
}

// path shows a shortest way between two entities.
func path(ctx context.Context, c Call, s *Server, in pathIn) (reply, error) {
	when, err := in.when()
	if err != nil {
		return reply{}, err
	}
	got, _, err := s.graph.Path(ctx, consensus.ReadOptions{}, graphsync.PathQuery{Namespace: c.Namespace, FromKey: in.From, ToKey: in.To,
		MaxDepth: in.MaxDepth, Direction: graphsync.Direction(in.Direction), Type: edgeType(in.RelationType), When: when})
	if r, _ := refused(err, graphsync.CodeNotFound); r != nil {
		if _, ok, err := s.node(ctx, consensus.ReadOptions{}, c, in.From); err != nil || !ok {
			return reply{}, noEntity(in.From)
		}
		return reply{}, noEntity(in.To)
	}
	if err != nil {
		return reply{}, err
	}
	out := Surroundings{Found: &got.Found, Length: &got.Length, Entities: []Shown{}, Relations: []Joined{}, Truncated: got.Truncated}
	names := s.names(c, when)
	for i := range got.Nodes {
		n := shown(&got.Nodes[i], false)
		names.of[n.ID] = n.Name
		out.Entities = append(out.Entities, n)
	}
	for i := range got.Edges {
		j, err := names.joined(ctx, &got.Edges[i])
		if err != nil {
			return reply{}, err
		}
		j.Properties = nil
		out.Relations = append(out.Relations, j)
	}
	if out.Truncated {
		out.Note = "The search ended early: a path may exist. Ask with one relationType, or a smaller max_depth."
	}
	return brief(out, out.Note)
}

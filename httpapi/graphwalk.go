package httpapi

import (
	"context"
	"strconv"

	"github.com/meshd/meshd/graphsync"
)

type neighborsInput struct {
	ReadInput
	SessionInput
	ID        uint64 `query:"id" minimum:"1" doc:"The node to start from, by id"`
	Key       string `query:"key" maxLength:"512" doc:"The node to start from, by key"`
	Direction string `query:"direction" enum:"both,outgoing,incoming,out,in" default:"both" doc:"Which edges to follow"`
	Depth     int    `query:"depth" default:"1" minimum:"1" maximum:"10" doc:"How many edges away"`
	Type      string `query:"type" maxLength:"64" doc:"The only edge type to follow"`
	Limit     int    `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many nodes at most"`
}

type neighborsOutput struct {
	ReadOutput
	Body graphsync.Neighborhood
}

func (a *API) neighbors(ctx context.Context, in *neighborsInput) (*neighborsOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	if (in.ID == 0) == (in.Key == "") {
		return nil, invalid("query.id", "name the node by id or by key")
	}
	n, info, err := a.cfg.Graph.Neighbors(ctx, o, graphsync.NeighborQuery{
		Namespace: in.SessionID, ID: in.ID, Key: in.Key, Direction: graphsync.Direction(in.Direction),
		Depth: in.Depth, Type: in.Type, Limit: in.Limit,
	})
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &neighborsOutput{Read(info), n}, nil
}

type pathInput struct {
	ReadInput
	SessionInput
	From      string `query:"from" maxLength:"512" doc:"The first node: digits are its id, anything else its key"`
	FromKey   string `query:"from_key" maxLength:"512" doc:"The first node's key, also where it is all digits"`
	To        string `query:"to" maxLength:"512" doc:"The last node, as from"`
	ToKey     string `query:"to_key" maxLength:"512" doc:"The last node's key, also where it is all digits"`
	MaxDepth  int    `query:"max_depth" default:"10" minimum:"1" maximum:"20" doc:"How many edges at most"`
	Direction string `query:"direction" enum:"both,outgoing,incoming,out,in" default:"both" doc:"How edges are followed, seen from the first node"`
	Type      string `query:"type" maxLength:"64" doc:"The only edge type to follow"`
}

type pathOutput struct {
	ReadOutput
	Body graphsync.Path
}

func (a *API) path(ctx context.Context, in *pathInput) (*pathOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	q := graphsync.PathQuery{Namespace: in.SessionID, MaxDepth: in.MaxDepth, Direction: graphsync.Direction(in.Direction), Type: in.Type}
	if q.From, q.FromKey, err = end("from", in.From, in.FromKey); err != nil {
		return nil, err
	}
	if q.To, q.ToKey, err = end("to", in.To, in.ToKey); err != nil {
		return nil, err
	}
	p, info, err := a.cfg.Graph.Path(ctx, o, q)
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &pathOutput{Read(info), p}, nil
}

// end reads one end of a path: an id, or a key under either name.
func end(field, word, key string) (uint64, string, error) {
	if (word == "") == (key == "") {
		return 0, "", invalid("query."+field, field+" or "+field+"_key must name a node")
	}
	if id, err := strconv.ParseUint(word, 10, 64); err == nil {
		if id == 0 {
			return 0, "", invalid("query."+field, "ids begin at 1")
		}
		return id, "", nil
	}
	return 0, word + key, nil
}

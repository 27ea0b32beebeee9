package httpapi

import (
	"context"

	"github.com/meshd/meshd/graphsync"
)

type duplicatesInput struct {
	ReadInput
	SessionInput
	PageInput
	NodeType string  `query:"node_type" maxLength:"64" doc:"Only pairs of this type"`
	MinScore float64 `query:"min_score" minimum:"0" maximum:"1" default:"0.7" doc:"How alike the two must be, 0 to 1"`
}

type duplicatesOutput struct {
	ReadOutput
	Body graphsync.DuplicatePage
}

func (a *API) duplicates(ctx context.Context, in *duplicatesInput) (*duplicatesOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	p, info, err := a.cfg.Graph.Duplicates(ctx, o, graphsync.DuplicateQuery{
		Namespace: in.SessionID, Type: in.NodeType, MinScore: in.MinScore, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &duplicatesOutput{Read(info), p}, nil
}

package httpapi

import (
	"context"

	"github.com/meshd/meshd/graphsync"
)

type pathsInput struct {
	ReadInput
	SessionInput
	WhenInput
	ShowInput
	EndsInput
	K int `query:"k" default:"3" minimum:"1" maximum:"20" doc:"How many paths at most"`
}

type pathsOutput struct {
	ReadOutput
	Body pathsBody
}

type pathsBody struct {
	Paths     []graphsync.PathIDs `json:"paths" nullable:"false" doc:"The shortest first; none meets a node twice"`
	Nodes     []shownNode         `json:"nodes" nullable:"false" doc:"Each node of the paths, once"`
	Edges     []shownEdge         `json:"edges" nullable:"false" doc:"Each edge of the paths, once"`
	Count     int                 `json:"count"`
	Truncated bool                `json:"truncated,omitempty" doc:"The search or the answer ended early: more paths may exist, though none shorter than these"`
}

func (a *API) paths(ctx context.Context, in *pathsInput) (*pathsOutput, error) {
	o, when, err := timed(in.ReadInput, in.WhenInput)
	if err != nil {
		return nil, err
	}
	q, err := in.query(in.SessionID)
	if err != nil {
		return nil, err
	}
	q.When, q.Answer = when, in.answer()
	p, info, err := a.cfg.Graph.Paths(ctx, o, graphsync.PathsQuery{PathQuery: q, K: in.K})
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	as := in.shown()
	return &pathsOutput{Read(info), pathsBody{p.Paths, as.nodes(p.Nodes), as.edges(p.Edges), p.Count, p.Truncated}}, nil
}

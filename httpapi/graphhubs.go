package httpapi

import (
	"context"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/meshd/meshd/graphsync"
)

// maxHubSearches is how many searches for hubs run at a time: each reads the
// edges of a namespace.
const maxHubSearches = 2

type hubsInput struct {
	ReadInput
	SessionInput
	WhenInput
	ShowInput
	Direction string `query:"direction" enum:"both,outgoing,incoming,out,in" default:"both" doc:"Which edges count"`
	Type      string `query:"type" maxLength:"64" doc:"The only edge type that counts"`
	NodeType  string `query:"node_type" maxLength:"64" doc:"Only nodes of this type"`
	MinDegree uint64 `query:"min_degree" doc:"Only nodes with this many edges or more"`
	Limit     int    `query:"limit" default:"10" minimum:"1" maximum:"1000" doc:"How many nodes at most"`
}

type hubsOutput struct {
	ReadOutput
	Body hubsBody
}

type hubsBody struct {
	Hubs      []hubNode `json:"hubs" nullable:"false" doc:"The highest degree first"`
	Count     int       `json:"count"`
	Counted   uint64    `json:"edges_counted"`
	Truncated bool      `json:"truncated,omitempty" doc:"Not all edges were counted, so that degrees are lower bounds and a node may be missed; or the answer ended for its bytes"`
}

// hubNode is a hub in a detail.
type hubNode struct {
	*graphsync.Hub
	as shown
}

// MarshalJSON implements json.Marshaler.
func (n hubNode) MarshalJSON() ([]byte, error) {
	b, err := shownNode{&n.Node, n.as}.MarshalJSON()
	if err != nil {
		return nil, err
	}
	b = strconv.AppendUint(append(b[:len(b)-1], `,"degree":`...), n.Degree, 10)
	b = strconv.AppendUint(append(b, `,"out":`...), n.Out, 10)
	b = strconv.AppendUint(append(b, `,"in":`...), n.In, 10)
	return append(b, '}'), nil
}

// Schema implements huma.SchemaProvider.
func (hubNode) Schema(r huma.Registry) *huma.Schema {
	return partly[graphsync.Hub](r, "HubNode", "id", "degree", "out", "in")
}

func (a *API) hubs() func(context.Context, *hubsInput) (*hubsOutput, error) {
	slots := make(chan struct{}, maxHubSearches)
	return func(ctx context.Context, in *hubsInput) (*hubsOutput, error) {
		o, when, err := timed(in.ReadInput, in.WhenInput)
		if err != nil {
			return nil, err
		}
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			return nil, Fail(CodeOverloaded, "%d searches for hubs are at work, which is as many as this node takes", maxHubSearches)
		}
		h, info, err := a.cfg.Graph.Hubs(ctx, o, graphsync.HubsQuery{
			Namespace: in.SessionID, Direction: graphsync.Direction(in.Direction), EdgeType: in.Type, NodeType: in.NodeType,
			MinDegree: in.MinDegree, Limit: in.Limit, When: when, Answer: in.answer(),
		})
		if err != nil {
			return nil, refusedRead(ctx, info, err)
		}
		body := hubsBody{make([]hubNode, len(h.Hubs)), h.Count, h.Counted, h.Truncated}
		for i := range h.Hubs {
			body.Hubs[i] = hubNode{&h.Hubs[i], in.shown()}
		}
		return &hubsOutput{Read(info), body}, nil
	}
}

type degreeInput struct {
	ReadInput
	SessionInput
	NodeInput
	WhenInput
	Direction string `query:"direction" enum:"both,outgoing,incoming,out,in" default:"both" doc:"Which edges count"`
	Type      string `query:"type" maxLength:"2100" doc:"The only edge types that count, with commas between"`
}

type degreeOutput struct {
	ReadOutput
	Body graphsync.Degree
}

func (a *API) degree(ctx context.Context, in *degreeInput) (*degreeOutput, error) {
	o, when, err := timed(in.ReadInput, in.WhenInput)
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	d, info, err := a.cfg.Graph.DegreeOf(ctx, o, graphsync.DegreeQuery{
		Namespace: in.SessionID, ID: in.ID, Key: in.Key, Direction: graphsync.Direction(in.Direction), Types: split(in.Type), When: when,
	})
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &degreeOutput{Read(info), d}, nil
}

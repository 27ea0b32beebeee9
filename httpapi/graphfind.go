package httpapi

import (
	"context"

	"github.com/meshd/meshd/graphsync"
)

type findNodesInput struct {
	ReadInput
	SessionInput
	PageInput
	WhenInput
	ShowInput
	Key      string `query:"key" maxLength:"512" doc:"The node that has this key"`
	Label    string `query:"label" maxLength:"1024" doc:"Nodes of exactly this label, but for case, width and runs of spaces"`
	Prefix   string `query:"prefix" maxLength:"1024" doc:"Nodes whose label begins so"`
	Contains string `query:"contains" maxLength:"1024" doc:"Nodes whose label contains this"`
	NodeType string `query:"node_type" maxLength:"64"`
}

// findNodes finds nodes by one of key, label, prefix and contains. As of another
// time those found by label are looked for among all nodes, and come newest first.
func (a *API) findNodes(ctx context.Context, in *findNodesInput) (*nodePageOutput, error) {
	o, when, err := timed(in.ReadInput, in.WhenInput)
	if err != nil {
		return nil, err
	}
	q := graphsync.FindQuery{Namespace: in.SessionID, Type: in.NodeType, Limit: in.Limit, Cursor: in.Cursor, When: when, Answer: in.answer()}
	ways, field := 0, "key"
	for _, way := range []struct {
		name, text string
		match      graphsync.Match
	}{
		{"key", in.Key, ""}, {"label", in.Label, graphsync.MatchExact},
		{"prefix", in.Prefix, graphsync.MatchPrefix}, {"contains", in.Contains, graphsync.MatchContains},
	} {
		if way.text != "" {
			ways++
			field, q.Text, q.Match = way.name, way.text, way.match
		}
	}
	switch {
	case ways != 1:
		return nil, invalid("query."+field, "give one of key, label, prefix and contains")
	case in.Key != "":
		return a.nodeByKey(ctx, o, when, in.shown(), in.SessionID, in.Key, in.NodeType)
	}
	p, info, err := a.cfg.Graph.Find(ctx, o, q)
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return nodePage(info, &p, in.shown()), nil
}

type graphStatsInput struct {
	ReadInput
	SessionInput
}

type graphStatsOutput struct {
	ReadOutput
	Body graphsync.Stats
}

func (a *API) graphStats(ctx context.Context, in *graphStatsInput) (*graphStatsOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	st, info, err := a.cfg.Graph.Stats(ctx, o, in.SessionID)
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &graphStatsOutput{Read(info), st}, nil
}

type namespacesInput struct {
	ReadInput
	PageInput
}

type namespacesOutput struct {
	ReadOutput
	Body graphsync.NamespacePage
}

func (a *API) namespaces(ctx context.Context, in *namespacesInput) (*namespacesOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	p, info, err := a.cfg.Graph.Namespaces(ctx, o, in.Limit, in.Cursor)
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &namespacesOutput{Read(info), p}, nil
}

package httpapi

import (
	"context"
	"strconv"
	"strings"

	"github.com/meshd/meshd/graphsync"
)

type neighborsInput struct {
	ReadInput
	SessionInput
	NodeInput
	WhenInput
	ShowInput
	Direction string `query:"direction" enum:"both,outgoing,incoming,out,in" default:"both" doc:"Which edges to follow"`
	Depth     int    `query:"depth" default:"1" minimum:"1" maximum:"10" doc:"How many edges away"`
	Type      string `query:"type" maxLength:"2100" doc:"The only edge types to follow, with commas between"`
	Limit     int    `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"How many nodes at most"`
	PerNode   int    `query:"per_node" minimum:"1" maximum:"1000" doc:"How many nodes are reached from any one at most"`
}

// NodeInput names a node.
type NodeInput struct {
	ID  uint64 `query:"id" minimum:"1" doc:"The node, by id"`
	Key string `query:"key" maxLength:"512" doc:"The node, by key or alias"`
}

func (in NodeInput) check() error {
	if (in.ID == 0) == (in.Key == "") {
		return invalid("query.id", "name the node by id or by key")
	}
	return nil
}

type neighborsOutput struct {
	ReadOutput
	Body neighborsBody
}

type neighborsBody struct {
	Start     shownNode   `json:"start"`
	Nodes     []nearNode  `json:"nodes" nullable:"false" doc:"The nearest first"`
	Edges     []shownEdge `json:"edges" nullable:"false" doc:"Those met on the way whose ends are both here"`
	Count     int         `json:"count"`
	Truncated bool        `json:"truncated,omitempty" doc:"There was more: the edges of one node come in pages from /graph/edges"`
	Capped    []uint64    `json:"capped,omitempty" doc:"Nodes from which more would have been reached but for per_node"`
}

func (a *API) neighbors(ctx context.Context, in *neighborsInput) (*neighborsOutput, error) {
	o, when, err := timed(in.ReadInput, in.WhenInput)
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	n, info, err := a.cfg.Graph.Neighbors(ctx, o, graphsync.NeighborQuery{
		Namespace: in.SessionID, ID: in.ID, Key: in.Key, Direction: graphsync.Direction(in.Direction),
		Depth: in.Depth, Types: split(in.Type), Limit: in.Limit, PerNode: in.PerNode, When: when, Answer: in.answer(),
	})
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	as := in.shown()
	near := make([]nearNode, len(n.Nodes))
	for i := range n.Nodes {
		near[i] = nearNode{&n.Nodes[i], as}
	}
	return &neighborsOutput{Read(info), neighborsBody{shownNode{&n.Start, as}, near, as.edges(n.Edges), n.Count, n.Truncated, n.Capped}}, nil
}

// split reads a list with commas between.
func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

type pathInput struct {
	ReadInput
	SessionInput
	WhenInput
	ShowInput
	EndsInput
}

// EndsInput names two nodes and the ways between them that count.
type EndsInput struct {
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
	Body pathBody
}

type pathBody struct {
	Found     bool        `json:"found"`
	Length    int         `json:"length"`
	Nodes     []shownNode `json:"nodes" nullable:"false"`
	Edges     []shownEdge `json:"edges" nullable:"false"`
	Truncated bool        `json:"truncated,omitempty" doc:"The search ended early: a path may exist"`
	Detail    string      `json:"detail,omitempty" doc:"Less than was asked for, to keep within the bytes"`
}

func (a *API) path(ctx context.Context, in *pathInput) (*pathOutput, error) {
	o, when, err := timed(in.ReadInput, in.WhenInput)
	if err != nil {
		return nil, err
	}
	q, err := in.query(in.SessionID)
	if err != nil {
		return nil, err
	}
	q.When, q.Answer = when, in.answer()
	p, info, err := a.cfg.Graph.Path(ctx, o, q)
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	as := in.shown().less(p.Detail)
	return &pathOutput{Read(info), pathBody{p.Found, p.Length, as.nodes(p.Nodes), as.edges(p.Edges), p.Truncated, string(p.Detail)}}, nil
}

func (in EndsInput) query(namespace string) (q graphsync.PathQuery, err error) {
	q = graphsync.PathQuery{Namespace: namespace, MaxDepth: in.MaxDepth, Direction: graphsync.Direction(in.Direction), Type: in.Type}
	if q.From, q.FromKey, err = end("from", in.From, in.FromKey); err != nil {
		return q, err
	}
	q.To, q.ToKey, err = end("to", in.To, in.ToKey)
	return q, err
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

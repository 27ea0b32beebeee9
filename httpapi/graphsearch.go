package httpapi

import (
	"context"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// Searcher is what the search routes ask. *graphsync.Service implements it.
type Searcher interface {
	Search(ctx context.Context, ro consensus.ReadOptions, q graphsync.SearchQuery) (graphsync.SearchPage, consensus.ReadInfo, error)
}

type searchOutput struct {
	ReadOutput
	Body searchBody
}

// searchBody is a page of nodes; where the search index found them, each hit
// says why the node in its place is there.
type searchBody struct {
	Nodes         []shownNode `json:"nodes" nullable:"false"`
	Count         int         `json:"count"`
	Cursor        string      `json:"cursor,omitempty" doc:"Where the next page begins; absent on the last one"`
	Truncated     bool        `json:"truncated,omitempty" doc:"The page ended short of the limit, for its bytes or because too few of what was looked at matched"`
	Mode          string      `json:"mode,omitempty" doc:"What the search went by; absent where labels were compared"`
	Hits          []searchHit `json:"hits,omitempty" doc:"One for each node, in the same order"`
	IndexRevision uint64      `json:"index_revision,omitempty" doc:"The revision the search index had reached"`
	Partial       bool        `json:"partial,omitempty" doc:"The query was too much work to be done to the end: there may be better hits"`
}

type searchHit struct {
	ID         uint64   `json:"id"`
	Score      float64  `json:"score,omitempty"`
	Field      string   `json:"field,omitempty" enum:"label,key,alias,type,property,observation"`
	Name       string   `json:"name,omitempty" doc:"Which property or observation"`
	Snippet    string   `json:"snippet,omitempty"`
	Highlights [][2]int `json:"highlights,omitempty" doc:"Places in the snippet, from and to, in characters (Unicode code points)"`
}

type searchNodesInput struct {
	ReadInput
	SessionInput
	PageInput
	ShowInput
	Q             string `query:"q" required:"true" maxLength:"2048" doc:"The text to look for"`
	Match         string `query:"match" enum:"exact,prefix,contains,words,substring" default:"contains" doc:"exact, prefix, contains: how labels are compared, ignoring case, width and runs of spaces. words: ranked full text over labels, keys, aliases, types, properties and observations, with +must -not \"a phrase\" begin* near~ . substring: any of these texts contains q"`
	NodeType      string `query:"node_type" maxLength:"64"`
	Language      string `query:"language" maxLength:"8" doc:"With words: whose forms of words count as the same (en, de, fr…, none); by the script if left out"`
	UpdatedSince  string `query:"updated_since" maxLength:"40" doc:"With words and substring: last changed then or later (RFC 3339)"`
	UpdatedBefore string `query:"updated_before" maxLength:"40" doc:"With words and substring: last changed before then (RFC 3339)"`
	Near          uint64 `query:"near" doc:"With words: the id of a node; what is at most two edges from it is ranked higher"`
}

// searchNodes compares labels, or asks the search index.
func (a *API) searchNodes(ctx context.Context, in *searchNodesInput) (*searchOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	mode := graphsync.SearchMode(in.Match)
	if mode == graphsync.SearchWords || mode == graphsync.SearchSubstring {
		q := graphsync.SearchQuery{Namespace: in.SessionID, Text: in.Q, Mode: mode, Language: in.Language, Near: in.Near,
			Limit: in.Limit, Cursor: in.Cursor, Answer: in.answer()}
		if in.NodeType != "" {
			q.Types = []string{in.NodeType}
		}
		filter, err := FilterInput{UpdatedSince: in.UpdatedSince, UpdatedBefore: in.UpdatedBefore}.filter()
		if err != nil {
			return nil, err
		}
		q.UpdatedSince, q.UpdatedBefore = filter.UpdatedSince, filter.UpdatedBefore
		return a.search(ctx, o, q, in.shown(), "query")
	}
	if in.Language+in.UpdatedSince+in.UpdatedBefore != "" || in.Near != 0 {
		return nil, invalid("query.match", "language, updated_since, updated_before and near go with words and substring only")
	}
	p, info, err := a.cfg.Graph.Find(ctx, o, graphsync.FindQuery{
		Namespace: in.SessionID, Text: in.Q, Match: graphsync.Match(in.Match), Type: in.NodeType, Limit: in.Limit, Cursor: in.Cursor, Answer: in.answer(),
	})
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &searchOutput{Read(info), searchBody{Nodes: in.shown().nodes(p.Nodes), Count: p.Count, Cursor: p.Cursor, Truncated: p.Truncated}}, nil
}

type searchGraphInput struct {
	ReadInput
	Body struct {
		SessionID     string     `json:"session_id" maxLength:"128" doc:"The namespace"`
		Q             string     `json:"q,omitempty" maxLength:"2048" doc:"Words, with +must -not \"a phrase\" begin* near~; or, with mode substring, a part of a text"`
		Mode          string     `json:"mode,omitempty" enum:"words,vector,fused,substring" doc:"If left out: fused where there is a text and a vector, else what there is"`
		Language      string     `json:"language,omitempty" maxLength:"8" doc:"Whose forms of words count as the same (en, de, fr…, none); by the script if left out"`
		Vector        []float32  `json:"vector,omitempty" maxItems:"4096"`
		Model         string     `json:"model,omitempty" maxLength:"128" doc:"What made the vector: it is compared with those of the same model and dimension"`
		Metric        string     `json:"metric,omitempty" enum:"cosine,dot" doc:"cosine if left out"`
		Types         []string   `json:"types,omitempty" maxItems:"32" doc:"Node types; any if left out"`
		UpdatedSince  *time.Time `json:"updated_since,omitempty"`
		UpdatedBefore *time.Time `json:"updated_before,omitempty"`
		ValidAt       *time.Time `json:"valid_at,omitempty" doc:"Observations as they were true then; now if left out"`
		Near          uint64     `json:"near,omitempty" doc:"The id of a node; what is at most two edges from it is ranked higher"`
		Limit         int        `json:"limit,omitempty" minimum:"1" maximum:"1000" default:"20"`
		Cursor        string     `json:"cursor,omitempty" maxLength:"64"`
		Detail        string     `json:"detail,omitempty" enum:"ids,summary,full"`
		Budget        int        `json:"budget,omitempty" minimum:"1024" maximum:"983040" doc:"How many bytes of JSON the answer has at most"`
	}
}

// searchGraph is searchNodes with a body, which a vector needs.
func (a *API) searchGraph(ctx context.Context, in *searchGraphInput) (*searchOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	b := &in.Body
	q := graphsync.SearchQuery{Namespace: b.SessionID, Text: b.Q, Mode: graphsync.SearchMode(b.Mode), Language: b.Language, Vector: b.Vector, Model: b.Model,
		Dot: b.Metric == "dot", Types: b.Types, Near: b.Near, Limit: b.Limit, Cursor: b.Cursor, Answer: graphsync.Answer{Detail: graphsync.Show(b.Detail), Budget: b.Budget}}
	for _, t := range []struct{ from, to *time.Time }{{b.UpdatedSince, &q.UpdatedSince}, {b.UpdatedBefore, &q.UpdatedBefore}, {b.ValidAt, &q.ValidAt}} {
		if t.from != nil {
			*t.to = *t.from
		}
	}
	return a.search(ctx, o, q, shown(b.Detail), "body")
}

func (a *API) search(ctx context.Context, o consensus.ReadOptions, q graphsync.SearchQuery, as shown, place string) (*searchOutput, error) {
	p, info, err := a.cfg.Graph.Search(ctx, o, q)
	if err != nil {
		return nil, named(ctx, err, place)
	}
	out := &searchOutput{Read(info), searchBody{Mode: string(p.Mode), IndexRevision: p.IndexRevision, Partial: p.Partial}}
	out.Body.Nodes, out.Body.Count = make([]shownNode, len(p.Hits)), len(p.Hits)
	out.Body.Cursor, out.Body.Truncated = p.Cursor, p.Truncated
	for i := range p.Hits {
		h := &p.Hits[i]
		out.Body.Nodes[i] = shownNode{&h.Node, as}
		out.Body.Hits = append(out.Body.Hits, searchHit{h.Node.ID, h.Score, h.Field, h.Name, h.Snippet, h.Highlights})
	}
	return out, nil
}

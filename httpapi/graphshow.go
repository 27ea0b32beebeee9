package httpapi

import (
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/meshd/meshd/graphsync"
)

// BudgetInput bounds an answer.
type BudgetInput struct {
	Budget int `query:"budget" minimum:"1024" maximum:"983040" default:"983040" doc:"How many bytes of JSON the answer has at most; what is cut is said by truncated, with a cursor where there are pages"`
}

// ShowInput says how much of each thing a read shows, and in how many bytes.
type ShowInput struct {
	BudgetInput
	Detail string `query:"detail" enum:"ids,summary,full" default:"full" doc:"How much of each thing is shown: ids and keys; types, labels and short properties too; or all"`
}

func (in ShowInput) answer() graphsync.Answer {
	return graphsync.Answer{Detail: graphsync.Show(in.Detail), Budget: in.Budget}
}

// shown is how an answer's things are written.
type shown graphsync.Show

func (in ShowInput) shown() shown { return shown(in.Detail) }

// less is how the things are written where the graph gave less detail.
func (s shown) less(d graphsync.Show) shown {
	if d != "" {
		return shown(d)
	}
	return s
}

func (s shown) node(b []byte, n *graphsync.Node) ([]byte, error) {
	switch graphsync.Show(s) {
	case graphsync.ShowIDs:
		return appendNodeRef(b, n), nil
	case graphsync.ShowSummary:
		return appendValue(b, n.Summary())
	}
	return appendNode(b, n), nil
}

func appendNodeRef(b []byte, n *graphsync.Node) []byte {
	b = strconv.AppendUint(append(b, `{"id":`...), n.ID, 10)
	if n.Key != "" {
		b = appendText(append(b, `,"key":`...), n.Key)
	}
	return append(b, '}')
}

func (s shown) edge(b []byte, e *graphsync.Edge) ([]byte, error) {
	switch graphsync.Show(s) {
	case graphsync.ShowIDs:
		return appendValue(b, e.Ref())
	case graphsync.ShowSummary:
		return appendValue(b, e.Summary())
	}
	return appendEdge(b, e), nil
}

// shownNode and shownEdge are a node and an edge in a detail; nearNode has
// its distance beside it.
type (
	shownNode struct {
		*graphsync.Node
		as shown
	}
	shownEdge struct {
		*graphsync.Edge
		as shown
	}
	nearNode struct {
		*graphsync.Neighbor
		as shown
	}
)

// MarshalJSON implements json.Marshaler.
func (n shownNode) MarshalJSON() ([]byte, error) {
	return n.as.node(make([]byte, 0, 320+len(n.Label)+len(n.Properties)), n.Node)
}

// MarshalJSON implements json.Marshaler.
func (e shownEdge) MarshalJSON() ([]byte, error) {
	return e.as.edge(make([]byte, 0, 320+len(e.Properties)), e.Edge)
}

// MarshalJSON implements json.Marshaler.
func (n nearNode) MarshalJSON() ([]byte, error) {
	b, err := shownNode{&n.Node, n.as}.MarshalJSON()
	if err != nil {
		return nil, err
	}
	b = strconv.AppendInt(append(b[:len(b)-1], `,"depth":`...), int64(n.Depth), 10)
	return append(b, '}'), nil
}

// Schema implements huma.SchemaProvider.
func (shownNode) Schema(r huma.Registry) *huma.Schema {
	return partly[graphsync.Node](r, "ShownNode", "id")
}

// Schema implements huma.SchemaProvider.
func (shownEdge) Schema(r huma.Registry) *huma.Schema {
	return partly[graphsync.Edge](r, "ShownEdge", "id", "source_id", "target_id")
}

// Schema implements huma.SchemaProvider.
func (nearNode) Schema(r huma.Registry) *huma.Schema {
	return partly[graphsync.Neighbor](r, "NearNode", "id", "depth")
}

// partly describes a thing of which the detail asked for may leave out all but
// some fields.
func partly[T any](r huma.Registry, name string, always ...string) *huma.Schema {
	if r.Map()[name] == nil {
		whole := *r.Schema(reflect.TypeFor[T](), false, name)
		whole.Required = always
		whole.Description = "With detail=full all fields that are set; with less, fewer"
		r.Map()[name] = &whole
	}
	return &huma.Schema{Ref: "#/components/schemas/" + name}
}

// shownNodes is a list of nodes in a detail.
func (s shown) nodes(list []graphsync.Node) []shownNode {
	out := make([]shownNode, len(list))
	for i := range list {
		out[i] = shownNode{&list[i], s}
	}
	return out
}

func (s shown) edges(list []graphsync.Edge) []shownEdge {
	out := make([]shownEdge, len(list))
	for i := range list {
		out[i] = shownEdge{&list[i], s}
	}
	return out
}

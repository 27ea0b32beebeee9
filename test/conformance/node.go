package conformance

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
	"github.com/meshd/meshd/httpapi/client"
)

// ErrCannotHold says that a target's store has no room for something in a graph,
// or in parameters, that the query language has.
var ErrCannotHold = errors.New("the store cannot hold it")

// Node asks a node of a mesh over HTTPS. Every graph gets a namespace of its own;
// the namespaces stay, so the mesh should be one for tests.
//
// The labels of a node are its type, with colons between them. What the store
// wants besides is made up: a node's label is n and its number.
type Node struct {
	client    *client.Client
	run       string
	graphs    int
	namespace string
}

// NewNode makes a target of the node at an address, https://HOST:PORT, whose key
// has this pin.
func NewNode(address, pin, apiKey string) (*Node, error) {
	c, err := client.New(client.Config{Nodes: []client.Node{{URL: address, Pin: pin}}, Key: apiKey})
	if err != nil {
		return nil, err
	}
	return &Node{client: c, run: "conformance-" + rand.Text()[:10]}, nil
}

// Close lets go of the connections.
func (n *Node) Close() { n.client.Close() }

type batch struct {
	Namespace string         `json:"session_id"`
	Ops       []graphsync.Op `json:"ops"`
}

// maxBatch is less than a batch may have, as their texts may be long.
const maxBatch = 1000

// Load writes the graph to a new namespace.
func (n *Node) Load(ctx context.Context, g *graph.Memory) error {
	n.graphs++
	n.namespace = n.run + "-" + strconv.Itoa(n.graphs)
	nodes, err := nodeOps(ctx, g)
	if err != nil {
		return err
	}
	ids, err := n.write(ctx, nodes)
	if err != nil {
		return err
	}
	rels, err := relOps(ctx, g, ids)
	if err != nil {
		return err
	}
	_, err = n.write(ctx, rels)
	return err
}

// write gives the ids of what the operations made.
func (n *Node) write(ctx context.Context, ops []graphsync.Op) ([]uint64, error) {
	var ids []uint64
	for part := range slices.Chunk(ops, maxBatch) {
		var out struct {
			Results []graphsync.OpResult `json:"results"`
		}
		err := n.client.Do(ctx, client.Request{Method: http.MethodPost, Path: "/graph/batch", Body: batch{n.namespace, part}, Idempotency: rand.Text()}, &out)
		if client.IsCode(err, graphsync.CodeInvalid) || client.IsCode(err, graphsync.CodeTooLarge) {
			return nil, fmt.Errorf("%w: %w", ErrCannotHold, err)
		}
		if err != nil {
			return nil, fmt.Errorf("writing the graph: %w", err)
		}
		for _, r := range out.Results {
			ids = append(ids, r.ID)
		}
	}
	return ids, nil
}

func nodeOps(ctx context.Context, g *graph.Memory) (ops []graphsync.Op, err error) {
	var failed error
	err = g.Nodes(ctx, "", func(id uint64) bool {
		var node *graph.Node
		if node, _, failed = g.Node(ctx, id); failed != nil {
			return false
		}
		op := graphsync.Op{Op: graphsync.OpCreateNode, Type: strings.Join(node.Labels, ":")}
		if op.Type == "" {
			op.Type = graphsync.Untyped
		}
		for _, l := range node.Labels {
			if strings.Contains(l, ":") {
				failed = fmt.Errorf("%w: the label %q has a colon in it", ErrCannotHold, l)
			}
		}
		for _, own := range []string{"key", "label"} {
			if _, ok := node.Properties[own]; ok {
				failed = fmt.Errorf("%w: the property %s is the store's own", ErrCannotHold, own)
			}
		}
		label := "n" + strconv.FormatUint(id, 10)
		op.Label = &label
		if failed == nil {
			op.Properties, failed = jsonOf(node.Properties)
		}
		ops = append(ops, op)
		return failed == nil
	})
	return ops, errors.Join(err, failed)
}

func relOps(ctx context.Context, g *graph.Memory, ids []uint64) (ops []graphsync.Op, err error) {
	var failed error
	err = g.EachRel(ctx, nil, func(r value.Rel) bool {
		op := graphsync.Op{Op: graphsync.OpCreateEdge, Type: r.Type, SourceID: ids[r.From], TargetID: ids[r.To]}
		var props value.Map
		if props, failed = g.RelProperties(ctx, &r); failed == nil {
			op.Properties, failed = jsonOf(props)
		}
		ops = append(ops, op)
		return failed == nil
	})
	return ops, errors.Join(err, failed)
}

// jsonOf writes properties or parameters as JSON, which has no temporal values,
// nodes, or numbers that are none.
func jsonOf(m value.Map) (json.RawMessage, error) {
	plain, err := plainOf(value.MapOf(m))
	if err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

func plainOf(v value.Value) (any, error) {
	switch v.Kind() {
	case value.KindNull:
		return nil, nil
	case value.KindBool:
		return v.AsBool(), nil
	case value.KindInt:
		return v.AsInt(), nil
	case value.KindFloat:
		text := value.Format(v, nil)
		if strings.Contains(text, "N") || strings.Contains(text, "I") {
			return nil, fmt.Errorf("%w: JSON cannot tell %s", ErrCannotHold, text)
		}
		return json.Number(text), nil
	case value.KindString:
		return v.AsString(), nil
	case value.KindList:
		list := []any{}
		for _, x := range v.AsList() {
			plain, err := plainOf(x)
			if err != nil {
				return nil, err
			}
			list = append(list, plain)
		}
		return list, nil
	case value.KindMap:
		m := map[string]any{}
		for k, x := range v.AsMap() {
			plain, err := plainOf(x)
			if err != nil {
				return nil, err
			}
			m[k] = plain
		}
		return m, nil
	}
	return nil, fmt.Errorf("%w: JSON cannot tell %s", ErrCannotHold, v.Kind())
}

// Run asks the node.
func (n *Node) Run(ctx context.Context, query string, params value.Map) ([]string, [][]string, error) {
	given, err := jsonOf(params)
	if err != nil {
		return nil, nil, err
	}
	var out struct {
		Columns []string   `json:"columns"`
		Rows    [][]string `json:"rows"`
	}
	err = n.client.Do(ctx, client.Request{Method: http.MethodPost, Path: "/graph/query", AfterWrites: true, Body: map[string]any{
		"session_id": n.namespace, "query": query, "parameters": given, "format": "literal", "timeout": "10s",
	}}, &out)
	return out.Columns, out.Rows, faultOf(err)
}

// faultOf makes of a node's refusal of a query what the language said.
func faultOf(err error) error {
	var e *client.Error
	if !errors.As(err, &e) || e.Code != graphsync.CodeQuery && e.Code != graphsync.CodeQueryLimit {
		return err
	}
	text := func(name string) string { s, _ := e.Details[name].(string); return s }
	return &fault.Error{
		Class: fault.Class(text("class")), Detail: text("detail"), Compile: text("phase") == "compile time",
		Message: e.Sentence, Limit: text("limit"),
	}
}

package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

type nodePageOutput struct {
	ReadOutput
	Body graphsync.NodePage
}

type nodeOutput struct {
	ReadOutput
	ETag string `header:"ETag" doc:"The node's version, for If-Match"`
	Body graphsync.Node
}

type nodeWritten struct {
	WriteOutput
	ETag     string `header:"ETag" doc:"The node's version, for If-Match"`
	Location string `header:"Location"`
	Body     graphsync.Node
}

func nodeWrote(n graphsync.Node, out consensus.Outcome) *nodeWritten {
	return &nodeWritten{Wrote(out), ETag(n.Version), "/graph/nodes/" + strconv.FormatUint(n.ID, 10), n}
}

type listNodesInput struct {
	ReadInput
	SessionInput
	PageInput
	NodeType string `query:"node_type" maxLength:"64"`
	Key      string `query:"key" maxLength:"512" doc:"Only the node that has this key"`
}

func (a *API) listNodes(ctx context.Context, in *listNodesInput) (*nodePageOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	if in.Key != "" {
		return a.nodeByKey(ctx, o, in.SessionID, in.Key, in.NodeType)
	}
	p, info, err := a.cfg.Graph.ListNodes(ctx, o, graphsync.NodeQuery{Namespace: in.SessionID, Type: in.NodeType, Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &nodePageOutput{Read(info), p}, nil
}

// nodeByKey is a list of the one node that has a key, or of none.
func (a *API) nodeByKey(ctx context.Context, o consensus.ReadOptions, namespace, key, typ string) (*nodePageOutput, error) {
	p := graphsync.NodePage{Nodes: []graphsync.Node{}}
	n, info, err := a.cfg.Graph.GetNodeByKey(ctx, o, namespace, key)
	var r *consensus.Refusal
	switch {
	case errors.As(err, &r) && r.Code == graphsync.CodeNotFound:
	case err != nil:
		return nil, refusedRead(ctx, info, err)
	case typ == "" || typ == n.NodeType:
		p.Nodes, p.Count = append(p.Nodes, n), 1
	}
	return &nodePageOutput{Read(info), p}, nil
}

type getThingInput struct {
	ReadInput
	ScopeInput
	IDInput
}

func (a *API) getNode(ctx context.Context, in *getThingInput) (*nodeOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	n, info, err := a.cfg.Graph.GetNode(ctx, o, in.SessionID, in.ID)
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &nodeOutput{Read(info), ETag(n.Version), n}, nil
}

type createNodeInput struct {
	WriteInput
	Body struct {
		SessionID  string          `json:"session_id" minLength:"1" maxLength:"128" doc:"The namespace"`
		NodeType   string          `json:"node_type" maxLength:"64" pattern:"^[A-Za-z_][A-Za-z0-9_.:-]*$" patternDescription:"an identifier (letters, digits, _ . : -, beginning with a letter or _)"`
		Label      string          `json:"label" minLength:"1" maxLength:"1024"`
		Key        *string         `json:"key,omitempty" minLength:"1" maxLength:"512" doc:"Unique in the namespace, ignoring case, width and runs of spaces"`
		Properties json.RawMessage `json:"properties,omitempty" doc:"An object, at most 64 KiB"`
	}
}

func (a *API) createNode(ctx context.Context, in *createNodeInput) (*nodeWritten, error) {
	wo, err := writeOptions(ctx)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	node := graphsync.NewNode{SessionID: b.SessionID, NodeType: b.NodeType, Label: b.Label, Properties: absent(b.Properties)}
	if b.Key != nil {
		node.Key = *b.Key
	}
	n, out, err := a.cfg.Graph.CreateNode(ctx, wo, node)
	if err != nil {
		return nil, refusedWrite(ctx, out, err)
	}
	return nodeWrote(n, out), nil
}

type updateNodeInput struct {
	WriteInput
	MatchInput
	ScopeInput
	IDInput
	Body struct {
		NodeType   *string         `json:"node_type,omitempty" maxLength:"64" pattern:"^[A-Za-z_][A-Za-z0-9_.:-]*$" patternDescription:"an identifier (letters, digits, _ . : -, beginning with a letter or _)"`
		Label      *string         `json:"label,omitempty" minLength:"1" maxLength:"1024"`
		Properties json.RawMessage `json:"properties,omitempty" doc:"An object; it replaces the old one whole unless merge is set"`
		Merge      bool            `json:"merge,omitempty" doc:"Merge the properties into the old ones, where null removes one (RFC 7396)"`
	}
}

func (a *API) updateNode(ctx context.Context, in *updateNodeInput) (*nodeWritten, error) {
	wo, version, match, err := changeOptions(ctx, in.MatchInput)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	n, out, err := a.cfg.Graph.UpdateNode(ctx, wo, in.SessionID, in.ID, graphsync.NodePatch{
		NodeType: b.NodeType, Label: b.Label, Properties: b.Properties, Merge: b.Merge, IfVersion: version,
	})
	if err != nil {
		return nil, refusedWrite(ctx, out, gone(match, true, err))
	}
	return nodeWrote(n, out), nil
}

type deleteThingInput struct {
	WriteInput
	MatchInput
	ScopeInput
	IDInput
}

func (a *API) deleteNode(ctx context.Context, in *deleteThingInput) (*WriteOutput, error) {
	return deleteThing(ctx, in, a.cfg.Graph.DeleteNode)
}

// deleteThing ends a node or an edge. What is absent is as it should be, unless
// the client asked for a version of it.
func deleteThing(ctx context.Context, in *deleteThingInput, end func(context.Context, graphsync.WriteOptions, string, uint64, uint64) (bool, consensus.Outcome, error)) (*WriteOutput, error) {
	wo, version, match, err := changeOptions(ctx, in.MatchInput)
	if err != nil {
		return nil, err
	}
	existed, out, err := end(ctx, wo, in.SessionID, in.ID, version)
	if err = gone(match, existed, err); err != nil {
		return nil, refusedWrite(ctx, out, err)
	}
	w := Wrote(out)
	return &w, nil
}

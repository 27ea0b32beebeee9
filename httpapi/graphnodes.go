package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

type nodePageOutput struct {
	ReadOutput
	Body nodePageBody
}

type nodePageBody struct {
	Nodes     []shownNode `json:"nodes" nullable:"false"`
	Count     int         `json:"count"`
	Cursor    string      `json:"cursor,omitempty" doc:"Where the next page begins; absent on the last one"`
	Truncated bool        `json:"truncated,omitempty" doc:"The page ended short of the limit, for its bytes or because too few of what was looked at matched"`
}

func nodePage(info consensus.ReadInfo, p *graphsync.NodePage, as shown) *nodePageOutput {
	return &nodePageOutput{Read(info), nodePageBody{as.nodes(p.Nodes), p.Count, p.Cursor, p.Truncated}}
}

type nodeOutput struct {
	ReadOutput
	ETag string `header:"ETag" doc:"The node's version, for If-Match"`
	Body shownNode
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
	WhenInput
	ShowInput
	FilterInput
	NodeType string `query:"node_type" maxLength:"64"`
	Key      string `query:"key" maxLength:"512" doc:"Only the node that has this key or alias"`
	Prefix   string `query:"prefix" maxLength:"1024" doc:"Nodes whose label begins so"`
}

func (a *API) listNodes(ctx context.Context, in *listNodesInput) (*nodePageOutput, error) {
	o, when, err := timed(in.ReadInput, in.WhenInput)
	if err != nil {
		return nil, err
	}
	filter, err := in.filter()
	if err != nil {
		return nil, err
	}
	if in.Key != "" {
		if len(in.Where) > 0 || in.UpdatedSince+in.UpdatedBefore+in.Prefix != "" {
			return nil, invalid("query.key", "a key names one node: no other filter but node_type goes with it")
		}
		return a.nodeByKey(ctx, o, when, in.shown(), in.SessionID, in.Key, in.NodeType)
	}
	filter.Prefix = in.Prefix
	p, info, err := a.cfg.Graph.ListNodes(ctx, o, graphsync.NodeQuery{
		Namespace: in.SessionID, Type: in.NodeType, Limit: in.Limit, Cursor: in.Cursor, When: when, Filter: filter, Answer: in.answer(),
	})
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return nodePage(info, &p, in.shown()), nil
}

// nodeByKey is a list of the one node that has a key, or of none.
func (a *API) nodeByKey(ctx context.Context, o consensus.ReadOptions, when graphsync.When, as shown, namespace, key, typ string) (*nodePageOutput, error) {
	p := graphsync.NodePage{Nodes: []graphsync.Node{}}
	n, info, err := a.cfg.Graph.GetNodeByKeyAt(ctx, o, when, namespace, key)
	var r *consensus.Refusal
	switch {
	case errors.As(err, &r) && r.Code == graphsync.CodeNotFound:
	case err != nil:
		return nil, refusedRead(ctx, info, err)
	case typ == "" || typ == n.NodeType:
		p.Nodes, p.Count = append(p.Nodes, n), 1
	}
	return nodePage(info, &p, as), nil
}

type getThingInput struct {
	ReadInput
	ScopeInput
	IDInput
	WhenInput
	ShowInput
}

func (a *API) getNode(ctx context.Context, in *getThingInput) (*nodeOutput, error) {
	o, when, err := timed(in.ReadInput, in.WhenInput)
	if err != nil {
		return nil, err
	}
	n, info, err := a.cfg.Graph.GetNodeAt(ctx, o, when, in.SessionID, in.ID)
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &nodeOutput{Read(info), ETag(n.Version), shownNode{&n, in.shown()}}, nil
}

type createNodeInput struct {
	WriteInput
	Body struct {
		SessionID  string          `json:"session_id" minLength:"1" maxLength:"128" doc:"The namespace"`
		NodeType   string          `json:"node_type" maxLength:"64" pattern:"^[A-Za-z_][A-Za-z0-9_.:-]*$" patternDescription:"an identifier (letters, digits, _ . : -, beginning with a letter or _)"`
		Label      string          `json:"label" minLength:"1" maxLength:"1024"`
		Key        *string         `json:"key,omitempty" minLength:"1" maxLength:"512" doc:"Unique in the namespace, ignoring case, width and runs of spaces"`
		Properties json.RawMessage `json:"properties,omitempty" doc:"An object, at most 64 KiB"`
		ExpiresAt  *time.Time      `json:"expires_at,omitempty" doc:"Ended then by itself"`
	}
}

func (a *API) createNode(ctx context.Context, in *createNodeInput) (*nodeWritten, error) {
	wo, err := writeOptions(ctx)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	node := graphsync.NewNode{SessionID: b.SessionID, NodeType: b.NodeType, Label: b.Label, Properties: absent(b.Properties), ExpiresAt: b.ExpiresAt}
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
		ExpiresAt  *time.Time      `json:"expires_at,omitempty" doc:"Ended then by itself; 0001-01-01T00:00:00Z for never"`
	}
}

func (a *API) updateNode(ctx context.Context, in *updateNodeInput) (*nodeWritten, error) {
	wo, version, match, err := changeOptions(ctx, in.MatchInput)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	n, out, err := a.cfg.Graph.UpdateNode(ctx, wo, in.SessionID, in.ID, graphsync.NodePatch{
		NodeType: b.NodeType, Label: b.Label, Properties: b.Properties, Merge: b.Merge, ExpiresAt: b.ExpiresAt, IfVersion: version,
	})
	if err != nil {
		return nil, refusedWrite(ctx, out, gone(match, true, err))
	}
	return nodeWrote(n, out), nil
}

// updateNodeShort sets or merges properties.
func (a *API) updateNodeShort(c *gin.Context, body []byte) bool {
	id, err := strconv.ParseUint(c.Param("id"), 10, 64)
	if err != nil || id == 0 {
		return false
	}
	var patch graphsync.NodePatch
	var seen uint32
	p := plainJSON{b: body}
	if !p.object(func(name []byte) bool {
		switch string(name) {
		case "properties":
			return once(&seen, 0) && p.rawObject((*[]byte)(&patch.Properties))
		case "merge":
			return once(&seen, 1) && p.bool(&patch.Merge)
		}
		return false
	}) || !p.end() || patch.Properties == nil {
		return false
	}
	ctx := c.Request.Context()
	wo, err := writeOptions(ctx)
	if err != nil {
		a.Refuse(c, err)
		return true
	}
	n, out, err := a.cfg.Graph.UpdateNode(ctx, wo, "", id, patch)
	if err != nil {
		a.Refuse(c, refusedWrite(ctx, out, err))
		return true
	}
	h := c.Writer.Header()
	SetOutcome(h, out)
	h.Set("ETag", ETag(n.Version))
	h["Location"] = []string{"/graph/nodes/" + strconv.FormatUint(n.ID, 10)}
	sendJSON(c.Writer, append(appendNode(make([]byte, 0, 320+len(n.Label)+len(n.Properties)), &n), '\n'))
	return true
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

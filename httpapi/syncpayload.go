package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/meshd/meshd/graphsync"
)

// The payloads by which older instances hand each other graphs. What they spell
// in another way than the graph is put right here: names of types, and clocks
// in strings.

// olderTypes are the types that older instances know, as the graph has them;
// they spell them in PascalCase.
var (
	olderNodeTypes = pascal("entity", "concept", "fact", "message", "tool_result", "event", "goal")
	olderEdgeTypes = pascal("RELATES_TO", "CAUSED_BY", "PART_OF", "MENTIONS", "FOLLOWS_FROM", "USES", "PRODUCES", "DEPENDS_ON")
)

// spelling takes the graph's names to PascalCase, and back.
type spelling struct{ out, in map[string]string }

func pascal(names ...string) spelling {
	s := spelling{map[string]string{}, map[string]string{}}
	for _, name := range names {
		var b strings.Builder
		for part := range strings.SplitSeq(strings.ToLower(name), "_") {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
		s.out[name], s.in[b.String()] = b.String(), name
	}
	return s
}

// customType is how older instances spell a type that they do not know.
type customType struct {
	Custom string `json:"Custom"`
}

// typeName reads a name in PascalCase, {"Custom": name}, or the graph's own.
func (s spelling) typeName(text json.RawMessage) (string, error) {
	var name string
	if err := json.Unmarshal(text, &name); err == nil {
		if own, ok := s.in[name]; ok {
			return own, nil
		}
		return name, nil
	}
	var c customType
	if err := json.Unmarshal(text, &c); err != nil || c.Custom == "" {
		return "", errors.New(`a type is a name, or {"Custom": name}`)
	}
	return c.Custom, nil
}

// spell is what older instances read. A node's type that they do not know is
// kept, an edge's is a custom one.
func (s spelling) spell(name string, custom bool) json.RawMessage {
	if known, ok := s.out[name]; ok {
		return marshal(known)
	}
	if custom {
		return marshal(customType{name})
	}
	return marshal(name)
}

// clockBody is a vector clock: an object, or JSON of one in a string.
type clockBody struct{ graphsync.VectorClock }

// UnmarshalJSON implements json.Unmarshaler.
func (c *clockBody) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		if b = []byte(text); text == "" {
			return nil
		}
	}
	c.Versions = nil
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	if err := json.Unmarshal(b, &c.VectorClock); err != nil {
		return errors.New(`a vector clock is {"versions":{instance:count}}`)
	}
	return nil
}

type syncedNode struct {
	graphsync.SyncedNode
	NodeType    json.RawMessage `json:"node_type"`
	VectorClock clockBody       `json:"vector_clock"`
}

type syncedEdge struct {
	graphsync.SyncedEdge
	EdgeType    json.RawMessage `json:"edge_type"`
	VectorClock clockBody       `json:"vector_clock"`
	Weight      *float64        `json:"weight"`
}

type syncTombstone struct {
	graphsync.SyncTombstone
	VectorClock clockBody `json:"vector_clock"`
}

// payloadBody is a payload as older instances spell it. What else they put into
// it (embedding_id, conflict_info) means nothing here.
type payloadBody struct {
	SyncType      string          `json:"sync_type"`
	SessionID     string          `json:"session_id"`
	GraphName     string          `json:"graph_name"`
	VectorClock   clockBody       `json:"vector_clock"`
	Nodes         []syncedNode    `json:"nodes"`
	Edges         []syncedEdge    `json:"edges"`
	Tombstones    []syncTombstone `json:"tombstones"`
	CorrelationID *string         `json:"correlation_id,omitempty"`
}

// Schema implements huma.SchemaProvider. Fields of older instances that mean
// nothing here must pass.
func (payloadBody) Schema(huma.Registry) *huma.Schema {
	list := func(of string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeArray, Nullable: true, Description: of, Items: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}
	}
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Required: []string{"sync_type", "session_id"},
		Properties: map[string]*huma.Schema{
			"sync_type":    {Type: huma.TypeString, Enum: []any{"full", "incremental", "ack", "conflict", "request_full", "request_incremental"}},
			"session_id":   {Type: huma.TypeString},
			"graph_name":   {Type: huma.TypeString, Nullable: true, Description: "default if left out"},
			"vector_clock": {Description: `{"versions":{instance:count}}: what the sender has seen`},
			"nodes": list("{id, session_id, node_type (PascalCase), label, properties, created_at, updated_at, vector_clock, " +
				"last_modified_by, is_deleted, sync_enabled}"),
			"edges": list(`{id, session_id, source_id, target_id, edge_type (PascalCase or {"Custom": name}), predicate, properties, weight, ` +
				"temporal_start, temporal_end, created_at, vector_clock, last_modified_by, is_deleted, sync_enabled}"),
			"tombstones":     list("{entity_type, entity_id, vector_clock, deleted_by, deleted_at}"),
			"correlation_id": {Type: huma.TypeString, Nullable: true},
		}}
}

// payload is the body as the graph takes it. Its error names the field.
func (p *payloadBody) payload() (out graphsync.SyncPayload, err error) {
	out = graphsync.SyncPayload{SyncType: p.SyncType, SessionID: p.SessionID, GraphName: p.GraphName, VectorClock: p.VectorClock.VectorClock}
	for i := range p.Nodes {
		n := p.Nodes[i].SyncedNode
		n.VectorClock, n.Properties = p.Nodes[i].VectorClock.VectorClock, absent(n.Properties)
		if n.NodeType, err = olderNodeTypes.typeName(p.Nodes[i].NodeType); err != nil {
			return out, invalid(fmt.Sprintf("body.nodes[%d].node_type", i), err.Error())
		}
		out.Nodes = append(out.Nodes, n)
	}
	for i := range p.Edges {
		e := p.Edges[i].SyncedEdge
		e.VectorClock, e.Weight, e.Properties = p.Edges[i].VectorClock.VectorClock, 1, absent(e.Properties)
		if w := p.Edges[i].Weight; w != nil {
			e.Weight = *w
		}
		if e.EdgeType, err = olderEdgeTypes.typeName(p.Edges[i].EdgeType); err != nil {
			return out, invalid(fmt.Sprintf("body.edges[%d].edge_type", i), err.Error())
		}
		out.Edges = append(out.Edges, e)
	}
	for i := range p.Tombstones {
		t := p.Tombstones[i].SyncTombstone
		t.VectorClock = p.Tombstones[i].VectorClock.VectorClock
		out.Tombstones = append(out.Tombstones, t)
	}
	return out, nil
}

func payloadOf(p *graphsync.SyncPayload) *payloadBody {
	out := &payloadBody{SyncType: p.SyncType, SessionID: p.SessionID, GraphName: p.GraphName, VectorClock: clockBody{p.VectorClock},
		Nodes: make([]syncedNode, len(p.Nodes)), Edges: make([]syncedEdge, len(p.Edges)), Tombstones: make([]syncTombstone, len(p.Tombstones))}
	for i, n := range p.Nodes {
		out.Nodes[i] = syncedNode{n, olderNodeTypes.spell(n.NodeType, false), clockBody{n.VectorClock}}
	}
	for i, e := range p.Edges {
		out.Edges[i] = syncedEdge{e, olderEdgeTypes.spell(e.EdgeType, true), clockBody{e.VectorClock}, &e.Weight}
	}
	for i, t := range p.Tombstones {
		out.Tombstones[i] = syncTombstone{t, clockBody{t.VectorClock}}
	}
	return out
}

type payloadRequest struct {
	ReadInput
	Body struct {
		SessionID   string  `json:"session_id" minLength:"1" maxLength:"128"`
		GraphName   *string `json:"graph_name,omitempty" nullable:"true" maxLength:"128" doc:"default if left out"`
		Instance    string  `json:"requesting_instance" maxLength:"128" doc:"Who asks"`
		VectorClock *string `json:"vector_clock,omitempty" nullable:"true" maxLength:"16384" doc:"JSON of what the asker has seen, {\"versions\":{instance:count}}; the mesh is the instance named by its id"`
	}
}

type payloadOutput struct {
	ReadOutput
	Body struct {
		Success bool         `json:"success"`
		Message string       `json:"message"`
		Payload *payloadBody `json:"payload,omitempty"`
	}
}

// maxPayloadsOut is how many payloads are made at a time: a graph is held whole
// for each.
const maxPayloadsOut = 4

// syncRequest hands out a graph, or what changed in it since the asker's clock.
func (a *API) syncRequest() func(context.Context, *payloadRequest) (*payloadOutput, error) {
	slots := make(chan struct{}, maxPayloadsOut)
	return func(ctx context.Context, in *payloadRequest) (*payloadOutput, error) {
		o, err := in.Options()
		if err != nil {
			return nil, err
		}
		var seen clockBody
		if in.Body.VectorClock != nil {
			if err := seen.UnmarshalJSON([]byte(*in.Body.VectorClock)); err != nil {
				return nil, invalid("body.vector_clock", err.Error())
			}
		}
		graph := ""
		if in.Body.GraphName != nil {
			graph = *in.Body.GraphName
		}
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			return nil, Fail(CodeOverloaded, "%d payloads are being made, which is as many as this node makes at once", maxPayloadsOut)
		}
		p, info, err := a.cfg.Sync.Request(ctx, o, in.Body.SessionID, graph, seen.VectorClock)
		if err != nil {
			return nil, syncError(ctx, refusedRead(ctx, info, err), "body")
		}
		out := &payloadOutput{ReadOutput: Read(info)}
		out.Body.Success, out.Body.Payload = true, payloadOf(&p)
		out.Body.Message = fmt.Sprintf("%s: %d nodes, %d edges, %d that ended", p.SyncType, len(p.Nodes), len(p.Edges), len(p.Tombstones))
		return out, nil
	}
}

type applyInput struct {
	Instance string `query:"instance_id" maxLength:"128" doc:"Who sends, by whose ids the things are known; who modified them if left out"`
	Body     payloadBody
}

type applyOutput struct {
	WriteOutput
	Body struct {
		Success bool                 `json:"success"`
		Message string               `json:"message"`
		Stats   graphsync.ApplyStats `json:"stats"`
	}
}

// syncApply takes over a payload. The clocks say what is news, so that the same
// payload twice is the same as once, and no idempotency key is looked at.
func (a *API) syncApply(ctx context.Context, in *applyInput) (*applyOutput, error) {
	if strings.HasPrefix(in.Body.SyncType, "request_") {
		return nil, invalid("body.sync_type", "a payload of that type asks for a graph, which POST /sync/request does")
	}
	p, err := in.Body.payload()
	if err != nil {
		return nil, err
	}
	caller, _ := Principal(ctx)
	stats, wrote, err := a.cfg.Sync.Apply(ctx, graphsync.WriteOptions{Author: caller.ID}, p, in.Instance)
	if err != nil {
		return nil, syncError(ctx, refusedWrite(ctx, wrote, err), "body")
	}
	out := &applyOutput{WriteOutput: Wrote(wrote)}
	out.Body.Success, out.Body.Stats = stats.Invalid == 0, stats
	out.Body.Message = fmt.Sprintf("%d applied, %d were no news, %d at odds with what others did, %d not valid",
		stats.NodesApplied+stats.EdgesApplied+stats.TombstonesApplied, stats.Passed, stats.ConflictsDetected, stats.Invalid)
	return out, nil
}

package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/graphsync"
)

// Payloads of older instances: what the mesh has goes out in their spelling,
// what they have comes in once, and edges keep their ends.
func TestSyncPayloads(t *testing.T) {
	a := syncAPI(t)
	var n struct{ ID uint64 }
	wants(t, a, userKey, 201, &n, "POST", "/graph/nodes", `{"session_id":"s","node_type":"tool_result","label":"t","properties":{}}`)
	o := addNode(t, a, "s", "o")
	wants(t, a, userKey, 201, nil, "POST", "/graph/edges", fmt.Sprintf(`{"session_id":"s","source_id":%d,"target_id":%d,"edge_type":"RELATES_TO"}`, n.ID, o))
	wants(t, a, userKey, 201, nil, "POST", "/graph/edges", fmt.Sprintf(`{"session_id":"s","source_id":%d,"target_id":%d,"edge_type":"SEES"}`, n.ID, o))
	type payload struct {
		SyncType    string `json:"sync_type"`
		SessionID   string `json:"session_id"`
		GraphName   string `json:"graph_name"`
		VectorClock struct {
			Versions map[string]uint64 `json:"versions"`
		} `json:"vector_clock"`
		Nodes []struct {
			NodeType json.RawMessage `json:"node_type"`
		} `json:"nodes"`
		Edges []struct {
			EdgeType json.RawMessage `json:"edge_type"`
		} `json:"edges"`
		Tombstones []struct {
			EntityType string `json:"entity_type"`
			EntityID   uint64 `json:"entity_id"`
		} `json:"tombstones"`
	}
	var got struct {
		Success bool
		Message string
		Payload payload
	}
	wants(t, a, readsGraph, 200, &got, "POST", "/sync/request", `{"session_id":"s","graph_name":null,"requesting_instance":"i1","vector_clock":null}`)
	p := got.Payload
	if !got.Success || p.SyncType != "full" || p.GraphName != "default" || len(p.Nodes) != 2 || string(p.Nodes[0].NodeType) != `"ToolResult"` || string(p.Nodes[1].NodeType) != `"note"` ||
		len(p.Edges) != 2 || string(p.Edges[0].EdgeType) != `"RelatesTo"` || string(p.Edges[1].EdgeType) != `{"Custom":"SEES"}` {
		t.Fatalf("%+v", got)
	}
	clock, err := json.Marshal(p.VectorClock)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, a, userKey, 204, nil, "DELETE", fmt.Sprintf("/graph/nodes/%d", o), "")
	asked, _ := json.Marshal(map[string]any{"session_id": "s", "requesting_instance": "i1", "vector_clock": string(clock)})
	got.Payload = payload{}
	wants(t, a, viewerKey, 200, &got, "POST", "/sync/request", string(asked))
	if p := got.Payload; p.SyncType != "incremental" || len(p.Nodes) != 0 || len(p.Tombstones) != 3 {
		t.Errorf("%+v", got)
	}
	body := `{"sync_type":"full","session_id":"s","graph_name":"shared","vector_clock":{"versions":{"i1":4}},"correlation_id":null,"conflict_info":null,
		"nodes":[{"id":1,"session_id":"s","node_type":"Entity","label":"a","properties":{"k":1},"embedding_id":null,"created_at":"2025-01-01T00:00:00Z","updated_at":"2025-01-01T00:00:00Z","vector_clock":"{\"versions\":{\"i1\":3}}","last_modified_by":null,"is_deleted":false,"sync_enabled":true},
		         {"id":2,"session_id":"s","node_type":{"Custom":"robot"},"label":"b","properties":{},"created_at":"2025-01-01T00:00:00Z","updated_at":"2025-01-01T00:00:00Z","vector_clock":{"versions":{"i1":4}},"is_deleted":false,"sync_enabled":true}],
		"edges":[{"id":9,"session_id":"s","source_id":1,"target_id":2,"edge_type":"PartOf","predicate":null,"properties":null,"weight":0.5,"temporal_start":null,"temporal_end":null,"created_at":"2025-01-01T00:00:00Z","vector_clock":{"versions":{"i1":4}},"is_deleted":false,"sync_enabled":true}],
		"tombstones":[]}`
	var applied struct {
		Success bool
		Stats   graphsync.ApplyStats
	}
	wants(t, a, userKey, 200, &applied, "POST", "/sync/apply?instance_id=i1", body)
	if s := applied.Stats; !applied.Success || s.NodesApplied != 2 || s.EdgesApplied != 1 || s.SyncType != "full" {
		t.Fatalf("%+v", applied)
	}
	wants(t, a, userKey, 200, &applied, "POST", "/sync/apply?instance_id=i1", body)
	if s := applied.Stats; s.NodesApplied+s.EdgesApplied+s.ConflictsDetected != 0 {
		t.Errorf("again: %+v", applied)
	}
	var nodes struct {
		Nodes []struct {
			ID       uint64 `json:"id"`
			NodeType string `json:"node_type"`
			Label    string `json:"label"`
		}
	}
	wants(t, a, viewerKey, 200, &nodes, "GET", "/graph/nodes?session_id=s%2Fshared", "")
	if len(nodes.Nodes) != 2 || nodes.Nodes[1].NodeType != "entity" || nodes.Nodes[0].NodeType != "robot" {
		t.Fatalf("%+v", nodes)
	}
	var edges struct {
		Edges []struct {
			SourceID uint64 `json:"source_id"`
			TargetID uint64 `json:"target_id"`
			EdgeType string `json:"edge_type"`
		}
	}
	wants(t, a, viewerKey, 200, &edges, "GET", "/graph/edges?session_id=s%2Fshared", "")
	if len(edges.Edges) != 1 || edges.Edges[0].EdgeType != "PART_OF" || edges.Edges[0].SourceID != nodes.Nodes[1].ID || edges.Edges[0].TargetID != nodes.Nodes[0].ID {
		t.Errorf("%+v", edges)
	}
	for _, bad := range []string{`{}`, `{"sync_type":"guess","session_id":"s"}`, `{"sync_type":"request_full","session_id":"s"}`, `{"sync_type":"full","session_id":"s","nodes":[{"id":1,"node_type":5}]}`,
		`{"sync_type":"full","session_id":"s","vector_clock":"x"}`} {
		wants(t, a, userKey, 400, nil, "POST", "/sync/apply", bad)
	}
	wants(t, a, viewerKey, 400, nil, "POST", "/sync/request", `{"session_id":"s","requesting_instance":"i","vector_clock":"x"}`)
	wants(t, a, readsGraph, 403, nil, "POST", "/sync/apply", body)
}

// Whatever a payload says, it is taken or refused, and what is taken can be
// spelled again.
func FuzzPayload(f *testing.F) {
	f.Add(`{"sync_type":"full","session_id":"s","vector_clock":"{\"versions\":{\"i\":1}}","nodes":[{"id":1,"node_type":"ToolResult"}],"edges":[{"edge_type":{"Custom":"x"},"weight":null}],"tombstones":[{"entity_type":"node"}]}`)
	f.Add(`{"vector_clock":{"versions":{"i":-1}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var body payloadBody
		if json.Unmarshal([]byte(text), &body) != nil {
			return
		}
		p, err := body.payload()
		if err != nil {
			return
		}
		again, err := json.Marshal(payloadOf(&p))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var back payloadBody
		if err := json.Unmarshal(again, &back); err != nil {
			t.Fatalf("%s becomes %s: %v", text, again, err)
		}
	})
}

// slowPayloads makes payloads when it is let.
type slowPayloads struct {
	Sync
	begun, let chan struct{}
}

func (s *slowPayloads) Request(ctx context.Context, ro consensus.ReadOptions, session, graph string, clock graphsync.VectorClock) (graphsync.SyncPayload, consensus.ReadInfo, error) {
	s.begun <- struct{}{}
	<-s.let
	return s.Sync.Request(ctx, ro, session, graph, clock)
}

// Payloads are held whole, so few are made at a time: else those who may only
// read could take all memory.
func TestPayloadsMadeAtOnce(t *testing.T) {
	slow := &slowPayloads{begun: make(chan struct{}), let: make(chan struct{})}
	a := graphAPI(t, func(c *Config) {
		g := graphsync.NewService(consensustest.New(graphsync.NewPart()))
		slow.Sync = g.Sync("mesh-1")
		c.Graph, c.Watches, c.Sync, c.MeshID = g, g, slow, "mesh-1"
	})
	const body = `{"session_id":"s","requesting_instance":"i"}`
	request := func() int {
		return ask(t, a.Handler(), "POST", "/sync/request", body, "Authorization: Bearer "+viewerKey, "Content-Type: application/json").StatusCode
	}
	done := make(chan int)
	for range maxPayloadsOut {
		go func() { done <- request() }()
		<-slow.begun
	}
	var e struct{ Code string }
	wants(t, a, viewerKey, 503, &e, "POST", "/sync/request", body)
	if e.Code != "OVERLOADED" {
		t.Error(e)
	}
	close(slow.let)
	for range maxPayloadsOut {
		if status := <-done; status != 200 {
			t.Error(status)
		}
	}
	go func() { done <- request() }()
	<-slow.begun
	if status := <-done; status != 200 {
		t.Error("afterwards", status)
	}
}

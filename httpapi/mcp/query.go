package mcp

import (
	"context"
	"encoding/json"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

type queryIn struct {
	Query      string          `json:"query"`
	Parameters json.RawMessage `json:"parameters"`
	MaxBytes   int             `json:"max_bytes"`
	at
}

// Answers is the table that a query gives.
type Answers struct {
	Columns []string        `json:"columns"`
	Rows    json.RawMessage `json:"rows"`
	Count   int             `json:"count"`
	Plan    string          `json:"plan,omitempty"`
}

// query asks in openCypher.
func query(ctx context.Context, c Call, s *Server, in queryIn) (reply, error) {
	when, err := in.when()
	if err != nil {
		return reply{}, err
	}
	room := roomFor(in.MaxBytes)
	got, _, err := s.graph.Query(ctx, consensus.ReadOptions{MinRevision: s.wrote.Load()}, graphsync.Query{
		Namespace: c.Namespace, Text: in.Query, Parameters: in.Parameters, When: when, Budget: max(room.left, graphsync.MinBudget),
	})
	if err != nil {
		return reply{}, err
	}
	return reply{what: Answers{got.Columns, got.Rows, got.Count, got.Plan}}, nil
}

package conformance

import (
	"context"
	"time"

	"github.com/meshd/meshd/graphsync/cypher"
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// Memory asks in this process.
type Memory struct{ g *graph.Memory }

// Load keeps the graph.
func (m *Memory) Load(_ context.Context, g *graph.Memory) error {
	m.g = g
	return nil
}

var limits = cypher.Limits{Rows: 100_000, Expansions: 10_000_000, Bytes: 256 << 20, Time: 20 * time.Second}

// Run runs the query on the graph.
func (m *Memory) Run(ctx context.Context, query string, params value.Map) ([]string, [][]string, error) {
	res, err := cypher.Run(ctx, query, params, m.g, limits)
	if err != nil {
		return nil, nil, err
	}
	show := cypher.Resolver(ctx, m.g)
	rows := make([][]string, len(res.Rows))
	for i, r := range res.Rows {
		rows[i] = make([]string, len(r))
		for j, v := range r {
			rows[i][j] = value.Format(v, show)
		}
	}
	return res.Columns, rows, nil
}

// literal is the value of a cell.
func literal(ctx context.Context, cell string) (value.Value, error) {
	res, err := cypher.Run(ctx, "RETURN "+cell+" AS x", nil, graph.NewMemory(), limits)
	if err != nil {
		return value.Null, err
	}
	return res.Rows[0][0], nil
}

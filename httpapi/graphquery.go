package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/meshd/meshd/graphsync"
)

// graphQueryBody is a query, over HTTP and over a WebSocket.
type graphQueryBody struct {
	SessionID  string          `json:"session_id" maxLength:"128" doc:"The namespace"`
	Query      string          `json:"query" maxLength:"262144" doc:"openCypher that reads: MATCH, OPTIONAL MATCH, WHERE, WITH, UNWIND, RETURN, ORDER BY, SKIP, LIMIT, UNION; EXPLAIN before it shows the plan"`
	Parameters json.RawMessage `json:"parameters,omitempty" doc:"An object: $name in the query is its member name"`
	AsOf       string          `json:"as_of,omitempty" maxLength:"40" doc:"The graph as it was then: a revision, a time (RFC 3339) or a day"`
	ValidAt    string          `json:"valid_at,omitempty" maxLength:"40" doc:"Facts that are true at this time (RFC 3339) or day, or any"`
	Format     string          `json:"format,omitempty" enum:"json,literal" doc:"How cells are spelled: as JSON, or as texts in openCypher's notation, which tell 1 from 1.0 and a date from a text; json if left out"`
	MaxRows    int             `json:"max_rows,omitempty" minimum:"1" maximum:"10000" doc:"More rows are an error; 10,000 if left out"`
	Timeout    string          `json:"timeout,omitempty" maxLength:"16" doc:"How long it may take at most, as 500ms or 10s; 5s if left out"`
	Budget     int             `json:"budget,omitempty" minimum:"1024" maximum:"983040" doc:"More bytes of rows are an error; 983,040 if left out"`
}

func (b *graphQueryBody) query() (q graphsync.Query, err error) {
	q = graphsync.Query{Namespace: b.SessionID, Text: b.Query, Parameters: b.Parameters, Format: graphsync.QueryFormat(b.Format), MaxRows: b.MaxRows, Budget: b.Budget}
	if b.Timeout != "" {
		if q.Time, err = time.ParseDuration(b.Timeout); err != nil {
			return q, invalid("body.timeout", "timeout is no duration; say 500ms or 10s")
		}
	}
	q.When, err = WhenInput{AsOf: b.AsOf, ValidAt: b.ValidAt}.When()
	var e *Error
	if errors.As(err, &e) {
		field, _ := e.Details["field"].(string)
		return q, invalid("body."+strings.TrimPrefix(field, "query."), e.Sentence)
	}
	return q, err
}

type graphQueryInput struct {
	ReadInput
	Body graphQueryBody
}

type graphQueryOutput struct {
	ReadOutput
	Body graphQueryAnswer
}

// graphQueryAnswer is a table: each row has a cell for each column.
type graphQueryAnswer struct {
	Columns []string        `json:"columns" nullable:"false"`
	Rows    json.RawMessage `json:"rows" doc:"Arrays of cells. A node is {id,labels,label,key,properties}, a relationship {id,type,source_id,target_id,properties}, a path {nodes,relationships}; dates, times and durations are texts (ISO 8601)"`
	Count   int             `json:"count"`
	Stats   graphQueryStats `json:"stats"`
	Plan    string          `json:"plan,omitempty" doc:"With EXPLAIN: how the query would be answered"`
}

type graphQueryStats struct {
	Expansions int     `json:"expansions" doc:"Nodes and relationships that were looked at"`
	Millis     float64 `json:"ms" doc:"How long it took"`
}

func answerOf(a *graphsync.QueryAnswer, took time.Duration) graphQueryAnswer {
	return graphQueryAnswer{a.Columns, a.Rows, a.Count, graphQueryStats{a.Expansions, float64(took.Microseconds()) / 1000}, a.Plan}
}

func (a *API) queryGraph(ctx context.Context, in *graphQueryInput) (*graphQueryOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	q, err := in.Body.query()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	out, info, err := a.cfg.Graph.Query(ctx, o, q)
	if err != nil {
		return nil, named(ctx, err, "body")
	}
	return &graphQueryOutput{Read(info), answerOf(&out, time.Since(began))}, nil
}

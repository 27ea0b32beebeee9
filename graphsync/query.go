package graphsync

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync/cypher"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/parse"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// Bounds of a query. MaxQueryTime is the longest that a view of the state is held
// open.
const (
	MaxQuery           = parse.MaxText // bytes of text
	MaxParameters      = 1 << 20       // bytes of JSON
	MaxQueryRows       = 10_000
	MaxQueryExpansions = 20_000_000
	MaxQueryMemory     = 128 << 20
	MaxQueryTime       = 10 * time.Second
	DefaultQueryTime   = 5 * time.Second
	queryWaitsAtMost   = 64
	CodeQuery          = "QUERY"       // 400; details: class, detail, line, column, offset
	CodeQueryLimit     = "QUERY_LIMIT" // 400; details: limit, which of rows, bytes, expansions, memory, time, length, depth
	CodeTooManyQueries = "TOO_MANY_QUERIES"
)

// QueryFormat says how the cells of an answer are spelled.
type QueryFormat string

// The formats.
const (
	QueryJSON    QueryFormat = "json"    // as JSON: nodes, relationships and paths are objects
	QueryLiteral QueryFormat = "literal" // as a text in openCypher's notation, which tells types apart
)

// Query asks a namespace in openCypher. Parameters is a JSON object. Zero MaxRows,
// Time and Budget are the defaults, MaxQueryRows, DefaultQueryTime and MaxBudget.
type Query struct {
	Namespace  string
	Text       string
	Parameters []byte
	When       When
	Format     QueryFormat
	MaxRows    int
	Time       time.Duration
	Budget     int // bytes of the rows
}

// QueryAnswer is a table. Rows is a JSON array of arrays; Plan is what EXPLAIN
// asked for.
type QueryAnswer struct {
	Columns    []string
	Rows       []byte
	Count      int
	Expansions int
	Plan       string
}

func (q *Query) check() *consensus.Refusal {
	if r := checkNamespace(q.Namespace); r != nil {
		return r
	}
	if r := checkText("query", q.Text, 1, MaxQuery); r != nil {
		return r
	}
	switch q.Format {
	case "":
		q.Format = QueryJSON
	case QueryJSON, QueryLiteral:
	default:
		return invalid("format", "must be json or literal")
	}
	for _, b := range []struct {
		name      string
		n         *int
		least     int
		most, def int
	}{{"max_rows", &q.MaxRows, 1, MaxQueryRows, MaxQueryRows}, {"budget", &q.Budget, MinBudget, MaxBudget, MaxBudget}} {
		if *b.n == 0 {
			*b.n = b.def
		}
		if *b.n < b.least || *b.n > b.most {
			return invalid(b.name, "must be %d to %d", b.least, b.most)
		}
	}
	if q.Time == 0 {
		q.Time = DefaultQueryTime
	}
	if q.Time < time.Millisecond || q.Time > MaxQueryTime {
		return invalid("timeout", "must be 1ms to %s", MaxQueryTime)
	}
	return nil
}

func (q *Query) parameters() (value.Map, *consensus.Refusal) {
	if len(q.Parameters) == 0 || string(q.Parameters) == "null" {
		return value.Map{}, nil
	}
	if len(q.Parameters) > MaxParameters {
		return nil, refuse(CodeTooLarge, "parameters", "parameters have %d bytes, at most %d are allowed", len(q.Parameters), MaxParameters)
	}
	params, err := value.FromJSON(q.Parameters)
	if err != nil {
		return nil, invalid("parameters", "%s", err)
	}
	if params.Kind() != value.KindMap {
		return nil, invalid("parameters", "must be a JSON object")
	}
	return params.AsMap(), nil
}

// Query runs a read-only query of openCypher in one view. What the language
// refuses is CodeQuery with the place in the text; what would take too much is
// CodeQueryLimit.
func (s *Service) Query(ctx context.Context, ro consensus.ReadOptions, q Query) (QueryAnswer, consensus.ReadInfo, error) {
	var out QueryAnswer
	if r := q.check(); r != nil {
		return out, consensus.ReadInfo{}, r
	}
	params, r := q.parameters()
	if r != nil {
		return out, consensus.ReadInfo{}, r
	}
	ready, err := cypher.Prepare(q.Text)
	if err != nil {
		return out, consensus.ReadInfo{}, queryRefusal(err)
	}
	run, err := s.queries.enter(ctx)
	if err != nil {
		return out, consensus.ReadInfo{}, err
	}
	defer run.end()
	info, err := s.readAt(ctx, ro, q.When, func(v *view) error {
		g := newQueryReader(v, v.namespace(q.Namespace))
		res, err := ready.Run(ctx, params, g, cypher.Limits{Rows: q.MaxRows, Expansions: MaxQueryExpansions, Bytes: MaxQueryMemory, Time: q.Time, Pause: run.pause})
		if err != nil {
			return queryRefusal(err)
		}
		out.Columns, out.Count, out.Expansions, out.Plan = res.Columns, len(res.Rows), res.Stats.Expansions, res.Stats.Plan
		out.Rows, err = q.spell(ctx, res.Rows, g)
		return err
	})
	if errors.Is(err, consensus.ErrViewTooLong) { // as long as the longest query, and looked at first
		err = &consensus.Refusal{Code: CodeQueryLimit, Sentence: "the query took too long", Details: map[string]string{"limit": "time"}}
	}
	return out, info, err
}

func queryRefusal(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	r := &consensus.Refusal{Code: CodeQuery, Sentence: f.Error(), Details: map[string]string{"class": string(f.Class)}}
	if f.Detail != "" {
		r.Details["detail"] = f.Detail
	}
	if f.Class == fault.Limit {
		r.Code = CodeQueryLimit
		r.Details["limit"] = f.Limit
	}
	if f.Compile {
		r.Details["phase"] = "compile time"
	} else {
		r.Details["phase"] = "runtime"
	}
	if f.Pos.Known() {
		r.Details["line"] = strconv.Itoa(int(f.Pos.Line))
		r.Details["column"] = strconv.Itoa(int(f.Pos.Column))
		r.Details["offset"] = strconv.Itoa(int(f.Pos.Offset))
	}
	return r
}

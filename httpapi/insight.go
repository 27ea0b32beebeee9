package httpapi

import (
	"context"

	"github.com/meshd/meshd/node"
	"github.com/meshd/meshd/node/tracing"
)

// Insight is what the routes ask that show the mesh at work. *node.Node
// implements it.
type Insight interface {
	// Trace puts together what the living nodes remember of a trace.
	Trace(ctx context.Context, id tracing.TraceID) node.Trace
	// Top asks the living nodes what they are busy with.
	Top(ctx context.Context) node.Top
}

type traceInput struct {
	TraceID string `path:"trace_id" maxLength:"256" doc:"32 hex digits: the second part of a traceparent, or a whole one"`
}

type traceOutput struct{ Body node.Trace }

func (a *API) trace(ctx context.Context, in *traceInput) (*traceOutput, error) {
	id, err := tracing.ParseTraceID(in.TraceID)
	if c, whole := tracing.Parse(in.TraceID); whole == nil {
		id, err = c.Trace, nil
	}
	if err != nil {
		return nil, invalid("trace_id", err.Error())
	}
	found := a.cfg.Insight.Trace(ctx, id)
	if len(found.Spans) == 0 {
		return nil, Fail(CodeNotFound, "no living node remembers spans of the trace %s: send with `meshd send --trace` or a traceparent that ends in 01, or set trace.sample; nodes keep the last %d spans", id, tracing.MaxSpans)
	}
	return &traceOutput{found}, nil
}

type topOutput struct {
	ReadOutput
	Body node.Top
}

func (a *API) top(ctx context.Context, _ *none) (*topOutput, error) {
	return &topOutput{a.position(), a.cfg.Insight.Top(ctx)}, nil
}

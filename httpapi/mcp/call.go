package mcp

import (
	"context"
	"errors"
)

// Call is who asks and for what: it comes with the context of each request.
type Call struct {
	// Caller is the principal's id; it is recorded with what is written.
	Caller string
	// Namespace is the memory that the tools work in.
	Namespace string
	// Refusal says why the caller may not write; empty: it may.
	Refusal string
}

type callKey struct{}

// WithCall puts the call into a request's context.
func WithCall(ctx context.Context, c Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

func callOf(ctx context.Context) Call {
	c, _ := ctx.Value(callKey{}).(Call)
	return c
}

// said is an error that a model is told as it stands.
type said struct{ sentence string }

func (e said) Error() string { return e.sentence }

// reply is what a tool answers.
type reply struct {
	// text is the first content: the JSON of what, if empty.
	text string
	// what is the structured content.
	what any
	// shown is what text is made of, where that is less than what.
	shown any
	// note is a second content: how to go on.
	note string
}

// run is what one tool does: s asks the graph, in is the call's own struct.
type run func(ctx context.Context, c Call, s *Server, raw []byte) (reply, error)

var errNoCall = errors.New("mcp: the request's context has no call")

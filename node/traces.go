package node

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/tracing"
)

// callTrace asks what a node remembers of a trace: its id → []tracing.Record.
const callTrace = "trace.get"

// maxTraceSpans bounds what one node tells of one trace.
const maxTraceSpans = 512

// TraceSpan is one piece of work under a trace, at one node.
type TraceSpan struct {
	SpanID   string `json:"span_id"`
	ParentID string `json:"parent_id,omitempty" doc:"empty at the top of a trace that began here; of a span that no node has, it is the client's"`
	Name     string `json:"name"`
	NodeID   string `json:"node_id"`
	Node     string `json:"node"`
	// StartedAt is by the node's own clock.
	StartedAt  time.Time         `json:"started_at"`
	TookUs     int64             `json:"took_us" doc:"microseconds"`
	Code       string            `json:"code,omitempty" doc:"why it failed"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// Trace is what the living nodes remember of one trace.
type Trace struct {
	TraceID string      `json:"trace_id"`
	Spans   []TraceSpan `json:"spans" nullable:"false" doc:"by the time at which they began"`
	// Silent are the names of nodes that did not answer: of them spans may be missing.
	Silent []string `json:"silent" nullable:"false" doc:"nodes that did not answer in time: their spans are missing"`
}

// Tracer is where this node records spans.
func (n *Node) Tracer() *tracing.Recorder { return n.tracer }

// Trace asks all members for what they remember of a trace, and waits a second
// at most for each.
func (n *Node) Trace(ctx context.Context, id tracing.TraceID) Trace {
	ctx, cancel := context.WithTimeout(ctx, memberPatience)
	defer cancel()
	out := Trace{TraceID: id.String(), Spans: []TraceSpan{}, Silent: []string{}}
	var mu sync.Mutex
	var asked sync.WaitGroup
	for _, m := range n.trust.Roster().Members {
		if m.ID != n.id.ID() && !n.alive(string(m.ID)) {
			mu.Lock()
			out.Silent = append(out.Silent, m.Name)
			mu.Unlock()
			continue
		}
		asked.Go(func() {
			records, err := n.traceOf(ctx, m.ID, id)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				out.Silent = append(out.Silent, m.Name)
				return
			}
			for _, r := range records[:min(len(records), maxTraceSpans)] {
				if r.Trace == id && tellable(r) {
					out.Spans = append(out.Spans, traceSpan(r, string(m.ID), m.Name))
				}
			}
		})
	}
	asked.Wait()
	slices.Sort(out.Silent)
	slices.SortStableFunc(out.Spans, func(a, b TraceSpan) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.SpanID, b.SpanID))
	})
	return out
}

// tellable says that JSON can be made of what another node says it recorded.
func tellable(r tracing.Record) bool { return r.Begun >= 0 && r.Begun/1000 <= maxUnixMs }

func traceSpan(r tracing.Record, id, name string) TraceSpan {
	s := TraceSpan{
		SpanID: r.Span.String(), ParentID: r.Parent.String(), Name: r.Name, NodeID: id, Node: name,
		StartedAt: time.UnixMicro(r.Begun).UTC(), TookUs: r.Took, Code: r.Code,
	}
	if len(r.Attributes) > 0 {
		s.Attributes = make(map[string]string, len(r.Attributes))
		for _, a := range r.Attributes {
			s.Attributes[a.Key] = a.Value
		}
	}
	return s
}

func (n *Node) traceOf(ctx context.Context, at identity.NodeID, id tracing.TraceID) (records []tracing.Record, err error) {
	if at == n.id.ID() {
		return n.tracer.Trace(id, maxTraceSpans), nil
	}
	body, err := n.port.Call(ctx, at, callTrace, consensus.Encode(id.String()))
	if err == nil {
		err = consensus.Decode(body, &records)
	}
	return records, err
}

// tellTrace answers another node.
func (n *Node) tellTrace(_ context.Context, _ identity.NodeID, body []byte) ([]byte, error) {
	var text string
	if err := consensus.Decode(body, &text); err != nil {
		return nil, err
	}
	id, err := tracing.ParseTraceID(text)
	if err != nil {
		return nil, consensus.Refuse("INVALID", err.Error())
	}
	return consensus.Encode(n.tracer.Trace(id, maxTraceSpans)), nil
}

package message

import "github.com/meshd/meshd/node/tracing"

// What is done with a message that is traced. All others pass by these with a
// look at their trace context.

// traceSend follows m from its sender to its end.
func (r *Router) traceSend(m *Message, to Ender) Ender {
	var span *tracing.Span
	if m.Stored == nil {
		span = r.cfg.Tracer.Enter(m.TraceParent, "send")
	} else {
		span = r.cfg.Tracer.Start(m.TraceParent, "send")
	}
	if span == nil {
		return to
	}
	m.TraceParent = span.Parent("")
	span.Set("to", m.To).Set("from", m.From.Agent).Set("type", m.Type)
	return enderFunc(func(receipt Receipt, err error) {
		span.Set("message_id", receipt.ID).Set("status", string(receipt.Status)).End(err)
		to.Ended(receipt, err)
	})
}

// traceLink follows m to another node and back.
func (r *Router) traceLink(m *Message, node string, w waiter) (*Message, waiter) {
	span := r.cfg.Tracer.Start(m.TraceParent, "link")
	if span == nil {
		return m, w
	}
	onward := *m
	onward.TraceParent = span.Set("node", r.cfg.NodeName(node)).Parent("")
	return &onward, tracedWaiter{w, span}
}

type tracedWaiter struct {
	waiter
	span *tracing.Span
}

// placed implements waiter.
func (w tracedWaiter) placed(s *Strand, number uint64) bool {
	ok := w.waiter.placed(s, number)
	if !ok {
		w.span.Set("status", "given up").End(nil)
	}
	return ok
}

// answered implements waiter.
func (w tracedWaiter) answered(o outcome, err error) {
	failed := err
	if failed == nil {
		failed = refusalError(o.Refusal)
	}
	w.span.Set("status", string(o.Status)).End(failed)
	w.waiter.answered(o, err)
}

// traceDelivery follows m to an agent and until it has it, or answers. The
// agent is told of this span, but where many share one message.
func (s *Session) traceDelivery(span *tracing.Span, m *Message, shared bool, to sink) (*Message, sink) {
	span.Set("agent", s.name)
	if !shared {
		onward := *m
		onward.TraceParent = span.Parent("")
		m = &onward
	}
	return m, tracedSink{to, span}
}

type tracedSink struct {
	sink
	span *tracing.Span
}

// settled implements sink.
func (t tracedSink) settled(number uint64, size int, o outcome) {
	t.span.Set("status", string(o.Status)).End(refusalError(o.Refusal))
	t.sink.settled(number, size, o)
}

package inbox

import "strconv"

// traceAccept follows m, if it is traced, until a quorum has it. What is kept
// names this span, so that whatever is done with the message later hangs below
// it, on any node and after any time.
func (s *Service) traceAccept(m *Outgoing, done func(Accepted, error)) func(Accepted, error) {
	span := s.cfg.Tracer.Enter(m.TraceParent, "accept")
	if span == nil {
		return done
	}
	m.TraceParent = span.Parent("")
	switch {
	case m.Topic != "":
		span.Set("to", "topic/"+m.Topic)
	case len(m.To) > 0:
		span.Set("to", m.To[0].Agent).Set("recipients", strconv.Itoa(len(m.To)))
	}
	span.Set("from", m.From.Agent).Set("type", m.Type)
	return func(a Accepted, err error) {
		span.Set("message_id", a.ID).End(err)
		done(a, err)
	}
}

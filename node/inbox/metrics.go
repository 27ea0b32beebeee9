package inbox

import "github.com/prometheus/client_golang/prometheus"

// register gives the figures of all inboxes, which are those of the mesh and
// the same at each node that is up to date.
func (s *Service) register(r prometheus.Registerer) {
	gauge := func(name, help string, fn func(m meta) uint64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(fn(s.index.figures())) }))
	}
	counter := func(name, help string, fn func(m meta) uint64) {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(fn(s.index.figures())) }))
	}
	gauge("meshd_inbox_agents", "Agents with an inbox, in the mesh.", func(m meta) uint64 { return m.Agents })
	gauge("meshd_inbox_messages", "Messages that wait in the inboxes of the mesh.", func(m meta) uint64 { return m.Messages })
	gauge("meshd_inbox_bytes", "What those messages are charged, in bytes.", func(m meta) uint64 { return m.Bytes })
	gauge("meshd_inbox_dead_letters", "Dead letters that are kept in the mesh.", func(m meta) uint64 { return m.Dead })
	counter("meshd_inbox_accepted_total", "Messages accepted into inboxes, once for each recipient.", func(m meta) uint64 { return m.Accepted })
	counter("meshd_inbox_acked_total", "Messages acknowledged by their recipients.", func(m meta) uint64 { return m.Acked })
	counter("meshd_inbox_returned_total", "Messages given back by their recipients.", func(m meta) uint64 { return m.Returned })
	counter("meshd_inbox_dead_total", "Messages that became dead letters.", func(m meta) uint64 { return m.Died })
	counter("meshd_inbox_dropped_total", "Dead letters that were not kept: too many, or too old.", func(m meta) uint64 { return m.Dropped })
	counter("meshd_inbox_refused_total", "Messages refused by the state, because of a limit mostly.", func(m meta) uint64 { return m.Refused })
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "meshd_inbox_waiting_bytes", Help: "Messages and acknowledgements of this node that wait to be replicated, in bytes.",
	}, func() float64 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return float64(s.waiting + s.large)
	}))
}

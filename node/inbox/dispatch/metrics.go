package dispatch

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	reg     prometheus.Registerer
	pushed  prometheus.Counter
	ends    *prometheus.CounterVec
	results [gone + 1]prometheus.Counter // of ends, by result
	gauges  []prometheus.Collector
}

func newMetrics(reg prometheus.Registerer, d *Dispatcher) *metrics {
	m := &metrics{
		reg: reg,
		pushed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "meshd_inbox_pushed_total", Help: "Messages of inboxes that this node has handed to sessions.",
		}),
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meshd_inbox_pushes_ended_total", Help: "What became of messages of inboxes that were handed to sessions.",
		}, []string{"result"}),
	}
	for r, word := range [...]string{"acknowledged", "returned", "lost", "late", "full", "gone"} {
		m.results[r] = m.ends.WithLabelValues(word)
	}
	gauge := func(name, help string, value func() int) {
		m.gauges = append(m.gauges, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			d.mu.Lock()
			defer d.mu.Unlock()
			return float64(value())
		}))
	}
	gauge("meshd_inbox_out", "Messages of inboxes that are with agents, not yet acknowledged.", func() int { return d.out })
	gauge("meshd_inbox_settling", "Acknowledgements and returns that the state has not taken yet.", func() int { return d.settling })
	gauge("meshd_inbox_dispatched", "Inboxes that this node dispatches.", func() int {
		n := 0
		for _, s := range d.agents {
			if s.box != nil {
				n++
			}
		}
		return n
	})
	if reg != nil {
		for _, c := range m.all() {
			if err := reg.Register(c); err != nil {
				d.cfg.Logger.Warn("a metric was not registered", "error", err)
			}
		}
	}
	return m
}

func (m *metrics) all() []prometheus.Collector {
	return append([]prometheus.Collector{m.pushed, m.ends}, m.gauges...)
}

func (m *metrics) unregister() {
	if m.reg != nil {
		for _, c := range m.all() {
			m.reg.Unregister(c)
		}
	}
}

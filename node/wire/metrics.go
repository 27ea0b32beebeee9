package wire

import "github.com/prometheus/client_golang/prometheus"

// metrics are kept whether or not anybody registers them.
type metrics struct {
	connections *prometheus.GaugeVec   // protocol, direction
	opened      *prometheus.CounterVec // protocol, direction
	handshakes  *prometheus.CounterVec // why they failed
	dropped     *prometheus.CounterVec // which budget
	calls       *prometheus.CounterVec // method, result
	served      *prometheus.CounterVec // method, result
	dials       *prometheus.CounterVec // protocol, result
	rx, tx      prometheus.Counter

	registerer prometheus.Registerer // nil: nobody looks
	registered []prometheus.Collector
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "meshd", Subsystem: "wire", Name: name, Help: help}, labels)
	}
	m := &metrics{
		connections: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "meshd", Subsystem: "wire", Name: "connections",
			Help: "Open connections by protocol and by who dialled.",
		}, []string{"protocol", "direction"}),
		opened:     counter("connections_total", "Connections that were established.", "protocol", "direction"),
		handshakes: counter("handshake_failures_total", "Inbound connections that did not get past TLS or the hello.", "reason"),
		dropped:    counter("dropped_connections_total", "Connections closed because a budget was used up.", "budget"),
		calls:      counter("calls_total", "Calls made to other nodes.", "method", "result"),
		served:     counter("served_calls_total", "Calls served for other nodes.", "method", "result"),
		dials:      counter("dials_total", "Dials to other nodes.", "protocol", "result"),
	}
	bytes := counter("bytes_total", "Bytes on the wire, TLS included.", "direction")
	m.rx, m.tx = bytes.WithLabelValues("in"), bytes.WithLabelValues("out")
	m.registerer = r
	return m, m.register(m.connections, m.opened, m.handshakes, m.dropped, m.calls, m.served, m.dials, bytes)
}

// watch exports how many inbound connections count against which budget.
func (m *metrics) watch(b *budget) error {
	for kind, count := range map[string]func() int{
		"stranger": func() int { return b.strangers.Len() },
		"client":   func() int { return b.clients - b.strangers.Len() },
		"peer":     func() int { return len(b.all) - b.clients },
	} {
		gauge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "meshd", Subsystem: "wire", Name: "inbound_connections",
			Help:        "Inbound connections by what they have proven so far.",
			ConstLabels: prometheus.Labels{"kind": kind},
		}, func() float64 {
			b.mu.Lock()
			defer b.mu.Unlock()
			return float64(count())
		})
		if err := m.register(gauge); err != nil {
			return err
		}
	}
	return nil
}

func (m *metrics) register(collectors ...prometheus.Collector) error {
	if m.registerer == nil {
		return nil
	}
	for _, c := range collectors {
		if err := m.registerer.Register(c); err != nil {
			m.unregister()
			return err
		}
		m.registered = append(m.registered, c)
	}
	return nil
}

// unregister makes room for the next Port of the same process.
func (m *metrics) unregister() {
	for _, c := range m.registered {
		m.registerer.Unregister(c)
	}
	m.registered = nil
}

// meter counts the bytes of a connection.
type meter struct{ rx, tx prometheus.Counter }

func (m *meter) read(n int) {
	if n > 0 {
		m.rx.Add(float64(n))
	}
}

func (m *meter) wrote(n int) {
	if n > 0 {
		m.tx.Add(float64(n))
	}
}

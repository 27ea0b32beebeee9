package wire

import (
	"github.com/prometheus/client_golang/prometheus"
)

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
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.connections, m.opened, m.handshakes, m.dropped, m.calls, m.served, m.dials, bytes} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
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

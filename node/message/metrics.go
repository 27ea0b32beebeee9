package message

import (
	"errors"

	"github.com/meshd/meshd/consensus"
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	reg      prometheus.Registerer
	sends    *prometheus.CounterVec
	dropped  *prometheus.CounterVec
	sessions prometheus.GaugeFunc
	calls    prometheus.GaugeFunc
}

func newMetrics(reg prometheus.Registerer, r *Router) *metrics {
	m := &metrics{
		reg: reg,
		sends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meshd_messages_total", Help: "Messages sent from this node, by what became of them.",
		}, []string{"status", "code"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meshd_messages_not_taken_total", Help: "Messages that an agent on this node did not take, by code.",
		}, []string{"code"}),
		sessions: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "meshd_agent_sessions", Help: "Agent sessions attached to this node.",
		}, func() float64 {
			n := 0
			for _, l := range r.Local() {
				n += l.Instances
			}
			return float64(n)
		}),
		calls: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "meshd_messages_under_way", Help: "Messages sent from this node whose fate is not yet known.",
		}, func() float64 {
			r.mu.Lock()
			defer r.mu.Unlock()
			return float64(len(r.calls))
		}),
	}
	if reg != nil {
		for _, c := range m.all() {
			if err := reg.Register(c); err != nil {
				r.cfg.Logger.Warn("a metric was not registered", "error", err)
			}
		}
	}
	return m
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.sends, m.dropped, m.sessions, m.calls}
}

func (m *metrics) unregister() {
	if m.reg != nil {
		for _, c := range m.all() {
			m.reg.Unregister(c)
		}
	}
}

// ownCodes are the codes that may become labels: an agent chooses the code of
// its error, and must not choose how many time series there are.
var ownCodes = map[string]bool{
	CodeUnknownAddress: true, CodeAgentGone: true, CodeReplyTimeout: true, CodeUnsupported: true,
	CodeInvalid: true, CodeTooLarge: true, CodeOverloaded: true, "INTERNAL": true,
}

// label is the code of err as a metric shows it.
func label(err error) string {
	var refusal *consensus.Refusal
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refusal) && ownCodes[refusal.Code]:
		return refusal.Code
	}
	return "OTHER"
}

func (m *metrics) count(s Status, err error) { m.sends.WithLabelValues(string(s), label(err)).Inc() }

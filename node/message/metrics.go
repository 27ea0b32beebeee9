package message

import (
	"errors"
	"sync/atomic"

	"github.com/meshd/meshd/consensus"
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	reg     prometheus.Registerer
	sends   *prometheus.CounterVec
	dropped *prometheus.CounterVec
	good    prometheus.Counter // of sends: delivered
	// ends are the same without their codes, for Totals.
	ends struct{ delivered, refused, unknown atomic.Uint64 }
	all  []prometheus.Collector
}

func newMetrics(reg prometheus.Registerer, r *Router) *metrics {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	m := &metrics{
		reg: reg,
		sends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meshd_messages_total", Help: "Messages sent from this node, by what became of them.",
		}, []string{"status", "code"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meshd_messages_not_taken_total", Help: "Messages that an agent on this node did not take, by code.",
		}, []string{"code"}),
	}
	m.good = m.sends.WithLabelValues(string(Delivered), "")
	m.all = []prometheus.Collector{
		m.sends, m.dropped, linkCollector{r}, &agentCollector{stats: r.Stats, shown: map[string]*inOut{}},
		gauge("meshd_agent_sessions", "Agent sessions attached to this node.", func() float64 {
			r.mu.Lock()
			defer r.mu.Unlock()
			return float64(r.table.count - len(r.table.groups[""]))
		}),
		gauge("meshd_messages_under_way", "Messages sent from this node whose fate is not yet known.", func() float64 {
			return float64(r.calls.Load())
		}),
		gauge("meshd_messages_with_receivers", "Messages handed to sessions of this node that are not delivered or answered.", func() float64 {
			return float64(r.inflight.Load())
		}),
		gauge("meshd_message_subscriptions", "Subscriptions of this node's sessions to topics.", func() float64 {
			r.topics.mu.Lock()
			defer r.topics.mu.Unlock()
			return float64(r.topics.all)
		}),
	}
	if reg != nil {
		for _, c := range m.all {
			if err := reg.Register(c); err != nil {
				r.cfg.Logger.Warn("a metric was not registered", "error", err)
			}
		}
	}
	return m
}

func (m *metrics) unregister() {
	if m.reg != nil {
		for _, c := range m.all {
			m.reg.Unregister(c)
		}
	}
}

// ownCodes are the codes that may become labels: an agent chooses the code of
// its error, and must not choose how many time series there are.
var ownCodes = map[string]bool{
	CodeUnknownAddress: true, CodeAgentGone: true, CodeReplyTimeout: true, CodeUnsupported: true,
	CodeInvalid: true, CodeTooLarge: true, CodeOverloaded: true, CodeNoSubscribers: true, "INTERNAL": true,
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

func (m *metrics) count(s Status, err error) {
	switch s {
	case Delivered:
		m.ends.delivered.Add(1)
	case Refused:
		m.ends.refused.Add(1)
	default:
		m.ends.unknown.Add(1)
	}
	if s == Delivered && err == nil {
		m.good.Inc()
		return
	}
	m.sends.WithLabelValues(string(s), label(err)).Inc()
}

// linkCollector shows the ways to other nodes, which are as many as members.
type linkCollector struct{ r *Router }

var (
	linkMessages = linkDesc("messages_total", "Messages exchanged with another node.", "direction")
	linkBytes    = linkDesc("bytes_total", "Bytes of messages and of what became of them, before TLS.", "direction")
	linkBatches  = linkDesc("batches_total", "Frames in which messages crossed together.", "direction")
	linkWaiting  = linkDesc("waiting_bytes", "Bytes that wait to be written to another node.")
	linkOpen     = linkDesc("open", "Messages to another node whose end it has not told.")
)

func linkDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("meshd_message_link_"+name, help, append([]string{"node"}, labels...), nil)
}

// Describe implements prometheus.Collector.
func (linkCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{linkMessages, linkBytes, linkBatches, linkWaiting, linkOpen} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c linkCollector) Collect(ch chan<- prometheus.Metric) {
	seen := map[string]bool{}
	for _, l := range c.r.Links() {
		if seen[l.NodeName] {
			l.NodeName = l.NodeID // two nodes by one name, one of them gone
		}
		seen[l.NodeName] = true
		for _, v := range []struct {
			desc  *prometheus.Desc
			value uint64
			way   string
		}{
			{linkMessages, l.Out, "out"}, {linkMessages, l.In, "in"}, {linkBytes, l.OutBytes, "out"}, {linkBytes, l.InBytes, "in"},
			{linkBatches, l.OutBatches, "out"}, {linkBatches, l.InBatches, "in"},
		} {
			ch <- prometheus.MustNewConstMetric(v.desc, prometheus.CounterValue, float64(v.value), l.NodeName, v.way)
		}
		ch <- prometheus.MustNewConstMetric(linkWaiting, prometheus.GaugeValue, float64(l.Waiting), l.NodeName)
		ch <- prometheus.MustNewConstMetric(linkOpen, prometheus.GaugeValue, float64(l.Open), l.NodeName)
	}
}

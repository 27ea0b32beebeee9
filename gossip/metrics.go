package gossip

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// counters are the figures of one Gossip.
type counters struct {
	packets  *prometheus.CounterVec // direction
	bytes    *prometheus.CounterVec // direction
	dropped  *prometheus.CounterVec // reason
	refused  prometheus.Counter
	pushPull *prometheus.CounterVec // kind
	pulls    *prometheus.CounterVec // result
	rejoins  *prometheus.CounterVec // result
	records  *prometheus.CounterVec // verdict
	all      []prometheus.Collector
}

var statuses = []Status{StatusAlive, StatusFailed, StatusLeft}

func newCounters() *counters {
	c := &counters{}
	vec := func(name, help, label string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "meshd", Subsystem: "gossip", Name: name, Help: help}, []string{label})
		c.all = append(c.all, v)
		return v
	}
	c.packets = vec("packets_total", "Gossip packets.", "direction")
	c.bytes = vec("bytes_total", "Bytes of gossip packets with their framing.", "direction")
	c.dropped = vec("dropped_packets_total", "Outgoing gossip packets that were dropped.", "reason")
	c.pushPull = vec("push_pulls_total", "States sent in push/pulls, whole or as digests.", "kind")
	c.pulls = vec("pulls_total", "Requests for records to other nodes.", "result")
	c.rejoins = vec("rejoins_total", "Attempts to join nodes that are not alive.", "result")
	c.records = vec("records_total", "Records received, by what became of them.", "verdict")
	c.refused = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "meshd", Subsystem: "gossip", Name: "refused_total",
		Help: "Incoming connections, frames and packets that broke the protocol or claimed what is not so.",
	})
	c.all = append(c.all, c.refused)
	return c
}

// membersCollector counts the members by status when it is asked.
type membersCollector struct {
	members func() []Member
	desc    *prometheus.Desc
}

func newMembersCollector(members func() []Member) *membersCollector {
	return &membersCollector{members: members, desc: prometheus.NewDesc(
		"meshd_gossip_members", "Members of the roster by the status this node sees.", []string{"status"}, nil)}
}

// Describe implements prometheus.Collector.
func (m *membersCollector) Describe(ch chan<- *prometheus.Desc) { ch <- m.desc }

// Collect implements prometheus.Collector.
func (m *membersCollector) Collect(ch chan<- prometheus.Metric) {
	n := make(map[Status]int)
	for _, member := range m.members() {
		n[member.Status]++
	}
	for _, s := range statuses {
		ch <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, float64(n[s]), string(s))
	}
}

// register registers the collectors, all or none, and returns how to undo it.
func register(r prometheus.Registerer, all []prometheus.Collector) (func(), error) {
	if r == nil {
		return func() {}, nil
	}
	undo := func() {}
	for i, c := range all {
		if err := r.Register(c); err != nil {
			undo()
			return nil, fmt.Errorf("registering metrics: %w", err)
		}
		undo = func() {
			for _, c := range all[:i+1] {
				r.Unregister(c)
			}
		}
	}
	return undo, nil
}

package node

import "github.com/prometheus/client_golang/prometheus"

// linkMetrics shows the connections to other members, which are as many as the
// roster has.
type linkMetrics struct{ n *Node }

var (
	linkUp  = prometheus.NewDesc("meshd_link_up", "1 while there is a connection to another node.", []string{"node"}, nil)
	linkRTT = prometheus.NewDesc("meshd_link_rtt_seconds", "Round trip to another node, the last that was measured.", []string{"node"}, nil)
)

// Describe implements prometheus.Collector.
func (linkMetrics) Describe(ch chan<- *prometheus.Desc) { ch <- linkUp; ch <- linkRTT }

// Collect implements prometheus.Collector.
func (l linkMetrics) Collect(ch chan<- prometheus.Metric) {
	r := l.n.trust.Roster()
	for _, p := range l.n.port.PeerStates() {
		m, member := r.ByID(p.ID)
		if !member || p.ID == l.n.id.ID() {
			continue
		}
		up := 0.0
		if p.Connected {
			up = 1
			ch <- prometheus.MustNewConstMetric(linkRTT, prometheus.GaugeValue, p.RTT.Seconds(), m.Name)
		}
		ch <- prometheus.MustNewConstMetric(linkUp, prometheus.GaugeValue, up, m.Name)
	}
}

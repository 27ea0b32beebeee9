package consensus

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what Prometheus sees. A nil *metrics counts nothing.
type metrics struct {
	registerer prometheus.Registerer
	collectors []prometheus.Collector

	proposals     *prometheus.CounterVec
	entriesMade   prometheus.Counter
	entrySize     prometheus.Histogram
	entryCommands prometheus.Histogram
	applySeconds  prometheus.Histogram
	applyEntries  prometheus.Histogram
	syncSeconds   prometheus.Histogram
	snapshots     prometheus.Counter
	leaderships   prometheus.Counter
	panics        prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	if r == nil {
		return nil
	}
	m := &metrics{registerer: r}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "meshd", Subsystem: "consensus", Name: name, Help: help})
		m.collectors = append(m.collectors, c)
		return c
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "meshd", Subsystem: "consensus", Name: name, Help: help, Buckets: buckets})
		m.collectors = append(m.collectors, h)
		return h
	}
	seconds := prometheus.ExponentialBuckets(0.0001, 2.5, 12)
	m.proposals = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "meshd", Subsystem: "consensus", Name: "proposals_total", Help: "Proposals of this node by how they ended.",
	}, []string{"result"})
	m.collectors = append(m.collectors, m.proposals)
	m.entriesMade = counter("entries_total", "Log entries this node has proposed as leader.")
	m.entrySize = histogram("entry_bytes", "Size of proposed log entries.", prometheus.ExponentialBuckets(256, 4, 8))
	m.entryCommands = histogram("entry_commands", "Commands in one proposed log entry.", prometheus.ExponentialBuckets(1, 2, 12))
	m.applySeconds = histogram("apply_seconds", "Time to apply one batch of entries.", seconds)
	m.applyEntries = histogram("apply_commands", "Commands in one applied batch.", prometheus.ExponentialBuckets(1, 2, 12))
	m.syncSeconds = histogram("log_sync_seconds", "Time of one fsync of the log.", seconds)
	m.snapshots = counter("snapshots_total", "Snapshots written or received.")
	m.leaderships = counter("leader_changes_total", "Changes of the known leader.")
	m.panics = counter("panics_total", "Panics of parts that were caught.")
	return m
}

// attach registers the collectors with gauges that read the group.
func (m *metrics) attach(g *Group) error {
	if m == nil {
		return nil
	}
	gauge := func(name, help string, fn func() float64) {
		m.collectors = append(m.collectors, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "meshd", Subsystem: "consensus", Name: name, Help: help,
		}, fn))
	}
	gauge("term", "Current Raft term.", func() float64 { return float64(g.raft.CurrentTerm()) })
	gauge("commit_index", "Raft commit index.", func() float64 { return float64(g.raft.CommitIndex()) })
	gauge("applied_index", "Raft index of the state.", func() float64 { return float64(g.machine.state().Applied) })
	gauge("revision", "Revision of the state.", func() float64 { return float64(g.machine.state().Revision) })
	gauge("leader", "1 while this node leads.", func() float64 {
		if g.leading() {
			return 1
		}
		return 0
	})
	gauge("views_open", "Read transactions on the state that are open.", func() float64 { return float64(g.machine.storeStats().OpenTxN) })
	gauge("state_pinned_pages", "Pages of the state that wait for a reader to end.", func() float64 { return float64(g.machine.storeStats().PendingPageN) })
	gauge("state_free_pages", "Pages of the state that can be used again.", func() float64 { return float64(g.machine.storeStats().FreePageN) })
	gauge("queue_bytes", "Bytes of proposals that wait at this node.", func() float64 { return float64(g.outbox.size() + g.coalescer.size()) })
	for i, c := range m.collectors {
		if err := m.registerer.Register(c); err != nil {
			m.collectors = m.collectors[:i]
			m.detach()
			return err
		}
	}
	return nil
}

func (m *metrics) detach() {
	if m == nil {
		return
	}
	for _, c := range m.collectors {
		m.registerer.Unregister(c)
	}
}

func (m *metrics) applied(d time.Duration, entries, commands int) {
	if m == nil || entries == 0 {
		return
	}
	m.applySeconds.Observe(d.Seconds())
	m.applyEntries.Observe(float64(commands))
}

func (m *metrics) proposed(size, commands int) {
	if m != nil {
		m.entriesMade.Inc()
		m.entrySize.Observe(float64(size))
		m.entryCommands.Observe(float64(commands))
	}
}

func (m *metrics) ended(result string) {
	if m != nil {
		m.proposals.WithLabelValues(result).Inc()
	}
}

func (m *metrics) synced(d time.Duration) {
	if m != nil {
		m.syncSeconds.Observe(d.Seconds())
	}
}

func (m *metrics) poison() {
	if m != nil {
		m.panics.Inc()
	}
}

func (m *metrics) snapshot() {
	if m != nil {
		m.snapshots.Inc()
	}
}

func (m *metrics) leaderChanged() {
	if m != nil {
		m.leaderships.Inc()
	}
}

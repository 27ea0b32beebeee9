package message

import (
	"cmp"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// maxAgentSeries is how many agents have figures of their own at a node.
const maxAgentSeries = 100

// otherAgents is the label of all the rest; no name has brackets.
const otherAgents = "(other)"

var agentMessages = prometheus.NewDesc("meshd_agent_messages_total",
	"Messages that the sessions of an agent at this node were given (in) and sent (out): of the 100 agents that had most, and of all others together.",
	[]string{"agent", "direction"}, nil)

// agentCollector shows what single agents do. Names come from outside, so that
// only a bounded number of them become labels. Who is shown may change: an
// agent's series begins with what it has done since it is shown, and none of
// the sums ever falls.
type agentCollector struct {
	stats func() []SessionStats

	mu    sync.Mutex
	seen  map[string]inOut  // what each had at the last look
	shown map[string]*inOut // those with series of their own
	other inOut
}

type inOut struct{ in, out uint64 }

func (a inOut) total() uint64 { return a.in + a.out }

// since is what was done after b; all of it where sessions have ended since.
func (a inOut) since(b inOut) inOut {
	if a.in < b.in || a.out < b.out {
		return a
	}
	return inOut{a.in - b.in, a.out - b.out}
}

func (a *inOut) add(b inOut) { a.in, a.out = a.in+b.in, a.out+b.out }

// Describe implements prometheus.Collector.
func (c *agentCollector) Describe(ch chan<- *prometheus.Desc) { ch <- agentMessages }

// Collect implements prometheus.Collector.
func (c *agentCollector) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.look()
	show := func(agent string, n inOut) {
		ch <- prometheus.MustNewConstMetric(agentMessages, prometheus.CounterValue, float64(n.in), agent, "in")
		ch <- prometheus.MustNewConstMetric(agentMessages, prometheus.CounterValue, float64(n.out), agent, "out")
	}
	for agent, n := range c.shown {
		show(agent, *n)
	}
	show(otherAgents, c.other)
}

// look adds what was done since the last look. It needs the lock.
func (c *agentCollector) look() {
	now := map[string]inOut{}
	for _, s := range c.stats() {
		if s.Name != "" {
			n := now[s.Name]
			n.add(inOut{s.In, s.Out})
			now[s.Name] = n
		}
	}
	type candidate struct {
		agent       string
		all, lately inOut
	}
	var rest []candidate
	for agent, n := range now {
		lately := n.since(c.seen[agent])
		if s := c.shown[agent]; s != nil {
			s.add(lately)
		} else {
			rest = append(rest, candidate{agent, n, lately})
		}
	}
	for agent := range c.shown {
		if _, there := now[agent]; !there {
			delete(c.shown, agent)
		}
	}
	c.seen = now
	slices.SortFunc(rest, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.all.total(), a.all.total()), cmp.Compare(a.agent, b.agent))
	})
	for _, r := range rest {
		if len(c.shown) >= maxAgentSeries {
			least, fewest := "", uint64(0)
			for agent, n := range c.shown {
				// Its sessions may have ended, and what it did has not.
				if all := max(n.total(), now[agent].total()); least == "" || all < fewest {
					least, fewest = agent, all
				}
			}
			if fewest >= r.all.total() {
				c.other.add(r.lately)
				continue
			}
			delete(c.shown, least)
		}
		c.shown[r.agent] = &r.lately
	}
}

package message

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/meshd/meshd/consensus"
)

// maxRoutes bounds the agents whose hosts are kept at hand.
const maxRoutes = 8192

// route is what the directory said last of an agent's hosts, with what this
// node itself has under way at each of them.
type route struct {
	hosts      []Host
	loads      []*hostLoad
	remembered time.Time // when the table was told of the name
}

// hostLoad counts messages under way from here to one agent on one node, which
// the directory cannot know yet.
type hostLoad struct {
	node string
	n    atomic.Int64
	way  *lane // there; nil where nothing was ever sent. The Router's lock guards it
}

// down says whether the way there is known to be broken. r.mu is held.
func (l *hostLoad) down(r *Router) bool {
	if l.way == nil {
		way, ok := r.lanes.Load(l.node)
		if !ok {
			return false
		}
		l.way = way.(*lane)
	}
	return l.way.down.Load()
}

// unload takes back what pick has counted.
func (r *Router) unload(l *hostLoad) {
	if l != nil {
		l.n.Add(-1)
	}
}

// routeOf returns the route of an agent, made anew when the directory has
// another answer than the last time. r.mu is held.
func (r *Router) routeOf(agent string, hosts []Host) *route {
	rt := r.routes[agent]
	if rt != nil && len(rt.hosts) == len(hosts) && (len(hosts) == 0 || &rt.hosts[0] == &hosts[0]) {
		return rt
	}
	made := &route{hosts: hosts, loads: make([]*hostLoad, len(hosts))}
	for i, h := range hosts {
		if rt != nil {
			for _, l := range rt.loads {
				if l.node == h.NodeID {
					made.loads[i] = l
				}
			}
		}
		if made.loads[i] == nil {
			made.loads[i] = &hostLoad{node: h.NodeID}
		}
	}
	if rt == nil && len(r.routes) >= maxRoutes {
		// Making routes anew is cheap: whichever comes first goes.
		n := 0
		for name := range r.routes {
			delete(r.routes, name)
			if n++; n > maxRoutes/4 {
				break
			}
		}
	}
	r.routes[agent] = made
	return made
}

// rank is how good a host is for a message: the one that is less is better.
type rank struct {
	last bool // all its sessions are away, or it cannot be reached
	load float64
	far  bool // another node
	node string
}

func (a rank) less(b rank) bool {
	switch {
	case a.last != b.last:
		return b.last
	case a.load != b.load:
		return a.load < b.load
	case a.far != b.far:
		return b.far
	}
	return a.node < b.node
}

// rankOf ranks a host of several instances: by how busy each is, or by the
// conversation that is to stick to one.
func rankOf(m *Message, node string, busy, instances int, far bool) rank {
	instances = max(instances, 1)
	if m.Sticky && m.Conversation != "" {
		// Weighted rendezvous hashing (Schindelhauer and Schomaker, 2005): a
		// node gets conversations by its number of instances, and little moves
		// when one comes or goes.
		u := (float64(rendezvous(m.Conversation, hashOf(node))>>11) + 0.5) / (1 << 53)
		return rank{load: -math.Log(u) / float64(instances), far: far, node: node}
	}
	return rank{load: float64(busy) / float64(instances), far: far, node: node}
}

// pick chooses the node for the next attempt of c and counts it there; "" when
// there is none left. way is the lane there; nil of this node.
func (r *Router) pick(c *call, now time.Time) (node string, load *hostLoad, way *lane) {
	agent := c.addr.Agent
	if only := c.addr.Node; only != "" {
		if c.attempts > 0 {
			return "", nil, nil
		}
		if only != r.cfg.NodeID {
			way = r.lane(only)
		}
		return only, nil, way
	}
	if c.attempts >= maxAttempts {
		return "", nil, nil
	}
	hosts := r.cfg.Directory.Lookup(agent)
	durable := c.m.Stored != nil
	var best rank
	r.mu.Lock()
	defer r.mu.Unlock()
	rt := r.routeOf(agent, hosts)
	for i, h := range rt.hosts {
		if !h.Alive || h.NodeID == r.cfg.NodeID || durable && h.Durable == 0 || c.hasTried(h.NodeID) {
			continue
		}
		instances := h.Instances
		if durable {
			instances = h.Durable
		}
		at := rankOf(&c.m, h.NodeID, max(h.Busy, int(rt.loads[i].n.Load())), instances, true)
		at.last = rt.loads[i].down(r)
		if best.node == "" || at.less(best) {
			best, load = at, rt.loads[i]
		}
	}
	if busy, n, away := r.table.load(agent, durable); (n > 0 || away) && !c.hasTried(r.cfg.NodeID) {
		at := rankOf(&c.m, r.cfg.NodeID, busy, n, false)
		at.last = n == 0
		if best.node == "" || at.less(best) {
			best, load = at, nil
		}
	}
	if best.node != "" && now.Sub(rt.remembered) >= rememberAgain {
		r.table.remember(agent, now)
		rt.remembered = now
	}
	if load != nil {
		load.n.Add(1)
		if load.way == nil {
			load.way = r.lane(best.node)
		}
		way = load.way
	}
	return best.node, load, way
}

// nobody is the refusal when pick has found no host at all.
func (r *Router) nobody(a Address, now time.Time) error {
	hosts := r.cfg.Directory.Lookup(a.Agent)
	r.mu.Lock()
	known := len(hosts) > 0 || r.table.remembers(a.Agent, now) || len(r.table.all(a.Agent)) > 0
	r.mu.Unlock()
	if known {
		return goneEverywhere(a.Agent)
	}
	return unknownAgent(a)
}

// everywhere returns the nodes that host an agent, at most maxHosts.
func (r *Router) everywhere(agent string) []string {
	hosts := r.cfg.Directory.Lookup(agent)
	var nodes []string
	r.mu.Lock()
	here := len(r.table.all(agent)) > 0
	r.mu.Unlock()
	if here {
		nodes = append(nodes, r.cfg.NodeID)
	}
	for _, h := range hosts {
		if h.Alive && h.NodeID != r.cfg.NodeID && len(nodes) < maxHosts {
			nodes = append(nodes, h.NodeID)
		}
	}
	return nodes
}

// resolve finds the node of agent@node.
func (r *Router) resolve(a Address) (string, error) {
	id, err := r.cfg.Directory.ResolveNode(a.Node)
	if err == nil {
		return id, nil
	}
	if refusal := asRefusal(err); refusal.Code != "INTERNAL" {
		return "", refusal
	}
	return "", &consensus.Refusal{
		Code: CodeUnknownAddress, Sentence: "no node of this mesh is named " + a.Node,
		Details: map[string]string{"to": a.String(), "next": "`meshd members` lists them"},
	}
}

// hashOf is FNV-1a, which every node computes alike.
func hashOf(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// rendezvous scores a choice for a key: the highest wins (Thaler and
// Ravishankar, 1998). The mixing is SplitMix64's.
func rendezvous(key string, choice uint64) uint64 {
	x := hashOf(key) ^ choice*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

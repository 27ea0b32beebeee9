package message

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/prometheus/client_golang/prometheus"
)

// Bounds of what one node may have under way as a sender.
const (
	maxCalls     = 16384
	maxCallBytes = 128 << 20
	// maxHosts bounds how many nodes one message to every instance goes to.
	maxHosts = 256
	// busyEvery is how often a changed load is spread.
	busyEvery = time.Second
)

// Host is one node that hosts an agent, as the directory knows it.
type Host struct {
	NodeID   string
	NodeName string
	Alive    bool
	// Busy counts messages under way there, Instances the sessions, Durable
	// those of them that take messages from inboxes.
	Busy, Instances, Durable int
}

// Local is one agent that this node hosts now.
type Local struct {
	Name, Description, Kind string
	Capabilities            []string
	// Durable counts the instances that take messages from inboxes.
	Instances, Busy, Durable int
}

// Directory knows where agents live. Its methods must be quick and safe for
// concurrent use.
type Directory interface {
	// Lookup returns the nodes that host the agent or did so lately; this
	// node may be among them and is ignored.
	Lookup(agent string) []Host
	// ResolveNode finds a member by name, id or beginning of its id. Its
	// error is the sender's answer if it is a *consensus.Refusal, and
	// CodeUnknownAddress otherwise.
	ResolveNode(ref string) (nodeID string, err error)
	// Announce replaces what the mesh knows of this node's agents.
	Announce(agents []Local)
}

// Link carries frames to other nodes.
type Link interface {
	// Send transmits msg and returns without waiting for the answer; messages
	// to one node go out in the order of the calls. reply is called exactly
	// once, on any goroutine, perhaps before Send returns: with what the
	// other router's HandleFrame answered, or with an error. The error wraps
	// ErrNotSent if certainly nothing left this node.
	Send(to string, msg []byte, reply func([]byte, error))
}

// unlinked is the link of a node without peers.
type unlinked struct{}

func (unlinked) Send(_ string, _ []byte, reply func([]byte, error)) { reply(nil, ErrNotSent) }

// Config is what a Router needs; Link (of a node without peers), Logger and
// Registerer may be nil.
type Config struct {
	// NodeID is this node's id.
	NodeID     string
	Directory  Directory
	Link       Link
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Router takes messages from sessions, clients and other nodes, and delivers
// them. Safe for concurrent use.
type Router struct {
	cfg     Config
	metrics *metrics

	mu    sync.Mutex
	table *table
	calls map[*call]struct{}
	// bytes sums the bodies of calls.
	bytes int
	// sent counts frames under way from here to each host of each agent.
	sent      map[hostKey]int
	busyTimer *time.Timer
	closed    bool

	busyDue atomic.Bool

	// announceMu is held while the directory is told, so that the newest is
	// told last. It is taken before mu.
	announceMu sync.Mutex
	announced  []Local
}

type hostKey struct{ node, agent string }

// New returns a router that serves at once. Close it.
func New(cfg Config) *Router {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Link == nil {
		cfg.Link = unlinked{}
	}
	r := &Router{
		cfg: cfg, table: newTable(), calls: map[*call]struct{}{}, sent: map[hostKey]int{},
	}
	r.metrics = newMetrics(cfg.Registerer, r)
	return r
}

// NodeID returns the id of the node this router serves.
func (r *Router) NodeID() string { return r.cfg.NodeID }

// Send sends m and waits for its end: the receipt, or the answer where
// wantReply is set, or the deadline (m.Deadline or ctx's, whichever is sooner;
// DefaultTimeout where neither is set, at most MaxTimeout). The Receipt says
// what is known of the message even beside an error. Errors are
// *consensus.Refusal with the codes of this package, or what the agent
// answered with; ctx.Err() if ctx was cancelled; consensus.ErrClosed.
// m.From.Principal (and Agent, where the credential may speak for one) is the
// caller's word and must be authenticated; the node is set here.
func (r *Router) Send(ctx context.Context, m Message, wantReply bool) (Receipt, error) {
	type end struct {
		receipt Receipt
		err     error
	}
	ch := make(chan end, 1)
	r.Submit(ctx, m, wantReply, func(receipt Receipt, err error) { ch <- end{receipt, err} })
	e := <-ch
	return e.receipt, e.err
}

// Submit is Send without the wait: messages submitted one after the other
// reach the same receiver in that order. done is called exactly once, on any
// goroutine, perhaps before Submit returns; it must not block.
func (r *Router) Submit(ctx context.Context, m Message, wantReply bool, done func(Receipt, error)) {
	refuse := func(err error) {
		r.metrics.count(Refused, err)
		done(Receipt{ID: m.ID, Status: Refused}, err)
	}
	m.From.Node = r.cfg.NodeID
	ctxDeadline, _ := ctx.Deadline()
	now := time.Now()
	if err := m.normalise(now, ctxDeadline); err != nil {
		refuse(err)
		return
	}
	addr, err := ParseAddress(m.To)
	if err != nil {
		refuse(err)
		return
	}
	if addr.Topic != "" {
		refuse(consensus.Refuse(CodeUnsupported, "this node has no topics"))
		return
	}
	if addr.All && wantReply {
		refuse(errWaitAll)
		return
	}
	targets, err := r.targets(addr, now)
	if err != nil {
		refuse(err)
		return
	}
	c := &call{r: r, m: m, addr: addr, wait: wantReply, targets: targets, done: done}
	if err := r.begin(c); err != nil {
		refuse(err)
		return
	}
	stop := context.AfterFunc(ctx, func() { c.cancelled(ctx) })
	c.mu.Lock()
	c.unwatch = stop
	c.mu.Unlock()
	if addr.All {
		r.spread(c)
		return
	}
	c.try()
}

// targets resolves an address to the nodes to try.
func (r *Router) targets(a Address, now time.Time) ([]string, error) {
	if a.Node != "" {
		id, err := r.cfg.Directory.ResolveNode(a.Node)
		if err != nil {
			if refusal := asRefusal(err); refusal.Code != "INTERNAL" {
				return nil, refusal
			}
			return nil, &consensus.Refusal{
				Code: CodeUnknownAddress, Sentence: "no node of this mesh is named " + a.Node,
				Details: map[string]string{"to": a.String()},
			}
		}
		return []string{id}, nil
	}
	hosts := r.cfg.Directory.Lookup(a.Agent)
	r.mu.Lock()
	defer r.mu.Unlock()
	hosts = withoutNode(hosts, r.cfg.NodeID)
	known := len(hosts) > 0 || r.table.remembers(a.Agent, now)
	if busy, n := r.table.load(a.Agent); n > 0 {
		hosts = append(hosts, Host{NodeID: r.cfg.NodeID, Alive: true, Busy: busy, Instances: n})
	}
	if len(hosts) == 0 && !known {
		return nil, unknownAgent(a)
	}
	r.table.remember(a.Agent, now)
	ranked := rankHosts(hosts, r.cfg.NodeID, func(id string) int { return r.sent[hostKey{id, a.Agent}] })
	limit := maxAttempts
	if a.All {
		limit = maxHosts
	}
	if len(ranked) == 0 {
		return nil, goneEverywhere(a.Agent)
	}
	out := make([]string, 0, min(limit, len(ranked)))
	for _, h := range ranked[:min(limit, len(ranked))] {
		out = append(out, h.NodeID)
	}
	return out, nil
}

// withoutNode copies hosts, leaving out the node whose own table knows better.
func withoutNode(hosts []Host, self string) []Host {
	out := make([]Host, 0, len(hosts)+1)
	for _, h := range hosts {
		if h.NodeID != self {
			out = append(out, h)
		}
	}
	return out
}

// spread sends a message to every instance.
func (r *Router) spread(c *call) {
	g := newGather(len(c.targets), c.outcome)
	for _, node := range c.targets {
		if node == r.cfg.NodeID {
			r.deliverAll(c.addr.Agent, c.m, g.add)
			continue
		}
		c.mu.Lock()
		if c.timer == nil && !c.finished {
			c.timer = time.AfterFunc(time.Until(c.m.Deadline), func() { c.outcome(c.expired()) })
		}
		c.mu.Unlock()
		r.transmit(node, c.m, c.addr.Agent, true, false, func(o outcome, err error) {
			if err != nil {
				o = c.lost(node, err)
			}
			g.add(o)
		})
	}
}

// transmit sends one frame and hands on what the other router made of it.
func (r *Router) transmit(node string, m Message, agent string, all, wait bool, done func(outcome, error)) {
	key := hostKey{node, agent}
	r.mu.Lock()
	r.sent[key]++
	r.mu.Unlock()
	r.cfg.Link.Send(node, encodeFrame(m, agent, all, wait, time.Now()), func(data []byte, err error) {
		r.mu.Lock()
		if r.sent[key]--; r.sent[key] <= 0 {
			delete(r.sent, key)
		}
		r.mu.Unlock()
		var o outcome
		if err == nil {
			o, err = decodeOutcome(data)
		}
		done(o, err)
	})
}

// begin admits a call within the bounds.
func (r *Router) begin(c *call) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return consensus.ErrClosed
	}
	if len(r.calls) >= maxCalls || r.bytes+len(c.m.Body) > maxCallBytes {
		return consensus.Refuse(CodeOverloaded, "this node has too many messages under way")
	}
	r.calls[c] = struct{}{}
	r.bytes += len(c.m.Body)
	return nil
}

func (r *Router) ended(c *call, receipt Receipt, err error) {
	r.mu.Lock()
	delete(r.calls, c)
	r.bytes -= len(c.m.Body)
	r.mu.Unlock()
	r.metrics.count(receipt.Status, err)
}

// Close refuses what comes from now on, ends what is under way (status
// unknown) and detaches every session.
func (r *Router) Close() {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	r.closed = true
	if r.busyTimer != nil {
		r.busyTimer.Stop()
	}
	var sessions []*Session
	for _, list := range r.table.sessions {
		for _, e := range list {
			sessions = append(sessions, e.session)
		}
	}
	calls := make([]*call, 0, len(r.calls))
	for c := range r.calls {
		calls = append(calls, c)
	}
	r.mu.Unlock()
	for _, s := range sessions {
		s.Close()
	}
	for _, c := range calls {
		c.finish(Receipt{ID: c.m.ID, Status: Unknown}, consensus.ErrClosed)
	}
	r.metrics.unregister()
}

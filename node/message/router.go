package message

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/tracing"
	"github.com/prometheus/client_golang/prometheus"
)

// Bounds of what one node may have under way as a sender.
const (
	maxCalls     = 65536
	maxCallBytes = 128 << 20
	// maxHosts bounds how many nodes one message to every instance goes to.
	maxHosts = 256
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
	// node may be among them and is ignored. It is asked for each message;
	// as long as nothing has changed it should return the very same slice,
	// which nobody changes.
	Lookup(agent string) []Host
	// ResolveNode finds a member by name, id or beginning of its id. Its
	// error is the sender's answer if it is a *consensus.Refusal, and
	// CodeUnknownAddress otherwise.
	ResolveNode(ref string) (nodeID string, err error)
	// Announce replaces what the mesh knows of this node's agents.
	Announce(agents []Local)
}

// Link connects with other nodes. For each connection it asks Connected for
// the Strand that rides on it, and calls Began when Reach may choose it.
type Link interface {
	// Reach finds a living connection with a node, or begins to make one, and
	// returns without waiting. arrived is called once, on any goroutine,
	// perhaps before Reach returns: with the connection's strand, or with an
	// error, which is this package's to translate.
	Reach(node string, arrived func(*Strand, error))
}

// unlinked is the link of a node without peers.
type unlinked struct{}

func (unlinked) Reach(_ string, arrived func(*Strand, error)) {
	arrived(nil, NotSent("this node has no others"))
}

// Config is what a Router needs; Link and Peers (of a node that is alone),
// Logger and Registerer may be nil.
type Config struct {
	// NodeID is this node's id.
	NodeID    string
	Directory Directory
	Link      Link
	// Peers lists the ids of the other living nodes. It is asked often, and
	// the result not changed. Call PeersChanged when it has another answer.
	Peers func() []string
	// Orphaned is told of messages of inboxes that agents here have acknowledged
	// to a node which may not have told the state of it: the connection with it
	// broke, or it does not live. It must not block; may be nil.
	Orphaned func(acks []Ack)
	// NodeName is what people call a node, for metrics.
	NodeName func(id string) string
	// Tracer records the way of messages that are traced; may be nil.
	Tracer     *tracing.Recorder
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Router takes messages from sessions, clients and other nodes, and delivers
// them. Safe for concurrent use.
type Router struct {
	cfg      Config
	metrics  *metrics
	wheel    *wheel
	lanes    sync.Map // node id to *lane
	topics   topics
	interest *interest

	mu     sync.Mutex
	table  *table
	routes map[string]*route
	gone   uint64 // messages that sessions were given which have ended

	closed atomic.Bool
	// calls counts the sends under way from here, callBytes their bodies;
	// inflight what is with receivers here.
	calls, callBytes, inflight, inflightBytes atomic.Int64

	busyDue   atomic.Bool
	busyTimer *time.Timer // guarded by mu

	// announceMu is held while the directory is told, so that the newest is
	// told last. It is taken before mu.
	announceMu    sync.Mutex
	announced     []Local
	announceNext  time.Time
	announceTimer *time.Timer
}

// New returns a router that serves at once. Close it.
func New(cfg Config) *Router {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Link == nil {
		cfg.Link = unlinked{}
	}
	if cfg.Peers == nil {
		cfg.Peers = func() []string { return nil }
	}
	if cfg.NodeName == nil {
		cfg.NodeName = func(id string) string { return id }
	}
	r := &Router{cfg: cfg, wheel: newWheel(), table: newTable(), routes: map[string]*route{}}
	r.topics.here, r.topics.matches = map[Pattern]int{}, map[string]*matched{}
	r.interest = newInterest(r)
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
// goroutine, perhaps before Submit returns; it must not block. A ctx that can
// be cancelled costs more than all the rest: who need not give up a message
// before its deadline passes one that cannot.
func (r *Router) Submit(ctx context.Context, m Message, wantReply bool, done func(Receipt, error)) {
	m.From.Node = r.cfg.NodeID
	m.Stored = nil
	r.submit(ctx, &call{r: r, m: m, wait: wantReply, to: enderFunc(done)}, "", time.Now())
}

// Forward brings m, which an inbox holds, to one session of the agent that
// takes such messages (Profile.Durable). It is Submit without an answer, and
// keeps m.From as it is; m.Stored must be set, and names the agent where m.To
// does not. It ends
//
//   - delivered without an error when the session acknowledged m,
//   - delivered with an error when it returned it (Delivery.Fail),
//   - refused when m was certainly not seen,
//   - unknown otherwise.
//
// done is called exactly once, on any goroutine; it must not block. Messages
// forwarded one after the other reach the same session in that order.
func (r *Router) Forward(ctx context.Context, m Message, done func(Receipt, error)) {
	if m.Stored == nil {
		done(Receipt{ID: m.ID, Status: Refused}, invalid("stored", "only a message that an inbox holds is forwarded"))
		return
	}
	r.submit(ctx, &call{r: r, m: m, to: enderFunc(done)}, m.Stored.Inbox, time.Now())
}

func (r *Router) submit(ctx context.Context, c *call, inbox string, now time.Time) {
	c.to = r.traceSend(&c.m, c.to)
	var deadline time.Time
	if ctx.Done() != nil {
		deadline, _ = ctx.Deadline()
	}
	if err := c.prepare(now, deadline, inbox); err != nil {
		r.metrics.count(Refused, err)
		c.to.Ended(Receipt{ID: c.m.ID, Status: Refused}, err)
		return
	}
	if c.sends != nil && !c.sends.add(c) {
		c.finish(Receipt{ID: c.m.ID, Status: Refused}, consensus.ErrClosed)
		return
	}
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { c.cancelled(ctx) })
		c.mu.Lock()
		c.unwatch = stop
		finished := c.finished
		c.mu.Unlock()
		if finished {
			stop()
		}
	}
	switch {
	case c.addr.Topic != "":
		r.publish(c, now)
	case c.addr.All:
		r.spread(c, now)
	default:
		if !c.try(now) {
			c.finish(Receipt{ID: c.m.ID, Status: Refused}, r.nobody(c.addr, now))
		}
	}
}

// prepare checks the message, reads its address and admits the call.
func (c *call) prepare(now, deadline time.Time, inbox string) (err error) {
	if err = c.m.normalise(now, deadline); err != nil {
		return err
	}
	if c.addr, err = ParseAddress(c.m.To); err != nil {
		return err
	}
	if inbox != "" {
		if err := CheckName(inbox); err != nil {
			return err
		}
		c.addr = Address{Agent: inbox}
	}
	switch {
	case c.wait && (c.addr.All || c.addr.Topic != ""):
		return errWaitAll
	case c.m.Stored != nil && (c.addr.All || c.addr.Topic != ""):
		return invalid("stored", "a message of an inbox is for one agent; the inbox is to be named")
	}
	if c.addr.Node != "" {
		if c.addr.Node, err = c.r.resolve(c.addr); err != nil {
			return err
		}
	}
	return c.r.begin(c)
}

// spread sends a message to every instance.
func (r *Router) spread(c *call, now time.Time) {
	nodes := r.everywhere(c.addr.Agent)
	if len(nodes) == 0 {
		c.finish(Receipt{ID: c.m.ID, Status: Refused}, r.nobody(c.addr, now))
		return
	}
	if !r.wheel.add(&c.timed, c, c.m.Deadline.Add(grace)) {
		c.finish(Receipt{ID: c.m.ID, Status: Refused}, consensus.ErrClosed)
		return
	}
	g := newGather(len(nodes), c, 0, 0)
	g.lost, c.parts = c.lost, g
	for _, node := range nodes {
		if node != r.cfg.NodeID {
			r.lane(node).message(&c.m, envelope{agent: c.addr.Agent, all: true}, part{g, node}, now)
			continue
		}
		r.mu.Lock()
		list := r.table.all(c.addr.Agent)
		r.mu.Unlock()
		if len(list) == 0 {
			g.add(refusedBy(goneSession(c.addr.Agent, r.cfg.NodeID)))
			continue
		}
		r.deliverAll(list, &c.m, newGather(len(list), g, 0, 0))
	}
}

// begin admits a call within the bounds.
func (r *Router) begin(c *call) error {
	if r.closed.Load() {
		return consensus.ErrClosed
	}
	size := int64(len(c.m.Body))
	calls, bytes := r.calls.Add(1), r.callBytes.Add(size)
	if calls > maxCalls || bytes > maxCallBytes {
		r.calls.Add(-1)
		r.callBytes.Add(-size)
		return consensus.Refuse(CodeOverloaded, "this node has too many messages under way")
	}
	return nil
}

func (r *Router) ended(c *call, receipt Receipt, err error) {
	r.calls.Add(-1)
	r.callBytes.Add(-int64(len(c.m.Body)))
	r.metrics.count(receipt.Status, err)
}

// Close refuses what comes from now on, ends what is under way (status
// unknown) and detaches every session.
func (r *Router) Close() {
	if r.closed.Swap(true) {
		return
	}
	r.mu.Lock()
	if r.busyTimer != nil {
		r.busyTimer.Stop()
	}
	var sessions []*Session
	for _, list := range r.table.groups {
		sessions = append(sessions, list...)
	}
	r.mu.Unlock()
	for _, s := range sessions {
		s.Close()
	}
	for _, t := range r.wheel.close() {
		if c, ok := t.owner.(*call); ok {
			c.finish(Receipt{ID: c.m.ID, Status: Unknown}, consensus.ErrClosed)
		}
	}
	r.announceMu.Lock()
	if r.announceTimer != nil {
		r.announceTimer.Stop()
	}
	r.announceMu.Unlock()
	r.metrics.unregister()
}

// Package dispatch pushes inboxes to the agents they belong to.
//
// Of the nodes where an agent's instances are attached, one dispatches its
// inbox: the one that the agent's record in the replicated state names. It reads
// what is due from its own copy of the state, hands it to instances anywhere in
// the mesh, and tells the state what became of it. When it dies, or hosts the
// agent no more, another takes its place.
//
// It keeps nothing that would have to survive: what is out is redelivered by
// whoever dispatches next. So a message may come twice, and none is lost. The
// core (box) is pure; Dispatcher is the shell around all boxes of a node.
package dispatch

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/tracing"
	"github.com/prometheus/client_golang/prometheus"
)

// Bounds of what all inboxes of a node have out together: half of what its
// router carries. Agents that acknowledge nothing leave room for the others.
const (
	maxOutAll      = 1 << 15
	maxBytesAll    = 64 << 20
	maxSettlingAll = 1 << 16
	// perMessage is what a message is charged beside its body.
	perMessage = 256
	// maxTurn bounds the messages, and the bytes of bodies, read at a time.
	maxTurn      = 256
	maxTurnBytes = 4 << 20
)

// Inboxes is what a Dispatcher asks of the replicated inboxes; *inbox.Service
// is one.
type Inboxes interface {
	Pending(ctx context.Context, agent string, o inbox.PendingOptions) (inbox.Batch, error)
	SubmitAck(agent string, seqs []uint64, done func(int, error))
	Return(ctx context.Context, agent string, items []inbox.Returned) (int, error)
	Claim(ctx context.Context, claims []inbox.Claim) ([]inbox.ClaimResult, error)
	Agent(ctx context.Context, name string) (inbox.AgentInfo, bool, error)
	// Fresh returns nil once this node has everything that was acknowledged
	// anywhere before the call.
	Fresh(ctx context.Context) error
	// Place is the node that dispatches an inbox, from memory.
	Place(agent string) (node string)
	Watch(fn func(agents []string)) (cancel func())
}

// Router is what brings messages to sessions; *message.Router is one.
type Router interface {
	Forward(ctx context.Context, m message.Message, done func(message.Receipt, error))
}

// Mesh knows where agents live. Its methods must be quick and safe for
// concurrent use.
type Mesh interface {
	// Hosts returns the agents with instances that take messages of inboxes,
	// and the living nodes where those are, sorted.
	Hosts() map[string][]string
	// Alive says whether a node is.
	Alive(node string) bool
}

// Config is what a Dispatcher needs; Tracer, Logger and Registerer may be nil.
type Config struct {
	// Node is this node's id.
	Node       string
	Inboxes    Inboxes
	Router     Router
	Mesh       Mesh
	Tracer     *tracing.Recorder
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Dispatcher pushes the inboxes that this node dispatches. Safe for concurrent
// use.
type Dispatcher struct {
	cfg     Config
	metrics *metrics
	ctx     context.Context
	cancel  context.CancelFunc
	unwatch func()
	wg      sync.WaitGroup

	moved    signal // who is where may have changed
	toClaim  signal
	toPush   signal
	toSettle signal
	idle     signal // there is nothing to tell the state
	doubts   signal // the state may lack what the mesh has

	mu       sync.Mutex // guards all below, and what is in a served but for its name
	closed   bool
	belief   belief
	agents   map[string]*served
	queue    []*served // whose box may be ready
	out      int       // messages that are with agents
	bytes    int       // what those are charged
	settling int
	unsaid   []*served // that have something to tell the state
	owners   map[ownerKey]*ownerClaim
	claims   map[string]*served
	// claiming are the names in the claim under way.
	claiming map[string]bool
}

// served is an agent that is attached here, or whose inbox this node dispatches.
type served struct {
	name string
	// hosts are the nodes where it takes messages of its inbox.
	hosts []string
	// node dispatches its inbox since epoch, as far as is known; known says
	// that the state was asked.
	node  string
	epoch uint64
	known bool
	// answers counts the claims that were answered: what was read before the
	// last of them is no news.
	answers int
	// missing is since when node was not seen to host the agent.
	missing time.Time
	// moving is the handing over to a node where the agent is.
	moving moving
	// box is set while this node dispatches.
	box    *box
	queued bool
	timer  *time.Timer
	// done and back wait to be told to the state; telling that some of them are
	// on their way.
	done    []settlement
	back    []settlement
	telling bool
	// failures counts in a row how often that has failed.
	failures int
}

// signal wakes one goroutine, once for any number of calls before it looks.
type signal chan struct{}

func newSignal() signal { return make(signal, 1) }

func (s signal) set() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// New returns a Dispatcher that serves at once. Close it before what it was
// given.
func New(cfg Config) *Dispatcher {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Dispatcher{
		cfg: cfg, moved: newSignal(), toClaim: newSignal(), toPush: newSignal(), toSettle: newSignal(), idle: newSignal(), doubts: newSignal(),
		belief: belief{doubted: true, beat: time.Now()},
		agents: map[string]*served{}, owners: map[ownerKey]*ownerClaim{}, claims: map[string]*served{}, claiming: map[string]bool{},
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.metrics = newMetrics(cfg.Registerer, d)
	d.unwatch = cfg.Inboxes.Watch(d.changed)
	d.wg.Go(d.keepBelieving)
	d.wg.Go(d.keepPlaces)
	d.wg.Go(d.keepClaims)
	d.wg.Go(d.keepPushing)
	d.wg.Go(d.keepSettling)
	return d
}

// Moved says that Mesh may answer otherwise than before.
func (d *Dispatcher) Moved() { d.moved.set() }

// changed is told of inboxes with something new; nil is all of them.
func (d *Dispatcher) changed(agents []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if agents == nil {
		for _, s := range d.agents {
			s.known = false
			d.touch(s)
		}
		d.moved.set()
		return
	}
	for _, name := range agents {
		if s := d.agents[name]; s != nil {
			d.touch(s)
			if d.waits(s) {
				d.moved.set()
			}
		}
	}
}

// touch lets an inbox be looked at. d.mu is held.
func (d *Dispatcher) touch(s *served) {
	if s.box != nil {
		s.box.changed()
		d.enqueue(s)
	}
}

func (d *Dispatcher) enqueue(s *served) {
	if !s.queued && s.box != nil {
		s.queued = true
		d.queue = append(d.queue, s)
		d.toPush.set()
	}
}

// arm looks at an inbox again at a time; zero is never. d.mu is held.
func (d *Dispatcher) arm(s *served, at, now time.Time) {
	if at.IsZero() || d.closed {
		return
	}
	wait := max(at.Sub(now), time.Millisecond)
	if s.timer == nil {
		s.timer = time.AfterFunc(wait, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.enqueue(s)
		})
		return
	}
	s.timer.Reset(wait)
}

// flush waits until the state knows what became of messages.
func (d *Dispatcher) flush() {
	timer := time.NewTimer(flushTime)
	defer timer.Stop()
	for {
		d.mu.Lock()
		left := d.settling
		d.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-d.idle:
		case <-timer.C:
			return
		}
	}
}

// flushTime is how long Close waits for what the state has not heard yet. What
// it does not hear is delivered again.
const flushTime = time.Second

// Stop ends pushing, before sessions are closed: what they hold then is for the
// next dispatcher, as if it had not been handed out here, and no attempt is
// counted for it.
func (d *Dispatcher) Stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
}

// Close stops pushing, tells the state what became of what was out, as far as
// that is known and can be done soon, and ends.
func (d *Dispatcher) Close() {
	d.unwatch()
	d.Stop()
	d.flush()
	d.cancel()
	d.wg.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.agents {
		if s.timer != nil {
			s.timer.Stop()
		}
	}
	for _, o := range d.owners {
		o.end(nil)
	}
	d.metrics.unregister()
}

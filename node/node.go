// Package node is one peer of a mesh. It opens the peer's parts in order —
// identity, trust, the port, the replicated state, gossip, the services on top
// — and closes them in reverse, and it is where a node founds a mesh, joins
// one, admits another, and leaves.
//
// It is not a surface: httpapi and cmd speak to it through the methods of Node.
// What is replicated is decided in the pure cores below (roster, access, graph);
// this package is the shell that feeds them.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meshd/meshd/gossip"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/agent"
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/inbox/dispatch"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/proposal"
	"github.com/meshd/meshd/node/roster"
	"github.com/meshd/meshd/node/task"
	"github.com/meshd/meshd/node/tracing"
	"github.com/meshd/meshd/node/wire"
	"github.com/prometheus/client_golang/prometheus"
)

// Config says how one node runs. Data, Version and Logger are required.
type Config struct {
	// Data is the directory that holds everything the node keeps.
	Data string
	// Listen is the address of the one port, ":7443" by default; port 0 takes
	// any free one.
	Listen string
	// Advertise lists the addresses the mesh is told, HOST or HOST:PORT.
	// Empty: the address listened on, else the default route's source.
	Advertise []string
	// Name is the node's name in the mesh; empty: the host's name.
	Name string
	// Peers are addresses of other nodes to try beside the known ones, for a
	// mesh whose every address changed.
	Peers []string
	// APIKey is an administrator's key from the environment, or empty.
	APIKey string
	// WantVoters is how many voters a mesh of three or more should have: 3 by
	// default, or 5.
	WantVoters int
	// LeaderTimeout is how long a leader is silent before another node stands
	// for election; 0: 1 s. All nodes should have the same.
	LeaderTimeout time.Duration
	// TraceShare is how many of the messages that enter without a trace
	// context are traced: 0 none, 1 all.
	TraceShare float64
	// Version is the software's version.
	Version string
	Logger  *slog.Logger
	// Registry takes the node's metrics; nil makes one.
	Registry *prometheus.Registry

	// lock is held by a restore, which opens the directory while it is marked.
	lock *dirLock
}

// Node is a running peer. Its methods are safe for concurrent use.
type Node struct {
	cfg      Config
	log      *slog.Logger
	started  time.Time
	ready    time.Time
	leaving  atomic.Bool // a leave is under way in this process
	registry *prometheus.Registry
	// strangers are the members that know this node no more (verdict.go).
	strangers strangers
	disowned  atomic.Bool // that they know it no more was said

	lock     *dirLock
	id       *identity.Identity
	trust    *roster.Trust
	book     *addressBook
	port     *wire.Port
	listener net.Listener
	where    atomic.Pointer[[]string] // the addresses the mesh is told
	raftID   string

	group  *replica
	gossip *gossip.Gossip

	rosters *roster.Service
	keys    *access.Service
	graph   *graphsync.Service
	inboxes *inbox.Service
	// delegated is the tasks; proposals what agents decide together.
	delegated *task.Service
	proposals *proposal.Service
	router    *message.Router
	// agentsOf is where agents are, for the router.
	agentsOf *agentIndex
	server   *agent.Server
	hosted   []*agent.Hosted
	// dispatcher is set once gossip may already speak of agents.
	dispatcher atomic.Pointer[dispatch.Dispatcher]
	events     *events
	tracer     *tracing.Recorder

	admission admission
	spool     spool

	mu      sync.Mutex
	stopped error
	done    chan struct{}
	life    context.Context // ends with Close
	cancel  context.CancelFunc
	tasks   sync.WaitGroup
}

// ErrNoMesh says that the data directory belongs to no mesh yet.
var ErrNoMesh = errors.New("this data directory belongs to no mesh yet")

// ErrRemoved says that the mesh removed this node for ever.
var ErrRemoved = errors.New("this node was removed from its mesh")

// ErrLeft ends a node that has left its mesh as it was asked to.
var ErrLeft = errors.New("this node has left its mesh")

// Open starts a node that belongs to a mesh and returns when it serves local
// reads. The caller must Close it. A directory whose node has left, and was
// stopped before it could be cleared, is ErrLeft: Forget ends that.
func Open(ctx context.Context, cfg Config) (*Node, error) {
	n, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	if n.trust.MeshID() == "" {
		n.Close()
		if _, err := os.Stat(n.raftPath()); err == nil {
			return nil, fmt.Errorf("%s has a replica and no trust file, which is gone: put it back, or run `meshd join TOKEN` on this data directory to be introduced to the mesh again: %w", cfg.Data, ErrNoMesh)
		}
		return nil, fmt.Errorf("%s: %w: found one with `meshd init` or join one with `meshd join TOKEN`", cfg.Data, ErrNoMesh)
	}
	if n.forgotten() {
		n.Close()
		return nil, fmt.Errorf("%s: %w, and was stopped before it had cleared its directory", cfg.Data, ErrLeft)
	}
	if err := n.refuseTwin(ctx); err != nil {
		n.Close()
		return nil, err
	}
	if err := n.enter(ctx); err != nil {
		n.Close()
		return nil, err
	}
	n.run(n.life, func(ctx context.Context) {
		if err := n.completeFounding(ctx); err != nil && ctx.Err() == nil {
			n.log.Warn("the founding of the mesh is not complete", "error", err)
		}
	})
	return n, nil
}

// Done is closed when the node stops by itself: it left, was removed, or a part
// failed. Err then says why.
func (n *Node) Done() <-chan struct{} { return n.done }

// Err is why the node stopped by itself, nil before that.
func (n *Node) Err() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stopped
}

// stop records why the node ends and lets its owner know.
func (n *Node) stop(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped == nil {
		n.stopped = err
		close(n.done)
	}
}

// run keeps a loop of the node until it is closed.
func (n *Node) run(ctx context.Context, loop func(context.Context)) {
	n.tasks.Go(func() { loop(ctx) })
}

// Close stops everything in the reverse of the opening order and releases the
// data directory. It takes at most some ten seconds.
func (n *Node) Close() error {
	var errs []error
	if n.cancel != nil {
		n.cancel()
		n.registry.Unregister(linkMetrics{n})
	}
	if d := n.dispatcher.Load(); d != nil {
		d.Stop()
	}
	if n.server != nil {
		n.server.Close()
	}
	for _, h := range n.hosted {
		h.Close()
	}
	n.closeInboxes()
	if n.router != nil {
		n.router.Close()
	}
	if n.gossip != nil {
		errs = append(errs, n.gossip.Close())
	}
	if n.group != nil {
		errs = append(errs, n.group.Close())
	}
	if n.port != nil {
		errs = append(errs, n.port.Close())
	}
	n.tasks.Wait()
	if n.lock != nil {
		errs = append(errs, n.lock.release())
	}
	return errors.Join(errs...)
}

package consensus

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft-wal/types"
	"github.com/prometheus/client_golang/prometheus"
)

// Replica is one server that the roster wants in the Raft configuration.
type Replica struct {
	RaftID string
	// NoVote keeps it a non-voter.
	NoVote bool
	// Leaving says that it hands over what it has and is to be taken out.
	Leaving bool
}

// Peers carries calls to other replicas, addressed by raft id. Calls to one
// peer may run at the same time; the context bounds each.
type Peers interface {
	Call(ctx context.Context, raftID, method string, body []byte) ([]byte, error)
}

// Tracer is implemented by Peers that carry a word about whom a call is for,
// for the logs of both sides.
type Tracer interface {
	// Trace is the word that the context of a proposal brings, or "".
	Trace(ctx context.Context) string
	// WithTrace gives the context of a call the words of what it carries.
	WithTrace(ctx context.Context, words []string) context.Context
}

// Config says how to open a Group.
type Config struct {
	// Dir is the raft directory: log, state, snapshots, raft id, lock.
	Dir string
	// Parts are what the state is made of.
	Parts []Part
	// Listener yields authenticated Raft streams; closed with the Group.
	Listener net.Listener
	// Dial opens a Raft stream to a replica.
	Dial func(ctx context.Context, raftID string) (net.Conn, error)
	// Peers carries the other calls between replicas.
	Peers Peers
	// Replicas returns the wanted configuration. It is called by the leader's
	// loop; nil, or an empty answer, leaves the configuration as it is.
	Replicas func() []Replica
	// WantVoters is the number of voters from three replicas on: 3 (default)
	// or 5.
	WantVoters int
	// Level returns the highest command level that every replica executes; the
	// leader raises the state's level to it. Nil: Level.
	Level func() uint32
	// ClockOffset returns how far the clocks of the peers are ahead of this
	// node's, as their median, and over how many peers. It may be nil.
	ClockOffset func() (offset time.Duration, peers int)
	// Floor is the revision that the parts already know, from a Group of this
	// process before this one. Their observers hear nothing of a state below
	// it, and of the whole of it when it is reached.
	Floor uint64
	// Logger may be nil.
	Logger *slog.Logger
	// HeartbeatTimeout, ElectionTimeout and LeaderLeaseTimeout are Raft's
	// (hashicorp/raft Config); 0 means its defaults of 1 s, 1 s, 0.5 s. All
	// replicas should have the same; Status tells the leader who has not.
	HeartbeatTimeout   time.Duration
	ElectionTimeout    time.Duration
	LeaderLeaseTimeout time.Duration
	// Registerer takes the metrics; may be nil.
	Registerer prometheus.Registerer

	hooks hooks
}

// hooks are the tests' way into a Group.
type hooks struct {
	vfs        types.VFS
	failCommit func() error
	dirty      *atomic.Bool // skip the clean mark at close: a killed process
	otherBoot  bool         // and as if the machine had gone down with it
	health     healthTimes
	snapBytes  uint64
	// step ends the process at a named point by an error.
	step func(point string) error
	now  func() time.Time
	// space stands in for the file system's figures.
	space func() (free, total uint64)
	// beforeRead is called between the steps of a read index, by number.
	beforeRead func(step int)
}

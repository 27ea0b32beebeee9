// Package wire is the one TCP port of a node and the connections between
// nodes: it tells protocols apart by ALPN, lets only pinned keys in, and
// carries calls between pairs of nodes over one connection each.
//
// It is not a router and keeps no roster: whom to trust, and where they are,
// is asked of Trust at each connection, and what calls mean is known to those
// that handle them. HTTP is handed to a handler.
//
// It promises that a byte of a peer protocol is delivered only after both
// sides have proven a pinned key, that every length from outside is bounded
// before anything is allocated for it, that a slow or dead peer delays nobody
// but those who call it, and that clients cannot take the descriptors or the
// processor away from peers. DESIGN.md says how.
package wire

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meshd/meshd/node/identity"
)

// The protocols between nodes, as ALPN names (RFC 7301). All need TLS 1.3 and
// a client certificate. "h2" and "http/1.1" on the same port are for clients.
const (
	// ProtocolRaft carries Raft's own streams, between replicas only.
	ProtocolRaft = "meshd-raft/1"
	// ProtocolGossip carries memberlist's packets and streams.
	ProtocolGossip = "meshd-gossip/1"
	// ProtocolPeer carries calls, multiplexed.
	ProtocolPeer = "meshd-peer/1"
	// ProtocolJoin is for machines that are no members yet.
	ProtocolJoin = "meshd-join/1"
)

// Verdict is what Trust says of a key.
type Verdict uint8

// A key belongs to nobody, to a member, or to a node removed for ever.
const (
	Unknown Verdict = iota
	Member
	Removed
)

// Peer is what must be known of a node to connect with it.
type Peer struct {
	ID identity.NodeID
	// Name is for people.
	Name string
	// RaftID is the id of the node's Raft server, empty if it has none.
	RaftID string
	// Pins are the keys that speak for the node: one, or two while a key is
	// rotated.
	Pins []identity.Pin
	// Addresses are "host:port" with names or addresses.
	Addresses []string
	// Replica says that the node may open ProtocolRaft.
	Replica bool
}

// Trust says who belongs to the mesh. It is asked at every handshake and each
// hello, so it must answer from memory. Safe for concurrent use.
type Trust interface {
	MeshID() string
	// Revision counts the changes of the roster.
	Revision() uint64
	// ByPin finds the node a key belongs to. The peer of a removed key needs
	// to hold its ID only.
	ByPin(identity.Pin) (Peer, Verdict)
	ByID(identity.NodeID) (Peer, bool)
	ByRaftID(string) (Peer, bool)
}

// Budgets bound what strangers and peers may take. Zero fields get defaults.
type Budgets struct {
	// Strangers is how many inbound connections may be open that have not
	// proven anything: in their handshake, or HTTP without a credential so
	// far. The oldest is closed for a new one. 1,024.
	Strangers int
	// StrangersPerAddress is the same for one IPv4 address or IPv6 /64;
	// loopback is bounded by Strangers alone. 32.
	StrangersPerAddress int
	// Clients is how many inbound connections may be open that are not of
	// peers. Half of the process's descriptors.
	Clients int
	// Handshakes is how many TLS handshakes with strangers may compute at
	// once; known peers do not wait. Four per core.
	Handshakes int
	// CallsPerPeer is how many calls of one peer may run at once; more are
	// refused as OVERLOADED. 2,048.
	CallsPerPeer int
	// CallBytesPerPeer bounds the bodies of those calls. 64 MiB.
	CallBytesPerPeer int
	// QueueBytes is how much may wait to be written to one peer before a
	// caller waits too. 4 MiB.
	QueueBytes int
}

// Config is what a Port is made of.
type Config struct {
	Identity *identity.Identity
	Trust    Trust
	// HTTP serves clients. It may be set later with HandleHTTP; until then
	// they get 503.
	HTTP   http.Handler
	Logger *slog.Logger
	// Version is this software's, told in hellos.
	Version string
	// Registerer takes the metrics; may be nil.
	Registerer prometheus.Registerer
	// OnNewerRoster is called, on a goroutine of its own and one at a time,
	// when a member has shown a roster revision above ours. May be nil.
	OnNewerRoster func(from identity.NodeID, revision uint64)
	// Clock tells the time that is compared with that of peers. time.Now.
	Clock   func() time.Time
	Budgets Budgets
}

// Limits of what is read and how long is waited. They are variables of a Port
// so that tests need not wait.
type limits struct {
	handshake   time.Duration // TCP accepted to TLS done
	hello       time.Duration // TLS done to answer
	dial        time.Duration // one address: TCP and TLS
	headStart   time.Duration // of the address that worked last
	write       time.Duration // one write of at most 64 KiB or one frame
	ping        time.Duration // between two pings of a link
	dead        time.Duration // silence after which a link is given up
	backoff     time.Duration // first wait after a failed dial
	backoffMax  time.Duration
	sweep       time.Duration // housekeeping
	retire      time.Duration // the second of two links is kept this long
	unused      time.Duration // a peer not called for so long is not redialled
	joinRead    time.Duration // first message of a join
	joins       int           // at once
	closeWithin time.Duration
	unread      time.Duration // what HTTP/2 has for a client may wait for so long
}

var defaultLimits = limits{
	handshake:   10 * time.Second,
	hello:       10 * time.Second,
	dial:        5 * time.Second,
	headStart:   300 * time.Millisecond,
	write:       10 * time.Second,
	ping:        2 * time.Second,
	dead:        10 * time.Second,
	backoff:     50 * time.Millisecond,
	backoffMax:  5 * time.Second,
	sweep:       500 * time.Millisecond,
	retire:      2 * time.Second,
	unused:      10 * time.Minute,
	joinRead:    5 * time.Second,
	joins:       64,
	closeWithin: 4 * time.Second,
	unread:      unreadTime,
}

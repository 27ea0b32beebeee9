package node

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/message"
)

// callTop asks what a node is busy with: nothing → topAnswer.
const callTop = "node.top"

// Bounds of one node's answer.
const (
	maxTopAgents = 100
	maxTopLinks  = 256
	// maxTopInboxes are shown, of those that are looked at.
	maxTopInboxes = 100
	maxTopLooked  = 5000
)

// TopMessages counts messages since a node started.
type TopMessages struct {
	// Sent from this node, by what became of them.
	Delivered uint64 `json:"delivered" cbor:"1,keyasint,omitempty"`
	Refused   uint64 `json:"refused" cbor:"2,keyasint,omitempty"`
	Unknown   uint64 `json:"unknown" cbor:"3,keyasint,omitempty"`
	// Received by agents and subscribers at this node.
	Received uint64 `json:"received" cbor:"4,keyasint,omitempty"`
}

// TopLink is a node's connection to another.
type TopLink struct {
	NodeID    string  `json:"node_id" cbor:"1,keyasint"`
	Node      string  `json:"node" cbor:"-"`
	Connected bool    `json:"connected" cbor:"2,keyasint,omitempty"`
	RTTMs     float64 `json:"rtt_ms" cbor:"3,keyasint,omitempty"`
	// ClockOffsetMs is how far the other's clock is ahead.
	ClockOffsetMs int64 `json:"clock_offset_ms" cbor:"4,keyasint,omitempty"`
}

// TopAgent is an agent at one node, with counts since it attached there.
type TopAgent struct {
	Name      string `json:"name" cbor:"1,keyasint"`
	Node      string `json:"node" cbor:"-"`
	Instances int    `json:"instances" cbor:"2,keyasint,omitempty"`
	Received  uint64 `json:"received" cbor:"3,keyasint,omitempty"`
	Sent      uint64 `json:"sent" cbor:"4,keyasint,omitempty"`
}

// TopInbox is an agent's inbox.
type TopInbox struct {
	Agent    string `json:"agent"`
	Messages int    `json:"messages"`
	Bytes    int64  `json:"bytes"`
	Dead     int    `json:"dead" doc:"dead letters"`
	// Oldest is when the message that waits longest was accepted.
	Oldest *time.Time `json:"oldest"`
}

// TopNode is one node at one moment. What is counted is so since the node
// started: two samples make a rate.
type TopNode struct {
	Member
	// Answered is false for one that did not: the rest of it is unknown.
	Answered bool `json:"answered"`
	// UptimeMs tells two samples apart, and a node that has begun anew.
	UptimeMs    int64       `json:"uptime_ms"`
	Load        float64     `json:"load" doc:"one-minute load average; 0 where unknown"`
	Lag         uint64      `json:"lag" doc:"revisions behind the furthest node that answered"`
	Connections int         `json:"connections" doc:"WebSocket connections of agents and clients"`
	Agents      int         `json:"agents" doc:"names attached here"`
	Messages    TopMessages `json:"messages"`
	Links       []TopLink   `json:"links" nullable:"false"`
}

// Top is what the mesh is busy with.
type Top struct {
	Status  Status     `json:"status"`
	Nodes   []TopNode  `json:"nodes" nullable:"false"`
	Agents  []TopAgent `json:"agents" nullable:"false" doc:"the busiest, at most 100 a node"`
	Inboxes []TopInbox `json:"inboxes" nullable:"false" doc:"the fullest, at most 100"`
}

// topAnswer is what a node tells another.
type topAnswer struct {
	UptimeMs    int64       `cbor:"1,keyasint"`
	Revision    uint64      `cbor:"2,keyasint,omitempty"`
	Load        float64     `cbor:"3,keyasint,omitempty"`
	Connections int         `cbor:"4,keyasint,omitempty"`
	Names       int         `cbor:"5,keyasint,omitempty"`
	Messages    TopMessages `cbor:"6,keyasint"`
	Links       []TopLink   `cbor:"7,keyasint,omitempty"`
	Agents      []TopAgent  `cbor:"8,keyasint,omitempty"`
}

// Top asks all members at once what they are busy with, and waits a second at
// most.
func (n *Node) Top(ctx context.Context) Top {
	ctx, cancel := context.WithTimeout(ctx, memberPatience)
	defer cancel()
	out := Top{Status: n.Status(), Nodes: []TopNode{}, Agents: []TopAgent{}, Inboxes: n.topInboxes(ctx)}
	members := n.lines()
	answers := make([]*topAnswer, len(members))
	var asked sync.WaitGroup
	for i, m := range members {
		if m.Status == "alive" {
			asked.Go(func() {
				if a, err := n.topOf(ctx, identity.NodeID(m.ID)); err == nil {
					answers[i] = &a
				}
			})
		}
	}
	asked.Wait()
	furthest := uint64(0)
	for _, a := range answers {
		if a != nil {
			furthest = max(furthest, a.Revision)
		}
	}
	for i, m := range members {
		t := TopNode{Member: m, Links: []TopLink{}}
		if a := answers[i]; a != nil {
			t.Answered, t.UptimeMs, t.Load, t.Lag = true, a.UptimeMs, a.Load, furthest-a.Revision
			t.Revision, t.Connections, t.Agents, t.Messages = a.Revision, a.Connections, a.Names, a.Messages
			for _, l := range a.Links[:min(len(a.Links), maxTopLinks)] {
				l.Node = n.nodeNameOf(l.NodeID)
				t.Links = append(t.Links, l)
			}
			for _, g := range a.Agents[:min(len(a.Agents), maxTopAgents)] {
				g.Node = m.Name
				out.Agents = append(out.Agents, g)
			}
		}
		out.Nodes = append(out.Nodes, t)
	}
	slices.SortFunc(out.Agents, func(a, b TopAgent) int {
		return cmp.Or(cmp.Compare(b.Received+b.Sent, a.Received+a.Sent), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Node, b.Node))
	})
	return out
}

func (n *Node) topOf(ctx context.Context, id identity.NodeID) (a topAnswer, err error) {
	if id == n.id.ID() {
		return n.topHere(), nil
	}
	body, err := n.port.Call(ctx, id, callTop, nil)
	if err != nil {
		return a, err
	}
	return readTop(body)
}

// readTop reads another node's answer. Figures that are no numbers to JSON, and
// names that nothing can have, would cost the answers of all.
func readTop(body []byte) (a topAnswer, err error) {
	if err := consensus.Decode(body, &a); err != nil {
		return topAnswer{}, err
	}
	finite := func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
	if !finite(a.Load) {
		a.Load = 0
	}
	a.Links = slices.DeleteFunc(a.Links, func(l TopLink) bool { return !finite(l.RTTMs) || len(l.NodeID) > 128 })
	a.Agents = slices.DeleteFunc(a.Agents, func(g TopAgent) bool { return message.CheckName(g.Name) != nil })
	return a, nil
}

func (n *Node) topHere() topAnswer {
	a := topAnswer{UptimeMs: time.Since(n.started).Milliseconds(), Revision: n.group.Status().Revision, Connections: n.server.Connections()}
	a.Load, _ = loadAverage()
	a.Messages.Delivered, a.Messages.Refused, a.Messages.Unknown, a.Messages.Received = n.router.Totals()
	a.Agents, a.Names = busiest(n.router.Stats())
	for _, p := range n.port.PeerStates() {
		if len(a.Links) == maxTopLinks {
			break
		}
		if _, member := n.trust.Roster().ByID(p.ID); member {
			a.Links = append(a.Links, TopLink{NodeID: string(p.ID), Connected: p.Connected, RTTMs: float64(p.RTT.Microseconds()) / 1000, ClockOffsetMs: p.ClockOffset.Milliseconds()})
		}
	}
	return a
}

// tellTop answers another node.
func (n *Node) tellTop(context.Context, identity.NodeID, []byte) ([]byte, error) {
	return consensus.Encode(n.topHere()), nil
}

// busiest adds up the sessions of each name and keeps those that did most.
func busiest(sessions []message.SessionStats) (agents []TopAgent, names int) {
	for _, s := range sessions { // by name
		if s.Name == "" {
			continue
		}
		if len(agents) == 0 || agents[len(agents)-1].Name != s.Name {
			agents = append(agents, TopAgent{Name: s.Name})
		}
		a := &agents[len(agents)-1]
		a.Instances++
		a.Received += s.In
		a.Sent += s.Out
	}
	names = len(agents)
	slices.SortStableFunc(agents, func(a, b TopAgent) int { return cmp.Compare(b.Received+b.Sent, a.Received+a.Sent) })
	return agents[:min(len(agents), maxTopAgents)], names
}

// topInboxes are the fullest of the inboxes by this node's own state. Of more
// agents than can be looked at each second the first by name count.
func (n *Node) topInboxes(ctx context.Context) []TopInbox {
	full := []TopInbox{}
	for after, looked := "", 0; looked < maxTopLooked; {
		page, err := n.inboxes.Agents(ctx, after, 1000)
		if err != nil || len(page) == 0 {
			break
		}
		looked += len(page)
		after = page[len(page)-1].Name
		for _, a := range page {
			if a.Messages == 0 && a.Dead == 0 {
				continue
			}
			t := TopInbox{Agent: a.Name, Messages: a.Messages, Bytes: a.Bytes, Dead: a.Dead}
			if a.Messages > 0 && !a.Oldest.IsZero() {
				t.Oldest = &a.Oldest
			}
			full = append(full, t)
		}
	}
	slices.SortFunc(full, func(a, b TopInbox) int {
		return cmp.Or(cmp.Compare(b.Messages, a.Messages), cmp.Compare(b.Dead, a.Dead), cmp.Compare(a.Agent, b.Agent))
	})
	return full[:min(len(full), maxTopInboxes)]
}

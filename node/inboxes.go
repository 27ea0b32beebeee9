package node

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/gossip"
	"github.com/meshd/meshd/node/agent"
	"github.com/meshd/meshd/node/agent/librarian"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/inbox/dispatch"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/message/seal"
)

// openInboxes starts durable messages: the service that keeps them, and the
// dispatcher that pushes them to the agents attached here.
func (n *Node) openInboxes(life context.Context, part *inbox.Part) {
	log := n.log.With("part", "inbox")
	n.inboxes = inbox.NewService(inbox.Config{
		Reserved: func(agent string) bool { return agent == librarian.Name },
		Lend:     n.lend,
		Tracer:   n.tracer, State: n.group, Part: part, Level: n.levelFor(inbox.LevelPrint), Leads: func() bool { return n.group.Status().State == "leader" },
		Whole: n.whole, Ahead: n.group.ClockAhead, Logger: log, Registerer: n.registry,
	})
	n.run(life, n.inboxes.Keep)
	n.dispatcher.Store(dispatch.New(dispatch.Config{
		Tracer: n.tracer, Node: string(n.id.ID()), Inboxes: n.inboxes, Router: n.router, Mesh: inboxHosts{n}, Logger: log, Registerer: n.registry,
	}))
}

// closeInboxes ends them, in reverse.
func (n *Node) closeInboxes() {
	if d := n.dispatcher.Load(); d != nil {
		d.Close()
	}
	if n.inboxes != nil {
		n.inboxes.Close()
	}
}

// agentsMoved lets inboxes follow their agents.
func (n *Node) agentsMoved() {
	if d := n.dispatcher.Load(); d != nil {
		d.Moved()
	}
}

// levelFor tells the command level in force, and is cheap once that has come to
// the level asked for: it never falls.
func (n *Node) levelFor(wanted uint32) func() uint32 {
	var reached atomic.Bool
	return func() uint32 {
		if reached.Load() {
			return wanted
		}
		level := n.group.Status().Level
		reached.Store(level >= wanted)
		return level
	}
}

// acknowledged takes what agents here have acknowledged to a node that is gone.
func (n *Node) acknowledged(acks []message.Ack) {
	if d := n.dispatcher.Load(); d != nil {
		d.Acknowledged(acks)
	}
}

// inboxHosts tells dispatchers where the agents are that take messages of
// inboxes.
type inboxHosts struct{ n *Node }

// Hosts implements dispatch.Mesh.
func (h inboxHosts) Hosts() map[string][]string {
	out := map[string][]string{}
	self := string(h.n.id.ID())
	for _, m := range h.n.gossip.Members() {
		if m.NodeID == self || m.Status != gossip.StatusAlive || !h.n.agentsOf.holds(m.NodeID, m.Record.Incarnation) {
			continue
		}
		for _, a := range m.Record.Agents {
			if a.Durable > 0 {
				out[a.Name] = append(out[a.Name], m.NodeID)
			}
		}
	}
	for _, a := range h.n.router.Local() {
		if a.Durable > 0 {
			out[a.Name] = append(out[a.Name], self)
		}
	}
	for _, nodes := range out {
		slices.Sort(nodes)
	}
	return out
}

// InboxHosts lists the nodes where an agent takes messages of its inbox now, by
// id.
func (n *Node) InboxHosts(agent string) (nodes []string) {
	for _, h := range n.agentsOf.lookup(agent) {
		if h.Alive && h.Durable > 0 {
			nodes = append(nodes, h.NodeID)
		}
	}
	for _, a := range n.router.Local() {
		if a.Name == agent && a.Durable > 0 {
			nodes = append(nodes, string(n.id.ID()))
		}
	}
	slices.Sort(nodes)
	return nodes
}

// InboxNames are recipients as addresses with the names of their nodes, up to
// 256 of them.
func (n *Node) InboxNames(to []inbox.Recipient) []string {
	out := make([]string, 0, len(to))
	for _, r := range to[:min(len(to), 256)] {
		out = append(out, r.Agent+"@"+n.nodeNameOf(r.Node))
	}
	return out
}

// Alive implements dispatch.Mesh.
func (h inboxHosts) Alive(node string) bool {
	return node == string(h.n.id.ID()) || h.n.alive(node)
}

// claimName implements agent.Hooks.Claim: a name belongs to the first
// credential that attached it.
func (n *Node) claimName(who agent.Client, settled func(error)) error {
	if who.AnyName || who.Name == librarian.Name {
		settled(nil)
		return nil // the latter is refused when it attaches
	}
	info, _, err := n.inboxes.Agent(n.life, who.Name)
	switch {
	case err != nil:
		return err
	case info.Owner == who.Principal:
		settled(nil)
		return nil
	case info.Owner != "":
		return consensus.Refuse(agent.CodeNotYourAgent, fmt.Sprintf(
			"the agent name %q belongs to another credential; take another name, or ask an administrator to release it", who.Name))
	}
	n.dispatcher.Load().Own(who.Name, who.Principal, settled)
	return nil
}

// durables implements agent.Durable over the inboxes.
type durables struct{ n *Node }

// Submit implements agent.Durable.
func (d durables) Submit(ctx context.Context, m agent.Outgoing, done func(agent.Accepted, error)) {
	out, err := d.outgoing(&m)
	if err != nil {
		done(agent.Accepted{}, err)
		return
	}
	d.n.inboxes.Submit(ctx, out, func(a inbox.Accepted, err error) {
		if out.Everywhere && !a.Duplicate && err == nil {
			a.Recipients = d.n.InboxNames(out.To)
		}
		done(agent.Accepted{ID: a.ID, Recipients: a.Recipients, Known: a.Known, Duplicate: a.Duplicate}, err)
	})
}

// outgoing makes a client's message one for the inboxes.
func (d durables) outgoing(m *agent.Outgoing) (inbox.Outgoing, error) {
	out := inbox.Outgoing{
		ID: m.ID, From: m.From, Type: m.Type, Conversation: m.Conversation, Sticky: m.Sticky, Body: m.Body, Sealed: m.Sealed, Key: m.Key,
		TTL: m.TTL, Delay: m.Delay, TraceParent: m.TraceParent, RequestID: m.RequestID,
	}
	out.From.Node = string(d.n.id.ID())
	var err error
	if out.Priority, err = inbox.ParsePriority(m.Priority); err != nil {
		return out, err
	}
	address, err := message.ParseAddress(m.To)
	switch {
	case err != nil:
		return out, err
	case address.Topic != "":
		out.Topic = address.Topic
	case address.All:
		return out, out.ToEverywhere(address.Agent, d.n.InboxHosts(address.Agent))
	default:
		to := inbox.Recipient{Agent: address.Agent}
		if address.Node != "" {
			if to.Node, err = d.n.ResolveNode(address.Node); err != nil {
				return out, consensus.Refuse(message.CodeUnknownAddress, "no node of this mesh is named "+address.Node)
			}
		}
		out.To = []inbox.Recipient{to}
	}
	return out, nil
}

// Subscribe implements agent.Durable.
func (d durables) Subscribe(ctx context.Context, agent, pattern string) error {
	return d.n.inboxes.Subscribe(ctx, agent, pattern)
}

// Unsubscribe implements agent.Durable.
func (d durables) Unsubscribe(ctx context.Context, agent, pattern string) error {
	return d.n.inboxes.Unsubscribe(ctx, agent, pattern)
}

// codeKeyChanged: the agent has another key than the sender knows (409).
const codeKeyChanged = "KEY_CHANGED"

// sealBody implements agent.Hooks.Seal.
func (n *Node) sealBody(ctx context.Context, to string, body json.RawMessage, want string) (json.RawMessage, string, error) {
	address, err := message.ParseAddress(to)
	switch {
	case err != nil:
		return nil, "", err
	case address.Topic != "":
		return nil, "", consensus.Refuse(message.CodeInvalid, "a topic has no key: seal for one agent at a time")
	}
	key, err := n.inboxes.Key(ctx, address.Agent)
	if err != nil {
		return nil, "", err
	}
	if want != "" && want != key.Hash {
		return nil, "", &consensus.Refusal{
			Code: codeKeyChanged, Sentence: fmt.Sprintf("the agent %s has another key since %s", address.Agent, key.Since.UTC().Format(time.RFC3339)),
			Details: map[string]string{"agent": address.Agent, "key": key.Hash, "since": key.Since.UTC().Format(time.RFC3339)},
		}
	}
	sealed, err := seal.Seal(key.Recipient, body)
	return sealed, key.Hash, err
}

// Inboxes keeps durable messages.
func (n *Node) Inboxes() *inbox.Service { return n.inboxes }

package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/gossip"
	"github.com/meshd/meshd/node/agent/librarian"
	"github.com/meshd/meshd/node/event"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/inbox/dispatch"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/proposal"
	"github.com/meshd/meshd/node/task"
)

// meshPrincipal sends what the mesh itself tells agents of their tasks and
// proposals. No credential has it as its id, so nobody can send in its name.
const meshPrincipal = "mesh"

// openTasks starts delegated work and what agents decide together: the services
// that keep them, and the leader's loops that see them through.
func (n *Node) openTasks(life context.Context, tasks *task.Part, proposals *proposal.Part) {
	n.delegated = task.NewService(task.Config{
		State: n.group, Part: tasks, Level: n.levelFor(task.LevelShare), Whole: n.whole, Reaches: reaches, Logger: n.log.With("part", "task"),
	})
	n.proposals = proposal.NewService(proposal.Config{
		State: n.group, Part: proposals, Level: n.levelFor(proposal.LevelShare), Whole: n.whole, Known: n.knownAgents, Reaches: reaches, Logger: n.log.With("part", "proposal"),
	})
	told := make(chan []task.Event, maxTaskNews)
	tasks.Watch(func(events []task.Event) {
		select {
		case told <- slices.Clone(events):
		default: // news may be missed, commits may not wait
		}
	})
	n.run(life, func(ctx context.Context) { n.tellTasks(ctx, told) })
	proposals.Watch(func(events []proposal.Event) {
		for _, e := range events {
			n.events.hub.PublishFor(readsProposals, "proposal."+e.Kind, e.Time, e)
		}
	})
	leads := func() bool { return n.group.Status().State == "leader" }
	n.run(life, func(ctx context.Context) {
		n.delegated.Lead(ctx, task.Leading{Post: post{n}, Agents: n.candidates, Leads: leads})
	})
	n.run(life, func(ctx context.Context) {
		n.proposals.Lead(ctx, proposal.Leading{Send: post{n}.propose, Leads: leads})
	})
}

// readsProposals are those who may GET a proposal: it is no secret among agents,
// and no business of credentials for something else.
var readsProposals = &event.Audience{Scope: "proposals:read"}

// maxTaskNews is how many commits may wait for their events to be told.
const maxTaskNews = 4096

// tellTasks tells what happens to tasks to who may see them.
func (n *Node) tellTasks(ctx context.Context, told <-chan []task.Event) {
	for {
		select {
		case events := <-told:
			owners := map[string]string{}
			for _, e := range events {
				n.events.hub.PublishFor(concerned(e, func(agent string) string {
					owner, known := owners[agent]
					if !known {
						info, _, _ := n.inboxes.Agent(ctx, agent) // whom nobody owns, nobody speaks for
						owner = info.Owner
						owners[agent] = owner
					}
					return owner
				}), "task."+e.Kind, e.Time, news(e))
			}
		case <-ctx.Done():
			return
		}
	}
}

// concerned is who may see a task beside those who may read all of the mesh: who
// asked for it, the agents that it is with or came through, and their owners.
func concerned(e task.Event, owner func(agent string) string) *event.Audience {
	a := &event.Audience{Principals: []string{e.Principal}}
	for _, name := range append([]string{e.Agent, e.Requester}, e.Chain...) {
		if name == "" || slices.Contains(a.Agents, name) {
			continue
		}
		a.Agents = append(a.Agents, name)
		if o := owner(name); o != "" {
			a.Principals = append(a.Principals, o)
		}
	}
	return a
}

// news is what is told of a task to all who may see it: that something happened,
// and not what its agent and its requester say to each other.
func news(e task.Event) task.Event {
	e.Text = ""
	if e.Progress != nil {
		e.Progress = &task.Progress{Percent: e.Progress.Percent}
	}
	return e
}

// Tasks is the delegated work of the mesh.
func (n *Node) Tasks() *task.Service { return n.delegated }

// Proposals is what the agents of the mesh decide together.
func (n *Node) Proposals() *proposal.Service { return n.proposals }

// candidates are the agents that take durable messages somewhere now, and,
// without instances, those that did so at nodes that are gone.
func (n *Node) candidates() []task.Candidate {
	byName := map[string]*task.Candidate{}
	for _, m := range n.gossip.Members() {
		for _, a := range m.Record.Agents {
			if a.Durable == 0 {
				continue
			}
			c := byName[a.Name]
			if c == nil {
				c = &task.Candidate{Agent: a.Name, Capabilities: a.Capabilities}
				byName[a.Name] = c
			}
			if m.Status == gossip.StatusAlive {
				c.Instances += a.Durable
				c.Busy += a.Busy
			}
		}
	}
	list := make([]task.Candidate, 0, len(byName))
	for _, c := range byName {
		list = append(list, *c)
	}
	slices.SortFunc(list, func(a, b task.Candidate) int { return cmp.Compare(a.Agent, b.Agent) })
	return list
}

// knownAgents are those that have registered or attached and can have durable
// messages, up to one more than may vote.
func (n *Node) knownAgents(ctx context.Context) (names []string, err error) {
	for after := ""; len(names) <= proposal.MaxElectors; {
		page, err := n.inboxes.Agents(ctx, after, 1000)
		if err != nil || len(page) == 0 {
			return names, err
		}
		for _, a := range page {
			if after = a.Name; a.Known && len(names) <= proposal.MaxElectors {
				names = append(names, a.Name)
			}
		}
	}
	return names, nil
}

// reaches says why an agent can be given no task and no vote: it has no inbox.
func reaches(agent string) error {
	if agent == librarian.Name {
		return &consensus.Refusal{Code: message.CodeNameReserved, Details: map[string]string{"agent": agent},
			Sentence: "the agent " + agent + " lives in the nodes: it answers messages, takes no tasks and does not vote"}
	}
	return message.CheckName(agent)
}

// oneIsFull says that an inbox took nothing, while all of them together would.
func oneIsFull(err error) bool {
	var r *consensus.Refusal
	return errors.As(err, &r) && r.Code == inbox.CodeInboxFull && r.Details["inbox"] != ""
}

// post sends letters by the inboxes of the mesh.
type post struct{ n *Node }

// Send implements task.Post.
func (p post) Send(ctx context.Context, l task.Letter) error {
	priority := map[task.Priority]inbox.Priority{task.Low: inbox.Low, task.High: inbox.High, task.Critical: inbox.Critical}
	span := p.n.tracer.Start(l.TraceParent, "task").Set("task", l.Task.String()).Set("type", l.Type).Set("agent", l.To)
	out := inbox.Outgoing{
		TraceParent: span.Parent(l.TraceParent), ID: l.ID, To: []inbox.Recipient{{Agent: l.To}}, Type: l.Type, Conversation: "task-" + l.Task.String(), CorrelationID: l.Task.String(),
		Body: l.Body, Priority: priority[l.Priority], TTL: l.TTL,
	}
	if l.Delegation() {
		// It is with one session until that ends, however slow: a second one
		// would do the same work beside it. When it comes back it is dead, and
		// the tasks begin another attempt.
		out.Redelivery, out.MaxAttempts = inbox.MaxRedelivery, 1
	}
	err := p.accept(ctx, out)
	span.End(err)
	return err
}

// propose sends a letter about a proposal.
func (p post) propose(ctx context.Context, l proposal.Letter) error {
	out := inbox.Outgoing{
		ID: l.ID, Type: l.Type, Conversation: "proposal-" + l.Proposal.String(), CorrelationID: l.Proposal.String(), Body: l.Body, TTL: l.TTL,
	}
	for _, to := range l.To {
		out.To = append(out.To, inbox.Recipient{Agent: to})
	}
	missed, err := toElectors(out, func(one inbox.Outgoing) error { return p.accept(ctx, one) })
	for _, agent := range missed {
		p.n.log.Warn("an elector takes no message, so it is not told of a proposal", "agent", agent, "proposal", l.Proposal)
	}
	return err
}

// toElectors hands a letter to the inboxes. A message to several is for all of
// them or for none, but an elector that takes nothing must not keep the others,
// and all later letters, waiting: it is passed by, and finds the proposal in
// the list. Where all inboxes together are full, the letter is sent again.
func toElectors(out inbox.Outgoing, accept func(inbox.Outgoing) error) (missed []string, err error) {
	if err := accept(out); !oneIsFull(err) && !errors.Is(err, task.ErrUndeliverable) {
		return nil, err
	}
	for _, to := range out.To {
		one := out
		one.ID, one.To = out.ID+"-"+to.Agent, []inbox.Recipient{to}
		switch err := accept(one); {
		case oneIsFull(err), errors.Is(err, task.ErrUndeliverable):
			missed = append(missed, to.Agent)
		case err != nil:
			return missed, err
		}
	}
	return missed, nil
}

func (p post) accept(ctx context.Context, out inbox.Outgoing) error {
	out.From = message.Sender{Principal: meshPrincipal, Node: string(p.n.id.ID())}
	_, err := p.n.inboxes.Accept(ctx, out)
	if isRefusal(err, inbox.CodeOtherMessage) {
		// A leader of before sent it, and its task has moved on since.
		return nil
	}
	var r *consensus.Refusal
	if errors.As(err, &r) && slices.Contains([]string{inbox.CodeInvalid, inbox.CodeTooLarge, inbox.CodeTooManyRecipients, inbox.CodeUnknownAgent, message.CodeNameReserved}, r.Code) {
		return fmt.Errorf("%w: %w", task.ErrUndeliverable, err)
	}
	return err
}

// Withdraw implements task.Post. Others may have sent messages under the same
// ids, which stay.
func (p post) Withdraw(ctx context.Context, agent string, ids []string) error {
	_, err := p.n.inboxes.AcknowledgeFrom(ctx, agent, meshPrincipal, ids)
	if isRefusal(err, inbox.CodeUnknownAgent, inbox.CodeUnknownMessage) {
		return nil
	}
	return err
}

// Dead implements task.Post.
func (p post) Dead(ctx context.Context, agent string) (map[string]string, error) {
	info, ok, err := p.n.inboxes.Agent(ctx, agent)
	if err != nil || !ok || info.Dead == 0 {
		return nil, err
	}
	page, err := p.n.inboxes.List(ctx, agent, inbox.ListOptions{Dead: true, Limit: inbox.DeadLetters})
	if err != nil {
		return nil, err
	}
	dead := make(map[string]string, len(page.Messages))
	for _, m := range page.Messages {
		if m.From.Principal != meshPrincipal {
			continue
		}
		if dead[m.ID] = cmp.Or(m.Reason, string(m.Death)); m.Reason == dispatch.Late {
			dead[m.ID] = task.DiedLate
		}
	}
	return dead, nil
}

// Waiting implements task.Post.
func (p post) Waiting(ctx context.Context, agent string, ids []string) (map[string]bool, error) {
	list, err := p.n.inboxes.Named(ctx, agent, ids)
	waiting := make(map[string]bool, len(list))
	for _, m := range list {
		if m.From.Principal == meshPrincipal {
			waiting[m.ID] = !m.LeaseUntil.After(time.Now())
		}
	}
	return waiting, err
}

var _ task.Post = post{}

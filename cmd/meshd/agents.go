package main

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// agentBody is one line of GET /agents.
type agentBody struct {
	Name         string      `json:"name"`
	Description  string      `json:"description,omitempty"`
	Kind         string      `json:"kind,omitempty"`
	Capabilities []string    `json:"capabilities,omitempty"`
	Hosts        []agentHost `json:"hosts"`
	// Of lists of all agents.
	Owner   string `json:"owner,omitempty"`
	Waiting int    `json:"waiting,omitempty"`
	Dead    int    `json:"dead,omitempty"`
}

type agentHost struct {
	NodeID    string `json:"node_id"`
	Node      string `json:"node"`
	Instances int    `json:"instances"`
	Busy      int    `json:"busy"`
}

// agentRecord is the answer of GET /agents/NAME.
type agentRecord struct {
	agentBody
	Known bool         `json:"known"`
	Since *time.Time   `json:"since,omitempty"`
	Key   string       `json:"key,omitempty"`
	Inbox *inboxFigure `json:"inbox,omitempty"`
}

type inboxFigure struct {
	Node          string     `json:"node,omitempty"`
	Messages      int        `json:"messages"`
	Bytes         int64      `json:"bytes"`
	Oldest        *time.Time `json:"oldest,omitempty"`
	Dead          int        `json:"dead"`
	Dropped       uint64     `json:"dropped"`
	Accepted      uint64     `json:"accepted"`
	Acknowledged  uint64     `json:"acknowledged"`
	Returned      uint64     `json:"returned"`
	Refused       uint64     `json:"refused"`
	Subscriptions int        `json:"subscriptions"`
}

func agentsCommand(a *app) *cobra.Command {
	var (
		all   bool
		owner string
	)
	cmd := a.asks(&cobra.Command{
		Use:     "agents",
		Short:   "List the agents of the mesh and where they are",
		Example: "  meshd agents\n  meshd agents --all\n  meshd agents --all --owner me\n  meshd agents show reviewer",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownVerb(cmd, args[0])
			}
			return nil
		},
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			agents, err := listAgents(cmd.Context(), c, all || owner != "", owner)
			if err != nil {
				return err
			}
			p := a.printer()
			return p.Result(agents, func() error {
				var rows [][]string
				header, none := []string{"NAME", "KIND", "AT", "WHAT IT DOES"}, "no agent is attached anywhere"
				if owner != "" {
					all = true
				}
				if all {
					header, none = []string{"NAME", "AT", "WAITING", "DEAD", "OWNER"}, "no agent was ever seen"
				}
				if owner != "" {
					none = "no name belongs to that credential; what administrators use, also over the node's socket, comes to belong to nobody"
				}
				for _, agent := range agents {
					row := []string{agent.Name, agent.Kind, agent.at(), agent.Description}
					if all {
						row = []string{agent.Name, agent.at(), strconv.Itoa(agent.Waiting), strconv.Itoa(agent.Dead), agent.Owner}
					}
					rows = append(rows, row)
				}
				return p.Table(none, header, rows)
			})
		}),
	})
	cmd.Flags().BoolVar(&all, "all", false, "those too that cannot be reached now")
	cmd.Flags().StringVar(&owner, "owner", "", "only names that this credential owns, by its id; me is your own")
	cmd.AddCommand(agentsShowCommand(a), agentsKeyCommand(a), agentsTopicsCommand(a), agentsReserveCommand(a), agentsReleaseCommand(a))
	return cmd
}

// listAgents asks for the agents that can be reached, or for all, or for those
// of an owner.
func listAgents(ctx context.Context, c *caller.Client, all bool, owner string) ([]agentBody, error) {
	agents := []agentBody{}
	q := url.Values{}
	if all {
		q = url.Values{"all": {"true"}, "limit": {"1000"}}
		if owner != "" {
			q.Set("owner", owner)
		}
	}
	for {
		var out struct {
			Agents []agentBody `json:"agents"`
			Next   string      `json:"next"`
		}
		if err := c.Do(ctx, caller.Request{Method: "GET", Path: "/agents", Query: q, Own: all}, &out); err != nil {
			return nil, err
		}
		if agents = append(agents, out.Agents...); out.Next == "" {
			return agents, nil
		}
		q.Set("after", out.Next)
	}
}

// at names the nodes that an agent is on.
func (b *agentBody) at() string {
	var hosts []string
	for _, h := range b.Hosts {
		hosts = append(hosts, h.Node)
	}
	return strings.Join(hosts, ", ")
}

func agentsShowCommand(a *app) *cobra.Command {
	return a.asks(&cobra.Command{
		Use:               "show NAME",
		Short:             "Show one agent: where it is, who owns it, how its inbox stands",
		Example:           "  meshd agents show reviewer",
		ValidArgsFunction: a.completing(inboxNames),
		Args:              arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			var r agentRecord
			if err := c.Get(cmd.Context(), agentPath(args[0]), nil, &r); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(r, func() error { return p.Card(r.card(time.Now())) })
		}),
	})
}

func (r *agentRecord) card(now time.Time) []output.Field {
	at := r.at()
	if at == "" {
		at = "nowhere now"
	}
	fields := []output.Field{
		{Name: "Name", Value: r.Name}, {Name: "What it does", Value: r.Description}, {Name: "Can", Value: strings.Join(r.Capabilities, ", ")},
		{Name: "At", Value: at}, {Name: "Owner", Value: r.Owner}, {Name: "Key", Value: r.Key},
	}
	if i := r.Inbox; i != nil {
		if r.Owner == "" && r.Kind != "builtin" {
			fields[4].Value = "nobody yet: the first credential that uses the name"
		}
		waiting := strconv.Itoa(i.Messages) + " messages, " + output.Bytes(i.Bytes)
		if i.Oldest != nil {
			waiting += ", the oldest of " + output.Ago(*i.Oldest, now)
		}
		fields = append(fields, output.Field{Name: "Waiting", Value: waiting})
		if i.Dead > 0 || i.Dropped > 0 {
			fields = append(fields, output.Field{Name: "Dead letters", Value: strconv.Itoa(i.Dead) + " kept, " + strconv.FormatUint(i.Dropped, 10) + " dropped; \"meshd inbox " + r.Name + " --dead\" shows them"})
		}
		fields = append(fields, output.Field{Name: "Of ever", Value: strconv.FormatUint(i.Accepted, 10) + " accepted, " + strconv.FormatUint(i.Acknowledged, 10) + " acknowledged, " +
			strconv.FormatUint(i.Returned, 10) + " returned, " + strconv.FormatUint(i.Refused, 10) + " refused"})
	}
	return fields
}

func agentsReleaseCommand(a *app) *cobra.Command {
	var yes, keep, drop, cancel bool
	cmd := a.asks(&cobra.Command{
		Use:   "release NAME",
		Short: "Forget who owns an agent's name",
		Long: `release forgets the credential that an agent's name belongs to. Whoever attaches under
the name next owns it. The owner may, and an administrator. Messages that wait in its
inbox, and dead letters, go with --drop; with --keep whoever is next has them. Where
there are some, one of the two is needed.

Tasks under way that the agent has, or has asked for, are ended by --cancel-tasks:
those that the mesh chose it for go to another. With --keep they are left to whoever
is next; without either word it is refused. Of tasks that have ended whoever is next sees nothing,
but where something of the name was kept: messages, its key or its topics.`,
		Example:           "  meshd agents release reviewer\n  meshd agents release reviewer --drop --cancel-tasks",
		ValidArgsFunction: a.completing(inboxNames),
		Args:              arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			p := a.printer()
			q, question := url.Values{}, "Let whoever attaches as "+args[0]+" next have the name?"
			switch {
			case drop && keep:
				return exit.New(exit.Usage, "what is in the inbox is kept or dropped, not both", "give --keep or --drop")
			case drop:
				q.Set("inbox", "drop")
				question = "Release " + args[0] + ", and drop all that is in its inbox for good?"
			case keep:
				q.Set("inbox", "keep")
				question = "Let whoever attaches as " + args[0] + " next have its inbox?"
			}
			if cancel {
				q.Set("tasks", "cancel")
				question = "End its tasks under way. " + question
			}
			if err := p.Confirm(cmd.Context(), question, yes); err != nil {
				return err
			}
			if err := c.Do(cmd.Context(), caller.Request{Method: "DELETE", Path: agentPath(args[0]) + "/owner", Query: q}, nil); err != nil {
				return err
			}
			return p.Result(map[string]string{"name": args[0]}, func() error {
				p.Say("%s belongs to nobody now.", args[0])
				return nil
			})
		}),
	})
	cmd.Flags().BoolVar(&keep, "keep", false, "leave messages and dead letters to whoever is next")
	cmd.Flags().BoolVar(&drop, "drop", false, "drop messages and dead letters for good")
	cmd.Flags().BoolVar(&cancel, "cancel-tasks", false, "end the tasks under way that it has or has asked for")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

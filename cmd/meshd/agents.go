package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/client"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// agentBody is one line of GET /agents.
type agentBody struct {
	Name         string      `json:"name"`
	Description  string      `json:"description,omitempty"`
	Kind         string      `json:"kind,omitempty"`
	Capabilities []string    `json:"capabilities,omitempty"`
	Hosts        []agentHost `json:"hosts"`
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
	Owner string       `json:"owner,omitempty"`
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
	cmd := a.asks(&cobra.Command{
		Use:     "agents",
		Short:   "List the agents of the mesh and where they are",
		Example: "  meshd agents\n  meshd agents show reviewer",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownVerb(cmd, args[0])
			}
			return nil
		},
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *client.Client) error {
			var out struct {
				Agents []agentBody `json:"agents"`
			}
			if err := c.Do(cmd.Context(), client.Request{Method: "GET", Path: "/agents"}, &out); err != nil {
				return err
			}
			agents, p := append([]agentBody{}, out.Agents...), a.printer()
			return p.Result(agents, func() error {
				var rows [][]string
				for _, agent := range agents {
					rows = append(rows, []string{agent.Name, agent.Kind, agent.at(), agent.Description})
				}
				return p.Table("no agent is attached anywhere", []string{"NAME", "KIND", "AT", "WHAT IT DOES"}, rows)
			})
		}),
	})
	cmd.AddCommand(agentsShowCommand(a), agentsKeyCommand(a), agentsTopicsCommand(a), agentsReleaseCommand(a))
	return cmd
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
		ValidArgsFunction: a.completing(agentNames),
		Args:              arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *client.Client) error {
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
	var yes bool
	cmd := a.asks(&cobra.Command{
		Use:   "release NAME",
		Short: "Forget who owns an agent's name",
		Long: `release forgets the credential that an agent's name belongs to. Whoever attaches under
the name next owns it, and its inbox with it. It needs an administrator.`,
		Example:           "  meshd agents release reviewer",
		ValidArgsFunction: a.completing(agentNames),
		Args:              arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *client.Client) error {
			p := a.printer()
			if err := p.Confirm(cmd.Context(), "Let whoever attaches as "+args[0]+" next have its inbox?", yes); err != nil {
				return err
			}
			if err := c.Do(cmd.Context(), client.Request{Method: "DELETE", Path: agentPath(args[0]) + "/owner"}, nil); err != nil {
				return err
			}
			return p.Result(map[string]string{"name": args[0]}, func() error {
				p.Say("%s belongs to nobody now.", args[0])
				return nil
			})
		}),
	})
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

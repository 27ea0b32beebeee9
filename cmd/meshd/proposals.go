package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/httpapi"
	"github.com/meshd/meshd/node/proposal"
)

func proposalsCommand(a *app) *cobra.Command {
	var state, kind string
	var limit int
	cmd := a.asks(&cobra.Command{
		Use:   "proposals",
		Short: "Let agents decide something together",
		Long: `proposals lists what was proposed, newest first. Who votes is fixed when something
is proposed, with the weight of each vote. It is decided as soon as no vote that is
left can change it, and at its expiry at the latest.`,
		Example: "  meshd proposals\n  meshd proposals submit policy_change 'two reviews for each chapter'\n  meshd proposals vote 3 approve --as reviewer",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownVerb(cmd, args[0])
			}
			return a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
				q := url.Values{"limit": {strconv.Itoa(min(max(limit, 1), proposal.MaxPage))}}
				for name, value := range map[string]string{"state": state, "kind": kind} {
					if value != "" {
						q.Set(name, value)
					}
				}
				var out struct {
					Proposals []httpapi.ProposalBody `json:"proposals"`
				}
				if err := c.Get(cmd.Context(), "/proposals", q, &out); err != nil {
					return err
				}
				p := a.printer()
				return p.Result(append([]httpapi.ProposalBody{}, out.Proposals...), func() error {
					var rows [][]string
					for _, b := range out.Proposals {
						rows = append(rows, []string{b.ID, b.State, b.Kind, fmt.Sprintf("%d of %d", b.Votes, b.Electors), standing(b), ends(b), b.Title})
					}
					return p.Table("nothing was proposed", []string{"ID", "STATE", "KIND", "VOTED", "FOR", "ENDS", "TITLE"}, rows)
				})
			})(cmd, nil)
		},
	})
	f := cmd.Flags()
	f.StringVar(&state, "state", "", "only open, approved, rejected or expired ones")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"open", "approved", "rejected", "expired"}, cobra.ShellCompDirectiveNoFileComp))
	f.StringVar(&kind, "kind", "", "proposals of this kind only")
	f.IntVar(&limit, "limit", 100, "the most proposals, up to 1000")
	cmd.AddCommand(proposalsSubmit(a), proposalsShow(a), proposalsVote(a))
	return cmd
}

// standing is the share of the weight that approves.
func standing(b httpapi.ProposalBody) string {
	if b.For+b.Against == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f%%", 100*b.For/(b.For+b.Against))
}

func ends(b httpapi.ProposalBody) string {
	if b.DecidedAt != nil {
		return output.Ago(*b.DecidedAt, time.Now())
	}
	return output.Ago(b.ExpiresAt, time.Now())
}

func proposalsSubmit(a *app) *cobra.Command {
	var (
		body, capability, expires, from string
		electors                        []string
		quorum, approval                float64
	)
	cmd := a.asks(&cobra.Command{
		Use:   "submit KIND TITLE",
		Short: "Propose something",
		Long: `submit proposes something to the agents that are named, or to all that the mesh
knows. KIND is strategy_adoption, policy_change, resource_allocation,
conflict_resolution or any identifier. Each elector is told by a durable message.`,
		Example: "  meshd proposals submit policy_change 'two reviews for each chapter' --electors reviewer,writer\n  meshd proposals submit strategy_adoption 'cache answers' --capability caching --body @plan.json --expires 2h",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			request := map[string]any{"kind": args[0], "title": args[1]}
			if body != "" {
				value, err := a.messageBody(cmd.Context(), body, proposal.MaxBody)
				if err != nil {
					return err
				}
				request["body"] = value
			}
			for name, value := range map[string]string{"capability": capability, "expires": expires, "from": from} {
				if value != "" {
					request[name] = value
				}
			}
			if len(electors) > 0 {
				request["electors"] = electors
			}
			for name, value := range map[string]float64{"quorum": quorum, "approval": approval} {
				if cmd.Flags().Changed(name) {
					request[name] = value
				}
			}
			return a.postProposal(cmd, c, "/proposals", request)
		}),
	})
	f := cmd.Flags()
	f.StringVar(&body, "body", "", "what it is about: text, JSON, - or @FILE")
	f.StringSliceVar(&electors, "electors", nil, "agents that may vote, with commas between them; all that are known if left out")
	f.StringVar(&capability, "capability", "", "votes weigh more the more proficient the elector is at this")
	f.Float64Var(&quorum, "quorum", 0.5, "share of the electors that must vote")
	f.Float64Var(&approval, "approval", 0.5, "share of the weight that must approve")
	f.StringVar(&expires, "expires", "", "how long it is open, such as 2h; 24h if left out")
	f.StringVar(&from, "from", "", "the agent that you propose for")
	return cmd
}

func proposalsVote(a *app) *cobra.Command {
	var agent, reason string
	cmd := a.asks(&cobra.Command{
		Use:     "vote ID CHOICE",
		Short:   "Vote as an agent, or change its vote: approve, reject or abstain",
		Example: "  meshd proposals vote 3 approve --as reviewer --reason 'it is time'",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			if agent == "" {
				return exit.New(exit.Usage, "nobody is named to vote as", "name the elector that you speak for: --as AGENT")
			}
			return a.postProposal(cmd, c, "/proposals/"+url.PathEscape(args[0])+"/votes", map[string]any{"agent": agent, "choice": args[1], "reason": reason})
		}),
	})
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		switch len(args) {
		case 0:
			return a.completing(openProposals)(cmd, args, word)
		case 1:
			return []string{"approve", "reject", "abstain"}, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	cmd.Flags().StringVar(&agent, "as", "", "the elector that you speak for")
	_ = cmd.RegisterFlagCompletionFunc("as", func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		return a.completing(inboxNames)(cmd, nil, word)
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}

func (a *app) postProposal(cmd *cobra.Command, c *caller.Client, path string, body any) error {
	var b httpapi.ProposalBody
	if err := c.Do(cmd.Context(), caller.Request{Method: http.MethodPost, Path: path, Body: body}, &b); err != nil {
		return err
	}
	p := a.printer()
	return p.Result(b, func() error {
		p.Say("proposal %s is %s, %d of %d have voted", b.ID, b.State, b.Votes, b.Electors)
		return nil
	})
}

func proposalsShow(a *app) *cobra.Command {
	return a.asks(&cobra.Command{
		Use:     "show ID",
		Short:   "Show one proposal with its votes",
		Example: "  meshd proposals show 3",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			path := "/proposals/" + url.PathEscape(args[0])
			var out struct {
				httpapi.ProposalBody
				Ballots []httpapi.VoteBody `json:"ballots"`
			}
			var votes struct {
				Votes []httpapi.VoteBody `json:"votes"`
			}
			if err := c.Get(cmd.Context(), path, nil, &out.ProposalBody); err != nil {
				return err
			}
			if err := c.Get(cmd.Context(), path+"/votes", nil, &votes); err != nil {
				return err
			}
			out.Ballots = append([]httpapi.VoteBody{}, votes.Votes...)
			p := a.printer()
			return p.Result(out, func() error {
				p.Say("%s", p.Mark(output.Bold, "proposal "+out.ID+", "+out.State))
				line := func(name, value string) {
					if value != "" {
						p.Say("%-10s %s", name, cleanLines(value))
					}
				}
				line("kind", out.Kind)
				line("title", out.Title)
				line("by", strings.TrimSpace(out.Proposer.Agent+" "+out.Proposer.Principal))
				line("weighs by", out.Capability)
				line("quorum", fmt.Sprintf("%g of the electors, %d of %d have voted", out.Quorum, out.Votes, out.Electors))
				line("approval", fmt.Sprintf("%g of the weight: %.2f for, %.2f against, %.2f of %.2f abstained", out.Approval, out.For, out.Against, out.Abstained, out.Weight))
				if out.DecidedAt != nil {
					line("ended", ends(out.ProposalBody))
				} else {
					line("ends", ends(out.ProposalBody))
				}
				if string(out.Body) != "null" && out.Body != nil {
					line("body", replyText(out.Body))
				}
				var rows [][]string
				for _, v := range out.Ballots {
					rows = append(rows, []string{v.Agent, fmt.Sprintf("%.2f", v.Weight), v.Choice, v.Reason})
				}
				return p.Table("nobody may vote", []string{"AGENT", "WEIGHT", "VOTE", "REASON"}, rows)
			})
		}),
	})
}

package main

import (
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// topicBody is a durable subscription.
type topicBody struct {
	Topic string    `json:"topic"`
	Since time.Time `json:"since"`
}

func agentsTopicsCommand(a *app) *cobra.Command {
	var (
		add, remove []string
		owner       string
	)
	cmd := a.asks(&cobra.Command{
		Use:   "topics NAME",
		Short: "Show or change the topics that come into an agent's inbox",
		Long: `topics lists the durable subscriptions of an agent: what is sent to a topic that one of
them matches, with --durable, is put into its inbox. In a pattern * stands for one
segment and > at the end for one or more.

What an administrator subscribes to claims the name for nobody: --owner does, for the
credential that the agent will use.`,
		Example:           "  meshd agents topics reviewer\n  meshd agents topics reviewer --add 'builds/*' --remove 'chat/>'",
		ValidArgsFunction: a.completing(inboxNames),
		Args:              arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			if err := reserve(cmd.Context(), c, args[0], owner, nil); err != nil {
				return err
			}
			path := agentPath(args[0]) + "/subscriptions"
			for _, topic := range remove {
				if err := c.Do(cmd.Context(), caller.Request{Method: "DELETE", Path: path, Query: url.Values{"topic": {topic}}}, nil); err != nil {
					return err
				}
			}
			var out struct {
				Subscriptions []topicBody `json:"subscriptions"`
				Unowned       bool        `json:"unowned"`
			}
			r := caller.Request{Method: "GET", Path: path, Own: true}
			if len(add) > 0 {
				r = caller.Request{Method: "PUT", Path: path, Body: map[string]any{"topics": add}}
			}
			if err := c.Do(cmd.Context(), r, &out); err != nil {
				return err
			}
			list, p := append([]topicBody{}, out.Subscriptions...), a.printer()
			if out.Unowned {
				warnUnowned(p, args[0])
			}
			return p.Result(list, func() error {
				var rows [][]string
				for _, s := range list {
					rows = append(rows, []string{s.Topic, output.Ago(s.Since, time.Now())})
				}
				return p.Table("no topic comes into that inbox", []string{"TOPIC", "SINCE"}, rows)
			})
		}),
	})
	cmd.Flags().StringSliceVar(&add, "add", nil, "subscribe to this pattern; may be repeated")
	cmd.Flags().StringSliceVar(&remove, "remove", nil, "end this subscription; may be repeated")
	ownerFlag(cmd, &owner)
	return cmd
}

package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// completionPatience is how long a shell waits for names at most: a person who
// pressed Tab would rather type.
const completionPatience = time.Second

// completing offers the names a node knows for a verb's first word. Without an
// answer it offers nothing, and never falls back to files.
func (a *app) completing(names func(context.Context, *caller.Client) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		c, err := a.client(cmd)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(context.Background(), completionPatience)
		defer cancel()
		return names(ctx, c), cobra.ShellCompDirectiveNoFileComp
	}
}

// priorities offers those of messages and tasks.
var priorities = cobra.FixedCompletions([]string{"low", "normal", "high", "critical"}, cobra.ShellCompDirectiveNoFileComp)

func memberNames(ctx context.Context, c *caller.Client) []string {
	var members []memberBody
	if c.Do(ctx, caller.Request{Method: "GET", Path: "/members"}, &members) != nil {
		return nil
	}
	var names []string
	for _, m := range members {
		names = append(names, cobra.CompletionWithDesc(output.Clean(m.Name), output.Clean(m.Status)))
	}
	return names
}

// agentNames offers the agents that can be reached.
func agentNames(ctx context.Context, c *caller.Client) []string { return namesOf(ctx, c, false) }

// inboxNames offers all agents that the mesh knows.
func inboxNames(ctx context.Context, c *caller.Client) []string { return namesOf(ctx, c, true) }

func namesOf(ctx context.Context, c *caller.Client, all bool) []string {
	agents, err := listAgents(ctx, c, all, "")
	if err != nil {
		return nil
	}
	var names []string
	for _, agent := range agents {
		names = append(names, cobra.CompletionWithDesc(output.Clean(agent.Name), output.Clean(agent.Description)))
	}
	return names
}

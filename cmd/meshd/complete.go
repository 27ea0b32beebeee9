package main

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/httpapi"
	"github.com/meshd/meshd/node/task"
)

// completionPatience is how long a shell waits for names at most: a person who
// pressed Tab would rather type.
const completionPatience = time.Second

// completing offers the names a node knows for a verb's first word. Without an
// answer it offers nothing, and never falls back to files.
func (a *app) completing(names func(context.Context, *caller.Client) []string) cobra.CompletionFunc {
	return a.completingWord(func(ctx context.Context, c *caller.Client, _ string) []string { return names(ctx, c) })
}

// completingWord is completing for names that depend on how the word begins.
func (a *app) completingWord(names func(ctx context.Context, c *caller.Client, word string) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
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
		return names(ctx, c, word), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeWords gives all verbs the completions that follow from what their
// words and flags are called, where they have none of their own.
func (a *app) completeWords(cmd *cobra.Command) {
	flags := map[string]func(context.Context, *caller.Client) []string{
		"agent": inboxNames, "as": inboxNames, "from": inboxNames, "requester": inboxNames, "electors": inboxNames, "parent": liveTasks,
	}
	for _, verb := range cmd.Commands() {
		if verb.GroupID != groupAgents && cmd.GroupID != groupAgents {
			continue
		}
		for name, names := range flags {
			if verb.Flags().Lookup(name) == nil {
				continue
			}
			complete := a.completing(names)
			// An error is that it has its own.
			_ = verb.RegisterFlagCompletionFunc(name, func(cmd *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
				return complete(cmd, nil, word)
			})
		}
		if fields := strings.Fields(verb.Use); verb.ValidArgsFunction == nil && len(fields) > 1 && fields[1] == "ID" {
			switch cmd.Name() {
			case "tasks":
				verb.ValidArgsFunction = a.completing(liveTasks)
			case "proposals":
				verb.ValidArgsFunction = a.completing(someProposals)
			}
		}
		a.completeWords(verb)
	}
}

// maxOffered bounds what is offered of what a mesh has many of: the newest.
const maxOffered = "50"

// liveTasks offers tasks, with who has them.
func liveTasks(ctx context.Context, c *caller.Client) []string {
	var out struct {
		Tasks []task.Task `json:"tasks"`
	}
	if c.Get(ctx, "/tasks", url.Values{"limit": {maxOffered}}, &out) != nil {
		return nil
	}
	var ids []string
	for _, t := range out.Tasks {
		ids = append(ids, cobra.CompletionWithDesc(t.ID.String(), output.Clean(string(t.State)+", "+whoHas(t)+" "+t.Type)))
	}
	return ids
}

// someProposals offers proposals, openProposals those that can be voted on.
func someProposals(ctx context.Context, c *caller.Client) []string { return proposalsOf(ctx, c, "") }

func openProposals(ctx context.Context, c *caller.Client) []string {
	return proposalsOf(ctx, c, "open")
}

func proposalsOf(ctx context.Context, c *caller.Client, state string) []string {
	q := url.Values{"limit": {maxOffered}}
	if state != "" {
		q.Set("state", state)
	}
	var out struct {
		Proposals []httpapi.ProposalBody `json:"proposals"`
	}
	if c.Get(ctx, "/proposals", q, &out) != nil {
		return nil
	}
	var ids []string
	for _, p := range out.Proposals {
		ids = append(ids, cobra.CompletionWithDesc(p.ID, output.Clean(p.State+", "+p.Title)))
	}
	return ids
}

// addressNames offers agents and, behind an @, the nodes where they are.
func addressNames(ctx context.Context, c *caller.Client, word string) []string {
	name, _, at := strings.Cut(word, "@")
	if !at {
		return inboxNames(ctx, c)
	}
	agents, err := listAgents(ctx, c, false, "")
	if err != nil {
		return nil
	}
	names := []string{name + "@*"}
	for _, agent := range agents {
		if agent.Name != name {
			continue
		}
		for _, h := range agent.Hosts {
			names = append(names, output.Clean(name+"@"+h.Node))
		}
	}
	return names
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

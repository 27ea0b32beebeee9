package httpapi

import (
	"context"
	"slices"
	"strings"

	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
)

// mayActAs says whether a caller may speak for an agent, read its inbox and
// answer for it: nil, or a refusal. An administrator may; so may a credential
// with the scope agent:NAME, and whoever owns the name. A name that nobody owns
// becomes the caller's, which needs a leader once. A credential that has
// scopes of agents is held to their names.
func (a *API) mayActAs(ctx context.Context, caller access.Principal, name string) error {
	if err := message.CheckName(name); err != nil {
		return err
	}
	named := func(s string) bool { return strings.HasPrefix(s, agentScope) }
	switch {
	case caller.Role == access.RoleAdmin && !slices.ContainsFunc(caller.Scopes, named):
		return nil
	case slices.Contains(caller.Scopes, agentScope+name):
		return nil
	case slices.ContainsFunc(caller.Scopes, named):
		return Fail(inbox.CodeNotYourAgent, "this credential is for other agents than %s", name).With("agent", name)
	case a.cfg.Inboxes == nil:
		return nil // nobody keeps owners
	}
	info, _, err := a.cfg.Inboxes.Agent(ctx, name)
	if err != nil {
		return err
	}
	if info.Owner == "" {
		results, err := a.cfg.Inboxes.Claim(ctx, []inbox.Claim{{Agent: name, Principal: caller.ID}})
		if err != nil {
			return err
		}
		info.Owner = results[0].Owner
	}
	if info.Owner != caller.ID {
		return Fail(inbox.CodeNotYourAgent, "the agent %s belongs to another credential", name).With("agent", name)
	}
	return nil
}

// actingAs is mayActAs for the caller of a request.
func (a *API) actingAs(ctx context.Context, name string) error {
	caller, _ := Principal(ctx)
	return a.mayActAs(ctx, caller, name)
}

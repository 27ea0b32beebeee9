package httpapi

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node"
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
	agents := func(s string) bool { return strings.HasPrefix(s, agentScope) }
	own := slices.Contains(caller.Scopes, agentScope+name)
	switch {
	case slices.ContainsFunc(caller.Scopes, agents) && !own:
		return Fail(inbox.CodeNotYourAgent, "this credential is for other agents than %s", name).With("agent", name)
	case caller.Role == access.RoleAdmin && !own || a.cfg.Inboxes == nil:
		return nil
	}
	owner, err := a.ownerOf(ctx, caller, name)
	switch {
	case own:
		return nil // whoever the owner is, and where nobody could say so now
	case err != nil:
		return err
	case owner != caller.ID:
		return Fail(inbox.CodeNotYourAgent, "the agent %s belongs to another credential", name).With("agent", name)
	}
	return nil
}

// reading is mayActAs for who only looks, which makes nobody an owner as long as
// there is nothing to see: free says that nobody owns the name and that its
// inbox holds nothing. With the first message in it the one who looks comes to
// own it, since two may not read what is for one.
func (a *API) reading(ctx context.Context, name string) (free bool, err error) {
	caller, _ := Principal(ctx)
	if caller.Role != access.RoleAdmin && !ofAgents(caller) && message.CheckName(name) == nil && a.cfg.Inboxes != nil {
		info, _, err := a.cfg.Inboxes.Agent(ctx, name)
		if err != nil {
			return false, err
		}
		if info.Owner == "" && info.Messages == 0 && info.Dead == 0 && info.Subscriptions == 0 && !a.builtin(name) {
			return true, nil
		}
	}
	return false, a.actingAs(ctx, name)
}

// builtin says that a name belongs to an agent of the nodes.
func (a *API) builtin(name string) bool {
	return slices.ContainsFunc(a.cfg.Messages.Agents(), func(agent node.Agent) bool {
		return agent.Name == name && agent.Kind == message.KindBuiltin
	})
}

// ownerOf is who owns an agent's name, which the caller does from now on if
// nobody did.
func (a *API) ownerOf(ctx context.Context, caller access.Principal, name string) (string, error) {
	info, _, err := a.cfg.Inboxes.Agent(ctx, name)
	if err != nil || info.Owner != "" {
		return info.Owner, err
	}
	if a.builtin(name) {
		return "", Fail(message.CodeNameReserved, "the name %s belongs to an agent of the nodes", name)
	}
	results, err := a.cfg.Inboxes.Claim(ctx, []inbox.Claim{{Agent: name, Principal: caller.ID}})
	if err != nil {
		return "", err
	}
	if r := results[0]; r.Code != "" && r.Code != inbox.CodeNotYourAgent {
		return "", consensus.Refuse(r.Code, r.Sentence)
	}
	return results[0].Owner, nil
}

// actingAs is mayActAs for the caller of a request.
func (a *API) actingAs(ctx context.Context, name string) error {
	caller, _ := Principal(ctx)
	return a.mayActAs(ctx, caller, name)
}

// stillGood says whether the credential of a request that has waited is good yet:
// nil, or its refusal.
func (a *API) stillGood(ctx context.Context) error {
	x := exchangeOf(ctx)
	if x.credential == "" || x.route == nil {
		return nil
	}
	caller, err := a.cfg.Auth.Authenticate(x.credential)
	if err != nil {
		return err
	}
	if e := x.route.allows(caller); e != nil {
		return e
	}
	return nil
}

// stillActsAs is mayActAs for a session or a stream that was let in as an agent,
// before each message: another credential may have come to own the name since.
// A name that was released and that nobody has claimed is its yet. It looks
// again only when owners have changed since the last yes.
func (a *API) stillActsAs(ctx context.Context, caller access.Principal, name string, yes *atomic.Uint64) error {
	if name == "" || a.cfg.Inboxes == nil {
		return nil
	}
	changes := a.cfg.Inboxes.OwnerChanges()
	if changes == yes.Load() {
		return nil
	}
	if any, _ := attachesAny(caller, name); !any {
		info, _, err := a.cfg.Inboxes.Agent(ctx, name)
		if err != nil {
			return nil // the node is being closed
		}
		if info.Owner != "" && info.Owner != caller.ID {
			return Fail(inbox.CodeNotYourAgent, "the agent %s belongs to another credential now", name).With("agent", name)
		}
	}
	yes.Store(changes)
	return nil
}

package httpapi

import (
	"context"
	"slices"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
)

type ownInput struct {
	NameRef
	Body struct {
		Owner string `json:"owner" minLength:"1" maxLength:"64" doc:"the id of the credential that the name is to belong to, as GET /apikeys has it; me is the caller's own"`
	}
}

// AgentOwner is whose an agent's name is.
type AgentOwner struct {
	Name  string `json:"name" doc:"the agent's name"`
	Owner string `json:"owner" doc:"the id of the credential that it belongs to"`
}

type ownerOutput struct {
	WriteOutput
	Body AgentOwner
}

// own lets a name that is nobody's belong to a credential before that has used
// it. What administrators do for a name claims nothing for themselves, and without
// this the first agent that came would own what they have prepared.
func (a *API) own(ctx context.Context, in *ownInput) (*ownerOutput, error) {
	if err := message.CheckName(in.Name); err != nil {
		return nil, err
	}
	caller, _ := Principal(ctx)
	if ofAgents(caller) && !slices.Contains(caller.Scopes, agentScope+in.Name) {
		return nil, Fail(inbox.CodeNotYourAgent, "this credential is for other agents than %s", in.Name).With("agent", in.Name)
	}
	if a.builtin(in.Name) {
		return nil, Fail(message.CodeNameReserved, "the name %s belongs to an agent of the nodes", in.Name)
	}
	owner, err := a.ownerToBe(ctx, caller, in.Body.Owner)
	if err != nil {
		return nil, err
	}
	results, err := a.cfg.Inboxes.Claim(ctx, []inbox.Claim{{Agent: in.Name, Principal: owner}})
	if err != nil {
		return nil, err
	}
	switch r := results[0]; {
	case r.Code == inbox.CodeNotYourAgent:
		return nil, Fail(r.Code, "the name %s belongs to the credential %s already: release it first (`meshd agents release %s`)", in.Name, r.Owner, in.Name).
			With("agent", in.Name).With("owner", r.Owner)
	case r.Code != "":
		return nil, consensus.Refuse(r.Code, r.Sentence)
	}
	return &ownerOutput{a.written(ctx), AgentOwner{in.Name, owner}}, nil
}

// ownerToBe is the id of a credential that is good: a name that belonged to a
// mistyped one would be lost to everybody.
func (a *API) ownerToBe(ctx context.Context, caller access.Principal, id string) (string, error) {
	if id == "me" || id == caller.ID {
		return caller.ID, nil
	}
	var list []access.KeyInfo
	if a.cfg.Keys != nil {
		var err error
		if list, err = a.cfg.Keys.List(ctx); err != nil {
			return "", err
		}
	}
	i := slices.IndexFunc(list, func(k access.KeyInfo) bool { return k.ID == id })
	switch {
	case i < 0:
		return "", invalid("body.owner", "no credential has that id; `meshd apikey list` shows the ids")
	case list[i].RevokedAt != 0:
		return "", invalid("body.owner", "that credential is revoked; `meshd apikey list` shows those that are good")
	}
	return id, nil
}

// unowned says whether a name that an administrator has just prepared belongs to
// nobody.
func (a *API) unowned(ctx context.Context, name string) (bool, error) {
	info, _, err := a.cfg.Inboxes.Agent(ctx, name)
	return err == nil && info.Owner == "" && !a.builtin(name), err
}

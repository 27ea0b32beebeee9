package httpapi

import (
	"cmp"
	"context"
	"slices"

	"github.com/meshd/meshd/node"
	"github.com/meshd/meshd/node/inbox"
)

// AgentLine is an agent in a list: where it is and, of one that is known to the
// mesh, what waits for it.
type AgentLine struct {
	node.Agent
	Owner   string `json:"owner,omitempty" doc:"with all: the credential that speaks for it"`
	Waiting int    `json:"waiting,omitempty" doc:"with all: messages in its inbox"`
	Dead    int    `json:"dead,omitempty" doc:"with all: dead letters"`
}

type agentsInput struct {
	ReadInput
	All   bool   `query:"all" doc:"those too that cannot be reached now: all that have an inbox, a page at a time"`
	After string `query:"after" maxLength:"63" doc:"with all: the next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" doc:"with all: 100 if left out"`
	Owner string `query:"owner" maxLength:"256" doc:"with all: only names that this credential owns; me is the caller"`
}

type agentsOutput struct {
	ReadOutput
	Body struct {
		Agents []AgentLine `json:"agents" nullable:"false"`
		Next   string      `json:"next,omitempty" doc:"asks as after for the page behind this one"`
	}
}

// agents lists the agents that can be reached, and with all those too that are
// only known.
func (a *API) agents(ctx context.Context, in *agentsInput) (*agentsOutput, error) {
	if !in.All && (in.After != "" || in.Limit != 0 || in.Owner != "") {
		return nil, invalid("query.all", "after, limit and owner go with all=true")
	}
	read, err := a.settled(ctx, in.ReadInput)
	if err != nil {
		return nil, err
	}
	out := &agentsOutput{ReadOutput: read}
	out.Body.Agents = []AgentLine{}
	live := a.cfg.Messages.Agents()
	if !in.All || a.cfg.Inboxes == nil {
		for _, l := range live {
			out.Body.Agents = append(out.Body.Agents, AgentLine{Agent: l})
		}
		return out, nil
	}
	limit := in.Limit
	if limit == 0 {
		limit = 100
	}
	if in.Owner != "" {
		out.Body.Agents, out.Body.Next, err = a.ownedBy(ctx, in.Owner, live, in.After, limit)
		return out, err
	}
	known, err := a.cfg.Inboxes.Agents(ctx, in.After, limit)
	if err != nil {
		return nil, err
	}
	out.Body.Agents, out.Body.Next = agentPage(live, known, in.After, limit)
	return out, nil
}

// ownedBy is a page of the names that a credential owns.
func (a *API) ownedBy(ctx context.Context, owner string, live []node.Agent, after string, limit int) (page []AgentLine, next string, err error) {
	if owner == "me" {
		caller, _ := Principal(ctx)
		owner = caller.ID
	}
	const step = 1000
	var known []inbox.AgentInfo
	for from := after; len(known) < limit; {
		all, err := a.cfg.Inboxes.Agents(ctx, from, step)
		if err != nil {
			return nil, "", err
		}
		for i := range all {
			if all[i].Owner == owner && len(known) < limit {
				known = append(known, all[i])
			}
		}
		if len(all) < step {
			break
		}
		from = all[len(all)-1].Name
	}
	live = slices.DeleteFunc(slices.Clone(live), func(l node.Agent) bool {
		return !slices.ContainsFunc(known, func(k inbox.AgentInfo) bool { return k.Name == l.Name })
	})
	page, next = agentPage(live, known, after, limit)
	return page, next, nil
}

// agentPage merges two lists in order of name, both without what is not above
// after, into a page; next is "" where nothing follows it.
func agentPage(live []node.Agent, known []inbox.AgentInfo, after string, limit int) (page []AgentLine, next string) {
	page = []AgentLine{}
	at := map[string]int{}
	for _, l := range live {
		if l.Name > after {
			at[l.Name] = len(page)
			page = append(page, AgentLine{Agent: l})
		}
	}
	for i := range known {
		k := &known[i]
		j, ok := at[k.Name]
		if !ok {
			j = len(page)
			page = append(page, AgentLine{Agent: node.Agent{Name: k.Name, Hosts: []node.AgentHost{}}})
		}
		page[j].Owner, page[j].Waiting, page[j].Dead = k.Owner, k.Messages, k.Dead
	}
	slices.SortFunc(page, func(x, y AgentLine) int { return cmp.Compare(x.Name, y.Name) })
	if len(page) > limit || len(known) == limit {
		page = page[:min(limit, len(page))]
		next = page[len(page)-1].Name
	}
	return page, next
}

package httpapi

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/proposal"
	"github.com/meshd/meshd/node/task"
)

// Proposals is what the routes of proposals ask. *proposal.Service implements
// it.
type Proposals interface {
	Submit(ctx context.Context, n proposal.NewProposal) (proposal.Proposal, consensus.Outcome, error)
	Vote(ctx context.Context, id proposal.ID, agent string, c proposal.Choice, reason, by string, idem *consensus.IdempotencyKey) (proposal.Proposal, consensus.Outcome, error)
	Get(ctx context.Context, id proposal.ID, o consensus.ReadOptions) (proposal.Proposal, consensus.ReadInfo, error)
	Votes(ctx context.Context, id proposal.ID, o consensus.ReadOptions) ([]proposal.Vote, consensus.ReadInfo, error)
	List(ctx context.Context, o proposal.ListOptions) (proposal.Page, consensus.ReadInfo, error)
}

var _ Proposals = (*proposal.Service)(nil)

func (a *API) proposalEntries() []Entry {
	if a.cfg.Proposals == nil {
		return nil
	}
	read := func(path, summary string) Route {
		return Route{Method: http.MethodGet, Path: path, Summary: summary, Role: access.RoleViewer}
	}
	write := func(path, summary string, status int) Route {
		return Route{Method: http.MethodPost, Path: path, Summary: summary, Role: access.RoleAgent, Status: status}
	}
	return []Entry{
		// proposals.go
		Op(write("/proposals", "Propose something to the agents of the mesh", http.StatusCreated), a.submitProposal),
		Op(read("/proposals", "Proposals, newest first"), a.listProposals),
		Op(read("/proposals/{id}", "One proposal, and how the votes stand"), a.showProposal),
		// proposalvotes.go
		Op(read("/proposals/{id}/votes", "Who may vote on a proposal, and how they did"), a.listVotes),
		Op(write("/proposals/{id}/votes", "Vote on a proposal as an agent, or change its vote", http.StatusOK), a.vote),
	}
}

// ProposalBody is a proposal, with how the votes stand.
type ProposalBody struct {
	ID         string          `json:"id"`
	Kind       string          `json:"kind"`
	Title      string          `json:"title,omitempty"`
	State      string          `json:"state" enum:"open,approved,rejected,expired"`
	Proposer   task.Party      `json:"proposer"`
	Capability string          `json:"capability,omitempty" doc:"what the electors' weights are by"`
	Quorum     float64         `json:"quorum" doc:"share of the electors that must vote"`
	Approval   float64         `json:"approval" doc:"share of the weight of approvals and rejections that must approve"`
	CreatedAt  time.Time       `json:"created_at"`
	ExpiresAt  time.Time       `json:"expires_at"`
	DecidedAt  *time.Time      `json:"decided_at,omitempty"`
	Electors   int             `json:"electors"`
	Votes      int             `json:"votes"`
	Weight     float64         `json:"weight" doc:"of all electors together"`
	For        float64         `json:"for" doc:"weight of the approvals"`
	Against    float64         `json:"against" doc:"weight of the rejections"`
	Abstained  float64         `json:"abstained" doc:"weight of the abstentions: they count for the quorum only"`
	Revision   uint64          `json:"revision"`
	Body       json.RawMessage `json:"body,omitempty" doc:"left out of lists"`
}

// millionths is a share as the state reckons with it, 0 where it is none. What is
// less than a millionth is cut off: two of three votes are two thirds, and would
// be less than 0.666667.
func millionths(share float64) int64 {
	if !(share > 0 && share <= 1) {
		return 0
	}
	const spelling = 1e-6 // how far decimals that are whole millionths may be off
	return int64(math.Floor(share*proposal.Million + spelling))
}

func share(millionths int64) float64 { return float64(millionths) / proposal.Million }

func proposalBody(p proposal.Proposal) ProposalBody {
	b := ProposalBody{
		ID: p.ID.String(), Kind: p.Kind, Title: p.Title, State: string(p.State), Proposer: p.Proposer, Capability: p.Capability,
		Quorum: share(p.Quorum), Approval: share(p.Approval), CreatedAt: p.CreatedAt, ExpiresAt: p.ExpiresAt, Electors: p.Electors, Votes: p.Votes,
		Weight: share(p.Weight), For: share(p.For), Against: share(p.Against), Abstained: share(p.Abstained), Revision: p.Revision, Body: p.Body,
	}
	if !p.DecidedAt.IsZero() {
		b.DecidedAt = &p.DecidedAt
	}
	return b
}

type submitProposalInput struct {
	WriteInput
	Body struct {
		Kind       string          `json:"kind" maxLength:"64" doc:"strategy_adoption, policy_change, resource_allocation, conflict_resolution or any identifier"`
		Title      string          `json:"title,omitempty" maxLength:"512"`
		Body       json.RawMessage `json:"body,omitempty" doc:"any JSON value, at most 64 KiB"`
		Capability string          `json:"capability,omitempty" maxLength:"128" doc:"votes weigh 0.5 and half of the elector's proficiency at it; without it all weigh 0.5"`
		Quorum     *float64        `json:"quorum,omitempty" doc:"share of the electors that must vote, 0.5 if left out"`
		Approval   *float64        `json:"approval,omitempty" doc:"share of the weight that must approve, 0.5 to 1; 0.5 if left out, and then more than half"`
		Expires    string          `json:"expires,omitempty" maxLength:"32" doc:"how long it is open, such as 2h; 24h if left out, at most 720h"`
		Electors   []string        `json:"electors,omitempty" maxItems:"1000" doc:"agents that may vote; all that are known now if left out"`
		From       string          `json:"from,omitempty" maxLength:"63" doc:"the agent that proposes, which the caller must be allowed to speak for"`
	}
}

type proposalOutput struct {
	WriteOutput
	Body ProposalBody
}

func (a *API) submitProposal(ctx context.Context, in *submitProposalInput) (*proposalOutput, error) {
	b := &in.Body
	caller, _ := Principal(ctx)
	n := proposal.NewProposal{
		Proposer: task.Party{Agent: b.From, Principal: caller.ID, Node: a.cfg.NodeID},
		Kind:     b.Kind, Title: b.Title, Body: b.Body, Capability: b.Capability, Electors: b.Electors,
	}
	var err error
	if n.Idempotency, err = Idempotency(ctx); err != nil {
		return nil, err
	}
	if n.Expiry, err = lengthOf("body.expires", b.Expires, proposal.MaxExpiry); err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name string
		in   *float64
		to   *int64
	}{{"body.quorum", b.Quorum, &n.Quorum}, {"body.approval", b.Approval, &n.Approval}} {
		if f.in == nil {
			continue
		}
		if *f.to = millionths(*f.in); *f.to == 0 {
			return nil, invalid(f.name, f.name[len("body."):]+" is a share above 0 and up to 1")
		}
	}
	if b.From != "" {
		if err := a.mayActAs(ctx, caller, b.From); err != nil {
			return nil, err
		}
	}
	p, out, err := a.cfg.Proposals.Submit(ctx, n)
	if err != nil {
		return nil, err
	}
	return &proposalOutput{Wrote(out), proposalBody(p)}, nil
}

type listProposalsInput struct {
	ReadInput
	State  string `query:"state" enum:"open,approved,rejected,expired"`
	Kind   string `query:"kind" maxLength:"64"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" doc:"the most proposals, 100 if left out"`
	Cursor string `query:"cursor" maxLength:"20" doc:"the next of the page before"`
}

type listProposalsOutput struct {
	ReadOutput
	Body struct {
		Proposals []ProposalBody `json:"proposals" nullable:"false"`
		Next      string         `json:"next,omitempty" doc:"asks as cursor for the page behind this one"`
	}
}

func (a *API) listProposals(ctx context.Context, in *listProposalsInput) (*listProposalsOutput, error) {
	o := proposal.ListOptions{State: proposal.State(in.State), Kind: in.Kind, Limit: in.Limit}
	var err error
	if o.Read, err = in.Options(); err != nil {
		return nil, err
	}
	if in.Cursor != "" {
		if o.Before, err = proposal.ParseID(in.Cursor); err != nil {
			return nil, invalid("query.cursor", err.Error())
		}
	}
	page, info, err := a.cfg.Proposals.List(ctx, o)
	if err != nil {
		return nil, err
	}
	out := &listProposalsOutput{ReadOutput: Read(info)}
	out.Body.Proposals = []ProposalBody{}
	for _, p := range page.Proposals {
		out.Body.Proposals = append(out.Body.Proposals, proposalBody(p))
	}
	if page.Next != 0 {
		out.Body.Next = page.Next.String()
	}
	return out, nil
}

// ProposalRef names a proposal in the path.
type ProposalRef struct {
	ID string `path:"id" maxLength:"20" doc:"the proposal's id"`
}

func (in ProposalRef) id() (proposal.ID, error) {
	id, err := proposal.ParseID(in.ID)
	if err != nil {
		return 0, invalid("path.id", err.Error())
	}
	return id, nil
}

type showProposalInput struct {
	ProposalRef
	ReadInput
}

type showProposalOutput struct {
	ReadOutput
	Body ProposalBody
}

func (a *API) showProposal(ctx context.Context, in *showProposalInput) (*showProposalOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	p, info, err := a.cfg.Proposals.Get(ctx, id, o)
	if err != nil {
		return nil, err
	}
	return &showProposalOutput{Read(info), proposalBody(p)}, nil
}

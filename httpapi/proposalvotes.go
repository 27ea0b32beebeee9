package httpapi

import (
	"context"
	"time"

	"github.com/meshd/meshd/node/proposal"
)

// VoteBody is an elector with its vote.
type VoteBody struct {
	Agent  string     `json:"agent"`
	Weight float64    `json:"weight"`
	Choice string     `json:"choice,omitempty" enum:"approve,reject,abstain" doc:"absent while it has not voted"`
	Reason string     `json:"reason,omitempty"`
	By     string     `json:"by,omitempty" doc:"the id of the credential that voted for it"`
	At     *time.Time `json:"at,omitempty"`
}

type listVotesOutput struct {
	ReadOutput
	Body struct {
		Votes []VoteBody `json:"votes" nullable:"false"`
	}
}

func (a *API) listVotes(ctx context.Context, in *showProposalInput) (*listVotesOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	votes, info, err := a.cfg.Proposals.Votes(ctx, id, o)
	if err != nil {
		return nil, err
	}
	out := &listVotesOutput{ReadOutput: Read(info)}
	out.Body.Votes = []VoteBody{}
	for _, v := range votes {
		b := VoteBody{Agent: v.Agent, Weight: share(v.Weight), Choice: string(v.Choice), Reason: v.Reason, By: v.By}
		if !v.At.IsZero() {
			b.At = &v.At
		}
		out.Body.Votes = append(out.Body.Votes, b)
	}
	return out, nil
}

type voteInput struct {
	ProposalRef
	WriteInput
	Body struct {
		Agent  string `json:"agent" minLength:"1" maxLength:"63" doc:"the elector, which the caller must be allowed to speak for"`
		Choice string `json:"choice" enum:"approve,reject,abstain"`
		Reason string `json:"reason,omitempty" maxLength:"2048"`
	}
}

// vote records the vote of an agent that the caller may speak for.
func (a *API) vote(ctx context.Context, in *voteInput) (*proposalOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	choice, err := proposal.ParseChoice(in.Body.Choice)
	if err != nil {
		return nil, invalid("body.choice", err.Error())
	}
	idem, err := Idempotency(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.actingAs(ctx, in.Body.Agent); err != nil {
		return nil, err
	}
	caller, _ := Principal(ctx)
	p, out, err := a.cfg.Proposals.Vote(ctx, id, in.Body.Agent, choice, in.Body.Reason, caller.ID, idem)
	if err != nil {
		return nil, err
	}
	return &proposalOutput{Wrote(out), proposalBody(p)}, nil
}

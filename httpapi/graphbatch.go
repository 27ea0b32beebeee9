package httpapi

import (
	"context"
	"errors"
	"maps"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

type batchInput struct {
	WriteInput
	Body struct {
		SessionID string         `json:"session_id,omitempty" maxLength:"128" doc:"The namespace; may be left out where everything is named by id"`
		Ops       []graphsync.Op `json:"ops" minItems:"1" nullable:"false" doc:"At most 10,000; each sees the effect of those before it"`
	}
}

type batchOutput struct {
	WriteOutput
	Body struct {
		Results []graphsync.OpResult `json:"results" nullable:"false" doc:"One for each operation, in order"`
		Count   int                  `json:"count"`
	}
}

// batch applies operations in order, all or none.
func (a *API) batch(ctx context.Context, in *batchInput) (*batchOutput, error) {
	wo, err := writeOptions(ctx)
	if err != nil {
		return nil, err
	}
	results, wrote, err := a.cfg.Graph.Batch(ctx, wo, in.Body.SessionID, in.Body.Ops)
	if err != nil {
		if len(in.Body.Ops) == 1 {
			err = inOnlyOp(err)
		}
		return nil, refusedWrite(ctx, wrote, err)
	}
	out := &batchOutput{WriteOutput: Wrote(wrote)}
	out.Body.Results, out.Body.Count = results, len(results)
	return out, nil
}

// inOnlyOp gives a refusal of the state the index that it leaves out in a batch
// of one.
func inOnlyOp(err error) error {
	var r *consensus.Refusal
	if !errors.As(err, &r) || r.Details["op"] != "" || r.Details["field"] == "" || r.Details["field"] == "operations" || r.Details["field"] == "session_id" {
		return err
	}
	out := *r // a refusal may be shared
	out.Details = maps.Clone(r.Details)
	out.Details["op"] = "0"
	return &out
}

package httpapi

import (
	"context"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// readAfter asks for what a write came to, which this node has applied.
func readAfter(out consensus.Outcome) consensus.ReadOptions {
	return consensus.ReadOptions{MinRevision: out.Revision}
}

type mergeInput struct {
	WriteInput
	Body struct {
		SessionID string `json:"session_id,omitempty" maxLength:"128" doc:"The namespace; may be left out where both are named by id"`
		SourceID  uint64 `json:"source_id,omitempty" doc:"The node that ends"`
		TargetID  uint64 `json:"target_id,omitempty" doc:"The node that stays"`
		Source    string `json:"source,omitempty" maxLength:"512" doc:"Its key, in place of source_id"`
		Target    string `json:"target,omitempty" maxLength:"512" doc:"Its key, in place of target_id"`
	}
}

type mergeWritten struct {
	WriteOutput
	Body struct {
		Merge graphsync.Merge `json:"merge" doc:"Its id undoes it"`
		Node  graphsync.Node  `json:"node" doc:"The node that stayed"`
	}
}

func (a *API) mergeNodes(ctx context.Context, in *mergeInput) (*mergeWritten, error) {
	wo, err := writeOptions(ctx)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	m, n, out, err := a.cfg.Graph.MergeNodes(ctx, wo, graphsync.NewMerge{
		SessionID: b.SessionID, SourceID: b.SourceID, TargetID: b.TargetID, Source: b.Source, Target: b.Target,
	})
	if err != nil {
		return nil, refusedWrite(ctx, out, err)
	}
	w := &mergeWritten{WriteOutput: Wrote(out)}
	w.Body.Merge, w.Body.Node = m, n
	return w, nil
}

type undoMergeInput struct {
	WriteInput
	ScopeInput
	IDInput
}

func (a *API) undoMerge(ctx context.Context, in *undoMergeInput) (*nodeWritten, error) {
	wo, err := writeOptions(ctx)
	if err != nil {
		return nil, err
	}
	n, out, err := a.cfg.Graph.UndoMerge(ctx, wo, in.SessionID, in.ID)
	if err != nil {
		return nil, refusedWrite(ctx, out, err)
	}
	return nodeWrote(n, out), nil
}

type mergesInput struct {
	ReadInput
	SessionInput
	PageInput
}

type mergesOutput struct {
	ReadOutput
	Body graphsync.MergePage
}

func (a *API) merges(ctx context.Context, in *mergesInput) (*mergesOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	p, info, err := a.cfg.Graph.Merges(ctx, o, in.SessionID, in.Limit, in.Cursor)
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &mergesOutput{Read(info), p}, nil
}

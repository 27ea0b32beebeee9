package httpapi

import (
	"context"

	"github.com/meshd/meshd/graphsync"
)

type pushInput struct {
	Body graphsync.Push
}

type pushOutput struct {
	WriteOutput
	Body graphsync.PushAnswer
}

// syncPush takes over mutations. The sequence is their idempotency key, so that
// none of the header's is looked at.
func (a *API) syncPush(ctx context.Context, in *pushInput) (*pushOutput, error) {
	caller, _ := Principal(ctx)
	answer, out, err := a.cfg.Sync.Push(ctx, graphsync.WriteOptions{Author: caller.ID}, in.Body)
	if err != nil {
		return nil, syncError(ctx, refusedWrite(ctx, out, err), "body")
	}
	return &pushOutput{Wrote(out), answer}, nil
}

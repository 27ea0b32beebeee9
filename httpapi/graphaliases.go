package httpapi

import (
	"context"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

type aliasInput struct {
	WriteInput
	MatchInput
	ScopeInput
	IDInput
	Alias string `path:"alias" minLength:"1" maxLength:"512" doc:"Another key of the node; a slash in it is sent as %2F"`
}

func (a *API) addAlias(ctx context.Context, in *aliasInput) (*nodeWritten, error) {
	return changeAlias(ctx, in, a.cfg.Graph.AddAlias)
}

func (a *API) removeAlias(ctx context.Context, in *aliasInput) (*nodeWritten, error) {
	return changeAlias(ctx, in, a.cfg.Graph.RemoveAlias)
}

func changeAlias(ctx context.Context, in *aliasInput, change func(context.Context, graphsync.WriteOptions, string, uint64, string, uint64) (graphsync.Node, consensus.Outcome, error)) (*nodeWritten, error) {
	wo, version, match, err := changeOptions(ctx, in.MatchInput)
	if err != nil {
		return nil, err
	}
	n, out, err := change(ctx, wo, in.SessionID, in.ID, in.Alias, version)
	if err != nil {
		return nil, refusedWrite(ctx, out, gone(match, true, err))
	}
	return nodeWrote(n, out), nil
}

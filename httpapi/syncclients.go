package httpapi

import (
	"context"

	"github.com/meshd/meshd/graphsync"
)

type syncClientsInput struct {
	ReadInput
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many at most"`
	Cursor string `query:"cursor" maxLength:"4096" doc:"The cursor of the page before"`
}

type syncClientsOutput struct {
	ReadOutput
	Body graphsync.SyncClientsPage
}

// syncClients lists what is remembered of clients.
func (a *API) syncClients(ctx context.Context, in *syncClientsInput) (*syncClientsOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	page, info, err := a.cfg.Sync.Clients(ctx, o, graphsync.SyncClientsQuery{Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, syncError(ctx, refusedRead(ctx, info, err), "query")
	}
	return &syncClientsOutput{Read(info), page}, nil
}

type syncForgetInput struct {
	WriteInput
	ID string `path:"id" maxLength:"64" doc:"The client's id, as of GET /sync/clients"`
}

type syncForgetOutput struct{ WriteOutput }

// syncForgetClient forgets a client.
func (a *API) syncForgetClient(ctx context.Context, in *syncForgetInput) (*syncForgetOutput, error) {
	wo, err := writeOptions(ctx)
	if err != nil {
		return nil, err
	}
	out, err := a.cfg.Sync.ForgetClient(ctx, wo, in.ID)
	if err != nil {
		return nil, syncError(ctx, refusedWrite(ctx, out, err), "path")
	}
	return &syncForgetOutput{Wrote(out)}, nil
}

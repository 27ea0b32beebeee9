package httpapi

import (
	"context"

	"github.com/meshd/meshd/graphsync"
)

type getSchemaInput struct {
	ReadInput
	SessionInput
}

type schemaOutput struct {
	ReadOutput
	Body graphsync.Schema
}

func (a *API) getSchema(ctx context.Context, in *getSchemaInput) (*schemaOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	s, info, err := a.cfg.Graph.GetSchema(ctx, o, in.SessionID)
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &schemaOutput{Read(info), s}, nil
}

type setSchemaInput struct {
	WriteInput
	SessionInput
	Body graphsync.Schema
}

type schemaWritten struct {
	WriteOutput
	Body graphsync.Schema
}

func (a *API) setSchema(ctx context.Context, in *setSchemaInput) (*schemaWritten, error) {
	wo, err := writeOptions(ctx)
	if err != nil {
		return nil, err
	}
	_, out, err := a.cfg.Graph.SetSchema(ctx, wo, in.SessionID, in.Body)
	if err != nil {
		return nil, refusedWrite(ctx, out, err)
	}
	return &schemaWritten{Wrote(out), in.Body}, nil
}

type getRetentionInput struct {
	ReadInput
}

type retentionOutput struct {
	ReadOutput
	Body graphsync.Retention
}

func (a *API) getRetention(ctx context.Context, in *getRetentionInput) (*retentionOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	r, info, err := a.cfg.Graph.Retention(ctx, o)
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &retentionOutput{Read(info), r}, nil
}

type setRetentionInput struct {
	WriteInput
	Body struct {
		Days  uint64 `json:"days,omitempty" maximum:"36500" doc:"How old history may be; 90 if left out"`
		Bytes uint64 `json:"bytes,omitempty" doc:"How much of it there may be, on each node; 1 GiB if left out"`
	}
}

type retentionWritten struct {
	WriteOutput
	Body graphsync.Retention
}

func (a *API) setRetention(ctx context.Context, in *setRetentionInput) (*retentionWritten, error) {
	wo, err := writeOptions(ctx)
	if err != nil {
		return nil, err
	}
	out, err := a.cfg.Graph.SetRetention(ctx, wo, in.Body.Days, in.Body.Bytes)
	if err != nil {
		return nil, refusedWrite(ctx, out, err)
	}
	r, _, err := a.cfg.Graph.Retention(ctx, readAfter(out))
	if err != nil {
		return nil, err
	}
	return &retentionWritten{Wrote(out), r}, nil
}

package httpapi

import (
	"context"
	"net/http"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// ModelInput is the model in a path.
type ModelInput struct {
	Model string `path:"model" minLength:"1" maxLength:"128" doc:"What made the vector; a slash in it is sent as %2F"`
}

type setVectorInput struct {
	WriteInput
	ScopeInput
	IDInput
	ModelInput
	Body struct {
		Vector []float32 `json:"vector" minItems:"1" maxItems:"4096" nullable:"false" doc:"All vectors of a model have one dimension in a namespace"`
	}
}

type vectorWritten struct {
	WriteOutput
	Status int
	ETag   string `header:"ETag"`
	Body   graphsync.OpResult
}

// setVector answers 201, or 200 where there was a vector of the model before.
func (a *API) setVector(ctx context.Context, in *setVectorInput) (*vectorWritten, error) {
	wo, err := writeOptions(ctx)
	if err != nil {
		return nil, err
	}
	res, out, err := a.cfg.Graph.SetVector(ctx, wo, in.SessionID, in.ID, in.Model, in.Body.Vector)
	if err != nil {
		return nil, refusedWrite(ctx, out, err)
	}
	status := http.StatusOK
	if res.Status == graphsync.StatusCreated {
		status = http.StatusCreated
	}
	return &vectorWritten{Wrote(out), status, ETag(res.Version), res}, nil
}

type getVectorInput struct {
	ReadInput
	ScopeInput
	IDInput
	ModelInput
}

type vectorOutput struct {
	ReadOutput
	ETag string `header:"ETag"`
	Body graphsync.Vector
}

func (a *API) getVector(ctx context.Context, in *getVectorInput) (*vectorOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	v, info, err := a.cfg.Graph.GetVector(ctx, o, in.SessionID, in.ID, in.Model)
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &vectorOutput{Read(info), ETag(v.Version), v}, nil
}

type deleteVectorInput struct {
	WriteInput
	ScopeInput
	IDInput
	ModelInput
}

func (a *API) deleteVector(ctx context.Context, in *deleteVectorInput) (*WriteOutput, error) {
	thing := &deleteThingInput{WriteInput: in.WriteInput, ScopeInput: in.ScopeInput, IDInput: in.IDInput}
	return deleteThing(ctx, thing, func(ctx context.Context, wo graphsync.WriteOptions, namespace string, id, _ uint64) (bool, consensus.Outcome, error) {
		return a.cfg.Graph.DeleteVector(ctx, wo, namespace, id, in.Model)
	})
}

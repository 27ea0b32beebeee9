package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// ProvenanceBody is what a fact and an observation say about the world.
type ProvenanceBody struct {
	ValidFrom  *time.Time `json:"valid_from,omitempty" doc:"So since then; since ever if left out"`
	ValidTo    *time.Time `json:"valid_to,omitempty" doc:"So until just before then; for ever if left out"`
	Provenance *string    `json:"provenance,omitempty" maxLength:"1024" doc:"Where it comes from: an address, a document, a message"`
	Confidence *float64   `json:"confidence,omitempty" minimum:"0" maximum:"1" doc:"How sure it is"`
	ExpiresAt  *time.Time `json:"expires_at,omitempty" doc:"Ended then by itself"`
}

func (p ProvenanceBody) told() graphsync.Provenance {
	out := graphsync.Provenance{ValidFrom: p.ValidFrom, ValidTo: p.ValidTo, Confidence: p.Confidence, ExpiresAt: p.ExpiresAt}
	if p.Provenance != nil {
		out.Provenance = *p.Provenance
	}
	return out
}

type addObservationInput struct {
	WriteInput
	ScopeInput
	IDInput
	Body struct {
		Text       string          `json:"text" minLength:"1" maxLength:"16384" doc:"A sentence about the node"`
		Properties json.RawMessage `json:"properties,omitempty" doc:"An object, at most 64 KiB"`
		ProvenanceBody
	}
}

type observationWritten struct {
	WriteOutput
	Status   int
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     graphsync.Observation
}

// addObservation answers 201, or 200 where the node was observed so already.
func (a *API) addObservation(ctx context.Context, in *addObservationInput) (*observationWritten, error) {
	wo, err := writeOptions(ctx)
	if err != nil {
		return nil, err
	}
	o, added, out, err := a.cfg.Graph.AddObservation(ctx, wo, graphsync.NewObservation{
		SessionID: in.SessionID, NodeID: in.ID, Text: in.Body.Text, Properties: absent(in.Body.Properties), Provenance: in.Body.told(),
	})
	if err != nil {
		return nil, refusedWrite(ctx, out, err)
	}
	status := http.StatusOK
	if added {
		status = http.StatusCreated
	}
	return &observationWritten{Wrote(out), status, ETag(o.Version), "/graph/observations/" + strconv.FormatUint(o.ID, 10), o}, nil
}

type listObservationsInput struct {
	ReadInput
	ScopeInput
	IDInput
	PageInput
	WhenInput
	BudgetInput
	Order string `query:"order" enum:"oldest,newest" default:"oldest" doc:"Which come first"`
}

type observationPageOutput struct {
	ReadOutput
	Body graphsync.ObservationPage
}

func (a *API) listObservations(ctx context.Context, in *listObservationsInput) (*observationPageOutput, error) {
	o, when, err := timed(in.ReadInput, in.WhenInput)
	if err != nil {
		return nil, err
	}
	p, info, err := a.cfg.Graph.ListObservations(ctx, o, graphsync.ObservationQuery{
		Namespace: in.SessionID, NodeID: in.ID, Newest: in.Order == "newest", Limit: in.Limit, Cursor: in.Cursor, When: when, Budget: in.Budget,
	})
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &observationPageOutput{Read(info), p}, nil
}

type observationOutput struct {
	ReadOutput
	ETag string `header:"ETag"`
	Body graphsync.Observation
}

type getObservationInput struct {
	ReadInput
	ScopeInput
	WhenInput
	IDInput
}

func (a *API) getObservation(ctx context.Context, in *getObservationInput) (*observationOutput, error) {
	o, when, err := timed(in.ReadInput, in.WhenInput)
	if err != nil {
		return nil, err
	}
	got, info, err := a.cfg.Graph.GetObservationAt(ctx, o, when, in.SessionID, in.ID)
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &observationOutput{Read(info), ETag(got.Version), got}, nil
}

func (a *API) deleteObservation(ctx context.Context, in *deleteThingInput) (*WriteOutput, error) {
	return deleteThing(ctx, in, func(ctx context.Context, wo graphsync.WriteOptions, namespace string, id, version uint64) (bool, consensus.Outcome, error) {
		if version > 1 { // an observation does not change
			return false, consensus.Outcome{}, Fail(CodePreconditionFailed, "").With("field", "header.If-Match")
		}
		return a.cfg.Graph.DeleteObservation(ctx, wo, namespace, id)
	})
}

package httpapi

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

type edgePageOutput struct {
	ReadOutput
	Body edgePageBody
}

type edgePageBody struct {
	Edges     []shownEdge `json:"edges" nullable:"false"`
	Count     int         `json:"count"`
	Cursor    string      `json:"cursor,omitempty" doc:"Where the next page begins; absent on the last one"`
	Truncated bool        `json:"truncated,omitempty" doc:"The page ended short of the limit, for its bytes or because too few of what was looked at matched"`
}

type edgeOutput struct {
	ReadOutput
	ETag string `header:"ETag" doc:"The edge's version, for If-Match"`
	Body shownEdge
}

type edgeWritten struct {
	WriteOutput
	ETag     string `header:"ETag" doc:"The edge's version, for If-Match"`
	Location string `header:"Location"`
	Body     graphsync.Edge
}

func edgeWrote(e graphsync.Edge, out consensus.Outcome) *edgeWritten {
	return &edgeWritten{Wrote(out), ETag(e.Version), "/graph/edges/" + strconv.FormatUint(e.ID, 10), e}
}

type listEdgesInput struct {
	ReadInput
	SessionInput
	PageInput
	WhenInput
	ShowInput
	FilterInput
	SourceID uint64 `query:"source_id" minimum:"1" doc:"Only edges from this node"`
	TargetID uint64 `query:"target_id" minimum:"1" doc:"Only edges to this node"`
	EdgeType string `query:"edge_type" maxLength:"64"`
}

func (a *API) listEdges(ctx context.Context, in *listEdgesInput) (*edgePageOutput, error) {
	o, when, err := timed(in.ReadInput, in.WhenInput)
	if err != nil {
		return nil, err
	}
	filter, err := in.filter()
	if err != nil {
		return nil, err
	}
	p, info, err := a.cfg.Graph.ListEdges(ctx, o, graphsync.EdgeQuery{
		Namespace: in.SessionID, Source: in.SourceID, Target: in.TargetID, Type: in.EdgeType, Limit: in.Limit, Cursor: in.Cursor,
		When: when, Filter: filter, Answer: in.answer(),
	})
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &edgePageOutput{Read(info), edgePageBody{in.shown().edges(p.Edges), p.Count, p.Cursor, p.Truncated}}, nil
}

func (a *API) getEdge(ctx context.Context, in *getThingInput) (*edgeOutput, error) {
	o, when, err := timed(in.ReadInput, in.WhenInput)
	if err != nil {
		return nil, err
	}
	e, info, err := a.cfg.Graph.GetEdgeAt(ctx, o, when, in.SessionID, in.ID)
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &edgeOutput{Read(info), ETag(e.Version), shownEdge{&e, in.shown()}}, nil
}

type createEdgeInput struct {
	WriteInput
	Body struct {
		SessionID  string          `json:"session_id,omitempty" maxLength:"128" doc:"The namespace; may be left out where both ends are named by id"`
		SourceID   uint64          `json:"source_id,omitempty"`
		TargetID   uint64          `json:"target_id,omitempty"`
		Source     string          `json:"source,omitempty" maxLength:"512" doc:"The source's key, in place of source_id"`
		Target     string          `json:"target,omitempty" maxLength:"512" doc:"The target's key, in place of target_id"`
		EdgeType   string          `json:"edge_type" maxLength:"64" pattern:"^[A-Za-z_][A-Za-z0-9_.:-]*$" patternDescription:"an identifier (letters, digits, _ . : -, beginning with a letter or _)"`
		Predicate  *string         `json:"predicate,omitempty" maxLength:"1024"`
		Properties json.RawMessage `json:"properties,omitempty" doc:"An object, at most 64 KiB"`
		Weight     *float64        `json:"weight,omitempty" doc:"1 if left out"`
		ProvenanceBody
	}
}

func (a *API) createEdge(ctx context.Context, in *createEdgeInput) (*edgeWritten, error) {
	wo, err := writeOptions(ctx)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	e, out, err := a.cfg.Graph.CreateEdge(ctx, wo, graphsync.NewEdge{
		SessionID: b.SessionID, SourceID: b.SourceID, TargetID: b.TargetID, Source: b.Source, Target: b.Target,
		EdgeType: b.EdgeType, Predicate: b.Predicate, Properties: absent(b.Properties), Weight: b.Weight, Provenance: b.told(),
	})
	if err != nil {
		return nil, refusedWrite(ctx, out, err)
	}
	return edgeWrote(e, out), nil
}

type updateEdgeInput struct {
	WriteInput
	MatchInput
	ScopeInput
	IDInput
	Body struct {
		Weight     *float64        `json:"weight,omitempty"`
		Predicate  *string         `json:"predicate,omitempty" maxLength:"1024"`
		Properties json.RawMessage `json:"properties,omitempty" doc:"An object; it replaces the old one whole unless merge is set"`
		Merge      bool            `json:"merge,omitempty" doc:"Merge the properties into the old ones, where null removes one (RFC 7396)"`
		ValidFrom  *time.Time      `json:"valid_from,omitempty" doc:"So since then; 0001-01-01T00:00:00Z for since ever"`
		ValidTo    *time.Time      `json:"valid_to,omitempty" doc:"So until just before then; 0001-01-01T00:00:00Z for for ever"`
		Provenance *string         `json:"provenance,omitempty" maxLength:"1024" doc:"Where it comes from"`
		Confidence *float64        `json:"confidence,omitempty" minimum:"-1" maximum:"1" doc:"How sure it is, 0 to 1; below 0 takes it away"`
		ExpiresAt  *time.Time      `json:"expires_at,omitempty" doc:"Ended then by itself; 0001-01-01T00:00:00Z for never"`
	}
}

func (a *API) updateEdge(ctx context.Context, in *updateEdgeInput) (*edgeWritten, error) {
	wo, version, match, err := changeOptions(ctx, in.MatchInput)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	e, out, err := a.cfg.Graph.UpdateEdge(ctx, wo, in.SessionID, in.ID, graphsync.EdgePatch{
		Weight: b.Weight, Predicate: b.Predicate, Properties: b.Properties, Merge: b.Merge,
		ValidFrom: b.ValidFrom, ValidTo: b.ValidTo, Provenance: b.Provenance, Confidence: b.Confidence, ExpiresAt: b.ExpiresAt, IfVersion: version,
	})
	if err != nil {
		return nil, refusedWrite(ctx, out, gone(match, true, err))
	}
	return edgeWrote(e, out), nil
}

func (a *API) deleteEdge(ctx context.Context, in *deleteThingInput) (*WriteOutput, error) {
	return deleteThing(ctx, in, a.cfg.Graph.DeleteEdge)
}

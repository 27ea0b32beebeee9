package httpapi

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

type edgePageOutput struct {
	ReadOutput
	Body graphsync.EdgePage
}

type edgeOutput struct {
	ReadOutput
	ETag string `header:"ETag" doc:"The edge's version, for If-Match"`
	Body graphsync.Edge
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
	SourceID uint64 `query:"source_id" minimum:"1" doc:"Only edges from this node"`
	TargetID uint64 `query:"target_id" minimum:"1" doc:"Only edges to this node"`
	EdgeType string `query:"edge_type" maxLength:"64"`
}

func (a *API) listEdges(ctx context.Context, in *listEdgesInput) (*edgePageOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	p, info, err := a.cfg.Graph.ListEdges(ctx, o, graphsync.EdgeQuery{
		Namespace: in.SessionID, Source: in.SourceID, Target: in.TargetID, Type: in.EdgeType, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &edgePageOutput{Read(info), p}, nil
}

func (a *API) getEdge(ctx context.Context, in *getThingInput) (*edgeOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	e, info, err := a.cfg.Graph.GetEdge(ctx, o, in.SessionID, in.ID)
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &edgeOutput{Read(info), ETag(e.Version), e}, nil
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
		EdgeType: b.EdgeType, Predicate: b.Predicate, Properties: absent(b.Properties), Weight: b.Weight,
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
	}
}

func (a *API) updateEdge(ctx context.Context, in *updateEdgeInput) (*edgeWritten, error) {
	wo, version, match, err := changeOptions(ctx, in.MatchInput)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	e, out, err := a.cfg.Graph.UpdateEdge(ctx, wo, in.SessionID, in.ID, graphsync.EdgePatch{
		Weight: b.Weight, Predicate: b.Predicate, Properties: b.Properties, Merge: b.Merge, IfVersion: version,
	})
	if err != nil {
		return nil, refusedWrite(ctx, out, gone(match, true, err))
	}
	return edgeWrote(e, out), nil
}

func (a *API) deleteEdge(ctx context.Context, in *deleteThingInput) (*WriteOutput, error) {
	return deleteThing(ctx, in, a.cfg.Graph.DeleteEdge)
}

package httpapi

import (
	"context"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

type eraseInput struct {
	WriteInput
	Body struct {
		SessionID     string `json:"session_id,omitempty" maxLength:"128" doc:"The namespace; may be left out where an id is given"`
		NodeID        uint64 `json:"node_id,omitempty" doc:"A node that is or was, with all that was ever said of it"`
		Key           string `json:"key,omitempty" maxLength:"512" doc:"The node's key, in place of node_id"`
		EdgeID        uint64 `json:"edge_id,omitempty" doc:"An edge that is or was"`
		ObservationID uint64 `json:"observation_id,omitempty" doc:"An observation that is or was"`
		Reason        string `json:"reason" minLength:"1" maxLength:"1024" doc:"Why; it is recorded with who did it"`
	}
}

type eraseOutput struct {
	WriteOutput
	Body struct {
		Erased bool `json:"erased"`
	}
}

// erase removes a thing with its history.
func (a *API) erase(ctx context.Context, in *eraseInput) (*eraseOutput, error) {
	wo, err := writeOptions(ctx)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	named := 0
	for _, is := range []bool{b.NodeID != 0, b.Key != "", b.EdgeID != 0, b.ObservationID != 0} {
		if is {
			named++
		}
	}
	var out consensus.Outcome
	switch {
	case named != 1:
		return nil, invalid("body.node_id", "give one of node_id, key, edge_id and observation_id")
	case b.EdgeID != 0:
		out, err = a.cfg.Graph.EraseEdge(ctx, wo, b.SessionID, b.EdgeID, b.Reason)
	case b.ObservationID != 0:
		out, err = a.cfg.Graph.EraseObservation(ctx, wo, b.SessionID, b.ObservationID, b.Reason)
	case b.Key != "" && b.SessionID == "":
		return nil, invalid("body.session_id", "a key is looked for in the namespace session_id")
	default:
		out, err = a.cfg.Graph.EraseNode(ctx, wo, graphsync.Target{SessionID: b.SessionID, ID: b.NodeID, Key: b.Key}, b.Reason)
	}
	if err != nil {
		return nil, refusedWrite(ctx, out, err)
	}
	w := &eraseOutput{WriteOutput: Wrote(out)}
	w.Body.Erased = true
	return w, nil
}

type erasuresInput struct {
	ReadInput
	ScopeInput
	PageInput
}

type erasuresOutput struct {
	ReadOutput
	Body graphsync.ErasurePage
}

func (a *API) erasures(ctx context.Context, in *erasuresInput) (*erasuresOutput, error) {
	o, err := in.Options()
	if err != nil {
		return nil, err
	}
	p, info, err := a.cfg.Graph.Erasures(ctx, o, in.SessionID, in.Limit, in.Cursor)
	if err != nil {
		return nil, refusedRead(ctx, info, err)
	}
	return &erasuresOutput{Read(info), p}, nil
}

package httpapi

import (
	"context"
	"errors"
	"maps"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/access"
)

type batchInput struct {
	WriteInput
	Body struct {
		SessionID string         `json:"session_id,omitempty" maxLength:"128" doc:"The namespace; may be left out where everything is named by id"`
		Ops       []graphsync.Op `json:"ops" minItems:"1" nullable:"false" doc:"At most 10,000; each sees the effect of those before it"`
	}
}

type batchOutput struct {
	WriteOutput
	Body struct {
		Results []graphsync.OpResult `json:"results" nullable:"false" doc:"One for each operation, in order"`
		Count   int                  `json:"count"`
	}
}

// batch applies operations in order, all or none.
func (a *API) batch(ctx context.Context, in *batchInput) (*batchOutput, error) {
	wo, err := writeOptions(ctx)
	if err != nil {
		return nil, err
	}
	if e := mayApply(ctx, in.Body.Ops); e != nil {
		return nil, e
	}
	results, wrote, err := a.cfg.Graph.Batch(ctx, wo, in.Body.SessionID, in.Body.Ops)
	if err != nil {
		if len(in.Body.Ops) == 1 {
			err = inOnlyOp(err)
		}
		return nil, refusedWrite(ctx, wrote, err)
	}
	out := &batchOutput{WriteOutput: Wrote(wrote)}
	out.Body.Results, out.Body.Count = results, len(results)
	return out, nil
}

// batchShort is batch without the full decoder.
func (a *API) batchShort(c *gin.Context, body []byte) bool {
	var namespace string
	var ops []graphsync.Op
	var seen uint32
	p := plainJSON{b: body}
	if !p.object(func(name []byte) bool {
		switch string(name) {
		case "session_id":
			return once(&seen, 0) && p.text(&namespace) && len(namespace) <= graphsync.MaxNamespace
		case "ops":
			return once(&seen, 1) && p.ops(&ops)
		}
		return false
	}) || !p.end() || ops == nil {
		return false
	}
	ctx := c.Request.Context()
	wo, err := writeOptions(ctx)
	if err != nil {
		a.Refuse(c, err)
		return true
	}
	if e := mayApply(ctx, ops); e != nil {
		a.Refuse(c, e)
		return true
	}
	results, wrote, err := a.cfg.Graph.Batch(ctx, wo, namespace, ops)
	if err != nil {
		if len(ops) == 1 {
			err = inOnlyOp(err)
		}
		a.Refuse(c, refusedWrite(ctx, wrote, err))
		return true
	}
	SetOutcome(c.Writer.Header(), wrote)
	b := append(make([]byte, 0, 64+48*len(results)), `{"results":[`...)
	b = appendResults(b, results)
	b = strconv.AppendInt(append(b, `],"count":`...), int64(len(results)), 10)
	sendJSON(c.Writer, append(b, "}\n"...))
	return true
}

// appendResults writes the results of operations by hand: all in them are
// numbers and words of ours.
func appendResults(b []byte, results []graphsync.OpResult) []byte {
	for i, r := range results {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"id":`...)
		b = strconv.AppendUint(b, r.ID, 10)
		b = append(b, `,"status":"`...)
		b = append(b, r.Status...)
		b = append(b, '"')
		if r.Version != 0 {
			b = append(b, `,"version":`...)
			b = strconv.AppendUint(b, r.Version, 10)
		}
		b = append(b, '}')
	}
	return b
}

// mayApply refuses operations that have routes for administrators only.
func mayApply(ctx context.Context, ops []graphsync.Op) error {
	caller, _ := Principal(ctx)
	return mayDo(caller, ops)
}

func mayDo(caller access.Principal, ops []graphsync.Op) error {
	if caller.Role.Allows(access.RoleAdmin) {
		return nil
	}
	for i := range ops {
		switch ops[i].Op {
		case graphsync.OpEraseNode, graphsync.OpEraseEdge, graphsync.OpEraseObservation, graphsync.OpSetRetention:
			return Fail(CodeForbidden, "operation %d: %s needs the role %s", i, ops[i].Op, access.RoleAdmin).
				With("role_needed", access.RoleAdmin).With("role", caller.Role).With("op", strconv.Itoa(i))
		}
	}
	return nil
}

// inOnlyOp gives a refusal of the state the index that it leaves out in a batch
// of one.
func inOnlyOp(err error) error {
	var r *consensus.Refusal
	if !errors.As(err, &r) || r.Details["op"] != "" || r.Details["field"] == "" || r.Details["field"] == "operations" || r.Details["field"] == "session_id" {
		return err
	}
	out := *r // a refusal may be shared
	out.Details = maps.Clone(r.Details)
	out.Details["op"] = "0"
	return &out
}

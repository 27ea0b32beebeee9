package graphsync

import (
	"context"
	"errors"

	"github.com/meshd/meshd/consensus"
)

// Batch applies the operations to a namespace in order, all or none: at most
// MaxBatchOps of them and MaxBatchBytes encoded (TOO_LARGE above). The namespace
// may be empty where every operation names things by id. A refusal's details
// name the "op" by index from 0.
func (s *Service) Batch(ctx context.Context, wo WriteOptions, namespace string, ops []Op) ([]OpResult, consensus.Outcome, error) {
	if len(ops) == 0 {
		return nil, consensus.Outcome{}, invalid("operations", "must not be empty")
	}
	if len(ops) > MaxBatchOps {
		return nil, consensus.Outcome{}, refuse(CodeTooLarge, "operations", "there are %d operations, at most %d are allowed", len(ops), MaxBatchOps)
	}
	if namespace != "" {
		if r := checkNamespace(namespace); r != nil {
			return nil, consensus.Outcome{}, r
		}
	}
	cmd := command{Namespace: namespace, Ops: make([]op, len(ops))}
	for i := range ops {
		var r *consensus.Refusal
		if cmd.Ops[i], r = prepare(&ops[i]); r != nil {
			return nil, consensus.Outcome{}, inOp(r, i)
		}
	}
	res, out, err := s.propose(ctx, wo, cmd)
	if err != nil {
		var r *consensus.Refusal
		if len(ops) == 1 && errors.As(err, &r) && r.Details["field"] != "" && r.Details["field"] != "operations" {
			err = inOp(r, 0) // a single one is told without, as it may be no batch
		}
		return nil, out, err
	}
	return res.results(), out, nil
}

// OpRefusal is an operation of a lenient batch that was refused.
type OpRefusal struct {
	Index   int
	Refusal *consensus.Refusal
}

// ApplyEach applies operations like Batch, but a refused one leaves the others
// in effect. The results of refused operations have no status. It is what an
// import proposes.
func (s *Service) ApplyEach(ctx context.Context, wo WriteOptions, namespace string, ops []Op) ([]OpResult, []OpRefusal, consensus.Outcome, error) {
	if r := checkNamespace(namespace); r != nil {
		return nil, nil, consensus.Outcome{}, r
	}
	if len(ops) == 0 || len(ops) > MaxBatchOps {
		return nil, nil, consensus.Outcome{}, refuse(CodeTooLarge, "operations", "a batch has 1 to %d operations, not %d", MaxBatchOps, len(ops))
	}
	cmd := command{Namespace: namespace, Ops: make([]op, 0, len(ops)), Lenient: true}
	var refused []OpRefusal
	index := make([]int, 0, len(ops))
	for i := range ops {
		o, r := prepare(&ops[i])
		if r != nil {
			refused = append(refused, OpRefusal{i, r})
			continue
		}
		cmd.Ops = append(cmd.Ops, o)
		index = append(index, i)
	}
	results := make([]OpResult, len(ops))
	if len(cmd.Ops) == 0 {
		return results, refused, consensus.Outcome{}, nil
	}
	res, out, err := s.propose(ctx, wo, cmd)
	if err != nil {
		return nil, nil, out, err
	}
	for i, r := range res.results() {
		results[index[i]] = r
	}
	for _, r := range res.Refusals {
		if r.Index < 0 || r.Index >= len(index) {
			continue
		}
		refused = append(refused, OpRefusal{index[r.Index], &r.Refusal})
		results[index[r.Index]] = OpResult{}
	}
	return results, refused, out, nil
}

func (res *result) results() []OpResult {
	out := make([]OpResult, len(res.Ops))
	for i, o := range res.Ops {
		out[i] = OpResult{ID: o.ID, Version: o.Version}
		if o.Status <= deleted {
			out[i].Status = o.Status.String()
		}
	}
	return out
}

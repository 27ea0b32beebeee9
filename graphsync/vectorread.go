package graphsync

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"github.com/meshd/meshd/consensus"
)

// Vector is what a model made of a node, as a client supplied it.
type Vector struct {
	SessionID string    `json:"session_id"`
	NodeID    uint64    `json:"node_id"`
	Model     string    `json:"model"`
	Vector    []float32 `json:"vector"`
	Version   uint64    `json:"version"`
	UpdatedAt time.Time `json:"updated_at"`
}

// SetVector keeps a node's vector of a model. All vectors of a model have one
// dimension in a namespace.
func (s *Service) SetVector(ctx context.Context, wo WriteOptions, namespace string, id uint64, model string, vector []float32) (OpResult, consensus.Outcome, error) {
	return s.oneResult(ctx, wo, namespace, &Op{Op: OpSetVector, ID: id, Model: model, Vector: vector})
}

// DeleteVector removes a node's vector of a model; existed is false where there
// was none.
func (s *Service) DeleteVector(ctx context.Context, wo WriteOptions, namespace string, id uint64, model string) (existed bool, _ consensus.Outcome, _ error) {
	res, out, err := s.oneResult(ctx, wo, namespace, &Op{Op: OpDeleteVector, ID: id, Model: model})
	return err == nil && res.Status == StatusDeleted, out, err
}

// oneResult proposes one operation whose answer is not a node or an edge.
func (s *Service) oneResult(ctx context.Context, wo WriteOptions, namespace string, o *Op) (OpResult, consensus.Outcome, error) {
	res, out, err := s.one(ctx, wo, namespace, o)
	if err != nil {
		return OpResult{}, out, err
	}
	return res.results()[0], out, nil
}

// GetVector returns a node's vector of a model, NOT_FOUND where there is none
// in the namespace. An empty namespace allows any.
func (s *Service) GetVector(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64, model string) (Vector, consensus.ReadInfo, error) {
	var out Vector
	info, err := s.read(ctx, ro, func(v *view) error {
		ns, ok := v.nodeNamespace(id)
		if !ok || namespace != "" && v.namespace(namespace) != ns {
			return noNode(id)
		}
		sym := v.symbol(symModel, model)
		rec, ok, err := v.vector(ns, id, sym)
		if err != nil {
			return err
		}
		if sym == 0 || !ok {
			return refuse(CodeNotFound, "model", "node %d has no vector of the model %q", id, model)
		}
		out, err = v.toVector(ns, id, sym, &rec)
		return err
	})
	return out, info, err
}

// VectorPosition is a place in the order of Vectors; the zero value is before
// all.
type VectorPosition struct{ key string }

// Vectors calls yield with every vector of every namespace, in an order that
// stays, from behind a position. It reads in short views, so vectors that
// change meanwhile may be seen as before or after; yield is called between the
// views and may take its time. It returns where it ended, and the revision of
// its first view: what changed since then is in the log.
func (s *Service) Vectors(ctx context.Context, ro consensus.ReadOptions, from VectorPosition, yield func(Vector) error) (VectorPosition, uint64, error) {
	var first uint64
	for {
		var page []Vector
		info, err := s.read(ctx, ro, func(v *view) (err error) {
			page, from, err = v.pageVectors(from)
			return err
		})
		if err != nil {
			return from, first, err
		}
		if first == 0 {
			first = info.Revision
		}
		for _, one := range page {
			if err := yield(one); err != nil {
				return from, first, err
			}
		}
		if len(page) == 0 {
			return from, first, nil
		}
		ro = consensus.ReadOptions{Consistency: consensus.Stale}
	}
}

func (v *view) pageVectors(from VectorPosition) ([]Vector, VectorPosition, error) {
	var start []byte
	if from.key != "" {
		start = next([]byte(from.key))
	}
	var page []Vector
	size := 0
	for k, val := range v.r.Scan(tVector, start, nil) {
		if len(page) == MaxLimit || size > MaxAnswerBytes {
			break
		}
		if len(k) != vectorKeySize {
			return nil, from, errRecord
		}
		rec, err := decodeVector(val)
		if err != nil {
			return nil, from, err
		}
		one, err := v.toVector(readSymbol(k), readID(k[3:]), readSymbol(k[nodeKeySize:]), &rec)
		if err != nil {
			return nil, from, err
		}
		page = append(page, one)
		size += len(rec.Data)
		from = VectorPosition{string(k)}
	}
	return page, from, nil
}

func (v *view) toVector(ns nsID, node uint64, model symbol, rec *vectorRecord) (Vector, error) {
	out := Vector{NodeID: node, Vector: make([]float32, len(rec.Data)/4), Version: rec.Version, UpdatedAt: millis(rec.CreatedAt)}
	if rec.UpdatedRev != 0 {
		out.UpdatedAt = millis(rec.UpdatedAt)
	}
	for i := range out.Vector {
		out.Vector[i] = math.Float32frombits(binary.LittleEndian.Uint32(rec.Data[4*i:]))
	}
	var err error
	if out.SessionID, err = v.text(symNamespace, ns); err != nil {
		return out, err
	}
	out.Model, err = v.text(symModel, model)
	return out, err
}

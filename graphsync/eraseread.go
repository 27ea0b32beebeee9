package graphsync

import (
	"context"
	"time"

	"github.com/meshd/meshd/consensus"
)

// Erasure is the record of an erasure. Kind is "node", "edge" or "observation".
type Erasure struct {
	SessionID    string    `json:"session_id"`
	Kind         string    `json:"kind"`
	ID           uint64    `json:"id"`
	Reason       string    `json:"reason,omitempty"`
	ErasedBy     string    `json:"erased_by,omitempty"`
	ErasedAt     time.Time `json:"erased_at"`
	Revision     uint64    `json:"revision"`
	Edges        uint64    `json:"edges"`
	Observations uint64    `json:"observations"`
	Vectors      uint64    `json:"vectors"`
	Versions     uint64    `json:"past_versions"`
	Merges       uint64    `json:"merges" doc:"that can no longer be undone"`
	Partial      bool      `json:"partial,omitempty" doc:"one of several steps: more was left"`
}

// Target names what to erase: a node by id or key, an edge or observation by
// id.
type Target struct {
	SessionID string `json:"session_id,omitempty"`
	ID        uint64 `json:"id,omitempty"`
	Key       string `json:"key,omitempty"`
}

// EraseNode removes a node that is or was, with its edges, observations,
// vectors and all their past, and records who did it and why. What is large
// goes in several commands, each of which is recorded. Backups and exports that
// were made before are not reached.
func (s *Service) EraseNode(ctx context.Context, wo WriteOptions, at Target, reason string) (consensus.Outcome, error) {
	return s.eraseAll(ctx, wo, at.SessionID, Op{Op: OpEraseNode, ID: at.ID, Key: at.Key, Reason: reason})
}

// EraseEdge removes an edge that is or was, with all its past.
func (s *Service) EraseEdge(ctx context.Context, wo WriteOptions, namespace string, id uint64, reason string) (consensus.Outcome, error) {
	return s.eraseAll(ctx, wo, namespace, Op{Op: OpEraseEdge, ID: id, Reason: reason})
}

// EraseObservation removes an observation that is or was, with all its past.
// Merges that keep its text can no longer be undone.
func (s *Service) EraseObservation(ctx context.Context, wo WriteOptions, namespace string, id uint64, reason string) (consensus.Outcome, error) {
	return s.eraseAll(ctx, wo, namespace, Op{Op: OpEraseObservation, ID: id, Reason: reason})
}

func (s *Service) eraseAll(ctx context.Context, wo WriteOptions, namespace string, in Op) (consensus.Outcome, error) {
	if namespace != "" {
		if r := checkNamespace(namespace); r != nil {
			return consensus.Outcome{}, r
		}
	}
	o, r := prepare(&in)
	if r != nil {
		return consensus.Outcome{}, r
	}
	for {
		big := false
		if _, err := s.read(ctx, consensus.ReadOptions{}, func(v *view) error {
			t := tx{view: *v, cmd: &command{Namespace: namespace}}
			how := eraseKinds[o.Kind]
			if ns, id, r := how.find(&t, &o); r == nil {
				big = how.weigh(&t, ns, id, maxCascade) > maxCascade
			}
			return nil
		}); err != nil {
			return consensus.Outcome{}, err
		}
		if !big {
			_, out, err := s.propose(ctx, wo, command{Namespace: namespace, Ops: []op{o}})
			return out, err
		}
		part := o
		part.Flags |= isPartial
		if _, out, err := s.propose(ctx, WriteOptions{Author: wo.Author}, command{Namespace: namespace, Ops: []op{part}}); err != nil {
			return out, err
		}
	}
}

// ErasurePage is a page of erasures. Cursor is empty on the last page.
type ErasurePage struct {
	Erasures []Erasure `json:"erasures"`
	Cursor   string    `json:"cursor,omitempty"`
}

// Erasures lists the erasures of a namespace, or of all where it is empty,
// newest first.
func (s *Service) Erasures(ctx context.Context, ro consensus.ReadOptions, namespace string, limit int, cursor string) (ErasurePage, consensus.ReadInfo, error) {
	page := ErasurePage{Erasures: []Erasure{}}
	limit, r := checkLimit(limit)
	if r == nil && namespace != "" {
		r = checkNamespace(namespace)
	}
	// A cursor leaves out three bytes of namespace, which these keys have not.
	pad := []byte{0, 0, 0}
	var to []byte
	if last, x := decodeCursor(cursorErasures, 0, pad, cursor); x != nil {
		r = x
	} else if last != nil {
		to = last[3:]
	}
	if r != nil {
		return page, consensus.ReadInfo{}, r
	}
	info, err := s.read(ctx, ro, func(v *view) error {
		ns := v.namespace(namespace)
		scanned := 0
		var last []byte
		for k, val := range v.r.ScanReverse(tErased, nil, to) {
			if len(page.Erasures) == limit || scanned == maxScan/10 {
				page.Cursor = encodeCursor(cursorErasures, append(pad, last...))
				return nil
			}
			scanned++
			last = append(last[:0], k...)
			rec, err := decodeErasure(val)
			if err != nil || len(k) != logKeySize {
				return errRecord
			}
			if namespace != "" && rec.NS != ns {
				continue
			}
			one, err := v.toErasure(k, &rec)
			if err != nil {
				return err
			}
			page.Erasures = append(page.Erasures, one)
		}
		return nil
	})
	return page, info, err
}

func (v *view) toErasure(k []byte, rec *erasureRecord) (Erasure, error) {
	out := Erasure{Kind: [...]string{kindNode: "node", kindEdge: "edge", kindObservation: "observation"}[rec.Kind], ID: rec.ID, Reason: rec.Reason,
		ErasedAt: millis(rec.At), Revision: readRev(k[:8]), Edges: rec.Edges, Observations: rec.Observations, Vectors: rec.Vectors,
		Versions: rec.Versions, Merges: rec.Merges, Partial: rec.Partial}
	var err error
	if out.SessionID, err = v.text(symNamespace, rec.NS); err != nil {
		return out, err
	}
	out.ErasedBy, err = v.text(symAuthor, rec.By)
	return out, err
}

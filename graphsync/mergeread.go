package graphsync

import (
	"context"
	"time"

	"github.com/meshd/meshd/consensus"
)

// Merge is a merge of two nodes that can be undone.
type Merge struct {
	ID        uint64    `json:"id"`
	SessionID string    `json:"session_id"`
	SourceID  uint64    `json:"source_id" doc:"the node that ended"`
	TargetID  uint64    `json:"target_id" doc:"the node that stayed"`
	Label     string    `json:"label" doc:"of the source, as it was"`
	Key       string    `json:"key,omitempty" doc:"of the source, as it was"`
	Edges     int       `json:"edges" doc:"that were moved"`
	Said      int       `json:"observations" doc:"that were moved"`
	MergedAt  time.Time `json:"merged_at"`
	MergedBy  string    `json:"merged_by,omitempty"`
	Revision  uint64    `json:"revision"`
}

// NewMerge is what MergeNodes takes: both nodes by id or by key.
type NewMerge struct {
	SessionID string `json:"session_id"`
	SourceID  uint64 `json:"source_id,omitempty"`
	TargetID  uint64 `json:"target_id,omitempty"`
	Source    string `json:"source,omitempty"`
	Target    string `json:"target,omitempty"`
}

// MergeNodes makes two nodes one: the target stays, with the source's keys as
// aliases, its edges, its observations and the properties that the target
// lacked. TOO_MANY_EDGES where the source has more than one command may move.
func (s *Service) MergeNodes(ctx context.Context, wo WriteOptions, in NewMerge) (Merge, Node, consensus.Outcome, error) {
	res, out, err := s.oneResult(ctx, wo, in.SessionID, &Op{Op: OpMergeNodes, SourceID: in.SourceID, TargetID: in.TargetID, Source: in.Source, Target: in.Target})
	if err != nil {
		return Merge{}, Node{}, out, err
	}
	m, _, err := s.GetMerge(ctx, consensus.ReadOptions{}, in.SessionID, res.ID)
	if err != nil {
		return m, Node{}, out, err
	}
	n, _, err := s.GetNode(ctx, consensus.ReadOptions{}, "", m.TargetID)
	return m, n, out, err
}

// UndoMerge brings back the node that a merge ended, with what still is as the
// merge left it, and returns it. KEY_EXISTS where its key is another's by now,
// PRECONDITION_FAILED where the other node was merged too since.
func (s *Service) UndoMerge(ctx context.Context, wo WriteOptions, namespace string, merge uint64) (Node, consensus.Outcome, error) {
	res, out, err := s.oneResult(ctx, wo, namespace, &Op{Op: OpUndoMerge, ID: merge})
	if err != nil {
		return Node{}, out, err
	}
	n, _, err := s.GetNode(ctx, consensus.ReadOptions{}, namespace, res.ID)
	return n, out, err
}

// GetMerge returns a merge that can be undone. An empty namespace allows any.
func (s *Service) GetMerge(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64) (Merge, consensus.ReadInfo, error) {
	var out Merge
	info, err := s.read(ctx, ro, func(v *view) error {
		m, ok, err := v.mergeRecord(id)
		if err != nil {
			return err
		}
		if !ok || namespace != "" && v.namespace(namespace) != m.NS {
			return refuse(CodeNotFound, "id", "no merge that could be undone has the id %d", id)
		}
		out, err = v.toMerge(id, &m)
		return err
	})
	return out, info, err
}

// MergePage is a page of merges. Cursor is empty on the last page.
type MergePage struct {
	Merges []Merge `json:"merges"`
	Cursor string  `json:"cursor,omitempty"`
}

// Merges lists the merges of a namespace that can be undone, newest first.
func (s *Service) Merges(ctx context.Context, ro consensus.ReadOptions, namespace string, limit int, cursor string) (MergePage, consensus.ReadInfo, error) {
	page := MergePage{Merges: []Merge{}}
	limit, r := checkLimit(limit)
	if r == nil {
		r = checkNamespace(namespace)
	}
	// A cursor leaves out three bytes of namespace, which a merge's key has not.
	pad := []byte{0, 0, 0}
	to := []byte{mergeIndex}
	if last, x := decodeCursor(cursorMerges, 0, pad, cursor); x != nil {
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
		for k, val := range v.r.ScanReverse(tMerge, nil, to) {
			if len(page.Merges) == limit || scanned == maxMergeScan {
				page.Cursor = encodeCursor(cursorMerges, append(pad, last...))
				return nil
			}
			scanned++
			last = append(last[:0], k...)
			if len(k) != 5 {
				return errRecord
			}
			m, err := decodeMerge(val)
			if err != nil {
				return err
			}
			if m.NS != ns {
				continue
			}
			one, err := v.toMerge(readID(k), &m)
			if err != nil {
				return err
			}
			page.Merges = append(page.Merges, one)
		}
		return nil
	})
	return page, info, err
}

// maxMergeScan bounds the merges one page looks at: their records are long.
const maxMergeScan = 2000

func (v *view) toMerge(id uint64, m *mergeRecord) (Merge, error) {
	source, err := peekNode(m.Record)
	if err != nil {
		return Merge{}, err
	}
	out := Merge{ID: id, SourceID: m.Source, TargetID: m.Target, Label: source.Label, Key: source.Key,
		Edges: len(m.Edges), Said: len(m.Observations) + len(m.Twice), MergedAt: millis(m.At), Revision: m.Rev}
	if out.SessionID, err = v.text(symNamespace, m.NS); err != nil {
		return out, err
	}
	out.MergedBy, err = v.text(symAuthor, m.By)
	return out, err
}

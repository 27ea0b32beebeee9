package graphsync

import (
	"context"

	"github.com/meshd/meshd/consensus"
)

// Labels returns the labels of those of the nodes that a namespace has, by id.
// It is one view, so that naming the ends of a page of edges costs little more
// than the page. More than MaxLimit ids are refused.
func (s *Service) Labels(ctx context.Context, ro consensus.ReadOptions, namespace string, ids []uint64) (map[uint64]string, consensus.ReadInfo, error) {
	if len(ids) > MaxLimit {
		return nil, consensus.ReadInfo{}, invalid("ids", "are more than %d", MaxLimit)
	}
	labels := make(map[uint64]string, len(ids))
	info, err := s.readAt(ctx, ro, When{}, func(v *view) error {
		ns := v.namespace(namespace)
		if ns == 0 {
			return nil
		}
		for _, id := range ids {
			n, ok, err := v.seeNode(ns, id)
			if err != nil {
				return err
			}
			if ok {
				labels[id] = n.Label
			}
		}
		return nil
	})
	return labels, info, err
}

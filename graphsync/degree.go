package graphsync

import (
	"context"

	"github.com/meshd/meshd/consensus"
)

// Degree is how many edges a node has, by direction and type. Truncated says
// that counting stopped: each number is then a lower bound.
type Degree struct {
	ID        uint64            `json:"id"`
	Out       uint64            `json:"out"`
	In        uint64            `json:"in"`
	OutTypes  map[string]uint64 `json:"out_types"`
	InTypes   map[string]uint64 `json:"in_types"`
	Truncated bool              `json:"truncated,omitempty"`
}

// Degree counts the edges of a node, named by id or key. A loop counts once in
// each direction.
func (s *Service) Degree(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64, key string) (Degree, consensus.ReadInfo, error) {
	return s.DegreeAt(ctx, ro, When{}, namespace, id, key)
}

// DegreeAt is Degree as of another time.
func (s *Service) DegreeAt(ctx context.Context, ro consensus.ReadOptions, when When, namespace string, id uint64, key string) (Degree, consensus.ReadInfo, error) {
	d := Degree{OutTypes: map[string]uint64{}, InTypes: map[string]uint64{}}
	if r := checkNamespace(namespace); r != nil {
		return d, consensus.ReadInfo{}, r
	}
	info, err := s.readAt(ctx, ro, when, func(v *view) error {
		ns := v.namespace(namespace)
		var err error
		if d.ID, err = v.resolve(ns, id, key, "id"); err != nil {
			return err
		}
		for _, side := range []struct {
			dir   Direction
			total *uint64
			types map[string]uint64
		}{{Out, &d.Out, d.OutTypes}, {In, &d.In, d.InTypes}} {
			b := budget{left: maxScan / 2}
			counts := map[symbol]uint64{}
			err := v.eachEdge(ns, d.ID, side.dir, 0, &b, func(at triple, _ uint64, _ []byte) bool {
				counts[at.typ]++
				*side.total++
				return true
			})
			if err != nil {
				return err
			}
			d.Truncated = d.Truncated || b.over
			for typ, n := range counts {
				name, err := v.text(symType, typ)
				if err != nil {
					return err
				}
				side.types[name] = n
			}
		}
		return nil
	})
	return d, info, err
}

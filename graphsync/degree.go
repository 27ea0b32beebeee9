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

// DegreeQuery asks for the degree of a node, named by ID or Key. Direction
// (default both) and Types say which edges count.
type DegreeQuery struct {
	Namespace string
	ID        uint64
	Key       string
	Direction Direction
	Types     []string
	When      When
}

// Degree counts the edges of a node, named by id or key. A loop counts once in
// each direction.
func (s *Service) Degree(ctx context.Context, ro consensus.ReadOptions, namespace string, id uint64, key string) (Degree, consensus.ReadInfo, error) {
	return s.DegreeOf(ctx, ro, DegreeQuery{Namespace: namespace, ID: id, Key: key})
}

// DegreeOf is Degree of some edges, or as of another time.
func (s *Service) DegreeOf(ctx context.Context, ro consensus.ReadOptions, q DegreeQuery) (Degree, consensus.ReadInfo, error) {
	d := Degree{OutTypes: map[string]uint64{}, InTypes: map[string]uint64{}}
	r := checkNamespace(q.Namespace)
	if r == nil {
		q.Direction, r = checkDirection(q.Direction)
	}
	if r == nil {
		r = checkTypes("type", q.Types)
	}
	if r != nil {
		return d, consensus.ReadInfo{}, r
	}
	info, err := s.readAt(ctx, ro, q.When, func(v *view) error {
		ns := v.namespace(q.Namespace)
		var err error
		if d.ID, err = v.resolve(ns, q.ID, q.Key, "id"); err != nil {
			return err
		}
		types, none := v.typesOf(q.Types)
		if none {
			return nil
		}
		if q.Direction != In {
			if err := v.countEdges(&d, ns, Out, types, &d.Out, d.OutTypes); err != nil {
				return err
			}
		}
		if q.Direction != Out {
			return v.countEdges(&d, ns, In, types, &d.In, d.InTypes)
		}
		return nil
	})
	return d, info, err
}

func (v *view) countEdges(d *Degree, ns nsID, dir Direction, types []symbol, total *uint64, by map[string]uint64) error {
	b := budget{left: maxScan / 2}
	counts := map[symbol]uint64{}
	for _, typ := range types {
		err := v.eachEdge(ns, d.ID, dir, typ, &b, func(at triple, other uint64, _ []byte) bool {
			if v.hides(ns, other) {
				return true
			}
			counts[at.typ]++
			*total++
			return true
		})
		if err != nil {
			return err
		}
	}
	d.Truncated = d.Truncated || b.over
	for typ, n := range counts {
		name, err := v.text(symType, typ)
		if err != nil {
			return err
		}
		by[name] = n
	}
	return nil
}

package exec

import (
	"github.com/meshd/meshd/graphsync/cypher/plan"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// path puts a path together from what was matched.
type path struct {
	link
	m     *machine
	slot  int
	nodes []int
	rels  []int
}

func (b *builder) path(op *plan.Path) error {
	nodes, err := b.slots(op.Nodes)
	if err != nil {
		return err
	}
	rels := make([]int, len(op.Rels))
	for i, r := range op.Rels {
		rels[i] = b.bind(r.Var)
	}
	b.chain.add(&path{m: b.m, slot: b.bind(op.Var), nodes: nodes, rels: rels})
	return nil
}

func (p *path) push() error {
	row := p.m.row
	at := row[p.nodes[0]].AsNode()
	out := &value.Path{Nodes: []uint64{at}}
	add := func(r *value.Rel) {
		at = other(r, at)
		out.Rels = append(out.Rels, r)
		out.Nodes = append(out.Nodes, at)
	}
	for _, slot := range p.rels {
		if v := row[slot]; v.Kind() == value.KindRel {
			add(v.AsRel())
		} else {
			for _, x := range v.AsList() {
				add(x.AsRel())
			}
		}
	}
	row[p.slot] = value.PathOf(out)
	return p.next.push()
}

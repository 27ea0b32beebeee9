package exec

import (
	"github.com/meshd/meshd/graphsync/cypher/plan"
)

// walked is how a relationship pattern is matched now.
func (b *builder) walked(r *plan.Rel) *walked {
	w, ok := b.walks[r]
	if !ok {
		w = &walked{}
		b.walks[r] = w
	}
	return w
}

func (b *builder) avoid(r *plan.Rel) []*walked {
	var list []*walked
	for _, o := range r.Avoid {
		list = append(list, b.walked(o))
	}
	return list
}

func (b *builder) binding(r *plan.Rel, filters []plan.Filter) (binding, error) {
	out := binding{m: b.m, walked: b.walked(r), avoid: b.avoid(r), slot: b.bind(r.Var), keep: r.Keep}
	var err error
	out.conditions, err = b.conditions(filters)
	return out, err
}

func (b *builder) placing(r *plan.Rel, hasFrom, hasTo bool, left, right []string, filters []plan.Filter) (placing, error) {
	p := placing{from: b.bind(r.From), to: b.bind(r.To), hasFrom: hasFrom, hasTo: hasTo, dir: r.Dir, left: left, right: right}
	var err error
	p.binding, err = b.binding(r, filters)
	return p, err
}

// tests compiles what each part of a walk must pass.
func (b *builder) tests(list []plan.Test) (*tests, error) {
	out := &tests{m: b.m}
	for _, t := range list {
		inside := *b
		inside.scope = b.scope.Child()
		one := test{slot: inside.scope.Bind(t.Var)}
		var err error
		if one.pred, err = inside.compiler(t.Expr).Predicate(t.Expr); err != nil {
			return nil, err
		}
		if t.Nodes {
			out.nodes = append(out.nodes, one)
		} else {
			out.rels = append(out.rels, one)
		}
	}
	return out, nil
}

// relationship builds the operators that match relationships.
func (b *builder) relationship(op plan.Op) (err error) {
	switch op := op.(type) {
	case *plan.Scan:
		s := &relScan{types: op.Types}
		if s.placing, err = b.placing(op.Rel, false, false, op.Left, op.Right, op.Filters); err != nil {
			return err
		}
		if op.ID != nil {
			if s.id, err = b.compile(op.ID); err != nil {
				return err
			}
			s.many, s.seen = op.Many, map[string]bool{}
		}
		s.visit = s.rel
		b.chain.add(s)
	case *plan.Held:
		h := &held{pos: op.Pos, name: op.Var, types: op.Types}
		if h.placing, err = b.placing(op.Rel, op.HasFrom, op.HasTo, op.Left, op.Right, nil); err != nil {
			return err
		}
		b.chain.add(h)
	case *plan.HeldList:
		h := &heldList{pos: op.Pos, name: op.Var, types: op.Types, min: op.Min, max: op.Max}
		if h.placing, err = b.placing(op.Rel, op.HasFrom, op.HasTo, op.Left, op.Right, nil); err != nil {
			return err
		}
		if h.tests, err = b.tests(op.Tests); err != nil {
			return err
		}
		b.chain.add(h)
	case *plan.Expand:
		return b.expand(op)
	case *plan.Walk:
		w := b.newWalk(op.Rel, op.Back)
		w.slot, w.keep, w.into, w.labels = b.bind(op.Var), op.Keep, op.Into, op.Labels
		w.min, w.max = op.Min, op.Max
		w.avoid = b.avoid(op.Rel)
		b.walked(op.Rel).walk = w
		if w.tests, err = b.tests(op.Tests); err != nil {
			return err
		}
		b.chain.add(w)
	case *plan.Reach:
		return b.reach(op)
	case *plan.Shortest:
		return b.shortest(op)
	}
	return nil
}

func (b *builder) newWalk(r *plan.Rel, back bool) *walk {
	w := &walk{m: b.m, from: b.bind(r.From), to: b.bind(r.To), dir: direction(r.Dir, back), types: r.Types, back: back}
	if back {
		w.from, w.to = w.to, w.from
	}
	w.visit = w.candidate
	return w
}

func (b *builder) expand(op *plan.Expand) error {
	from, to := b.bind(op.From), b.bind(op.To)
	if op.Back {
		from, to = to, from
	}
	dir := direction(op.Dir, op.Back)
	bound, err := b.binding(op.Rel, op.Filters)
	if err != nil {
		return err
	}
	if op.Into {
		c := &connect{binding: bound, from: from, to: to, dir: dir, types: op.Types}
		c.visit = c.rel
		b.chain.add(c)
		return nil
	}
	e := &expand{binding: bound, from: from, to: to, dir: dir, types: op.Types, labels: op.Labels}
	e.visit = e.rel
	b.chain.add(e)
	return nil
}

func (b *builder) shortest(op *plan.Shortest) error {
	s := &shortest{
		m: b.m, from: b.bind(op.From), to: b.bind(op.To), rels: b.bind(op.Var), keepRels: op.Keep, single: op.Single,
		path: b.bind(op.Path), keepPath: op.KeepPath, min: op.Min, max: op.Max, all: op.All, dir: direction(op.Dir, false),
	}
	var err error
	if s.conditions, err = b.conditions(op.Filters); err != nil {
		return err
	}
	if s.tests, err = b.tests(op.Tests); err != nil {
		return err
	}
	s.search = newSearch(b.m, s.tests, op.Types, s.dir)
	w := b.newWalk(op.Rel, false)
	w.into, w.tests = true, s.tests
	s.trail = &trail{walk: w}
	w.feed(s.trail)
	b.chain.add(s)
	return nil
}

func (b *builder) reach(op *plan.Reach) error {
	r := &reach{
		m: b.m, from: b.bind(op.From), to: b.bind(op.To), into: op.Into, min: op.Min, max: op.Max,
		dir: direction(op.Dir, op.Back), types: op.Types, labels: op.Labels,
	}
	if op.Back {
		r.from, r.to = r.to, r.from
	}
	var err error
	if r.tests, err = b.tests(op.Tests); err != nil {
		return err
	}
	r.search = newSearch(b.m, r.tests, op.Types, r.dir)
	r.visit = r.rel
	b.chain.add(r)
	return nil
}

package plan

import (
	"slices"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
)

// emission turns the actions of a matching into steps, and puts each predicate
// where it can first be asked.
type emission struct {
	*matching
	steps  []Step
	bound  map[string]bool
	placed []*Rel
	rows   float64
}

// steps plans a matching for about so many rows that come in.
func (m *matching) steps(rows float64) ([]Step, error) {
	actions, err := m.order(rows)
	if err != nil {
		return nil, err
	}
	out := &emission{matching: m, bound: map[string]bool{}, rows: rows}
	for _, n := range m.nodes {
		if n.bound {
			out.add(&Given{Pos: n.pos, Var: n.name, Labels: n.asked})
		}
	}
	out.ask(len(actions) == 0)
	for i, a := range actions {
		out.act(a, i == len(actions)-1)
	}
	for _, p := range m.paths {
		out.add(p)
		out.bound[p.Var] = true
	}
	out.ask(true)
	for _, e := range m.edges {
		e.rel.Keep = !e.bound && m.wanted(e.rel.Var)
	}
	if m.set {
		out.reach()
	}
	return out.steps, nil
}

// reach replaces walks by the search for the nodes that they lead to, where
// nothing else is asked of them: a walk to a node that is at most one step long or
// more is there if, and only if, the shortest is short enough.
func (m *emission) reach() {
	avoided := map[*Rel]bool{}
	for _, e := range m.edges {
		for _, o := range e.rel.Avoid {
			avoided[o] = true
		}
	}
	for i := range m.steps {
		w, ok := m.steps[i].Op.(*Walk)
		if ok && !w.Keep && w.Min <= 1 && len(w.Avoid) == 0 && !avoided[w.Rel] {
			m.steps[i].Op = &Reach{Rel: w.Rel, Back: w.Back, Into: w.Into, Labels: w.Labels}
		}
	}
}

func (m *emission) add(op Op) { m.steps = append(m.steps, Step{Op: op, Rows: m.rows}) }

func (m *emission) act(a action, last bool) {
	m.rows = a.rows
	if a.kind == startNode {
		m.bound[m.nodes[a.node].name] = true
		m.add(a.begin.op)
		m.ask(last)
		return
	}
	e := m.edges[a.edge]
	from, to := m.nodes[e.from], m.nodes[e.to]
	hadFrom, hadTo := m.bound[from.name] || from.bound, m.bound[to.name] || to.bound
	m.bound[e.rel.Var], m.bound[from.name], m.bound[to.name] = true, true, true
	if e.function == ast.AllPaths {
		m.avoid(e.rel)
	}
	var far []string
	if !a.into {
		far = to.asked
		if a.back {
			far = from.asked
		}
	}
	switch {
	case a.kind == scanRels:
		op := &Scan{Rel: e.rel, Left: from.asked, Right: to.asked, Filters: m.fuse(e.rel)}
		if a.byID != nil {
			op.ID, op.Many = a.byID.value, a.byID.many
		}
		m.add(op)
	case a.kind == findShortest:
		m.shortest(e)
	case a.kind == holdRel:
		var left, right []string
		if !hadFrom {
			left = from.asked
		}
		if !hadTo {
			right = to.asked
		}
		if e.rel.Long {
			m.add(&HeldList{Rel: e.rel, HasFrom: hadFrom, HasTo: hadTo, Left: left, Right: right})
		} else {
			m.add(&Held{Rel: e.rel, HasFrom: hadFrom, HasTo: hadTo, Left: left, Right: right})
		}
	case e.rel.Long:
		m.prune(e)
		m.add(&Walk{Rel: e.rel, Back: a.back, Into: a.into, Labels: far})
	default:
		m.add(&Expand{Rel: e.rel, Back: a.back, Into: a.into, Labels: far, Filters: m.fuse(e.rel)})
	}
	m.ask(last)
}

// avoid finds which of the relationships before could be the same one.
func (m *emission) avoid(r *Rel) {
	for _, o := range m.placed {
		if len(r.Types) == 0 || len(o.Types) == 0 || slices.ContainsFunc(r.Types, func(t string) bool { return slices.Contains(o.Types, t) }) {
			r.Avoid = append(r.Avoid, o)
		}
	}
	m.placed = append(m.placed, r)
}

// ask places the predicates whose variables are bound. One that may fail is asked
// softly for now and again at the end, where every row is one that really matches
// and passes all that cannot fail: so whether it fails hangs on no order. Of several
// that may fail only the first is asked early: another one could leave out a row
// at which that one fails.
func (m *emission) ask(last bool) {
	var list, risky []Filter
	first := true
	for _, p := range m.predicates {
		leads := !p.safe && first && !p.heavy
		first = first && p.safe
		if p.done || !p.ready(m.bound) {
			continue
		}
		f := p.Filter
		switch {
		case p.safe || last && m.nothingLeft():
			p.done = true
		case p.soft || last || !leads:
			continue
		default:
			p.soft, f.Soft = true, true
		}
		if p.safe {
			list = append(list, f)
		} else {
			risky = append(risky, f)
		}
		m.narrow(p)
	}
	if list = append(list, risky...); len(list) > 0 {
		m.add(&Filters{List: list})
	}
}

// narrow notes how few rows pass a predicate, unless that was known when its node
// was looked for.
func (m *emission) narrow(p *predicate) {
	for name := range p.needs {
		if _, ok := m.byName[name]; ok {
			return
		}
	}
	if p.done {
		m.rows = max(m.rows*p.share, 1e-9)
	}
}

// nothingLeft says that all names are bound, those of paths too.
func (m *emission) nothingLeft() bool {
	for name := range m.fresh {
		if !m.bound[name] && (m.kinds[name] != aPath || m.wanted(name)) {
			return false
		}
	}
	return true
}

// fuse takes the predicates that can be asked now and look at a relationship: they
// are asked before anything is kept of it.
func (m *emission) fuse(r *Rel) []Filter {
	var list []Filter
	for _, p := range m.predicates {
		if p.done || !p.safe || !p.needs[r.Var] || !p.ready(m.bound) {
			continue
		}
		p.done = true
		m.narrow(p)
		mentions(p.Expr, func(name string) {
			if name == r.Var {
				m.uses[name]--
			}
		})
		list = append(list, p.Filter)
	}
	return list
}

// shortest places the search for a shortest path. What is asked of that path is
// asked while it is looked for: the answer is the shortest one that passes.
func (m *emission) shortest(e *patternEdge) {
	op := &Shortest{Rel: e.rel, All: e.function == ast.AllShortestPaths, Path: e.path, KeepPath: m.wanted(e.path), Single: e.single}
	m.bound[e.path] = true
	for _, p := range m.predicates {
		if p.done || !p.needs[e.path] && !p.needs[e.rel.Var] || !p.ready(m.bound) {
			continue
		}
		p.done = true
		if t, ok := m.testOf(p, e); ok {
			e.rel.Tests = append(e.rel.Tests, t)
		} else {
			op.Filters = append(op.Filters, p.Filter)
		}
	}
	m.add(op)
}

// testOf turns a condition that all relationships, or all nodes, of a path must
// meet into one that is asked of each.
func (m *emission) testOf(p *predicate, e *patternEdge) (Test, bool) {
	q, ok := p.Expr.(*ast.Quantified)
	if !ok || !p.safe || q.Kind != ast.All && q.Kind != ast.None {
		return Test{}, false
	}
	t := Test{Var: q.Var.Text, Expr: q.Where}
	switch list := q.List.(type) {
	case *ast.Var:
		ok = list.Name == e.rel.Var
	case *ast.Call:
		t.Nodes = elements(list, m.kinds) == aNode
		ok = elements(list, m.kinds) != unknown && m.isPathOf(list.Args[0], e)
	default:
		ok = false
	}
	if !ok || mentionsAny(q.Where, map[string]bool{e.path: true, e.rel.Var: true}) {
		return Test{}, false
	}
	if q.Kind == ast.None {
		t.Expr = &ast.Unary{At: q.At, Op: ast.Not, X: q.Where}
	}
	return t, true
}

// isPathOf says that x is a path which the relationships of e are a part of.
func (m *emission) isPathOf(x ast.Expr, e *patternEdge) bool {
	v, ok := x.(*ast.Var)
	if !ok {
		return false
	}
	return v.Name == e.path || slices.ContainsFunc(m.paths, func(p *Path) bool {
		return p.Var == v.Name && slices.Contains(p.Rels, e.rel)
	})
}

// prune lets a walk ask early what all parts of its path must meet. The condition
// itself is asked again of the whole.
func (m *emission) prune(e *patternEdge) {
	for _, p := range m.predicates {
		t, ok := m.testOf(p, e)
		if !ok || p.done || p.heavy {
			continue
		}
		ready := true
		mentions(t.Expr, func(name string) {
			ready = ready && (!m.fresh[name] || m.bound[name] || name == t.Var)
		})
		if ready {
			e.rel.Tests = append(e.rel.Tests, t)
		}
	}
}

func (m *matching) circular(e *patternEdge) error {
	return fault.At(e.rel.Pos, fault.Unsupported, "", "the properties of relationship %s speak of what is only known when it is matched", shown(e.rel.Var))
}

package plan

import (
	"math"
	"slices"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
)

// maxElements is how many nodes and relationships the patterns of one MATCH may
// have together.
const maxElements = 1000

// matching is one MATCH on its way to becoming steps: its patterns as one graph of
// variables.
type matching struct {
	guess      *guess
	kinds      map[string]kind
	outer      map[string]bool // variables that are bound before
	fresh      map[string]bool // those that this MATCH binds
	uses       map[string]int  // how often each is asked for
	nodes      []*patternNode
	byName     map[string]int
	edges      []*patternEdge
	paths      []*Path
	predicates []*predicate
	relIDs     map[string][]*predicate // that say which relationship it is
	set        bool                    // it does not matter how often a row comes
}

type patternNode struct {
	pos        fault.Pos
	name       string
	labels     []string
	asked      []string // those of them that not every node has
	bound      bool
	predicates []*predicate // that need it
	// alone says that none of them speaks of anything else; then begun are the ways
	// to begin here, for one row and for many.
	alone bool
	begun [2]*beginning
}

type patternEdge struct {
	rel      *Rel
	from, to int
	bound    bool            // the relationship is
	needs    map[string]bool // variables that must be bound before
	function ast.PathFunc
	path     string // of a shortest path
	single   bool   // a shortest path of one relationship
}

func (p *Planner) newMatching(c *ast.Match, sc *scope, uses map[string]int) (*matching, error) {
	m := &matching{
		guess: p.guess, kinds: sc.kinds, outer: map[string]bool{}, fresh: map[string]bool{},
		uses: map[string]int{}, byName: map[string]int{}, relIDs: map[string][]*predicate{},
	}
	for name, n := range uses {
		m.uses[name] = n
	}
	for _, name := range sc.names {
		m.outer[name] = true
	}
	size := 0
	for _, pat := range c.Patterns {
		size += len(pat.Nodes) + len(pat.Rels)
	}
	if size > maxElements {
		err := fault.At(c.Pos, fault.Limit, "", "the patterns have %d nodes and relationships: one MATCH may have %d", size, maxElements)
		err.Limit = "length"
		return nil, err
	}
	// Names first: a property of one pattern may speak of a variable of another.
	type names struct{ nodes, rels []string }
	all := make([]names, len(c.Patterns))
	for i, pat := range c.Patterns {
		for _, n := range pat.Nodes {
			all[i].nodes = append(all[i].nodes, m.declare(p, n.Var.Text, aNode))
		}
		for _, r := range pat.Rels {
			all[i].rels = append(all[i].rels, m.declare(p, r.Var.Text, relKind(r)))
		}
		if pat.Var.Text != "" {
			m.declare(p, pat.Var.Text, aPath)
		}
	}
	for i, pat := range c.Patterns {
		if err := m.addPattern(p, pat, all[i].nodes, all[i].rels); err != nil {
			return nil, err
		}
	}
	for _, e := range conjuncts(c.Where) {
		if h, ok := e.(*ast.HasLabels); ok {
			if v, ok := h.X.(*ast.Var); ok {
				if i, ok := m.byName[v.Name]; ok && m.fresh[v.Name] {
					m.addLabels(i, h.Labels)
					continue
				}
			}
		}
		m.addPredicate(e)
	}
	for _, n := range m.nodes {
		n.asked = m.guess.proper(n.labels)
	}
	first := true
	for _, pred := range m.predicates {
		// An index leaves out the rows at which another predicate, asked before
		// this one, may fail: it is used where this one comes first, or cannot
		// fail, or fails for all nodes alike.
		pred.keyed = pred.keyed && (pred.safe || first || !mentionsAny(pred.value, m.fresh))
		first = first && pred.safe
		if pred.keyed && m.kinds[pred.variable] == aRel {
			m.relIDs[pred.variable] = append(m.relIDs[pred.variable], pred)
		}
		for name := range pred.needs {
			if i, ok := m.byName[name]; ok {
				n := m.nodes[i]
				n.predicates = append(n.predicates, pred)
				n.alone = n.alone && len(pred.needs) == 1 && (!pred.keyed || constant(pred.value))
			}
		}
	}
	return m, nil
}

// declare notes a variable of a pattern, giving a name to what has none.
func (m *matching) declare(p *Planner, name string, k kind) string {
	if name == "" {
		name = p.Hidden()
		m.uses[name] = 1
	}
	if !m.outer[name] {
		m.fresh[name] = true
		m.kinds[name] = k
	} else if m.kinds[name] == unknown {
		// It is held against the pattern before anything else is asked of it.
		m.kinds[name] = k
	}
	return name
}

// wanted says that the value of a variable is asked for: its name stands in more
// places than the pattern that binds it.
func (m *matching) wanted(name string) bool {
	return m.uses[name] > 1 || m.uses[star] > 0 && !hidden(name)
}

func (m *matching) addLabels(node int, labels []string) {
	n := m.nodes[node]
	for _, l := range labels {
		if !slices.Contains(n.labels, l) {
			n.labels = append(n.labels, l)
		}
	}
}

func (m *matching) addPattern(p *Planner, pat *ast.Pattern, nodes, rels []string) error {
	for i, n := range pat.Nodes {
		at, ok := m.byName[nodes[i]]
		if !ok {
			at = len(m.nodes)
			m.byName[nodes[i]] = at
			m.nodes = append(m.nodes, &patternNode{pos: n.Pos, name: nodes[i], bound: m.outer[nodes[i]], alone: true})
		}
		m.addLabels(at, n.Labels)
		if err := m.addProps(nodes[i], n.Props); err != nil {
			return err
		}
	}
	path := &Path{Var: pat.Var.Text, Nodes: nodes}
	for i, r := range pat.Rels {
		e := &patternEdge{
			rel: &Rel{
				Pos: r.Pos, Var: rels[i], From: nodes[i], To: nodes[i+1], Types: r.Types, Dir: r.Dir,
				Long: r.Range != nil, Min: 1, Max: 1,
			},
			from: m.byName[nodes[i]], to: m.byName[nodes[i+1]],
			bound: m.outer[rels[i]], needs: map[string]bool{}, function: pat.Func,
		}
		if slices.ContainsFunc(m.edges, func(o *patternEdge) bool { return o.rel.Var == rels[i] }) {
			return fault.At(r.Pos, fault.Syntax, "RelationshipUniquenessViolation", "relationship %s stands in two places of one MATCH", r.Var.Text)
		}
		if r.Range != nil {
			e.rel.Min, e.rel.Max = bounds(r.Range)
		}
		var err error
		if r.Range != nil || pat.Func != ast.AllPaths {
			e.rel.Long = true
			err = m.addTests(p, e, r.Props)
		} else {
			err = m.addProps(rels[i], r.Props)
		}
		if err != nil {
			return err
		}
		m.edges = append(m.edges, e)
		path.Rels = append(path.Rels, e.rel)
	}
	if pat.Func != ast.AllPaths {
		if len(pat.Rels) != 1 {
			return fault.At(pat.Pos, fault.Syntax, "InvalidRelationshipPattern", "a shortest path has one relationship pattern")
		}
		if m.edges[len(m.edges)-1].bound {
			return fault.At(pat.Pos, fault.Unsupported, "", "the relationships of a shortest path cannot be given")
		}
		last := m.edges[len(m.edges)-1]
		last.single, last.path = pat.Rels[0].Range == nil, pat.Var.Text
		if last.path == "" {
			last.path = p.Hidden()
			m.fresh[last.path] = true
			m.kinds[last.path] = aPath
		}
		return nil
	}
	if path.Var != "" && m.wanted(path.Var) {
		m.paths = append(m.paths, path)
		for _, r := range path.Rels {
			m.uses[r.Var]++
		}
	}
	return nil
}

// addTests adds what is asked of each relationship of a walk.
func (m *matching) addTests(p *Planner, e *patternEdge, props ast.Expr) error {
	each := p.Hidden()
	m.kinds[each] = aRel
	list, err := properties(each, props)
	for _, c := range list {
		e.rel.Tests = append(e.rel.Tests, Test{Var: each, Expr: c})
	}
	mentions(props, func(name string) {
		if m.fresh[name] {
			e.needs[name] = true
		}
	})
	return err
}

// bounds are how long a walk may be; -1 is any length.
func bounds(r *ast.Range) (least, most int) {
	if r == nil {
		return 1, 1
	}
	least, most = 1, -1
	if r.Min != nil {
		least = int(min(*r.Min, math.MaxInt32))
	}
	if r.Max != nil {
		most = int(min(*r.Max, math.MaxInt32))
	}
	return least, most
}

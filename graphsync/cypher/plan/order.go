package plan

import (
	"maps"
	"slices"

	"github.com/meshd/meshd/graphsync/cypher/ast"
)

// How one action of a matching goes on.
type actionKind uint8

const (
	startNode actionKind = iota
	scanRels
	expand // also walks
	holdRel
	findShortest
)

type action struct {
	kind       actionKind
	node, edge int
	back, into bool
	begin      beginning
	byID       *predicate // of scanRels
	cost, rows float64    // of this action; rows that leave it
}

// beginning is how the first node of a pattern is found.
type beginning struct {
	op         Op
	cost, rows float64 // for each row that comes in
	indexed    bool
}

// state is how far a matching has come.
type state struct {
	nodes, edges []bool
	names        map[string]bool
	rows, cost   float64
	actions      []action
}

func (s *state) clone() *state {
	return &state{
		nodes: slices.Clone(s.nodes), edges: slices.Clone(s.edges), names: maps.Clone(s.names),
		rows: s.rows, cost: s.cost, actions: slices.Clone(s.actions),
	}
}

// order decides in which order a pattern is matched. It tries every promising
// node as the first one and goes on from there by what is cheapest next; the
// cheapest whole wins.
func (m *matching) order(rows float64) ([]action, error) {
	s := &state{nodes: make([]bool, len(m.nodes)), edges: make([]bool, len(m.edges)), names: map[string]bool{}, rows: rows}
	for i, n := range m.nodes {
		s.nodes[i] = n.bound
	}
	if !m.advance(s) {
		return s.actions, m.stuck(s)
	}
	starts := m.starts(s)
	slices.SortStableFunc(starts, func(a, b action) int { return compare(a.cost, b.cost) })
	var best *state
	for _, a := range starts[:min(len(starts), tries(len(m.nodes)))] {
		t := s.clone()
		m.take(t, a)
		for m.advance(t) {
			rest := m.starts(t)
			m.take(t, slices.MinFunc(rest, func(a, b action) int { return compare(a.cost, b.cost) }))
		}
		if best == nil || t.cost < best.cost {
			best = t
		}
	}
	return best.actions, m.stuck(best)
}

func tries(nodes int) int {
	switch {
	case nodes > 200:
		return 1
	case nodes > 50:
		return 3
	}
	return 10
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// advance follows what hangs together with what is bound, cheapest first. It says
// whether a new beginning is needed.
func (m *matching) advance(s *state) bool {
	for {
		a, ok := m.next(s)
		if !ok {
			return slices.Contains(s.nodes, false)
		}
		m.take(s, a)
	}
}

// next is the cheapest action that goes on from what is bound.
func (m *matching) next(s *state) (action, bool) {
	var best action
	found := false
	offer := func(a action) {
		a.cost, a.rows = atMost(a.cost), atMost(a.rows)
		if !found || a.cost < best.cost || a.cost == best.cost && a.rows < best.rows {
			best, found = a, true
		}
	}
	var touching []int
	shortest := -1
	for i, e := range m.edges {
		if s.edges[i] || !subset(e.needs, s.names) {
			continue
		}
		from, to := s.nodes[e.from], s.nodes[e.to]
		switch {
		case e.function != 0:
			if from && to {
				shortest = i
			}
		case e.bound && (from || to || !e.rel.Long || e.rel.Min > 0):
			offer(action{kind: holdRel, edge: i, cost: 0, rows: s.rows * m.nodeShare(s, e, from, to)})
		case from && to:
			offer(m.expansion(s, i, false, true))
		case from:
			offer(m.expansion(s, i, false, false))
			touching = append(touching, e.to)
		case to:
			offer(m.expansion(s, i, true, false))
			touching = append(touching, e.from)
		}
	}
	// A far end that an index finds is better found first: then the relationship
	// is looked for between two nodes, from the one that has fewer.
	for _, i := range touching {
		if b := m.begin(s, i); b.indexed && b.rows <= 1.5 {
			offer(action{kind: startNode, node: i, begin: b, cost: s.rows * b.cost, rows: s.rows * b.rows})
		}
	}
	if !found && shortest >= 0 && !slices.Contains(s.nodes, false) {
		offer(action{kind: findShortest, edge: shortest, cost: s.rows * 1000, rows: s.rows})
	}
	return best, found
}

func (m *matching) expansion(s *state, i int, back, into bool) action {
	e := m.edges[i]
	a := action{kind: expand, edge: i, back: back, into: into}
	looked := m.guess.degree(e.rel.Types, e.rel.Dir)
	found := looked
	if e.rel.Long {
		looked, found = m.guess.reach(e.rel)
	}
	a.cost = s.rows * (looked + 0.1)
	a.rows = s.rows * found * m.nodeShare(s, e, !back || into, back || into)
	return a
}

// nodeShare is the part of the ends of a relationship that are the right ones.
func (m *matching) nodeShare(s *state, e *patternEdge, from, to bool) float64 {
	share := 1.0
	switch {
	case from && to:
		return 1 / m.guess.all()
	case from:
		share = m.shareOf(s, e.to)
	case to:
		share = m.shareOf(s, e.from)
	}
	return share
}

// shareOf is the part of all nodes that can be one of the pattern.
func (m *matching) shareOf(s *state, node int) float64 {
	n := m.nodes[node]
	share := m.guess.share(n.labels)
	for _, p := range n.predicates {
		if m.readyWith(p, s, n.name) {
			share *= p.share
		}
	}
	return share
}

func (m *matching) readyWith(p *predicate, s *state, name string) bool {
	for need := range p.needs {
		if need != name && !s.names[need] {
			return false
		}
	}
	return true
}

// starts are the ways to begin where nothing is bound that the pattern hangs on.
func (m *matching) starts(s *state) []action {
	var list []action
	for i := range m.nodes {
		if !s.nodes[i] {
			b := m.begin(s, i)
			list = append(list, action{kind: startNode, node: i, begin: b, cost: s.rows * b.cost, rows: s.rows * b.rows})
		}
	}
	for i, e := range m.edges {
		if s.edges[i] || e.bound || e.rel.Long || s.nodes[e.from] || s.nodes[e.to] || e.from == e.to {
			continue
		}
		n, cost := m.guess.relCount(e.rel.Types), m.guess.relScan(e.rel.Types)
		p := m.relByID(s, e)
		if p != nil {
			n = min(n, 1)
			cost = n
		}
		a := action{kind: scanRels, edge: i, byID: p, cost: s.rows * cost, rows: s.rows * n * m.shareOf(s, e.from) * m.shareOf(s, e.to)}
		if e.rel.Dir == 0 {
			a.cost, a.rows = a.cost*2, a.rows*2
		}
		list = append(list, a)
	}
	return list
}

// relByID is a predicate that says which relationship it is.
func (m *matching) relByID(s *state, e *patternEdge) *predicate {
	for _, p := range m.relIDs[e.rel.Var] {
		if m.readyWith(p, s, e.rel.Var) {
			return p
		}
	}
	return nil
}

// begin is the cheapest way to find a node of the pattern.
func (m *matching) begin(s *state, node int) beginning {
	n := m.nodes[node]
	if !n.alone {
		return m.beginAt(s, node)
	}
	many := 0
	if s.rows >= 2 {
		many = 1
	}
	if n.begun[many] == nil {
		b := m.beginAt(s, node)
		n.begun[many] = &b
	}
	return *n.begun[many]
}

func (m *matching) beginAt(s *state, node int) beginning {
	n := m.nodes[node]
	label := ""
	for _, l := range n.labels {
		if label == "" || m.guess.count(l) < m.guess.count(label) {
			label = l
		}
	}
	all := m.guess.all() * m.shareOf(s, node)
	best := beginning{op: &Nodes{Var: n.name, Label: label, Labels: without(n.asked, label)}, cost: m.guess.count(label), rows: all}
	for _, p := range n.predicates {
		if !p.keyed || p.variable != n.name || !m.readyWith(p, s, n.name) {
			continue
		}
		times := 1.0
		if p.many {
			times = 3
		}
		if p.key == "" {
			if times < best.cost || !best.indexed {
				best = beginning{op: &ByID{Var: n.name, ID: p.value, Many: p.many, Labels: n.asked}, cost: times, rows: min(times, all), indexed: true}
			}
			continue
		}
		for _, l := range append([]string{""}, n.labels...) {
			found, ok := m.guess.stats.Lookup(l, p.key)
			if cost := 1 + times*found.Nodes; ok && cost < best.cost {
				best = beginning{
					op:   &Find{Var: n.name, Label: l, Property: p.key, Value: p.value, Many: p.many, Labels: n.asked},
					cost: cost, rows: min(times*found.Nodes, max(all, 1)), indexed: true,
				}
			}
		}
	}
	if scan := m.guess.count(label); !best.indexed && s.rows >= 2 {
		// As many rows as come in would look through the same nodes.
		if p := m.hashable(s, n); p != nil {
			best = beginning{
				op:   &Hashed{Var: n.name, Label: label, Property: p.key, Value: p.value, Labels: without(n.asked, label)},
				cost: 1 + scan/s.rows, rows: all,
			}
		}
	}
	return best
}

// hashable is a predicate that finds a node by a property equal to what is known
// of the row.
func (m *matching) hashable(s *state, n *patternNode) *predicate {
	for _, p := range n.predicates {
		if p.keyed && p.key != "" && !p.many && p.variable == n.name && m.readyWith(p, s, n.name) && !constant(p.value) {
			return p
		}
	}
	return nil
}

func constant(e ast.Expr) bool {
	varies := false
	mentions(e, func(string) { varies = true })
	return !varies
}

func without(list []string, s string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(x string) bool { return x == s })
}

func subset(a, b map[string]bool) bool {
	for name := range a {
		if !b[name] {
			return false
		}
	}
	return true
}

// take notes that an action is done.
func (m *matching) take(s *state, a action) {
	bind := func(node int) {
		s.nodes[node] = true
		s.names[m.nodes[node].name] = true
	}
	if a.kind == startNode {
		bind(a.node)
	} else {
		e := m.edges[a.edge]
		s.edges[a.edge] = true
		s.names[e.rel.Var] = true
		bind(e.from)
		bind(e.to)
	}
	s.rows = max(a.rows, 1e-9)
	s.cost = atMost(s.cost + a.cost + a.rows)
	s.actions = append(s.actions, a)
}

// stuck refuses a pattern of which something can never be asked.
func (m *matching) stuck(s *state) error {
	if i := slices.Index(s.edges, false); i >= 0 {
		return m.circular(m.edges[i])
	}
	return nil
}

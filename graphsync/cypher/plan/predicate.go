package plan

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/function"
)

// predicate is one condition of a MATCH: a part of its WHERE that is joined by AND,
// or one property of a pattern.
type predicate struct {
	Filter
	needs map[string]bool // variables that this MATCH binds
	safe  bool
	heavy bool // it holds a query
	soft  bool // is asked early already
	done  bool // is asked where it belongs
	share float64

	// keyed says that it is v.key = value, v.key IN value, or that of id(v) where
	// key is empty. Only by its id is a relationship found.
	keyed    bool
	variable string
	key      string
	value    ast.Expr
	many     bool
}

// conjuncts are the parts of a condition that must all hold.
func conjuncts(e ast.Expr) []ast.Expr {
	if e == nil {
		return nil
	}
	if b, ok := e.(*ast.Binary); ok && b.Op == ast.And {
		return append(conjuncts(b.L), conjuncts(b.R)...)
	}
	return []ast.Expr{e}
}

func (m *matching) addPredicate(e ast.Expr) *predicate {
	p := &predicate{Filter: Filter{Expr: e}, needs: map[string]bool{}, share: otherShare}
	mentions(e, func(name string) {
		if m.fresh[name] {
			p.needs[name] = true
		}
	})
	p.heavy = holdsQuery(e)
	p.safe = truth(e) && safe(e, m.kinds)
	m.recognise(p)
	m.predicates = append(m.predicates, p)
	return p
}

// addProps adds the properties of a pattern.
func (m *matching) addProps(variable string, props ast.Expr) error {
	list, err := properties(variable, props)
	for _, c := range list {
		m.addPredicate(c)
		m.uses[variable]++ // which the text of the query does not show
	}
	return err
}

// properties is the map of a pattern as comparisons.
func properties(variable string, e ast.Expr) ([]ast.Expr, error) {
	if e == nil {
		return nil, nil
	}
	props, ok := e.(*ast.Map)
	if !ok {
		return nil, fault.At(e.Place(), fault.Syntax, "InvalidParameterUse", "the properties of a pattern are written as a map")
	}
	last := map[string]int{}
	for i, k := range props.Keys {
		last[k] = i
	}
	var list []ast.Expr
	for i, k := range props.Keys {
		if last[k] != i {
			continue
		}
		at := props.Values[i].Place()
		list = append(list, &ast.Comparison{
			At:    at,
			Items: []ast.Expr{&ast.Property{At: at, X: &ast.Var{At: at, Name: variable}, Key: k}, props.Values[i]},
			Ops:   []ast.Op{ast.Eq},
		})
	}
	return list, nil
}

// recognise finds out whether an index, or an id, answers the predicate.
func (m *matching) recognise(p *predicate) {
	switch e := p.Expr.(type) {
	case *ast.Comparison:
		if len(e.Ops) != 1 {
			return
		}
		switch e.Ops[0] {
		case ast.Eq:
			p.share = equalShare
			if !m.keyedBy(p, e.Items[0], e.Items[1]) {
				m.keyedBy(p, e.Items[1], e.Items[0])
			}
		case ast.Lt, ast.Le, ast.Gt, ast.Ge:
			p.share = rangeShare
		}
	case *ast.Binary:
		if e.Op == ast.In && m.keyedBy(p, e.L, e.R) || e.Op == ast.Or && m.keyedByOne(p, e) {
			p.many, p.share = true, listShare
		}
	case *ast.HasLabels:
		p.share = m.guess.share(e.Labels)
	}
}

// keyedByOne recognises v.key = a OR v.key = b, which an index answers like a list.
func (m *matching) keyedByOne(p *predicate, e *ast.Binary) bool {
	list := &ast.List{At: e.At}
	var last *predicate
	for _, x := range disjuncts(e) {
		c, ok := x.(*ast.Comparison)
		if !ok || len(c.Ops) != 1 || c.Ops[0] != ast.Eq {
			return false
		}
		one := &predicate{heavy: p.heavy}
		if !m.keyedBy(one, c.Items[0], c.Items[1]) && !m.keyedBy(one, c.Items[1], c.Items[0]) {
			return false
		}
		if last != nil && (one.variable != last.variable || one.key != last.key) {
			return false
		}
		last = one
		list.Items = append(list.Items, one.value)
	}
	p.keyed, p.variable, p.key, p.value = true, last.variable, last.key, list
	return true
}

func disjuncts(e ast.Expr) []ast.Expr {
	if b, ok := e.(*ast.Binary); ok && b.Op == ast.Or {
		return append(disjuncts(b.L), disjuncts(b.R)...)
	}
	return []ast.Expr{e}
}

func (m *matching) keyedBy(p *predicate, of, value ast.Expr) bool {
	var x ast.Expr
	key := ""
	switch of := of.(type) {
	case *ast.Property:
		x, key = of.X, of.Key
	case *ast.Call:
		if f, ok := function.Lookup(of.Name); ok && (f.Name == "id" || f.Name == "elementId") && len(of.Args) == 1 {
			x = of.Args[0]
		}
	}
	v, ok := x.(*ast.Var)
	if !ok || p.heavy || !m.fresh[v.Name] || m.kinds[v.Name] != aNode && (m.kinds[v.Name] != aRel || key != "") || mentionsAny(value, map[string]bool{v.Name: true}) {
		return false
	}
	p.keyed, p.variable, p.key, p.value = true, v.Name, key, value
	return true
}

// ready says that all variables of the predicate are bound.
func (p *predicate) ready(bound map[string]bool) bool {
	for name := range p.needs {
		if !bound[name] {
			return false
		}
	}
	return true
}

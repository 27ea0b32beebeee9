package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
)

// Planner plans one query, and those inside of it. It is for one goroutine.
type Planner struct {
	guess *guess
	next  int
}

// New returns a planner for a graph.
func New(s Stats) *Planner { return &Planner{guess: newGuess(s)} }

// hiddenMark begins the names that no query can write: it is not UTF-8.
const hiddenMark = "\xff"

// Hidden is a name for what a query gives none.
func (p *Planner) Hidden() string {
	p.next++
	return hiddenMark + strconv.Itoa(p.next)
}

func hidden(name string) bool { return strings.HasPrefix(name, hiddenMark) }

func shown(name string) string {
	if hidden(name) {
		return "_" + name[len(hiddenMark):]
	}
	return name
}

// scope is what can be seen at one place of a query.
type scope struct {
	names []string // that can be seen, in the order in which they came
	outer []string // those of them that are seen everywhere inside
	kinds map[string]kind
	solid map[string]bool // never null
}

func (s *scope) add(name string) {
	if !slices.Contains(s.names, name) {
		s.names = append(s.names, name)
	}
}

// Query plans a query.
func (p *Planner) Query(q *ast.Query) (*Plan, error) { return p.query(q, nil, false) }

// Inner plans a query that stands inside of an expression, with the variables that
// it sees around it. Exists says that nothing is asked but whether it has a row.
func (p *Planner) Inner(q *ast.Query, around []string, exists bool) (*Plan, error) {
	return p.query(q, around, exists)
}

func (p *Planner) query(q *ast.Query, around []string, exists bool) (*Plan, error) {
	out := &Plan{}
	for i, single := range q.Parts {
		part, err := p.single(single, around, exists)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			out.Columns = part.Columns
		} else if part.Columns, err = matchColumns(out.Columns, part.Columns); err != nil {
			return nil, err
		}
		if i > 0 && !q.All[i-1] {
			out.Distinct = i + 1
		}
		out.Parts = append(out.Parts, part)
	}
	return out, nil
}

// matchColumns brings the columns of a part of a union into the order of the
// first part.
func matchColumns(want, have []string) ([]string, error) {
	a, b := slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(have))
	if !slices.Equal(a, b) {
		return nil, fault.At(fault.Pos{}, fault.Syntax, "DifferentColumnsInUnion", "the parts of a union have different columns: %s and %s", strings.Join(want, ", "), strings.Join(have, ", "))
	}
	return want, nil
}

// building is one single query on its way to becoming a part.
type building struct {
	*Planner
	sc   *scope
	uses map[string]int
	part *Part
	rows float64
	// columns are those of the last projection.
	columns []string
	matched map[string]matchedRel
}

// matchedRel is a relationship and how often it is asked for.
type matchedRel struct {
	rel  *Rel
	uses int
}

func (p *Planner) single(q *ast.SingleQuery, around []string, exists bool) (*Part, error) {
	b := &building{Planner: p, uses: map[string]int{}, part: &Part{}, rows: 1, matched: map[string]matchedRel{}}
	b.sc = &scope{names: slices.Clone(around), outer: around, kinds: map[string]kind{}, solid: map[string]bool{}}
	for _, c := range q.Clauses {
		clauseMentions(c, func(name string) { b.uses[name]++ })
	}
	for i := 0; i < len(q.Clauses); i++ {
		var err error
		switch c := q.Clauses[i].(type) {
		case *ast.Match:
			if i+1 < len(q.Clauses) {
				if name, ok := b.count(c, q.Clauses[i+1]); ok {
					i++
					err = b.counted(name, q.Clauses[i])
					break
				}
			}
			err = b.match(c, setLike(q.Clauses[i+1:], exists))
		case *ast.Unwind:
			b.rows = atMost(b.rows * 10)
			b.add(&Unwind{List: c.List, Var: c.Var.Text})
			b.sc.add(c.Var.Text)
			b.sc.kinds[c.Var.Text], b.sc.solid[c.Var.Text] = unknown, false
		case *ast.With:
			err = b.project(&c.Projection, c.Where)
		case *ast.Return:
			err = b.project(&c.Projection, nil)
			b.part.Columns = b.columns
		default:
			err = fault.At(c.Place(), fault.Unsupported, "", "queries only read")
		}
		if err != nil {
			return nil, err
		}
	}
	return b.part, nil
}

func (b *building) add(op Op) {
	b.part.Steps = append(b.part.Steps, Step{Op: op, Rows: b.rows})
}

// own are the names that the query itself has bound, in their order.
func (b *building) own() []string {
	list := []string{}
	for _, name := range b.sc.names {
		if !hidden(name) && !slices.Contains(b.sc.outer, name) {
			list = append(list, name)
		}
	}
	return list
}

func (b *building) match(c *ast.Match, set bool) error {
	m, err := b.newMatching(c, b.sc, b.uses)
	if err != nil {
		return err
	}
	m.set = set
	steps, err := m.steps(b.rows)
	if err != nil {
		return err
	}
	rows := b.rows
	if len(steps) > 0 {
		rows = steps[len(steps)-1].Rows
	}
	var binds []string
	for name := range m.fresh {
		binds = append(binds, name)
	}
	slices.Sort(binds)
	if c.Optional {
		b.rows = max(rows, b.rows)
		b.add(&Optional{Steps: steps, Binds: binds})
	} else {
		b.rows = rows
		b.part.Steps = append(b.part.Steps, steps...)
	}
	for _, e := range m.edges {
		b.matched[e.rel.Var] = matchedRel{e.rel, m.uses[e.rel.Var]}
	}
	for _, name := range binds {
		if hidden(name) { // which nothing behind it can speak of
			delete(b.sc.kinds, name)
			delete(b.matched, name)
			continue
		}
		b.sc.add(name)
		b.sc.solid[name] = !c.Optional
	}
	return nil
}

package exec

import (
	"fmt"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/eval"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/plan"
)

// builder makes operators of the steps of one part of a plan.
type builder struct {
	*program
	around *eval.Scope // what is seen around the part, or an empty scope
	scope  *eval.Scope
	known  []known
	alike  *plan.Alike // the expressions of known
	calls  callSlots
	cut    *slice // of the sorting that was built last
	walks  map[*plan.Rel]*walked
	chain  chain
}

// program is what the parts of a query share with the queries inside of it.
type program struct {
	m       *machine
	planner *plan.Planner
	inner   []*plan.Plan // as they were planned
}

// known is an expression whose value stands in a slot.
type known struct {
	item plan.Item
	slot int
}

func (p *program) builder(around *eval.Scope) *builder {
	return &builder{program: p, around: around, scope: around.Child(), alike: &plan.Alike{}, walks: map[*plan.Rel]*walked{}}
}

func undefined(name string) error {
	return fault.At(fault.Pos{}, fault.Syntax, "UndefinedVariable", "the variable %s is not defined", name)
}

func (b *builder) slot(name string) (int, error) {
	slot, ok := b.scope.Lookup(name)
	if !ok {
		return 0, undefined(name)
	}
	return slot, nil
}

// bind gives a variable its slot, if it has none yet.
func (b *builder) bind(name string) int {
	if slot, ok := b.scope.Lookup(name); ok {
		return slot
	}
	return b.scope.Bind(name)
}

func (b *builder) steps(list []plan.Step) error {
	for _, s := range list {
		if err := b.step(s.Op); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) step(op plan.Op) error {
	switch op := op.(type) {
	case *plan.Nodes:
		n := newNodes(b.m, b.bind(op.Var), op.Labels)
		n.source = n.scan(op.Label)
		b.chain.add(n)
	case *plan.ByID:
		fn, err := b.compile(op.ID)
		if err != nil {
			return err
		}
		n := newNodes(b.m, b.bind(op.Var), op.Labels)
		n.source = n.byID(fn, op.Many)
		b.chain.add(n)
	case *plan.Find:
		fn, err := b.compile(op.Value)
		if err != nil {
			return err
		}
		n := newNodes(b.m, b.bind(op.Var), op.Labels)
		n.source = n.find(op.Label, op.Property, fn, op.Many)
		b.chain.add(n)
	case *plan.Hashed:
		fn, err := b.compile(op.Value)
		if err != nil {
			return err
		}
		n := newNodes(b.m, b.bind(op.Var), op.Labels)
		n.source = n.hashed(op.Label, op.Property, fn)
		b.chain.add(n)
	case *plan.Given:
		slot, err := b.slot(op.Var)
		if err != nil {
			return err
		}
		b.chain.add(&given{m: b.m, pos: op.Pos, name: op.Var, slot: slot, labels: op.Labels})
	case *plan.Filters:
		list, err := b.conditions(op.List)
		if err != nil {
			return err
		}
		b.chain.add(&filter{m: b.m, list: list})
	case *plan.Scan, *plan.Expand, *plan.Held, *plan.Walk, *plan.Reach, *plan.HeldList, *plan.Shortest:
		return b.relationship(op)
	case *plan.Path:
		return b.path(op)
	case *plan.Optional:
		return b.optional(op)
	case *plan.Unwind:
		fn, err := b.compile(op.List)
		if err != nil {
			return err
		}
		b.chain.add(&unwind{m: b.m, list: fn, pos: op.List.Place(), slot: b.scope.Bind(op.Var)})
	case *plan.Aggregate:
		return b.aggregate(op)
	case *plan.Project:
		return b.project(op)
	case *plan.Distinct:
		slots, err := b.slots(op.Columns)
		if err != nil {
			return err
		}
		b.chain.add(&distinct{m: b.m, slots: slots})
	case *plan.Sort:
		return b.sort(op)
	case *plan.Slice:
		return b.slice(op)
	case *plan.Forget:
		return b.forget(op)
	case *plan.Count:
		b.chain.add(&count{m: b.m, slot: b.bind(op.Var), rels: op.Rels, label: op.Label})
	default:
		return fmt.Errorf("no operator for step %T", op)
	}
	return nil
}

func (b *builder) slots(names []string) ([]int, error) {
	slots := make([]int, len(names))
	for i, name := range names {
		var err error
		if slots[i], err = b.slot(name); err != nil {
			return nil, err
		}
	}
	return slots, nil
}

// forget begins a new scope, which sees what is named, and what is around.
func (b *builder) forget(op *plan.Forget) error {
	slots, err := b.slots(op.Keep)
	if err != nil {
		return err
	}
	b.scope = b.around.Child()
	for i, name := range op.Keep {
		b.scope.BindTo(name, slots[i])
	}
	b.forgetKnown()
	b.calls = callSlots{}
	return nil
}

// compiler compiles expressions as they are seen at this place.
func (b *builder) compiler(e ast.Expr) *eval.Compiler {
	c := &eval.Compiler{Scope: b.scope, Pattern: b.pattern, Exists: b.exists, Path: b.pathExpr}
	if len(b.calls.at) > 0 {
		c.Aggregate = b.calls.slot
	}
	if len(b.known) > 0 {
		named := func(name string) bool { _, ok := b.scope.Lookup(name); return ok }
		slots := map[ast.Expr]int{}
		b.alike.Uses(e, named, func(x ast.Expr, i int) { slots[x] = b.known[i].slot })
		if len(slots) > 0 {
			c.Known = func(x ast.Expr) (int, bool) { slot, ok := slots[x]; return slot, ok }
		}
	}
	return c
}

func (b *builder) compile(e ast.Expr) (eval.Fn, error) { return b.compiler(e).Compile(e) }

// know says that the value of an item stands in a slot from here on.
func (b *builder) know(k known) {
	b.known = append(b.known, k)
	b.alike.Add(k.item.Expr)
}

func (b *builder) forgetKnown() { b.known, b.alike = nil, &plan.Alike{} }

// callSlots are the slots of aggregates.
type callSlots struct {
	at    map[*ast.Call]int // each of them, for those that are the Same as none
	alike plan.Alike
	slots []int
}

func (s *callSlots) add(c *ast.Call, slot int) {
	if s.at == nil {
		s.at = map[*ast.Call]int{}
	}
	s.at[c] = slot
	s.alike.Add(c)
	s.slots = append(s.slots, slot)
}

func (s *callSlots) slot(c *ast.Call) (int, bool) {
	if slot, ok := s.at[c]; ok {
		return slot, true
	}
	i := s.alike.Find(c)
	if i < 0 {
		return 0, false
	}
	return s.slots[i], true
}

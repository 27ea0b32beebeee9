package exec

import (
	"errors"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/eval"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/function"
	"github.com/meshd/meshd/graphsync/cypher/plan"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

type fn = eval.Fn

// call is an aggregate and the slot of its result.
type call struct {
	call  *ast.Call
	slot  int
	plain bool // it counts rows
	make  func() function.Accumulator
	args  []fn
}

// aggregate groups rows, and gives one for each group in the order in which they
// came up.
type aggregate struct {
	link
	m      *machine
	keys   []fn
	slots  []int // of the keys
	calls  []call
	groups map[string]*group
	order  []*group
	held   int
	key    []byte
	values []value.Value
	args   []value.Value
}

type group struct {
	keys   []value.Value
	counts []int64
	states []function.Accumulator // nil for those that count rows
}

// groupBytes is about what a group takes beside its key, and each aggregate in it.
const groupBytes = 128

func (b *builder) aggregate(op *plan.Aggregate) error {
	a := &aggregate{m: b.m, values: make([]value.Value, len(op.Keys))}
	for _, k := range op.Keys {
		f, err := b.compile(k.Expr)
		if err != nil {
			return err
		}
		a.keys = append(a.keys, f)
	}
	most := 0
	for _, c := range op.Calls {
		one := call{call: c, plain: op.Plain[c]}
		if !one.plain {
			f, ok := function.Lookup(c.Name)
			if !ok || f.New == nil {
				return fault.At(c.At, fault.Syntax, "UnknownFunction", "there is no aggregate %s", c.Name)
			}
			distinct := c.Distinct
			one.make = func() function.Accumulator { return f.New(distinct) }
			for _, x := range c.Args {
				arg, err := b.compile(x)
				if err != nil {
					return err
				}
				one.args = append(one.args, arg)
			}
			most = max(most, len(c.Args))
		}
		a.calls = append(a.calls, one)
	}
	a.args = make([]value.Value, most)
	b.scope = b.around.Child()
	b.forgetKnown()
	for _, k := range op.Keys {
		slot := b.scope.Bind(k.Name)
		a.slots = append(a.slots, slot)
		b.know(known{k, slot})
		if v, ok := k.Expr.(*ast.Var); ok {
			b.scope.BindTo(v.Name, slot)
		}
	}
	b.calls = callSlots{}
	for i := range a.calls {
		a.calls[i].slot = b.scope.Slot()
		b.calls.add(a.calls[i].call, a.calls[i].slot)
	}
	b.chain.add(a)
	return nil
}

func (a *aggregate) open() error {
	a.drop()
	a.groups = map[string]*group{}
	return a.next.open()
}

func (a *aggregate) drop() {
	a.m.env.Budget.Release(a.held)
	a.held, a.groups, a.order = 0, nil, nil
}

func (a *aggregate) push() error {
	a.key = a.key[:0]
	for i, f := range a.keys {
		v, err := f(a.m.env, a.m.row)
		if err != nil {
			return err
		}
		a.values[i] = v
		a.key = value.AppendKey(a.key, v)
	}
	g := a.groups[string(a.key)]
	if g == nil {
		var err error
		if g, err = a.newGroup(); err != nil {
			return err
		}
	}
	for i := range a.calls {
		c := &a.calls[i]
		if c.plain {
			g.counts[i]++
			continue
		}
		args := a.args[:len(c.args)]
		for j, f := range c.args {
			var err error
			if args[j], err = f(a.m.env, a.m.row); err != nil {
				return err
			}
		}
		if err := g.states[i].Add(a.m.env, c.call.At, args); err != nil {
			return err
		}
	}
	return nil
}

func (a *aggregate) newGroup() (*group, error) {
	bytes := len(a.key) + groupBytes*(1+len(a.calls))
	for _, v := range a.values {
		bytes += value.Size(v)
	}
	if err := a.m.env.Budget.Hold(bytes); err != nil {
		return nil, err
	}
	a.held += bytes
	g := &group{
		keys:   append([]value.Value(nil), a.values...),
		counts: make([]int64, len(a.calls)),
		states: make([]function.Accumulator, len(a.calls)),
	}
	for i := range a.calls {
		if !a.calls[i].plain {
			g.states[i] = a.calls[i].make()
		}
	}
	a.groups[string(a.key)] = g
	a.order = append(a.order, g)
	return g, nil
}

func (a *aggregate) close() error {
	if len(a.keys) == 0 && len(a.order) == 0 {
		a.key = a.key[:0]
		if _, err := a.newGroup(); err != nil {
			return err
		}
	}
	if err := a.emit(); err != nil && !errors.Is(err, errStop) {
		return err
	}
	a.drop()
	return a.next.close()
}

func (a *aggregate) emit() error {
	for _, g := range a.order {
		for i, slot := range a.slots {
			a.m.row[slot] = g.keys[i]
		}
		for i := range a.calls {
			result := value.Int(g.counts[i])
			if g.states[i] != nil {
				var err error
				if result, err = g.states[i].Result(); err != nil {
					return err
				}
			}
			a.m.row[a.calls[i].slot] = result
		}
		if err := a.next.push(); err != nil {
			return err
		}
	}
	return nil
}

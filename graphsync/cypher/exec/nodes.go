package exec

import (
	"math"
	"strconv"

	"github.com/meshd/meshd/graphsync/cypher/eval"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// nodes binds a slot to node after node.
type nodes struct {
	link
	m      *machine
	slot   int
	labels []string
	source func() error // calls visit with ids

	visit func(id uint64) bool
	err   error
}

func newNodes(m *machine, slot int, labels []string) *nodes {
	n := &nodes{m: m, slot: slot, labels: labels}
	n.visit = n.node
	return n
}

func (n *nodes) node(id uint64) bool {
	if n.err = n.m.env.Budget.Expand(1); n.err != nil {
		return false
	}
	ok, err := n.m.hasLabels(id, n.labels)
	if err == nil && ok {
		n.m.row[n.slot] = value.Node(id)
		err = n.next.push()
	}
	n.err = err
	return err == nil
}

func (n *nodes) push() error {
	n.err = nil
	if err := n.source(); err != nil {
		return err
	}
	return n.err
}

// scan shows all nodes of a label.
func (n *nodes) scan(label string) func() error {
	return func() error { return n.m.env.Graph.Nodes(n.m.env.Ctx, label, n.visit) }
}

// wanted computes which values are looked for, each once. If that fails, whoever
// has a row will see it fail: all nodes are candidates then.
func (m *machine) wanted(fn eval.Fn, many bool, seen map[string]bool) (list []value.Value, ok bool, err error) {
	v, err := fn(m.env, m.row)
	switch {
	case err != nil && fatal(err):
		return nil, false, err
	case err != nil:
		return nil, false, nil
	case v.IsNull():
		return nil, true, nil
	case !many:
		return []value.Value{v}, true, nil
	case v.Kind() != value.KindList:
		return nil, false, nil
	}
	clear(seen)
	var key []byte
	for _, x := range v.AsList() {
		if err := m.env.Budget.Step(1); err != nil {
			return nil, false, err
		}
		key = value.AppendKey(key[:0], x)
		if !x.IsNull() && !seen[string(key)] {
			seen[string(key)] = true
			list = append(list, x)
		}
	}
	return list, true, nil
}

// byID shows the nodes that have an id.
func (n *nodes) byID(fn eval.Fn, many bool) func() error {
	seen := map[string]bool{}
	var ids map[uint64]bool
	return func() error {
		list, ok, err := n.m.wanted(fn, many, seen)
		if err != nil {
			return err
		}
		if !ok {
			return n.scan("")()
		}
		if many {
			ids = make(map[uint64]bool, len(list))
		}
		for _, v := range list {
			id, ok := idOf(v)
			if !ok || ids[id] {
				continue
			}
			if many { // 1 and 1.0 are one id
				ids[id] = true
			}
			if ok, err = n.m.env.Graph.HasNode(n.m.env.Ctx, id); err != nil {
				return err
			}
			if ok && !n.node(id) {
				return nil
			}
		}
		return nil
	}
}

func idOf(v value.Value) (uint64, bool) {
	switch v.Kind() {
	case value.KindInt:
		return uint64(v.AsInt()), v.AsInt() >= 0
	case value.KindFloat:
		f := v.AsFloat()
		return uint64(f), f >= 0 && f < math.MaxInt64 && f == math.Trunc(f)
	case value.KindString: // as elementId writes it
		id, err := strconv.ParseUint(v.AsString(), 10, 64)
		return id, err == nil
	}
	return 0, false
}

// find shows the nodes that an index finds.
func (n *nodes) find(label, property string, fn eval.Fn, many bool) func() error {
	seen := map[string]bool{}
	var ids map[uint64]bool
	once := func(id uint64) bool {
		if ids[id] {
			return true
		}
		ids[id] = true
		return n.node(id)
	}
	return func() error {
		list, ok, err := n.m.wanted(fn, many, seen)
		if err != nil {
			return err
		}
		if !ok {
			return n.scan(label)()
		}
		if len(list) == 1 {
			return n.m.env.Graph.Find(n.m.env.Ctx, label, property, list[0], n.visit)
		}
		ids = map[uint64]bool{}
		for _, v := range list {
			if err := n.m.env.Graph.Find(n.m.env.Ctx, label, property, v, once); err != nil || n.err != nil {
				return err
			}
		}
		return nil
	}
}

// given wants a slot to hold a node.
type given struct {
	link
	m      *machine
	pos    fault.Pos
	name   string
	slot   int
	labels []string
}

func (g *given) push() error {
	v := g.m.row[g.slot]
	switch v.Kind() {
	case value.KindNode:
	case value.KindNull:
		return nil
	default:
		return notA(g.pos, "node", g.name, v)
	}
	if ok, err := g.m.hasLabels(v.AsNode(), g.labels); !ok || err != nil {
		return err
	}
	return g.next.push()
}

func notA(pos fault.Pos, what, name string, v value.Value) error {
	return fault.Run(pos, fault.Type, "InvalidArgumentType", "the variable %s stands for a %s in a pattern, but it is %s", name, what, v.Kind())
}

package exec

import (
	"github.com/meshd/meshd/graphsync/cypher/eval"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// hashed shows the nodes whose property equals a value of the row. From the second
// row on it has them in a table by that property, which holds for the whole query:
// the graph does not change under it. If there is no memory for the table it goes
// through the nodes for each row.
func (n *nodes) hashed(label, property string, fn eval.Fn) func() error {
	h := &hashTable{m: n.m, label: label, property: property}
	scan := n.scan(label)
	var key []byte
	rows := 0
	return func() error {
		v, err := fn(n.m.env, n.m.row)
		if err != nil && fatal(err) {
			return err
		}
		if err != nil {
			return scan() // whoever has a row will see it fail
		}
		if rows++; rows == 2 {
			if err := h.fill(); err != nil {
				return err
			}
		}
		if h.nodes == nil {
			return scan()
		}
		key = value.AppendKey(key[:0], v)
		for _, id := range h.nodes[string(key)] {
			if !n.node(id) {
				return nil
			}
		}
		return nil
	}
}

type hashTable struct {
	m               *machine
	label, property string
	nodes           map[string][]uint64
}

// hashBytes is about what a node takes in the table beside its key.
const hashBytes = 64

func (h *hashTable) fill() error {
	env := h.m.env
	nodes, held := map[string][]uint64{}, 0
	var key []byte
	var failed error
	full := false
	err := env.Graph.Nodes(env.Ctx, h.label, func(id uint64) bool {
		if failed = env.Budget.Expand(1); failed != nil {
			return false
		}
		var v value.Value
		if v, failed = env.Graph.Property(env.Ctx, id, h.property); failed != nil {
			return false
		}
		if v.IsNull() {
			return true
		}
		key = value.AppendKey(key[:0], v)
		if env.Budget.Hold(hashBytes+len(key)) != nil {
			full = true
			return false
		}
		held += hashBytes + len(key)
		nodes[string(key)] = append(nodes[string(key)], id)
		return true
	})
	if err == nil {
		err = failed
	}
	if full {
		env.Budget.Release(held)
		return err
	}
	h.nodes = nodes
	return err
}

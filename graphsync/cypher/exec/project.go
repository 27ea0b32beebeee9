package exec

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/plan"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// project computes columns.
type project struct {
	link
	m     *machine
	items []fn
	slots []int
}

func (b *builder) project(op *plan.Project) error {
	p := &project{m: b.m}
	scope := b.scope.Child()
	columns := make([]known, 0, len(op.Items))
	for _, item := range op.Items {
		var slot int
		if v, ok := item.Expr.(*ast.Var); ok {
			// What is only called otherwise stays where it is.
			var err error
			if slot, err = b.slot(v.Name); err != nil {
				return err
			}
			scope.BindTo(item.Name, slot)
		} else {
			f, err := b.compile(item.Expr)
			if err != nil {
				return err
			}
			slot = scope.Bind(item.Name)
			p.items, p.slots = append(p.items, f), append(p.slots, slot)
		}
		columns = append(columns, known{item, slot})
	}
	b.scope = scope
	for _, k := range columns {
		b.know(k)
	}
	if len(p.items) > 0 {
		b.chain.add(p)
	}
	return nil
}

func (p *project) push() error {
	for i, f := range p.items {
		v, err := f(p.m.env, p.m.row)
		if err != nil {
			return err
		}
		p.m.row[p.slots[i]] = v
	}
	return p.next.push()
}

// distinct lets each row pass once.
type distinct struct {
	link
	m     *machine
	slots []int
	seen  map[string]struct{}
	key   []byte
	held  int
}

// seenBytes is about what remembering a row takes beside its key.
const seenBytes = 48

func (d *distinct) open() error {
	d.drop()
	return d.next.open()
}

func (d *distinct) drop() {
	d.m.env.Budget.Release(d.held)
	d.held, d.seen = 0, map[string]struct{}{}
}

func (d *distinct) push() error {
	d.key = d.key[:0]
	for _, slot := range d.slots {
		d.key = value.AppendKey(d.key, d.m.row[slot])
	}
	if _, ok := d.seen[string(d.key)]; ok {
		return nil
	}
	if err := d.m.env.Budget.Hold(len(d.key) + seenBytes); err != nil {
		return err
	}
	d.held += len(d.key) + seenBytes
	d.seen[string(d.key)] = struct{}{}
	return d.next.push()
}

func (d *distinct) close() error {
	d.drop()
	return d.next.close()
}

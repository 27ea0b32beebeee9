package plan

import (
	"slices"
	"sort"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/function"
)

// project plans WITH and RETURN.
func (b *building) project(p *ast.Projection, where ast.Expr) error {
	items, err := b.items(p)
	if err != nil {
		return err
	}
	grouped := false
	for _, item := range items {
		grouped = grouped || len(aggregates(item.Expr)) > 0
	}
	var keys []string
	if grouped {
		keys = b.aggregate(items, p.OrderBy)
	} else {
		b.add(&Project{Items: items})
	}
	b.finish(p, items, where, keys)
	return nil
}

// items are what is projected: * is every name that can be seen, in their order.
func (b *building) items(p *ast.Projection) ([]Item, error) {
	var items []Item
	seen := map[string]bool{}
	if p.Star {
		names := b.own()
		sort.Strings(names)
		for _, name := range names {
			seen[name] = true
			items = append(items, Item{Name: name, Expr: &ast.Var{Name: name}})
		}
	}
	for _, item := range p.Items {
		name := item.Column()
		if seen[name] {
			return nil, fault.At(item.Expr.Place(), fault.Syntax, "ColumnNameConflict", "there are two columns %s", name)
		}
		seen[name] = true
		items = append(items, Item{Name: name, Expr: item.Expr})
	}
	return items, nil
}

// aggregate groups by the items without aggregates in them. The others are
// computed from the groups. It returns the names of the keys.
func (b *building) aggregate(items []Item, sortBy []ast.SortItem) []string {
	op := &Aggregate{Plain: map[*ast.Call]bool{}}
	out := make([]Item, len(items))
	var seen Alike
	gather := func(e ast.Expr) {
		for _, c := range aggregates(e) {
			if seen.Find(c) >= 0 {
				continue
			}
			seen.Add(c)
			op.Calls = append(op.Calls, c)
			if b.countsRows(c) {
				op.Plain[c] = true
			}
		}
	}
	for i, item := range items {
		if len(aggregates(item.Expr)) > 0 {
			gather(item.Expr)
			out[i] = item
			continue
		}
		key := Item{Name: b.Hidden(), Expr: item.Expr}
		op.Keys = append(op.Keys, key)
		out[i] = Item{Name: item.Name, Expr: &ast.Var{At: item.Expr.Place(), Name: key.Name}}
	}
	for _, s := range sortBy {
		gather(s.Expr)
	}
	if len(op.Keys) == 0 {
		b.rows = 1
	} else {
		b.rows = max(1, b.rows/10)
	}
	b.add(op)
	b.add(&Project{Items: out})
	keys := make([]string, len(op.Keys))
	for i, k := range op.Keys {
		keys[i] = k.Name
	}
	return keys
}

// countsRows says that a call counts every row: count(*), or count of a variable
// that is never null.
func (b *building) countsRows(c *ast.Call) bool {
	f, ok := function.Lookup(c.Name)
	if !ok || f.Name != "count" || c.Distinct {
		return false
	}
	if c.Star {
		return true
	}
	v, ok := c.Args[0].(*ast.Var)
	if !ok || !b.sc.solid[v.Name] {
		return false
	}
	if r, ok := b.matched[v.Name]; ok {
		// Its value is not asked for here after all.
		r.uses--
		r.rel.Keep = r.rel.Keep && (r.uses > 1 || b.uses[star] > 0)
		b.matched[v.Name] = r
	}
	return true
}

// setLike says that nothing behind a MATCH can tell how often it gives a row: the
// next projection is DISTINCT, or all its aggregates are.
func setLike(rest []ast.Clause, exists bool) bool {
	for _, c := range rest {
		if p := projectionOf(c); p != nil {
			return setProjection(p)
		}
	}
	return exists
}

func setProjection(p *ast.Projection) bool {
	var calls []*ast.Call
	for _, item := range p.Items {
		calls = append(calls, aggregates(item.Expr)...)
	}
	for _, s := range p.OrderBy {
		calls = append(calls, aggregates(s.Expr)...)
	}
	for _, c := range calls {
		if f, _ := function.Lookup(c.Name); !c.Distinct && f.Name != "min" && f.Name != "max" {
			return false
		}
	}
	return len(calls) > 0 || p.Distinct
}

// aggregates are the calls of aggregates in an expression.
func aggregates(e ast.Expr) []*ast.Call {
	var list []*ast.Call
	var walk func(e ast.Expr)
	walk = func(e ast.Expr) {
		if c, ok := e.(*ast.Call); ok {
			if f, ok := function.Lookup(c.Name); ok && f.Aggregate {
				list = append(list, c)
				return
			}
		}
		children(e, func(x ast.Expr, _ ...string) { walk(x) }, func(any) {})
	}
	walk(e)
	return list
}

// finish plans what follows the items: DISTINCT, ORDER BY, SKIP, LIMIT and WHERE.
// ORDER BY and WHERE see what was before the projection, too; where rows were
// grouped, that is the keys.
func (b *building) finish(p *ast.Projection, items []Item, where ast.Expr, keys []string) {
	names := make([]string, len(items))
	for i, item := range items {
		names[i] = item.Name
	}
	if p.Distinct {
		b.add(&Distinct{Columns: names})
	}
	keep := slices.Clone(names)
	if where != nil {
		keep = append(keep, keys...)
		mentions(where, func(name string) {
			if slices.Contains(b.sc.names, name) && !slices.Contains(keep, name) {
				keep = append(keep, name)
			}
		})
	}
	cut := p.Skip != nil || p.Limit != nil
	filter := func() {
		if where != nil {
			b.rows = max(b.rows*otherShare, 1e-9)
			b.add(&Filters{List: []Filter{{Expr: where}}})
		}
	}
	if !cut {
		filter()
	}
	if len(p.OrderBy) > 0 {
		b.add(&Sort{By: p.OrderBy, Keep: keep, Skip: p.Skip, Limit: p.Limit})
	}
	if cut {
		if n, ok := p.Limit.(*ast.Int); ok {
			b.rows = min(b.rows, max(float64(n.Value), 1e-9))
		}
		b.add(&Slice{Skip: p.Skip, Limit: p.Limit})
		filter()
	}
	b.add(&Forget{Keep: names})
	b.columns = names
	b.see(items)
}

// see makes the columns of a projection, and what is around, all that is seen.
func (b *building) see(items []Item) {
	next := &scope{names: slices.Clone(b.sc.outer), outer: b.sc.outer, kinds: map[string]kind{}, solid: map[string]bool{}}
	for _, name := range b.sc.outer {
		next.kinds[name] = b.sc.kinds[name]
	}
	for _, item := range items {
		next.outer = slices.DeleteFunc(slices.Clone(next.outer), func(s string) bool { return s == item.Name })
		next.names = slices.DeleteFunc(next.names, func(s string) bool { return s == item.Name })
		next.names = append(next.names, item.Name)
		if v, ok := item.Expr.(*ast.Var); ok {
			next.kinds[item.Name], next.solid[item.Name] = b.sc.kinds[v.Name], b.sc.solid[v.Name]
		} else {
			next.kinds[item.Name] = unknown
		}
	}
	b.sc = next
}

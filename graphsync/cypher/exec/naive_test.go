package exec_test

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// world is a small random graph in a form that is easy to look through.
type world struct {
	labels []string // of each node, "" for none
	x      []any    // of each node: nil, int or string
	rels   []worldRel
	memory *graph.Memory
}

type worldRel struct {
	from, to int
	typ      string
	x        any
}

func drawWorld(t *rapid.T) *world {
	w := &world{memory: graph.NewMemory()}
	drawX := func(name string) any {
		return rapid.SampledFrom([]any{nil, 0, 1, 1, 2, "s"}).Draw(t, name)
	}
	props := func(x any) value.Map {
		switch x := x.(type) {
		case int:
			return value.Map{"x": value.Int(int64(x))}
		case string:
			return value.Map{"x": value.String(x)}
		}
		return nil
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "nodes") {
		l := rapid.SampledFrom([]string{"", "A", "A", "B"}).Draw(t, fmt.Sprint("label", i))
		x := drawX(fmt.Sprint("x", i))
		w.labels, w.x = append(w.labels, l), append(w.x, x)
		var labels []string
		if l != "" {
			labels = []string{l}
		}
		w.memory.AddNode(labels, props(x))
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "rels") {
		r := worldRel{
			from: rapid.IntRange(0, len(w.x)-1).Draw(t, fmt.Sprint("from", i)),
			to:   rapid.IntRange(0, len(w.x)-1).Draw(t, fmt.Sprint("to", i)),
			typ:  rapid.SampledFrom([]string{"T", "T", "U"}).Draw(t, fmt.Sprint("type", i)),
			x:    drawX(fmt.Sprint("rx", i)),
		}
		w.rels = append(w.rels, r)
		w.memory.AddRel(r.typ, uint64(r.from), uint64(r.to), props(r.x))
	}
	if rapid.Bool().Draw(t, "index") {
		w.memory.Index("A", "x")
	}
	return w
}

// assignment is what variables stand for: nodes as int, relationships as relID,
// lists of them as []relID, paths as walkedPath, null as nil.
type (
	assignment map[string]any
	relID      int
	walkedPath struct {
		nodes []int
		rels  []relID
	}
)

type nodeForm struct {
	name, label string
	x           any // or nil
}

type relForm struct {
	name     string
	types    []string
	dir      int // -1 left, 0 either, 1 right
	long     bool
	min, max int // max -1 is open
	x        any
}

type patternForm struct {
	path  string
	nodes []nodeForm
	rels  []relForm
}

func (p patternForm) String() string {
	var b strings.Builder
	if p.path != "" {
		b.WriteString(p.path + " = ")
	}
	for i, n := range p.nodes {
		if i > 0 {
			b.WriteString(p.rels[i-1].String())
		}
		b.WriteString("(" + n.name)
		if n.label != "" {
			b.WriteString(":" + n.label)
		}
		b.WriteString(xText(n.x) + ")")
	}
	return b.String()
}

func xText(x any) string {
	switch x := x.(type) {
	case int:
		return fmt.Sprintf(" {x: %d}", x)
	case string:
		return fmt.Sprintf(" {x: '%s'}", x)
	}
	return ""
}

func (r relForm) String() string {
	s := r.name
	if len(r.types) > 0 {
		s += ":" + strings.Join(r.types, "|")
	}
	if r.long {
		s += fmt.Sprintf("*%d..", r.min)
		if r.max >= 0 {
			s += fmt.Sprint(r.max)
		}
	}
	s = "[" + s + xText(r.x) + "]"
	switch r.dir {
	case -1:
		return "<-" + s + "-"
	case 1:
		return "-" + s + "->"
	}
	return "-" + s + "-"
}

// match calls found with every assignment that extends a and meets the patterns:
// it tries everything.
func (w *world) match(patterns []patternForm, a assignment, found func(a assignment)) {
	w.matchPatterns(patterns, a, map[relID]bool{}, found)
}

func (w *world) matchPatterns(patterns []patternForm, a assignment, used map[relID]bool, found func(a assignment)) {
	if len(patterns) == 0 {
		found(a)
		return
	}
	p := patterns[0]
	w.matchNode(p.nodes[0], a, func(a assignment, at int) {
		w.matchRest(p, 0, at, walkedPath{nodes: []int{at}}, a, used, func(a assignment, path walkedPath, used map[relID]bool) {
			if p.path != "" {
				a = a.with(p.path, path)
			}
			w.matchPatterns(patterns[1:], a, used, found)
		})
	})
}

func (a assignment) with(name string, v any) assignment {
	if name == "" {
		return a
	}
	b := make(assignment, len(a)+1)
	for k, v := range a {
		b[k] = v
	}
	b[name] = v
	return b
}

func (w *world) matchNode(n nodeForm, a assignment, found func(a assignment, at int)) {
	for i := range w.x {
		if n.label != "" && w.labels[i] != n.label || n.x != nil && w.x[i] != n.x {
			continue
		}
		if v, bound := a[n.name]; bound && n.name != "" {
			if v == any(i) {
				found(a, i)
			}
			continue
		}
		found(a.with(n.name, i), i)
	}
}

// ends are the two ways, or the one, in which a relationship fits a direction.
func (w *world) ends(id relID, dir int) [][2]int {
	r := w.rels[id]
	switch {
	case dir == 1 || dir == 0 && r.from == r.to:
		return [][2]int{{r.from, r.to}}
	case dir == -1:
		return [][2]int{{r.to, r.from}}
	}
	return [][2]int{{r.from, r.to}, {r.to, r.from}}
}

func (w *world) fits(id relID, r relForm) bool {
	have := w.rels[id]
	return (len(r.types) == 0 || slices.Contains(r.types, have.typ)) && (r.x == nil || have.x == r.x)
}

func (w *world) matchRest(p patternForm, i, at int, path walkedPath, a assignment, used map[relID]bool, found func(assignment, walkedPath, map[relID]bool)) {
	if i == len(p.rels) {
		found(a, path, used)
		return
	}
	r := p.rels[i]
	next := func(rels []relID, nodes []int, end int) {
		var v any = slices.Clone(rels)
		if !r.long {
			v = rels[0]
		}
		if have, bound := a[r.name]; bound && r.name != "" && fmt.Sprint(have) != fmt.Sprint(v) {
			return
		}
		nowUsed := map[relID]bool{}
		for id := range used {
			nowUsed[id] = true
		}
		for _, id := range rels {
			nowUsed[id] = true
		}
		longer := walkedPath{nodes: append(slices.Clone(path.nodes), nodes...), rels: append(slices.Clone(path.rels), rels...)}
		w.matchNode(p.nodes[i+1], a.with(r.name, v), func(a assignment, node int) {
			if node == end {
				w.matchRest(p, i+1, end, longer, a, nowUsed, found)
			}
		})
	}
	if !r.long {
		for id := range w.rels {
			if used[relID(id)] || !w.fits(relID(id), r) {
				continue
			}
			for _, e := range w.ends(relID(id), r.dir) {
				if e[0] == at {
					next([]relID{relID(id)}, []int{e[1]}, e[1])
				}
			}
		}
		return
	}
	w.trails(r, at, used, func(rels []relID, nodes []int) {
		end := at
		if len(nodes) > 0 {
			end = nodes[len(nodes)-1]
		}
		next(rels, nodes, end)
	})
}

// trails calls found with every walk that a long relationship pattern allows.
func (w *world) trails(r relForm, start int, used map[relID]bool, found func(rels []relID, nodes []int)) {
	var rels []relID
	var nodes []int
	var step func(at int)
	step = func(at int) {
		if len(rels) >= r.min {
			found(rels, nodes)
		}
		if r.max >= 0 && len(rels) >= r.max {
			return
		}
		for id := range w.rels {
			if used[relID(id)] || slices.Contains(rels, relID(id)) || !w.fits(relID(id), r) {
				continue
			}
			for _, e := range w.ends(relID(id), r.dir) {
				if e[0] == at {
					rels, nodes = append(rels, relID(id)), append(nodes, e[1])
					step(e[1])
					rels, nodes = rels[:len(rels)-1], nodes[:len(nodes)-1]
				}
			}
		}
	}
	step(start)
}

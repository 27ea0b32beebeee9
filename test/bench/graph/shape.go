package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/meshd/meshd/graphsync/formats"
)

// shape is the same graph in memory, read from the file that is imported: what
// queries count is counted here by trying everything.
type shape struct {
	at      map[string]int32 // by key
	says    map[string]int   // "type", or "type property=JSON value": how many nodes
	out, in map[string][][]far
	edges   map[string]int // by type
}

// sameKey is equal for keys that name the same node, which case does not tell apart.
func sameKey(key string) string { return strings.ToLower(key) }

// far is the other end of an edge, and how many edges alike are before it.
type far struct {
	node     int32
	parallel uint32
}

func (f far) compare(g far) int {
	return cmp.Or(cmp.Compare(f.node, g.node), cmp.Compare(f.parallel, g.parallel))
}

// shapeOf reads the lines of a dataset.
func shapeOf(d *dataset) (*shape, error) {
	f, err := os.Open(d.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := &shape{at: map[string]int32{}, says: map[string]int{}, out: map[string][][]far{}, in: map[string][][]far{}, edges: map[string]int{}}
	last := map[string][]string{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		r, err := formats.ParseRecord(lines.Bytes())
		if err != nil {
			return nil, err
		}
		switch {
		case r.Node != nil:
			r.Node.Key = sameKey(r.Node.Key)
			if _, there := s.at[r.Node.Key]; !there {
				s.at[r.Node.Key] = int32(len(s.at))
			}
			if err := s.node(last, r.Node); err != nil {
				return nil, err
			}
		case r.Edge != nil:
			if err := s.join(r.Edge); err != nil {
				return nil, err
			}
		}
	}
	for _, ends := range []map[string][][]far{s.out, s.in} {
		for _, lists := range ends {
			for i := range lists {
				slices.SortFunc(lists[i], far.compare)
				lists[i] = slices.Compact(lists[i])
			}
		}
	}
	for typ, lists := range s.out {
		for _, list := range lists {
			s.edges[typ] += len(list)
		}
	}
	return s, lines.Err()
}

// node counts a node by its last line.
func (s *shape) node(last map[string][]string, n *formats.Node) error {
	said := map[string]json.RawMessage{}
	if len(n.Properties) > 0 {
		if err := json.Unmarshal(n.Properties, &said); err != nil {
			return err
		}
	}
	tells := []string{n.Type}
	for name, value := range said {
		if len(value) < 40 {
			tells = append(tells, n.Type+" "+name+"="+string(value))
		}
	}
	for _, t := range last[n.Key] {
		s.says[t]--
	}
	for _, t := range tells {
		s.says[t]++
	}
	last[n.Key] = tells
	return nil
}

func (s *shape) join(e *formats.Edge) error {
	from, ok := s.at[sameKey(e.Source)]
	to, ok2 := s.at[sameKey(e.Target)]
	if !ok || !ok2 {
		return fmt.Errorf("an edge from %s to %s comes before its ends", e.Source, e.Target)
	}
	add := func(ends map[string][][]far, a, b int32) {
		lists := ends[e.Type]
		for int(a) >= len(lists) {
			lists = append(lists, make([][]far, max(1024, len(lists)))...)
		}
		lists[a] = append(lists[a], far{b, e.Parallel})
		ends[e.Type] = lists
	}
	add(s.out, from, to)
	add(s.in, to, from)
	return nil
}

func listOf(ends map[string][][]far, typ string, node int32) []far {
	if lists := ends[typ]; int(node) < len(lists) {
		return lists[node]
	}
	return nil
}

// pattern is edges between nodes that have letters, and perhaps one that must not
// be there.
type pattern struct {
	name  string
	edges []link
	not   *link
}

type link struct {
	from, to byte
	typ      string
}

func (l link) String() string { return fmt.Sprintf("(%c)-[:%s]->(%c)", l.from, l.typ, l.to) }

// text is the query that counts a pattern.
func (p *pattern) text() string {
	var parts []string
	for _, e := range p.edges {
		parts = append(parts, e.String())
	}
	text := "MATCH " + strings.Join(parts, ", ")
	if p.not != nil {
		text += " WHERE NOT " + p.not.String()
	}
	return text + " RETURN count(*)"
}

// matching is a pattern that is being counted.
type matching struct {
	s     *shape
	p     *pattern
	bound [256]int32 // by letter, -1 where it is not
	used  []usedEdge
	found int
}

type usedEdge struct {
	from int32
	far
	typ string
}

// count counts the matches of a pattern; no edge stands for two in one of them.
func (s *shape) count(p *pattern) int {
	m := &matching{s: s, p: p}
	for i := range m.bound {
		m.bound[i] = -1
	}
	m.next(0)
	return m.found
}

func (m *matching) next(i int) {
	if i == len(m.p.edges) {
		if n := m.p.not; n == nil || !m.has(m.bound[n.from], m.bound[n.to], n.typ) {
			m.found++
		}
		return
	}
	e := m.p.edges[i]
	from, to := m.bound[e.from], m.bound[e.to]
	switch {
	case from >= 0 && to >= 0:
		list := listOf(m.s.out, e.typ, from)
		at, _ := slices.BinarySearchFunc(list, far{node: to}, far.compare)
		for ; at < len(list) && list[at].node == to; at++ {
			m.take(i, from, list[at])
		}
	case from >= 0:
		for _, f := range listOf(m.s.out, e.typ, from) {
			m.take(i, from, f)
		}
	case to >= 0:
		for _, f := range listOf(m.s.in, e.typ, to) {
			m.take(i, f.node, far{to, f.parallel})
		}
	default:
		for near, list := range m.s.out[e.typ] {
			for _, f := range list {
				m.take(i, int32(near), f)
			}
		}
	}
	m.bound[e.from], m.bound[e.to] = from, to
}

func (m *matching) take(i int, from int32, to far) {
	e := m.p.edges[i]
	this := usedEdge{from, to, e.typ}
	if slices.Contains(m.used, this) {
		return
	}
	m.bound[e.from], m.bound[e.to] = from, to.node
	m.used = append(m.used, this)
	m.next(i + 1)
	m.used = m.used[:len(m.used)-1]
}

func (m *matching) has(from, to int32, typ string) bool {
	list := listOf(m.s.out, typ, from)
	at, _ := slices.BinarySearchFunc(list, far{node: to}, far.compare)
	return at < len(list) && list[at].node == to
}

// within is how many other nodes lie up to so many edges of a type away.
func (s *shape) within(key, typ string, depth int) int {
	start := s.at[sameKey(key)]
	seen := map[int32]bool{start: true}
	edge := []int32{start}
	for ; depth > 0 && len(edge) > 0; depth-- {
		var next []int32
		for _, at := range edge {
			for _, to := range listOf(s.out, typ, at) {
				if !seen[to.node] {
					seen[to.node] = true
					next = append(next, to.node)
				}
			}
		}
		edge = next
	}
	return len(seen) - 1
}

package plan

import (
	"math"
	"slices"

	"github.com/meshd/meshd/graphsync/cypher/ast"
)

// What is guessed where nothing is known: the share of rows that a predicate lets
// pass, how far an open walk leads, how far any, and no number above the last.
const (
	equalShare = 0.1
	listShare  = 0.25
	rangeShare = 0.3
	otherShare = 0.5
	openSteps  = 8
	manySteps  = 64
	hugeRows   = 1e15
)

// guess answers how much there is of something, from the counts of a graph.
type guess struct {
	stats Stats
	nodes map[string]float64
	rels  map[string]float64
}

func newGuess(s Stats) *guess {
	return &guess{stats: s, nodes: map[string]float64{}, rels: map[string]float64{}}
}

// count is how many nodes have a label, at least a few parts of one.
func (g *guess) count(label string) float64 {
	n, ok := g.nodes[label]
	if !ok {
		c, _ := g.stats.CountNodes(label)
		n = max(float64(c), 0.01)
		g.nodes[label] = n
	}
	return n
}

// proper are the labels that not every node has: the others need no asking.
func (g *guess) proper(labels []string) []string {
	all, exact := g.stats.CountNodes("")
	if !exact {
		return labels
	}
	return slices.DeleteFunc(slices.Clone(labels), func(l string) bool {
		n, exact := g.stats.CountNodes(l)
		return exact && n == all
	})
}

func (g *guess) all() float64 { return max(g.count(""), 1) }

// relCount is how many relationships are of the types.
func (g *guess) relCount(types []string) float64 {
	if len(types) == 0 {
		types = []string{""}
	}
	sum := 0.0
	for i, t := range types {
		if slices.Contains(types[:i], t) {
			continue
		}
		n, ok := g.rels[t]
		if !ok {
			c, _ := g.stats.CountRels(t)
			n = float64(c)
			g.rels[t] = n
		}
		sum += n
	}
	return sum
}

// passShare is what it takes to pass over a relationship of another type, beside
// one that is given.
const passShare = 0.2

// relScan is what it takes to find all relationships of the types: those of other
// types lie between them, so a rare type of a large graph is no quick beginning.
func (g *guess) relScan(types []string) float64 {
	n := g.relCount(types)
	return n + passShare*max(0, g.relCount(nil)-n)
}

// degree is how many relationships of the types a node has in a direction.
func (g *guess) degree(types []string, dir ast.Direction) float64 {
	d := g.relCount(types) / g.all()
	if dir == ast.Either {
		d *= 2
	}
	return d
}

// share is the part of all nodes that has every label.
func (g *guess) share(labels []string) float64 {
	s := 1.0
	for _, l := range labels {
		s *= min(1, g.count(l)/g.all())
	}
	return s
}

// reach is how many relationships a walk looks at, and how many walks there are.
func (g *guess) reach(r *Rel) (looked, found float64) {
	d := g.degree(r.Types, r.Dir)
	// A query may ask for any length: longer ones are thought of as no longer.
	least, last := min(r.Min, manySteps), r.Max
	if last < 0 || last > openSteps {
		last = max(least, openSteps)
	}
	walks := 1.0
	for k := 0; k <= last && k <= least+openSteps; k++ {
		if k >= least {
			found += walks
		}
		walks *= d
		looked += walks
	}
	return atMost(looked), atMost(found)
}

func atMost(rows float64) float64 {
	if math.IsNaN(rows) {
		return hugeRows
	}
	return min(rows, hugeRows)
}

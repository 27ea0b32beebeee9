package check

import (
	"cmp"
	"fmt"
	"slices"
)

// Revisions checks that revisions are one order for the whole mesh: whatever
// node answered and however it was read, of one register a higher revision
// never shows a lower version, one version never two values, and nothing is
// read that nobody tried to write. A write's revision is the one that brought
// it, so nothing below may show it.
func Revisions(history []Op, initial map[string]string) []Problem {
	var problems []Problem
	for key, ops := range registers(history) {
		tried := map[string]bool{initial[key]: true}
		for _, o := range ops {
			if o.Kind == Write || o.Kind == CAS {
				tried[o.Value] = true
			}
		}
		seen := slices.DeleteFunc(slices.Clone(ops), func(o Op) bool { return o.Outcome != OK || o.Mismatch || o.Replayed })
		values := map[uint64]Op{}
		for _, o := range seen {
			if !tried[o.Value] {
				problems = append(problems, Problem{"foreign", fmt.Sprintf("register %s: %s answered the value %q, which nobody wrote", key, o.Node, o.Value), []Op{o}})
			}
			if first, ok := values[o.Version]; ok && first.Value != o.Value {
				problems = append(problems, Problem{"diverged", fmt.Sprintf("register %s: version %d is %q and %q", key, o.Version, first.Value, o.Value), []Op{first, o}})
			}
			values[o.Version] = o
			if o.Revision < o.MinRevision {
				problems = append(problems, Problem{"stale", fmt.Sprintf("%s answered revision %d where %d was asked for at least", o.Node, o.Revision, o.MinRevision), []Op{o}})
			}
		}
		slices.SortStableFunc(seen, func(a, b Op) int {
			return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Version, b.Version))
		})
		for i := 1; i < len(seen); i++ {
			a, b := seen[i-1], seen[i]
			wrote := b.Kind == Write || b.Kind == CAS
			switch {
			case a.Revision == b.Revision && a.Version != b.Version:
				problems = append(problems, Problem{"diverged", fmt.Sprintf("register %s: at revision %d it has version %d at %s and %d at %s", key, a.Revision, a.Version, a.Node, b.Version, b.Node), []Op{a, b}})
			case a.Version > b.Version:
				problems = append(problems, Problem{"order", fmt.Sprintf("register %s: version %d at revision %d (%s), but version %d at revision %d (%s)", key, a.Version, a.Revision, a.Node, b.Version, b.Revision, b.Node), []Op{a, b}})
			case wrote && a.Revision < b.Revision && a.Version == b.Version:
				problems = append(problems, Problem{"order", fmt.Sprintf("register %s: version %d came by revision %d, but %s showed it at revision %d", key, b.Version, b.Revision, a.Node, a.Revision), []Op{a, b}})
			}
		}
	}
	return problems
}

// Backwards checks that what one client sees at one node never goes back to an
// older revision, nor below what that node has answered it for a write.
func Backwards(history []Op) []Problem {
	type place struct {
		client int
		node   string
	}
	var problems []Problem
	last := map[place]Op{}
	ops := slices.DeleteFunc(slices.Clone(history), func(o Op) bool { return o.Outcome != OK || o.Revision == 0 || o.Replayed })
	slices.SortStableFunc(ops, func(a, b Op) int { return cmp.Compare(a.Return, b.Return) })
	for _, o := range ops {
		p := place{o.Client, o.Node}
		before, ok := last[p]
		reads := o.Kind == Stale || o.Kind == AtLeast || o.Kind == Read || o.Kind == Has
		if ok && reads && o.Call >= before.Return && o.Revision < before.Revision {
			problems = append(problems, Problem{"backwards", fmt.Sprintf("client %d at %s: revision %d after revision %d", o.Client, o.Node, o.Revision, before.Revision), []Op{before, o}})
		}
		if !ok || o.Revision > before.Revision {
			last[p] = o
		}
	}
	return problems
}

// State is what a node said of itself.
type State struct {
	Node     string `json:"node"`
	Revision uint64 `json:"revision"`
	Hash     string `json:"hash"`
}

// States remembers the state hash of each revision and compares whatever comes
// after. It is not safe for concurrent use.
type States struct {
	first map[uint64]State
}

// Add returns a problem where s contradicts what another node said.
func (c *States) Add(s State) (Problem, bool) {
	if c.first == nil {
		c.first = map[uint64]State{}
	}
	f, ok := c.first[s.Revision]
	if !ok {
		c.first[s.Revision] = s
		return Problem{}, false
	}
	if f.Hash == s.Hash {
		return Problem{}, false
	}
	return Problem{Kind: "diverged", Text: fmt.Sprintf("at revision %d the state is %s at %s and %s at %s", s.Revision, f.Hash, f.Node, s.Hash, s.Node)}, true
}

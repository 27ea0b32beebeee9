package check

import (
	"cmp"
	"fmt"
	"slices"
)

// Listing is all that a node holds of the elements at the end: how often each
// label is there, and the ends of each edge.
type Listing struct {
	Node  string
	Nodes map[string]int
	IDs   map[uint64]bool
	Edges map[string]int
	Ends  map[string][2]uint64
}

// fate is what the history says of one element.
type fate struct {
	kind           Kind
	acked, deleted *Op // the first to return
	dying          bool
	deleteCalled   int64
	tried          bool
}

func fates(history []Op) map[string]*fate {
	all := map[string]*fate{}
	of := func(o Op) *fate {
		f := all[o.Key]
		if f == nil {
			f = &fate{kind: o.Kind}
			all[o.Key] = f
		}
		return f
	}
	for i := range history {
		o := &history[i]
		switch o.Kind {
		case Add, Edge:
			f := of(*o)
			f.kind = o.Kind
			f.tried = f.tried || o.Outcome != Refused
			if o.Outcome == OK && (f.acked == nil || o.Return < f.acked.Return) {
				f.acked = o
			}
		case Delete:
			f := of(*o)
			if o.Outcome != Refused && (!f.dying || o.Call < f.deleteCalled) {
				f.dying, f.deleteCalled = true, o.Call
			}
			if o.Outcome == OK && (f.deleted == nil || o.Return < f.deleted.Return) {
				f.deleted = o
			}
		}
	}
	return all
}

// Elements compares what each node holds at the end with what was acknowledged:
// what was added is there exactly once, what was deleted is not, nothing is
// there twice or out of nowhere, and no edge has lost an end.
func Elements(history []Op, listings []Listing) []Problem {
	var problems []Problem
	all := fates(history)
	add := func(kind, format string, key string, args ...any) {
		problems = append(problems, Problem{Kind: kind, Text: fmt.Sprintf(format, args...), Ops: ofKey(history, key)})
	}
	for _, l := range listings {
		for _, key := range sortedKeys(all) {
			f := all[key]
			n := l.Nodes[key]
			if f.kind == Edge {
				n = l.Edges[key]
			}
			switch {
			case n > 1:
				add("duplicated", "%s is there %d times at %s", key, key, n, l.Node)
			case f.acked != nil && !f.dying && n == 0:
				add("lost", "%s was acknowledged and is not at %s", key, key, l.Node)
			case f.deleted != nil && n > 0:
				add("deleted", "%s was deleted and is at %s", key, key, l.Node)
			case !f.tried && n > 0:
				add("foreign", "%s was refused each time and is at %s", key, key, l.Node)
			}
		}
		for _, label := range append(sortedKeys(l.Nodes), sortedKeys(l.Edges)...) {
			if all[label] == nil {
				add("foreign", "%s at %s was never asked for", label, label, l.Node)
			}
		}
		for _, label := range sortedKeys(l.Ends) {
			for _, end := range l.Ends[label] {
				if !l.IDs[end] {
					add("foreign", "edge %s at %s has lost its end %d", label, label, l.Node, end)
				}
			}
		}
	}
	return problems
}

// Batches checks at the end that of what was asked for together each node has
// all or nothing.
func Batches(history []Op, listings []Listing) []Problem {
	var problems []Problem
	batches := map[string][]Op{}
	for _, o := range history {
		if o.Batch != "" {
			batches[o.Batch] = append(batches[o.Batch], o)
		}
	}
	for _, l := range listings {
		for _, name := range sortedKeys(batches) {
			there := 0
			for _, o := range batches[name] {
				if l.Nodes[o.Key] > 0 {
					there++
				}
			}
			if there > 0 && there < len(batches[name]) {
				problems = append(problems, Problem{"torn", fmt.Sprintf("of the %d things of batch %s %d are at %s", len(batches[name]), name, there, l.Node), batches[name]})
			}
		}
	}
	return problems
}

// Replays checks what was sent with idempotency keys: all acknowledgements of
// one key name one thing.
func Replays(history []Op) []Problem {
	var problems []Problem
	first := map[string]Op{}
	for _, o := range history {
		if o.Idempotent == "" || o.Outcome != OK || o.Mismatch || o.Kind == Delete {
			continue
		}
		f, ok := first[o.Idempotent]
		if !ok {
			first[o.Idempotent] = o
			continue
		}
		if f.ID != o.ID || f.Version != o.Version {
			problems = append(problems, Problem{"duplicated", fmt.Sprintf("idempotency key %s made %d (version %d) and %d (version %d)", o.Idempotent, f.ID, f.Version, o.ID, o.Version), []Op{f, o}})
		}
	}
	return problems
}

// Sightings checks linearizable reads of elements while the run went on: what
// was acknowledged before the read began is found, what was deleted is not.
func Sightings(history []Op) []Problem {
	var problems []Problem
	all := fates(history)
	ops := slices.DeleteFunc(slices.Clone(history), func(o Op) bool { return o.Kind != Has || o.Outcome != OK })
	slices.SortFunc(ops, func(a, b Op) int { return cmp.Compare(a.Call, b.Call) })
	for _, o := range ops {
		f := all[o.Key]
		if f == nil {
			continue
		}
		switch {
		case !o.Found && f.acked != nil && f.acked.Return < o.Call && (!f.dying || f.deleteCalled > o.Return):
			problems = append(problems, Problem{"stale", fmt.Sprintf("%s was acknowledged before a linearizable read at %s began, which did not find it", o.Key, o.Node), []Op{*f.acked, o}})
		case o.Found && f.deleted != nil && f.deleted.Return < o.Call:
			problems = append(problems, Problem{"stale", fmt.Sprintf("%s was deleted before a linearizable read at %s began, which found it", o.Key, o.Node), []Op{*f.deleted, o}})
		}
	}
	return problems
}

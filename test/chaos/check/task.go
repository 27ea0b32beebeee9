package check

import "fmt"

// TaskList is what a node holds of the tasks at the end: the states of those
// with each label.
type TaskList struct {
	Node   string
	States map[string][]string
}

// Tasks judges delegated work: what was asked for and acknowledged is there once
// at every node, what was reported as completed stays completed, and nothing is
// there that was refused or never asked for.
func Tasks(history []Op, lists []TaskList) []Problem {
	var problems []Problem
	type fate struct {
		asked, done *Op
		tried       bool
		reported    bool
	}
	all := map[string]*fate{}
	for i := range history {
		o := &history[i]
		if o.Kind != Task && o.Kind != Report {
			continue
		}
		f := all[o.Key]
		if f == nil {
			f = &fate{}
			all[o.Key] = f
		}
		switch {
		case o.Kind == Task && o.Outcome != Refused:
			f.tried = true
			if o.Outcome == OK && f.asked == nil {
				f.asked = o
			}
		case o.Kind == Report && o.Outcome != Refused:
			f.reported = true
			if o.Outcome == OK && f.done == nil {
				f.done = o
			}
		}
	}
	add := func(kind, format, key string, args ...any) {
		problems = append(problems, Problem{Kind: kind, Text: fmt.Sprintf(format, args...), Ops: ofKey(history, key)})
	}
	for _, l := range lists {
		for _, key := range sortedKeys(all) {
			f, states := all[key], l.States[key]
			switch {
			case len(states) > 1:
				add("duplicated", "task %s is there %d times at %s", key, key, len(states), l.Node)
			case f.asked != nil && len(states) == 0:
				add("lost", "task %s was acknowledged and is not at %s", key, key, l.Node)
			case f.done != nil && len(states) == 1 && states[0] != "completed":
				add("lost", "task %s was reported as completed and is %s at %s", key, key, states[0], l.Node)
			case !f.reported && len(states) == 1 && states[0] == "completed":
				add("foreign", "task %s is completed at %s and nobody reported so", key, key, l.Node)
			}
		}
		for _, key := range sortedKeys(l.States) {
			if f := all[key]; f == nil || !f.tried {
				add("foreign", "task %s at %s was refused or never asked for", key, key, l.Node)
			}
		}
	}
	return problems
}

package check

import (
	"cmp"
	"fmt"
	"slices"
)

// Inbox is what a node holds of an inbox at the end: the labels of the messages
// that wait, in their order, and of those that were given up.
type Inbox struct {
	Node, Name    string
	Waiting, Dead []string
}

// leaseSlack is what a lease may be short of its time: the mesh's clock stamps
// entries, not answers.
const leaseSlack = int64(2e9)

// place is one message in one inbox.
type place struct{ inbox, label string }

// course is what the history says of a message in one inbox.
type course struct {
	sent  *Op // acknowledged, the first to return
	tried bool
	acked *Op // acknowledged as done with, the first to return
	doing bool
	takes []*Op
}

func courses(history []Op) map[place]*course {
	all := map[place]*course{}
	of := func(inbox, label string) *course {
		c := all[place{inbox, label}]
		if c == nil {
			c = &course{}
			all[place{inbox, label}] = c
		}
		return c
	}
	for i := range history {
		o := &history[i]
		switch o.Kind {
		case Send:
			for _, inbox := range o.To {
				c := of(inbox, o.Key)
				c.tried = c.tried || o.Outcome != Refused
				if o.Outcome == OK && (c.sent == nil || o.Return < c.sent.Return) {
					c.sent = o
				}
			}
		case Take:
			for _, label := range o.Keys {
				c := of(o.Key, label)
				c.takes = append(c.takes, o)
			}
		case Ack:
			for _, label := range o.Keys {
				c := of(o.Key, label)
				c.doing = c.doing || o.Outcome != Refused
				if o.Outcome == OK && (c.acked == nil || o.Return < c.acked.Return) {
					c.acked = o
				}
			}
		}
	}
	return all
}

// Inboxes judges durable messages: what was accepted for an inbox is taken and
// acknowledged, or waits there, or is among the dead letters, at every node; it
// is there once, never after it was acknowledged, never leased to two at a time,
// and what was refused or never sent is nowhere.
func Inboxes(history []Op, inboxes []Inbox) []Problem {
	var problems []Problem
	all := courses(history)
	add := func(kind, text string, ops ...Op) { problems = append(problems, Problem{kind, text, ops}) }
	for p, c := range all {
		problems = append(problems, c.judge(p)...)
	}
	for _, in := range inboxes {
		times := map[string]int{}
		for _, label := range slices.Concat(in.Waiting, in.Dead) {
			times[label]++
		}
		for _, label := range sortedKeys(times) {
			p := place{in.Name, label}
			c := all[p]
			switch {
			case c == nil || !c.tried:
				add("foreign", fmt.Sprintf("%s waits in %s at %s and was refused or never sent", label, in.Name, in.Node))
			case times[label] > 1:
				add("duplicated", fmt.Sprintf("%s is %d times in %s at %s", label, times[label], in.Name, in.Node))
			case c.acked != nil:
				add("duplicated", fmt.Sprintf("%s was acknowledged and is in %s at %s", label, in.Name, in.Node), *c.acked)
			}
		}
		for p, c := range all {
			if p.inbox == in.Name && c.sent != nil && !c.doing && times[p.label] == 0 {
				add("lost", fmt.Sprintf("%s was accepted for %s and is not there at %s, though nobody acknowledged it", p.label, in.Name, in.Node), *c.sent)
			}
		}
	}
	slices.SortFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Text, b.Text) })
	return append(problems, orders(history)...)
}

func (c *course) judge(p place) []Problem {
	var problems []Problem
	for i, o := range c.takes {
		switch {
		case !c.tried:
			problems = append(problems, Problem{"foreign", fmt.Sprintf("%s was taken from %s and was refused or never sent", p.label, p.inbox), []Op{*o}})
		case c.acked != nil && o.Call > c.acked.Return:
			problems = append(problems, Problem{"duplicated", fmt.Sprintf("%s was taken from %s after it had been acknowledged", p.label, p.inbox), []Op{*c.acked, *o}})
		}
		for _, other := range c.takes[:i] {
			first, second := other, o
			if second.Call < first.Call {
				first, second = second, first
			}
			if second.Return < first.Call+first.Lease-leaseSlack {
				problems = append(problems, Problem{"duplicated", fmt.Sprintf("%s in %s was leased to two at a time", p.label, p.inbox), []Op{*first, *second}})
			}
		}
	}
	return problems
}

// orders checks that one lease hands out the messages of a client in the order
// in which it sent them, one after the other's acknowledgement.
func orders(history []Op) []Problem {
	var problems []Problem
	sent := map[string]*Op{}
	for i := range history {
		if o := &history[i]; o.Kind == Send && o.Outcome == OK {
			sent[o.Key] = o
		}
	}
	for _, o := range history {
		if o.Kind != Take {
			continue
		}
		last := map[int]*Op{} // by client: the latest sent of those before
		for _, label := range o.Keys {
			s := sent[label]
			if s == nil {
				continue
			}
			if before := last[s.Client]; before != nil && s.Return < before.Call {
				problems = append(problems, Problem{"order", fmt.Sprintf("%s hands out %s after %s, which the same client sent later", o.Key, label, before.Key), []Op{*s, *before, o}})
			}
			if before := last[s.Client]; before == nil || before.Call < s.Call {
				last[s.Client] = s
			}
		}
	}
	return problems
}

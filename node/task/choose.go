package task

import (
	"cmp"
	"hash/fnv"
	"slices"
)

// Candidate is an agent that can be reached now, as a Chooser sees it.
type Candidate struct {
	Agent        string
	Capabilities []string
	// Instances are its live attachments, Busy the messages they are at.
	Instances, Busy int
	// Tasks are those that are with it.
	Tasks int
	// Success and Proficiency are the means of its scores at the task's type
	// and each capability it needs, in millionths: see Score.
	Success, Proficiency int64
	// Known is how many tasks the scores stand on.
	Known int
}

// Chooser decides who gets a task that names no agent. It runs at the leader
// alone, so it may use whatever it likes; what it decides is replicated.
type Chooser interface {
	// Choose returns the candidates to try, the best first: the first gets the
	// task. None: the task waits. Whoever stands in the task's chain must not
	// be chosen; such a choice is passed over.
	Choose(t Task, from []Candidate) []Candidate
}

// fallbacks is how many others than the best ByMerit names.
const fallbacks = 3

// ByMerit is the Chooser of a mesh. An agent must announce every capability
// that the task needs. Of those it takes, in this order: one that is not
// overloaded (8 tasks an instance) before one that is; one that has not had
// this task before one that has; one whose success is 0.3 or better, or unknown
// as yet, before one that fails most of the time; the better success, in steps
// of a tenth; the greater proficiency, in steps of a quarter; the fewer tasks
// and messages an instance; and then any, so that equals share the work.
type ByMerit struct{}

// Thresholds of ByMerit, success in millionths.
const (
	overloaded  = 8
	unsuited    = 3 * million / 10
	judgedAfter = 10
	tenth       = million / 10
	quarter     = million / 4
)

// Choose implements Chooser.
func (ByMerit) Choose(t Task, from []Candidate) []Candidate {
	var able []Candidate
	for _, c := range from {
		if c.Instances > 0 && !slices.Contains(t.Chain, c.Agent) && hasAll(c.Capabilities, t.Needs) {
			able = append(able, c)
		}
	}
	slices.SortFunc(able, func(a, b Candidate) int {
		return cmp.Or(
			first(a.Tasks < overloaded*a.Instances, b.Tasks < overloaded*b.Instances),
			first(!slices.Contains(t.Tried, a.Agent), !slices.Contains(t.Tried, b.Agent)),
			first(!a.fails(), !b.fails()),
			cmp.Compare(b.Success/tenth, a.Success/tenth),
			cmp.Compare(b.Proficiency/quarter, a.Proficiency/quarter),
			cmp.Compare((a.Tasks+a.Busy)*b.Instances, (b.Tasks+b.Busy)*a.Instances),
			cmp.Compare(lot(t.ID, a.Agent), lot(t.ID, b.Agent)),
			cmp.Compare(a.Agent, b.Agent),
		)
	})
	return able[:min(len(able), 1+fallbacks)]
}

func (c *Candidate) fails() bool { return c.Known >= judgedAfter && c.Success < unsuited }

// first orders what holds before what does not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func hasAll(have, need []string) bool {
	for _, n := range need {
		if !slices.Contains(have, n) {
			return false
		}
	}
	return true
}

// lot draws among equals, another for each task.
func lot(id ID, agent string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write(id.Key())
	_, _ = h.Write([]byte(agent))
	return h.Sum32()
}

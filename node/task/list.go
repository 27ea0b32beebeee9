package task

import (
	"context"
	"slices"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/numbered"
)

// Bounds of a page.
const (
	DefaultPage = 100
	MaxPage     = 1000
	// maxScanned bounds what a page looks at; where few of them match, a page
	// is short and still has a next.
	maxScanned = 20_000
)

// ListOptions chooses tasks; what is empty chooses all.
type ListOptions struct {
	States    []State
	Agent     string
	Requester string // an agent's name, or a principal
	Parent    ID
	// May says whether the caller may see a task; nil: all.
	May func(Task) bool
	// Before goes on after a page: tasks older than this one.
	Before ID
	Limit  int // 0: DefaultPage
	Read   consensus.ReadOptions
}

// Page is tasks without their bodies, newest first.
type Page struct {
	Tasks []Task
	// Next is what Before takes for the next page; 0 at the end.
	Next ID
}

// List returns a page of tasks.
func (s *Service) List(ctx context.Context, o ListOptions) (p Page, info consensus.ReadInfo, err error) {
	if o.Limit <= 0 {
		o.Limit = DefaultPage
	}
	o.Limit = min(o.Limit, MaxPage)
	info, err = s.state.View(ctx, o.Read, func(r consensus.Reader) error {
		p = Page{Tasks: []Task{}}
		table, prefix := o.index()
		from := slices.Clone(prefix)
		last := ^ID(0)
		if o.Before != 0 {
			last = o.Before
		}
		if len(from) == 0 {
			from = nil
		}
		scanned := 0
		for k := range r.ScanReverse(table, from, append(slices.Clone(prefix), last.Key()...)) {
			id := numbered.IDOf(k)
			if len(p.Tasks) == o.Limit || scanned == maxScanned {
				p.Next = last
				return nil
			}
			scanned++
			last = id
			rec, err := load(r, id)
			if err != nil {
				return err
			}
			if rec == nil || !o.match(rec) {
				continue
			}
			if t := rec.task(id); o.May == nil || o.May(t) {
				p.Tasks = append(p.Tasks, t)
			}
		}
		return nil
	})
	return p, info, err
}

// index is the table that has the fewest of what is asked for, and how its keys
// begin; ids follow.
func (o *ListOptions) index() (consensus.Table, []byte) {
	switch {
	case o.Parent != 0:
		return tableParents, o.Parent.Key()
	case o.Agent != "":
		return tableAgents, append([]byte(o.Agent), 0)
	case o.Requester != "":
		return tableAskers, append([]byte(o.Requester), 0)
	case len(o.States) == 1:
		return tableStates, []byte{stateNumber(o.States[0])}
	}
	return tableTasks, nil
}

func (o *ListOptions) match(r *record) bool {
	return (len(o.States) == 0 || slices.Contains(o.States, r.state())) &&
		(o.Agent == "" || r.Agent == o.Agent) &&
		(o.Requester == "" || slices.Contains(r.askers(), o.Requester)) &&
		(o.Parent == 0 || r.Parent == o.Parent)
}

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
	// mayAhead is how many tasks are read at once to ask who may see them.
	mayAhead = 500
)

// ListOptions chooses tasks; what is empty chooses all.
type ListOptions struct {
	States    []State
	Agent     string
	Requester string // an agent's name, or a principal
	Parent    ID
	// May says whether the caller may see a task; nil: all. It may ask the state.
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
	p.Tasks = []Task{}
	at, most, scanned := o.Before, o.Limit, 0
	if o.May != nil {
		most = max(most, mayAhead)
	}
	for first := true; ; first = false {
		var found []Task
		before, looked := at, scanned
		read, err := s.state.View(ctx, o.Read, func(r consensus.Reader) (err error) {
			found, at, scanned, err = o.scan(r, before, most, looked)
			return err
		})
		if err != nil {
			return p, read, err
		}
		if first {
			info, o.Read = read, consensus.ReadOptions{} // which has no less
		}
		// May looks at the state itself. A view in a view would wait for ever
		// behind a commit that has to make the state's file larger.
		for i, t := range found {
			if o.May != nil && !o.May(t) {
				continue
			}
			if p.Tasks = append(p.Tasks, t); len(p.Tasks) == o.Limit && i < len(found)-1 {
				p.Next = t.ID
				return p, info, nil
			}
		}
		if at == 0 || scanned >= maxScanned || len(p.Tasks) == o.Limit {
			p.Next = at
			return p, info, nil
		}
	}
}

// scan finds up to a number of tasks older than before, and where it stopped; 0:
// at the end. scanned counts what has been looked at for the page.
func (o *ListOptions) scan(r consensus.Reader, before ID, most, scanned int) (found []Task, stopped ID, looked int, err error) {
	table, prefix := o.index()
	from := slices.Clone(prefix)
	last := ^ID(0)
	if before != 0 {
		last = before
	}
	if len(from) == 0 {
		from = nil
	}
	for k := range r.ScanReverse(table, from, append(slices.Clone(prefix), last.Key()...)) {
		if len(found) == most || scanned >= maxScanned {
			return found, last, scanned, nil
		}
		scanned++
		last = numbered.IDOf(k)
		rec, err := load(r, last)
		if err != nil {
			return nil, 0, scanned, err
		}
		if rec != nil && o.match(rec) {
			found = append(found, rec.task(last))
		}
	}
	return found, 0, scanned, nil
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

// Untold says whether the leader has something of a task to bring to an agent's
// inbox yet, or to take out of it.
func (s *Service) Untold(ctx context.Context, agent string) (untold bool, err error) {
	_, err = s.state.View(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
		untold = false
		for _, v := range r.Scan(tableOut, nil, nil) {
			var o outRow
			if err := consensus.Decode(v, &o); err != nil {
				return err
			}
			if untold = o.To == agent; untold {
				return nil
			}
		}
		return nil
	})
	return untold, err
}

package task

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/numbered"
)

// assign finds agents for tasks that wait.
func (l *leader) assign(ctx context.Context) error {
	var list []assignment
	if err := l.view(ctx, func(r consensus.Reader) error {
		list = nil
		from := l.Agents()
		for i := range from {
			from[i].Tasks = loadOf(r, from[i].Agent)
		}
		now, read := l.now(r).UnixMilli(), 0
		for k, v := range r.Scan(tableQueue, l.place, nil) {
			if read++; read > placesRead || len(list) == placedAtOnce {
				l.place = bytes.Clone(k)
				return nil
			}
			if len(v) == 8 && int64(binary.BigEndian.Uint64(v)) > now {
				continue
			}
			id := numbered.IDOf(k)
			rec, err := load(r, id)
			if err != nil {
				return err
			}
			if rec == nil {
				continue
			}
			if a := l.choose(r, id, rec, from); a.Agent != "" || a.Note != rec.Note {
				list = append(list, a)
			}
		}
		l.place = nil
		return nil
	}); err != nil || len(list) == 0 {
		return err
	}
	return l.propose(ctx, kindAssign, assign{list})
}

func (l *leader) choose(r consensus.Reader, id ID, rec *record, from []Candidate) assignment {
	a := assignment{Task: id, Attempt: rec.Attempt + 1, Agent: rec.Wanted}
	if a.Agent != "" {
		return a
	}
	for i := range from {
		from[i].score(r, rec)
	}
	t := rec.task(id)
	for _, c := range l.Chooser.Choose(t, slices.Clone(from)) {
		if slices.Contains(rec.Chain, c.Agent) {
			continue
		}
		for i := range from {
			if from[i].Agent == c.Agent {
				from[i].Tasks++ // the next of this round sees it
			}
		}
		a.Agent = c.Agent
		return a
	}
	a.Note = "no agent that can be reached has what it needs"
	return a
}

// score fills in what the state knows of a candidate for a task.
func (c *Candidate) score(r consensus.Reader, rec *record) {
	keys := rec.subjects(c.Agent)
	c.Success, c.Proficiency, c.Known = 0, 0, 0
	for _, key := range keys {
		s := scoreOf(r, key)
		c.Success += s.Average
		c.Proficiency += s.Proficiency()
		c.Known = max(c.Known, s.Tasks)
	}
	c.Success /= int64(len(keys))
	c.Proficiency /= int64(len(keys))
}

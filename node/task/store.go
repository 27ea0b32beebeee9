package task

import (
	"slices"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/numbered"
)

// store is the state as one command changes it: records with their indexes,
// events, the outbox and the counts.
type store struct {
	w      consensus.Writer
	c      consensus.Command
	now    int64 // Unix ms
	m, was meta
	events []Event
	broken error // what it has found unreadable
}

func openStore(w consensus.Writer, c consensus.Command) (*store, error) {
	m, err := loadMeta(w)
	return &store{w: w, c: c, now: c.Time.UnixMilli(), m: m, was: m}, err
}

// close writes the counts back.
func (s *store) close() error {
	if s.m != s.was {
		s.w.Put(tableMeta, keyMeta, consensus.Encode(s.m))
	}
	return s.broken
}

// need returns a task that must be there.
func (s *store) need(id ID) (*record, error) {
	r, err := load(s.w, id)
	if err == nil && r == nil {
		err = unknown(id)
	}
	return r, err
}

// save writes a changed task with its indexes; before is nil where it is new.
func (s *store) save(id ID, before, r *record) {
	r.Updated, r.Revision = s.now, s.c.Revision
	drop := func(t consensus.Table, key []byte) { s.w.Delete(t, key) }
	put := func(t consensus.Table, key []byte) { s.w.Put(t, key, nil) }
	if before == nil {
		s.m.Live++
		for _, word := range r.askers() {
			put(tableAskers, numbered.WordKey(word, id))
		}
		if r.Parent != 0 {
			put(tableParents, numbered.TimeKey(int64(r.Parent), id))
		}
		before = &record{}
	} else {
		if before.State != r.State {
			drop(tableStates, numbered.ByteKey(before.State, id))
		}
		if before.Agent != "" && before.Agent != r.Agent {
			drop(tableAgents, numbered.WordKey(before.Agent, id))
		}
		if before.waits() && !r.waits() {
			drop(tableQueue, queueKey(before, id))
		}
		if !before.state().Final() && (r.state().Final() || before.due() != r.due()) {
			drop(tableDue, numbered.TimeKey(before.due(), id))
		}
	}
	if before.State != r.State {
		put(tableStates, numbered.ByteKey(r.State, id))
	}
	if r.Agent != "" && before.Agent != r.Agent {
		put(tableAgents, numbered.WordKey(r.Agent, id))
	}
	if r.waits() && (!before.waits() || before.NotBefore != r.NotBefore) {
		s.w.Put(tableQueue, queueKey(r, id), numbered.Key(uint64(r.NotBefore)))
	}
	switch {
	case r.state().Final() && !before.state().Final():
		r.Finished = s.now
		s.m.Live--
		s.m.Finished++
		put(tableDone, numbered.TimeKey(r.Finished, id))
	case !r.state().Final() && (before.State == 0 || before.due() != r.due()):
		put(tableDue, numbered.TimeKey(r.due(), id))
	}
	if had, has := before.holder(), r.holder(); had != has {
		s.count(had, -1)
		s.count(has, 1)
	}
	if err := s.recount(before, r); err != nil {
		s.broken = err
	}
	s.w.Put(tableTasks, id.Key(), consensus.Encode(r))
}

// holder is the agent a task is with, empty where it is with none.
func (r *record) holder() string {
	if r.with() {
		return r.Agent
	}
	return ""
}

func (s *store) count(agent string, by int) {
	if agent == "" {
		return
	}
	if n := loadOf(s.w, agent) + by; n > 0 {
		s.w.Put(tableLoads, []byte(agent), numbered.Key(uint64(n)))
	} else {
		s.w.Delete(tableLoads, []byte(agent))
	}
}

// askers are the words by which the requester is found.
func (r *record) askers() []string {
	words := []string{}
	for _, w := range []string{r.Requester.Agent, r.Requester.Principal} {
		if w != "" && !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	return words
}

// setBody replaces one of a task's bodies; nil takes it away.
func (s *store) setBody(id ID, r *record, which byte, data []byte) {
	key := bodyKey(id, which)
	grown := int64(len(data) - len(s.w.Get(tableBodies, key)))
	if data == nil {
		s.w.Delete(tableBodies, key)
	} else {
		s.w.Put(tableBodies, key, data)
	}
	r.Bytes += grown
	s.m.Bytes += grown
}

// event adds to a task's history, and drops the oldest event but the first
// where there are more than are kept.
func (s *store) event(id ID, r *record, e eventRow) {
	e.Revision, e.Time, e.State = s.c.Revision, s.now, r.State
	if e.Agent == "" {
		e.Agent = r.Agent
	}
	if e.Attempt == 0 {
		e.Attempt = r.Attempt
	}
	s.w.Put(tableEvents, eventKey(id, r.Events), consensus.Encode(e))
	r.Events++
	if r.Events > MaxEvents {
		s.w.Delete(tableEvents, eventKey(id, r.Events-MaxEvents))
	}
	s.events = append(s.events, e.event(id, r))
}

// forget removes a finished task.
func (s *store) forget(id ID, r *record) {
	s.m.Finished--
	s.m.Bytes -= r.Bytes
	s.w.Delete(tableTasks, id.Key())
	s.w.Delete(tableStates, numbered.ByteKey(r.State, id))
	s.w.Delete(tableDone, numbered.TimeKey(r.Finished, id))
	if r.Agent != "" {
		s.w.Delete(tableAgents, numbered.WordKey(r.Agent, id))
	}
	for _, word := range r.askers() {
		s.w.Delete(tableAskers, numbered.WordKey(word, id))
	}
	if r.Parent != 0 {
		s.w.Delete(tableParents, numbered.TimeKey(int64(r.Parent), id))
	}
	for which := byte(bodyTask); which <= bodyAnswer; which++ {
		s.w.Delete(tableBodies, bodyKey(id, which))
	}
	s.w.Delete(tableEvents, eventKey(id, 0))
	for n := max(1, int64(r.Events)-MaxEvents+1); n < int64(r.Events); n++ {
		s.w.Delete(tableEvents, eventKey(id, uint32(n)))
	}
}

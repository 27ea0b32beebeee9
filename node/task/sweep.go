package task

import (
	"encoding/binary"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/numbered"
)

// What one command does at most beside its own.
const (
	// cascadeNow is how many children a command that ends their parent ends
	// with it; ticks end the rest.
	cascadeNow = 64
	tickWork   = 128
)

// tick does what time has made due, a bounded part of it.
func (s *store) tick() error {
	work := 0
	for ; work < tickWork; work++ {
		k, _ := consensus.First(s.w, tableDue, nil)
		if k == nil || numbered.TimeOf(k) > s.now {
			break
		}
		id := numbered.IDOf(k)
		r, err := s.need(id)
		if err != nil {
			return err
		}
		if r.Deadline > s.now {
			s.lose(id, r, "the agent did not begin in time", false)
			continue
		}
		if r.with() && s.hadTime(r, false) {
			s.judge(r, false)
		}
		why := "the deadline has passed"
		s.stop(id, r, Failed, Failure{Code: FailedDeadline, Text: why}, eventRow{Kind: string(Failed), Text: why})
	}
	if err := s.cascade(tickWork - work); err != nil {
		return err
	}
	old := s.now - KeepFinished.Milliseconds()
	return s.evict(tickWork, func() bool {
		k, _ := consensus.First(s.w, tableDone, nil)
		return s.m.Finished > MaxFinished || k != nil && numbered.TimeOf(k) <= old
	})
}

// pending says whether a tick would find work.
func pending(r consensus.Reader, now time.Time) bool {
	ms := now.UnixMilli()
	if k, _ := consensus.First(r, tableDue, nil); k != nil && numbered.TimeOf(k) <= ms {
		return true
	}
	if k, _ := consensus.First(r, tableCascade, nil); k != nil {
		return true
	}
	k, _ := consensus.First(r, tableDone, nil)
	return k != nil && numbered.TimeOf(k) <= ms-KeepFinished.Milliseconds()
}

// cascade cancels children of tasks that failed or were cancelled, so many at
// most.
func (s *store) cascade(most int) error {
	for most > 0 {
		k, _ := consensus.First(s.w, tableCascade, nil)
		if k == nil {
			return nil
		}
		parent := numbered.IDOf(k)
		children := []ID{}
		to := append(parent.Key(), 0xff)
		from := parent.Key()
		if at := s.w.Get(tableCascade, k); len(at) == 8 {
			from = append(from, at...) // go on where the last one stopped
		}
		seen := 0
		for key := range s.w.Scan(tableParents, from, to) {
			if seen++; seen > most {
				break
			}
			children = append(children, numbered.IDOf(key))
		}
		for _, id := range children {
			r, err := load(s.w, id)
			if err != nil {
				return err
			}
			if r == nil || r.state().Final() {
				continue
			}
			why := "its parent, task " + parent.String() + ", has ended"
			s.stop(id, r, Cancelled, Failure{}, eventRow{Kind: string(Cancelled), Text: why})
		}
		if seen > most {
			next := binary.BigEndian.AppendUint64(nil, uint64(children[len(children)-1])+1)
			s.w.Put(tableCascade, parent.Key(), next)
		} else {
			s.w.Delete(tableCascade, parent.Key())
		}
		most -= max(len(children), 1)
	}
	return nil
}

// evict forgets the longest finished tasks while they are too many, so many at
// most.
func (s *store) evict(most int, tooMany func() bool) error {
	for range most {
		if !tooMany() {
			return nil
		}
		k, _ := consensus.First(s.w, tableDone, nil)
		if k == nil {
			return nil
		}
		id := numbered.IDOf(k)
		r, err := s.need(id)
		if err != nil {
			return err
		}
		s.forget(id, r)
	}
	return nil
}

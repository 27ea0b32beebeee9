package inbox

import (
	"time"
)

// A batch is one command of the state, and costs it an fsync's share, a
// transaction's and its own, whatever is in it. So what is submitted while one is
// on its way gathers for the next: for as long as the last one took, or until it
// is gatherBytes. And clients that wait for answers come back together, but not
// at once: after a batch has landed, the next waits until most of those it has
// answered are there again beside those who waited, for a fraction of the time
// at most. Otherwise two halves would take turns, each in half a batch. Who is
// alone waits for nobody.
const (
	gatherBytes = 64 << 10
	// gatherLeast and gatherMost bound how long a batch gathers while others
	// are on their way, returnMost how long it waits for clients to come back.
	gatherLeast = 2 * time.Millisecond
	gatherMost  = 10 * time.Millisecond
	returnMost  = time.Millisecond
	// batchBytes and batchItems bound one; batchWide, the messages in it that
	// may reach many.
	batchBytes = 256 << 10
	batchItems = 2048
	batchWide  = 4
)

// pump sends batches as long as it is time to. It needs mu.
func (s *Service) pump() {
	for len(s.queue) > 0 && len(s.free) > 0 && !s.closed {
		if wait := s.hold(); wait > 0 {
			s.arm(wait)
			return
		}
		s.due = false
		if s.armed {
			s.timer.Stop()
			s.armed = false
		}
		batch := s.pick()
		if len(batch) == 0 {
			return
		}
		lane := s.free[len(s.free)-1]
		s.free = s.free[:len(s.free)-1]
		s.numbers[lane]++
		head := batchHead{Source: s.source, Lane: lane, Number: s.numbers[lane]}
		s.work.Go(func() { s.send(head, batch) })
	}
}

// hold is how long the next batch should gather. It needs mu.
func (s *Service) hold() time.Duration {
	switch {
	case s.due || s.queued >= gatherBytes:
		return 0
	case len(s.free) < lanes:
		return min(max(s.took, gatherLeast), gatherMost)
	case len(s.queue) < s.expected*3/4:
		return min(s.took/4, returnMost)
	}
	return 0
}

// arm makes gathered run after a while, if it does not sooner. It needs mu.
func (s *Service) arm(wait time.Duration) {
	at := time.Now().Add(wait)
	switch {
	case s.timer == nil:
		s.timer = time.AfterFunc(wait, s.gathered)
	case s.armed && !at.Before(s.fires):
		return
	default:
		s.timer.Reset(wait)
	}
	s.armed, s.fires = true, at
}

// gathered sends what has gathered.
func (s *Service) gathered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed, s.due = false, true
	s.pump()
	s.due = false
}

// landed learns from a batch how many come back, and how soon. It needs mu.
func (s *Service) landed(n int, took time.Duration) {
	s.expected = n + len(s.queue)
	s.took = (3*s.took + took) / 4
}

// pick takes the next batch from the queue. It needs mu. What is left behind of
// a sender in it waits for it to land.
func (s *Service) pick() (batch []*item) {
	size, wide, n := 0, 0, 0
	for _, it := range s.queue {
		if len(batch) == batchItems || len(batch) > 0 && size+len(it.code) > batchBytes || it.wide && wide == batchWide {
			break
		}
		n++
		s.queued -= len(it.code)
		if it.from != nil {
			it.from.queued--
		}
		if it.withdrawn || it.ctx != nil && it.ctx.Err() != nil {
			s.drop(it)
			continue
		}
		it.taken = true
		if it.from != nil {
			it.from.flying = true
		}
		size += len(it.code)
		if it.wide {
			wide++
		}
		batch = append(batch, it)
	}
	left := s.queue[n:]
	kept := s.queue[:0]
	var behind map[*sender][]*item
	for _, it := range left {
		if it.from == nil || !it.from.flying {
			kept = append(kept, it)
			continue
		}
		if behind == nil {
			behind = map[*sender][]*item{}
		}
		behind[it.from] = append(behind[it.from], it)
		s.queued -= len(it.code)
		it.from.queued--
	}
	for from, list := range behind {
		from.parked = append(list, from.parked...)
	}
	clear(s.queue[len(kept):])
	s.queue = kept
	return batch
}

package message

import (
	"time"

	"github.com/meshd/meshd/consensus"
)

// Arrived takes one frame of the other node, in the order in which they were
// sent. It does not block. The frame may be used again when it returns. An
// error means that the other side does not keep to the format: the connection
// must be cut.
func (s *Strand) Arrived(batch []byte) error {
	s.count.batchesIn.Add(1)
	s.count.inBytes.Add(uint64(len(batch)))
	now := time.Now()
	var row deliveredRow
	defer s.ends(&row)
	for len(batch) > 0 {
		r, rest, err := nextRecord(batch)
		if err != nil {
			return err
		}
		batch = rest
		if r.kind == recordDelivered {
			if row.n == len(row.numbers) {
				s.ends(&row)
			}
			row.numbers[row.n] = r.number
			row.n++
			continue
		}
		s.ends(&row)
		switch r.kind {
		case recordMessage:
			s.count.in.Add(1)
			s.take(&r, now)
		case recordInterest:
			s.router.interest.take(s, &r)
		default:
			s.answered(&r)
		}
	}
	return nil
}

// deliveredRow are messages of which came no more than that they were delivered.
type deliveredRow struct {
	n       int
	numbers [64]uint64
}

// ends hands on that messages were delivered, of which mostly many come in a
// row.
func (s *Strand) ends(row *deliveredRow) {
	if row.n == 0 {
		return
	}
	var waiters [len(row.numbers)]waiter
	s.mu.Lock()
	for i, number := range row.numbers[:row.n] {
		x, _ := s.open.remove(number)
		s.bytes -= x.size
		waiters[i] = x.waiter
	}
	s.mu.Unlock()
	for _, w := range waiters[:row.n] {
		if w != nil { // else its sender has stopped waiting
			w.answered(outcome{Status: Delivered}, nil)
		}
	}
	row.n = 0
}

// take hands a message of the other node on, or refuses it.
func (s *Strand) take(r *record, now time.Time) {
	size := len(r.body)
	s.mu.Lock()
	s.in++
	s.inBytes += size
	full := s.in > maxOpen || s.inBytes > maxOpenBytes
	s.mu.Unlock()
	if full {
		s.settled(r.number, size, refusedBy(consensus.Refuse(CodeOverloaded, "the node takes no more messages of one other node now")))
		return
	}
	a, e, err := r.message(s.node, now)
	if err != nil {
		s.router.cfg.Logger.Warn("a message of another node was refused", "from", s.node, "error", err)
		s.settled(r.number, size, refusedBy(err))
		return
	}
	s.router.arrived(s, r.number, &a.message, &a.delivery, e, now)
}

// answered hands on what became of a message that was sent from here.
func (s *Strand) answered(r *record) {
	s.mu.Lock()
	x, ok := s.open.remove(r.number)
	s.bytes -= x.size
	s.mu.Unlock()
	if !ok {
		return // its sender has stopped waiting
	}
	x.waiter.answered(r.outcome())
}

// settled implements sink: it tells the other node what became of its message.
func (s *Strand) settled(number uint64, size int, o outcome) {
	s.mu.Lock()
	s.in--
	s.inBytes -= size
	if s.ended {
		s.mu.Unlock()
		return
	}
	c := s.room(len(o.Reply) + 32)
	before := len(c.data)
	c.data = appendOutcome(c.data, number, o)
	n := len(c.data) - before
	c.answers += n
	s.waiting += n
	s.answers += n
	flooded := s.answers > maxAnswerBytes
	wake := s.rouse()
	s.mu.Unlock()
	if flooded {
		s.router.cfg.Logger.Warn("a node sends messages and does not read what became of them; its connection is cut", "node", s.node)
		s.cut()
	} else if wake {
		s.wake()
	}
}

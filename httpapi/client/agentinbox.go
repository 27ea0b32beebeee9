package client

import "fmt"

// remembered is how many messages of the inbox that it is done with an Agent
// remembers, so that one whose acknowledgement was lost is not done twice.
const remembered = 1 << 16

// inbox is what an Agent knows of the messages of its inbox, by their place.
type inbox struct {
	hand map[uint64]*Message // in work
	done map[uint64]struct{}
	ring []uint64 // done, in the order in which they are forgotten
	next int
}

// fresh says that a message of the inbox is neither in work nor done. One in
// work is acknowledged by the way it came last, one that is done at once.
func (a *Agent) fresh(m *Message) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	in := &a.inbox
	if _, done := in.done[m.Seq]; done {
		a.credit++
		a.acks = append(a.acks, m.frame)
		if a.link != nil {
			a.link.nudge()
		}
		return false
	}
	if old := in.hand[m.Seq]; old != nil {
		old.session, old.frame, old.Attempt = m.session, m.frame, m.Attempt
		return false
	}
	if in.hand == nil {
		in.hand, in.done = map[uint64]*Message{}, map[uint64]struct{}{}
	}
	in.hand[m.Seq] = m
	return true
}

// finished takes a message out of work, and remembers it where it is done.
func (in *inbox) finished(seq uint64, done bool) {
	delete(in.hand, seq)
	if !done {
		return
	}
	if len(in.ring) < remembered {
		in.ring = append(in.ring, seq)
	} else {
		delete(in.done, in.ring[in.next])
		in.ring[in.next] = seq
		in.next = (in.next + 1) % remembered
	}
	in.done[seq] = struct{}{}
}

// settle ends a message, once: by an acknowledgement, or by the frame that is
// made for it. Where the connection is gone by which it came, an inbox's
// message is remembered as done, or will come again; an answer is too late.
func (m *Message) settle(ack bool, frame func(id string) []byte) error {
	if !m.settled.CompareAndSwap(false, true) {
		return ErrSettled
	}
	a := m.agent
	a.mu.Lock()
	defer a.mu.Unlock()
	if m.Durable {
		a.inbox.finished(m.Seq, ack)
	}
	if m.session != a.session || m.session.over {
		if m.Wait {
			return fmt.Errorf("%w: the connection is lost by which it came", ErrSettled)
		}
		return nil
	}
	if a.work.handler == nil {
		a.release(m)
	}
	switch {
	case !ack:
		a.queue(frameOut{data: frame(m.frame)})
	case !a.cfg.LiveOnly:
		a.acks = append(a.acks, m.frame)
		if a.link != nil {
			a.link.nudge()
		}
	}
	return nil
}

// release lets the next message come in the place of m. It needs the lock.
func (a *Agent) release(m *Message) {
	if m.released || m.session != a.session {
		return
	}
	m.released = true
	a.credit++
	if a.link != nil && a.credit >= a.cfg.Credit/4 {
		a.link.nudge()
	}
}

// handled is release for who has not the lock.
func (a *Agent) handled(m *Message) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.release(m)
}

package dispatch

import (
	"errors"
	"time"

	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
)

// Waiting between attempts to tell the state something.
const (
	retryFirst = 100 * time.Millisecond
	retryLast  = 2 * time.Second
	// maxTelling bounds the returns of different inboxes that are proposed at
	// once; acknowledgements need no such bound.
	maxTelling = 64
	// maxTold bounds the messages of one inbox that the state is told of at a
	// time.
	maxTold = 1024
)

// settlement is what became of a message that was with its agent.
type settlement struct {
	box      *box // nil: another node pushed it
	seq      uint64
	returned inbox.Returned // of what came back
}

// tell lets the state hear what waits in s. d.mu is held.
func (d *Dispatcher) tell(s *served) {
	if s.telling {
		return // when that has ended
	}
	s.telling = true
	d.unsaid = append(d.unsaid, s)
	d.toSettle.set()
}

// Acknowledged takes acknowledgements that were given to another node, which may
// have died before it told the state. The state takes what it was told already
// for nothing. It does not block.
func (d *Dispatcher) Acknowledged(acks []message.Ack) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	for _, one := range acks {
		s := d.agents[one.Inbox]
		if s == nil {
			s = &served{name: one.Inbox}
			d.agents[one.Inbox] = s
		}
		if len(s.done) >= maxSettling {
			continue // nobody could be told for long; it comes again
		}
		done := settlement{seq: one.Seq}
		d.adopt(s, &done)
		s.done = append(s.done, done)
		d.tell(s)
	}
}

// adopt keeps a message from being pushed here that another node has pushed and
// that was acknowledged to it. d.mu is held.
func (d *Dispatcher) adopt(s *served, one *settlement) {
	if one.box == nil && s.box != nil {
		d.accounted(s.box, func() {
			if s.box.adopt(one.seq) {
				one.box = s.box
			}
		})
	}
}

// keepSettling tells the state what became of messages: everything that is
// known of an inbox at once, one command after the other for each inbox, and
// for all inboxes together as the inboxes' service gathers them.
func (d *Dispatcher) keepSettling() {
	slots := make(chan struct{}, maxTelling)
	for {
		select {
		case <-d.toSettle:
		case <-d.ctx.Done():
			return
		}
		d.mu.Lock()
		list := d.unsaid
		d.unsaid = nil
		d.mu.Unlock()
		for _, s := range list {
			d.mu.Lock()
			done, back := first(&s.done), first(&s.back)
			d.mu.Unlock()
			if len(back) == 0 {
				d.acknowledge(s, done, nil)
				continue
			}
			select {
			case slots <- struct{}{}:
			case <-d.ctx.Done():
				return
			}
			d.wg.Go(func() {
				err := d.giveBack(s, back)
				<-slots
				if len(done) == 0 {
					d.told(s, err)
					return
				}
				d.acknowledge(s, done, err)
			})
		}
	}
}

// acknowledge removes messages from an inbox. before is what has failed already.
func (d *Dispatcher) acknowledge(s *served, list []settlement, before error) {
	seqs := make([]uint64, len(list))
	for i, one := range list {
		seqs[i] = one.seq
	}
	d.cfg.Inboxes.SubmitAck(s.name, seqs, func(_ int, err error) {
		d.settled(s, list, err, func() { s.done = append(s.done, list...) })
		d.told(s, errors.Join(before, err))
	})
}

// giveBack returns messages to an inbox.
func (d *Dispatcher) giveBack(s *served, list []settlement) error {
	items := make([]inbox.Returned, len(list))
	for i, one := range list {
		items[i] = one.returned
	}
	_, err := d.cfg.Inboxes.Return(d.ctx, s.name, items)
	d.settled(s, list, err, func() { s.back = append(s.back, list...) })
	return err
}

// first takes what is told at a time.
func first(list *[]settlement) []settlement {
	all := *list
	if len(all) <= maxTold {
		*list = nil
		return all
	}
	*list = append([]settlement(nil), all[maxTold:]...)
	return all[:maxTold]
}

// settled takes the state's word. What it does not take is told it again, and is
// not delivered meanwhile.
func (d *Dispatcher) settled(s *served, list []settlement, err error, again func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.cfg.Logger.Debug("an inbox does not take yet what became of its messages", "agent", s.name, "messages", len(list), "error", err)
		again()
		return
	}
	for _, one := range list {
		if one.box != nil {
			d.accounted(one.box, func() { one.box.settled(one.seq) })
		}
	}
	if d.settling == 0 {
		d.idle.set()
	}
	now := time.Now()
	if s.box != nil {
		if s.box.ready(now) {
			d.enqueue(s)
		} else {
			d.arm(s, s.box.wakeAt(), now)
		}
	}
	if len(d.queue) > 0 {
		d.toPush.set()
	}
}

// told ends one telling and begins the next, after a while if it has failed.
func (d *Dispatcher) told(s *served, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s.telling = false
	if err == nil {
		s.failures = 0
	} else {
		s.failures++
	}
	switch {
	case len(s.done)+len(s.back) == 0:
		d.leave(s)
		if s.moving.quiet() {
			d.moved.set()
		}
	case err == nil:
		d.tell(s)
	default:
		s.telling = true
		time.AfterFunc(min(retryFirst<<min(s.failures, 8), retryLast), func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.unsaid = append(d.unsaid, s)
			d.toSettle.set()
		})
	}
}

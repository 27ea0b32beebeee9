package inbox

import (
	"context"
	"slices"
	"time"

	"github.com/meshd/meshd/consensus"
)

// Pending returns what is due for a dispatcher, in order of delivery, from this
// node's own state. What is leased, delayed or over its time is not, and neither
// is what stands behind a returned message of the same sender and priority that
// waits for its redelivery.
func (s *Service) Pending(ctx context.Context, agent string, o PendingOptions) (Batch, error) {
	var b Batch
	o.Max, o.MaxBytes = or(o.Max, 256), or(o.MaxBytes, 4<<20)
	id, seqs, next, more := s.index.due(agent, s.meshNow().UnixMilli(), min(o.Max, 1024), o.MaxBytes, o.Skip)
	b.Next, b.More = s.here(next), more
	b.Node, b.Epoch = s.index.place(agent)
	if len(seqs) == 0 {
		return b, nil
	}
	_, err := s.view(ctx, consensus.ReadOptions{}, func(r consensus.Reader) (err error) {
		b.Messages, err = read(r, id, agent, seqs, true)
		return err
	})
	return b, err
}

// leaseTries is how often a lease looks for messages that nobody has.
const leaseTries = 5

// Lease hands out up to max messages that are due and not leased, for a time:
// who does not acknowledge or return them by then loses them to the next. Each
// counts as an attempt. Behind a message that waits for its redelivery, later
// ones of the same sender wait too. What is with the agent by push is not leased.
func (s *Service) Lease(ctx context.Context, agent string, max int, d time.Duration) ([]Stored, error) {
	return s.LeaseOf(ctx, agent, max, d, nil)
}

// LeaseOf is Lease that passes over messages: those, shown without their bodies,
// for which pass says yes. Nil passes over none.
func (s *Service) LeaseOf(ctx context.Context, agent string, max int, d time.Duration, pass func(*Stored) bool) ([]Stored, error) {
	switch {
	case max < 1 || max > MaxLeased:
		return nil, invalid("limit", "a lease is of 1 to 256 messages")
	case d < time.Millisecond || d > MaxLease:
		return nil, invalid("lease", "a lease lasts from a millisecond to 12 hours")
	}
	if err := checkAgent(agent); err != nil {
		return nil, err
	}
	passed := map[uint64]bool{}
	for range leaseTries {
		id, seqs, _, _ := s.index.due(agent, s.meshNow().UnixMilli(), max, pageBytes, func(due Due) bool { return passed[due.Seq] })
		if len(seqs) == 0 {
			return nil, s.ready()
		}
		if pass != nil {
			var err error
			if seqs, err = s.without(ctx, id, agent, seqs, pass, passed); err != nil {
				return nil, err
			}
			if len(seqs) == 0 {
				continue
			}
		}
		if s.cfg.Lend != nil {
			for _, seq := range s.cfg.Lend(ctx, agent, seqs) {
				passed[seq] = true
			}
			if seqs = slices.DeleteFunc(seqs, func(seq uint64) bool { return passed[seq] }); len(seqs) == 0 {
				continue
			}
		}
		var got done
		if _, err := s.propose(ctx, kindLease, agentItems{Agent: agent, Seqs: seqs, For: d.Milliseconds()}, &got); err != nil {
			return nil, err
		}
		if len(got.Seqs) == 0 {
			// Others were faster, or the mesh's time is behind this clock.
			for _, seq := range seqs {
				passed[seq] = true
			}
			continue
		}
		var out []Stored
		_, err := s.view(ctx, consensus.ReadOptions{}, func(r consensus.Reader) (err error) {
			out, err = read(r, id, agent, got.Seqs, true)
			return err
		})
		return out, err
	}
	return nil, nil
}

// without leaves out what is passed over, and notes it in passed.
func (s *Service) without(ctx context.Context, id uint64, agent string, seqs []uint64, pass func(*Stored) bool, passed map[uint64]bool) (left []uint64, err error) {
	_, err = s.view(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
		list, err := read(r, id, agent, seqs, false)
		for i := range list {
			if pass(&list[i]) {
				passed[list[i].Seq] = true
			} else {
				left = append(left, list[i].Seq)
			}
		}
		return err
	})
	return left, err
}

// Due returns when an agent's next message is due: now or before where one is,
// zero where none waits.
func (s *Service) Due(agent string) time.Time {
	_, seqs, next, _ := s.index.due(agent, s.meshNow().UnixMilli(), 1, 1, nil)
	if len(seqs) > 0 {
		return s.cfg.Now()
	}
	return s.here(next)
}

// meshNow is the time by which the times of messages are to be read: that of
// this node's clock, if nobody says that it is wrong.
func (s *Service) meshNow() time.Time {
	now := s.cfg.Now()
	if s.cfg.Ahead != nil {
		now = now.Add(-s.cfg.Ahead())
	}
	return now
}

// here is when this node's clock shows a time of the mesh.
func (s *Service) here(ms int64) time.Time {
	at := when(ms)
	if s.cfg.Ahead != nil && !at.IsZero() {
		at = at.Add(s.cfg.Ahead())
	}
	return at
}

// due chooses messages that may be delivered, and says when the next one
// becomes due that is not.
func (x *index) due(agent string, now int64, n, bytes int, skip func(Due) bool) (id uint64, seqs []uint64, next int64, more bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.names[agent]
	if s == nil {
		return 0, nil, 0, false
	}
	s.promote(now)
	held := s.held()
	size := 0
	for rank := range s.ready {
		q := &s.ready[rank]
		for i := q.head; i < len(q.list); i++ {
			e := &q.list[i]
			if e.gone || e.spent || e.expires <= now {
				continue
			}
			if first, ok := held[heldKey{e.sender, e.prio}]; ok && e.seq > first {
				continue
			}
			if skip != nil && skip(Due{Seq: e.seq, Sender: e.sender, Node: e.node, Priority: e.prio, Attempts: int(e.attempts), Size: int64(e.size)}) {
				continue
			}
			shown := 0
			if e.size <= MaxShown {
				shown = int(e.size)
			}
			if len(seqs) == n || len(seqs) > 0 && size+shown > bytes {
				return s.id, seqs, s.next(), true
			}
			size += shown
			seqs = append(seqs, e.seq)
		}
	}
	return s.id, seqs, s.next(), false
}

// Fresh returns nil once this node's state, and what memory has of it, holds
// everything that was acknowledged anywhere before the call.
func (s *Service) Fresh(ctx context.Context) error {
	_, err := s.view(ctx, consensus.ReadOptions{Consistency: consensus.Linearizable}, func(consensus.Reader) error { return nil })
	return err
}

// Place is the node that dispatches an agent's inbox, as this node's state has
// it; "" where none does. It reads memory only.
func (s *Service) Place(agent string) (node string) {
	node, _ = s.index.place(agent)
	return node
}

// place is which node dispatches an inbox, and since when.
func (x *index) place(agent string) (node string, epoch uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if s := x.names[agent]; s != nil {
		return s.node, s.epoch
	}
	return "", 0
}

type heldKey struct {
	sender uint32
	prio   Priority
}

// held is the first message of each sender that waits for its redelivery.
func (s *shelf) held() map[heldKey]uint64 {
	if s.backs == 0 {
		return nil
	}
	out := map[heldKey]uint64{}
	for _, e := range s.waiting {
		if !e.back {
			continue
		}
		k := heldKey{e.sender, e.prio}
		if first, ok := out[k]; !ok || e.seq < first {
			out[k] = e.seq
		}
	}
	return out
}

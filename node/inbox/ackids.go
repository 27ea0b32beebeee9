package inbox

import (
	"cmp"
	"context"
	"slices"

	"github.com/meshd/meshd/consensus"
)

// AcknowledgeIDs is Acknowledge by message ids. Senders choose them, so several
// messages may bear one that do not know of each other: an id takes out as many
// as it is named times, first those that are leased, then those that were handed
// out before, in order of delivery. It reads the inbox for those that might be
// meant, and asks the mesh before it says that one is not there: another node
// may have handed it out that this one has not heard of.
func (s *Service) AcknowledgeIDs(ctx context.Context, agent string, ids []string) (int, error) {
	named := map[string]int{}
	for _, id := range ids {
		named[id]++
	}
	now := s.meshNow()
	handed := func(m *Stored) int {
		switch {
		case m.LeaseUntil.After(now):
			return 0
		case m.Attempts > 0:
			return 1
		}
		return 2
	}
	choose := func(list []Stored) (seqs []uint64) {
		slices.SortFunc(list, func(a, b Stored) int {
			return cmp.Or(cmp.Compare(handed(&a), handed(&b)), cmp.Compare(a.Priority.rank(), b.Priority.rank()), cmp.Compare(a.Seq, b.Seq))
		})
		for _, m := range list {
			if named[m.ID] > 0 {
				named[m.ID]--
				seqs = append(seqs, m.Seq)
			}
		}
		return seqs
	}
	list, err := s.Named(ctx, agent, ids)
	if err != nil {
		return 0, err
	}
	seqs := choose(list)
	if len(seqs) == len(ids) {
		return s.Acknowledge(ctx, agent, seqs)
	}
	// The answer to a command comes when this node has all that was accepted
	// before it. No message has the number 0.
	n, err := s.Acknowledge(ctx, agent, append(seqs, 0))
	if err != nil {
		return n, err
	}
	more, err := s.acknowledgeIDs(ctx, agent, ids, choose)
	return n + more, err
}

// AcknowledgeFrom removes the messages of one principal that bear these ids, and
// nobody else's.
func (s *Service) AcknowledgeFrom(ctx context.Context, agent, principal string, ids []string) (int, error) {
	return s.acknowledgeIDs(ctx, agent, ids, func(list []Stored) (seqs []uint64) {
		for _, m := range list {
			if m.From.Principal == principal {
				seqs = append(seqs, m.Seq)
			}
		}
		return seqs
	})
}

// acknowledgeIDs acknowledges what choose takes of the messages that bear one of
// the ids.
func (s *Service) acknowledgeIDs(ctx context.Context, agent string, ids []string, choose func([]Stored) []uint64) (int, error) {
	list, err := s.Named(ctx, agent, ids)
	if err != nil {
		return 0, err
	}
	seqs := choose(list)
	if len(seqs) == 0 {
		return 0, nil
	}
	return s.Acknowledge(ctx, agent, seqs)
}

// Named returns the messages that wait and bear one of these ids, whoever sent
// them, without their bodies and in no order.
func (s *Service) Named(ctx context.Context, agent string, ids []string) (found []Stored, err error) {
	if len(ids) > maxItems {
		return nil, invalid("message_ids", "at most 4,096 messages are named at once")
	}
	named := make(map[string]bool, len(ids))
	hashes := make(map[uint32]bool, len(ids))
	for _, id := range ids {
		named[id], hashes[hash([]byte(id))] = true, true
	}
	inbox, candidates := s.index.withIDs(agent, hashes)
	_, err = s.view(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
		list, err := read(r, inbox, agent, candidates, false)
		found = slices.DeleteFunc(list, func(m Stored) bool { return !named[m.ID] })
		return err
	})
	return found, err
}

func (x *index) withIDs(agent string, hashes map[uint32]bool) (id uint64, seqs []uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.names[agent]
	if s == nil {
		return 0, nil
	}
	for i := range s.ready {
		q := &s.ready[i]
		for _, e := range q.list[q.head:] {
			if !e.gone && hashes[e.id] {
				seqs = append(seqs, e.seq)
			}
		}
	}
	for seq, e := range s.waiting {
		if hashes[e.id] {
			seqs = append(seqs, seq)
		}
	}
	return s.id, seqs
}

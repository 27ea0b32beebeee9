package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/meshd/meshd/graphsync"
)

// maxPushBytes bounds the mutations of one push, as JSON; one more may lie
// above it.
const maxPushBytes = 4 << 20

// ErrCopied says that the mesh knows mutations of this client that the replica
// does not: the file is an older copy of the one that made them. Its pending
// mutations cannot be told from those; Renew makes it another client.
var ErrCopied = errors.New("the mesh knows more of this replica than its file does, which must be an older copy")

// push sends the pending mutations up to a seq, and notes the answers.
func (o *Offline) push(ctx context.Context, r *Report, last uint64) error {
	for {
		sent, p, err := o.nextPush(last)
		if err != nil || len(sent) == 0 {
			return err
		}
		a, err := o.client.Push(ctx, p)
		if err != nil {
			var e *Error
			if errors.As(err, &e) && e.Code == CodeSeqGap {
				if err = o.gap(e, p.Mutations[0].Seq, r); err == nil {
					continue
				}
			}
			return err
		}
		n, err := o.settle(sent, &a, r)
		switch {
		case err != nil:
			return err
		case a.Stopped != "" && a.Stopped != graphsync.StoppedUnknown:
			return &Error{Code: a.Stopped, Sentence: a.Message}
		case n == 0:
			return fmt.Errorf("%w: none of the mutations was answered: %s", ErrUnreachable, a.Message)
		}
	}
}

// nextPush is the next part of the queue, as it is here and as the mesh
// understands it. That it may reach the mesh is noted before it does.
func (o *Offline) nextPush(last uint64) (sent []graphsync.Mutation, p graphsync.Push, err error) {
	s := o.current()
	// By the token the mesh knows that it is the one meant.
	p = graphsync.Push{Namespace: o.ns, ClientID: s.ClientID, BaseToken: s.Token}
	full, size := errors.New("full"), 0
	err = o.db.View(func(tx *bbolt.Tx) error {
		return eachPending(tx, s.Answered, func(m *graphsync.Mutation) error {
			if m.Seq > last || len(sent) == graphsync.MaxPush || size > maxPushBytes {
				return full
			}
			sent = append(sent, *m)
			wire := onWire(*m, &s, openStored(tx, s.Generation))
			text, err := json.Marshal(wire)
			size += len(text)
			p.Mutations = append(p.Mutations, wire)
			return err
		})
	})
	if err != nil && !errors.Is(err, full) {
		return nil, p, err
	}
	if n := len(sent); n > 0 && sent[n-1].Seq > s.Sent {
		return sent, p, o.note(func(_ *bbolt.Tx, s *storeState) error {
			s.Sent = sent[n-1].Seq
			return nil
		})
	}
	return sent, p, nil
}

// note is change for what readers do not see.
func (o *Offline) note(do func(tx *bbolt.Tx, s *storeState) error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.commit(do)
}

// commit changes the file and the state together, or neither. The
// caller has o.mu.
func (o *Offline) commit(do func(tx *bbolt.Tx, s *storeState) error) error {
	s := o.state
	err := o.db.Update(func(tx *bbolt.Tx) error {
		if err := do(tx, &s); err != nil {
			return err
		}
		return writeState(tx, &s)
	})
	if err == nil {
		o.state = s
	}
	return err
}

// onWire is a mutation as the mesh takes it: local ids are the mesh's where it
// has told them, and else the seqs of the mutations that make the things. What
// was to be made under an older name of the client, and never was for all we
// know, is named by nothing, which the mesh finds invalid.
func onWire(m graphsync.Mutation, s *storeState, ids things) graphsync.Mutation {
	for _, f := range []struct{ id, ref *uint64 }{{&m.ID, &m.Ref}, {&m.SourceID, &m.SourceRef}, {&m.TargetID, &m.TargetRef}, {&m.NodeID, &m.NodeRef}} {
		if !Local(*f.id) {
			continue
		}
		seq := seqOf(*f.id)
		if *f.id = ids.idOf(seq); *f.id == 0 && seq > s.Offset {
			*f.ref = seq - s.Offset
		}
	}
	m.Seq -= s.Offset
	return m
}

// settle notes what the mesh answered, all of it or nothing.
func (o *Offline) settle(sent []graphsync.Mutation, a *graphsync.PushAnswer, r *Report) (n int, err error) {
	if n = len(a.Results); n > len(sent) {
		return 0, fmt.Errorf("the mesh answered %d of %d mutations", n, len(sent))
	}
	var sum Report
	o.mu.Lock()
	defer o.mu.Unlock()
	err = o.commit(func(tx *bbolt.Tx, s *storeState) error {
		if a.LastSeq+s.Offset >= s.NextSeq {
			return ErrCopied
		}
		for i, res := range a.Results {
			m := &sent[i]
			if res.Seq += s.Offset; res.Seq != m.Seq {
				return fmt.Errorf("the mesh answered mutation %d in place of %d", res.Seq, m.Seq)
			}
			if res.ID != 0 && slices.Contains(makers, m.Op.Op) {
				if err := tx.Bucket(bktIDs).Put(number(m.Seq), number(res.ID)); err != nil {
					return err
				}
			}
			sum.Pushed++
			switch res.Status {
			case graphsync.PushApplied:
				sum.Applied++
			case graphsync.PushRebased:
				sum.Rebased++
			case graphsync.PushDuplicate:
				sum.Duplicate++
			default: // what did not go in is shown no longer
				sum.Problems++
				if err := errors.Join(putJSON(tx.Bucket(bktSettled), number(m.Seq), Problem{*m, res}), tx.Bucket(bktQueue).Delete(number(m.Seq))); err != nil {
					return err
				}
			}
			s.Answered = m.Seq
		}
		s.Barrier = max(s.Barrier, a.Revision)
		return dropAnswered(tx, s)
	})
	if err != nil {
		return n, err
	}
	r.Pushed += sum.Pushed
	r.Applied += sum.Applied
	r.Rebased += sum.Rebased
	r.Duplicate += sum.Duplicate
	r.Problems += sum.Problems
	if sum.Problems > 0 || o.state.Dropped == o.state.Answered {
		return n, o.replay()
	}
	return n, nil // the overlay shows what was applied until it comes back
}

// makers are the operations that make things.
var makers = []string{graphsync.OpCreateNode, graphsync.OpUpsertNode, graphsync.OpCreateEdge, graphsync.OpUpsertEdge, graphsync.OpAddObservation}

// gap sees to a mesh that expects another seq than the first that is pending.
func (o *Offline) gap(e *Error, first uint64, r *Report) error {
	if e.Number("expected") > first {
		return ErrCopied
	}
	// A mesh that knows the client by an earlier seq was recovered from a node
	// that had not seen all: it has none of those pending either.
	r.Renewed = true
	return o.renew(e.Flag("unknown_client"), r)
}

// Renew begins anew with the mesh that answers: a snapshot is read, and the
// replica is another client to it. It is for after ErrCopied and OTHER_MESH
// (which a mesh is that was recovered or restored). Mutations that may have
// reached the mesh under the old name become problems of status unknown: nobody
// can say whether they took effect. The others are pushed under the new name.
func (o *Offline) Renew() error {
	o.syncing.Lock()
	defer o.syncing.Unlock()
	if err := o.renew(true, &Report{}); err != nil {
		return err
	}
	return o.note(func(tx *bbolt.Tx, s *storeState) error {
		s.Token, s.Revision, s.Barrier, s.Stale, s.Coming = "", 0, 0, false, nil
		return nil
	})
}

func (o *Offline) renew(doubtful bool, r *Report) error {
	unknown := 0
	err := o.change(func(tx *bbolt.Tx, s *storeState) error {
		unknown = 0
		if doubtful {
			over := errors.New("over")
			if err := eachPending(tx, s.Answered, func(m *graphsync.Mutation) error {
				if m.Seq > s.Sent {
					return over
				}
				unknown++
				return putJSON(tx.Bucket(bktSettled), number(m.Seq), Problem{*m, graphsync.MutationResult{Seq: m.Seq, Status: StatusUnknown,
					Message: "the mesh has forgotten this client, and with it whether this took effect"}})
			}); err != nil && !errors.Is(err, over) {
				return err
			}
			s.Answered = max(s.Answered, s.Sent)
		}
		s.ClientID, s.Offset, s.Sent = randomID(), s.Answered, s.Answered
		return dropAnswered(tx, s)
	})
	r.Problems += unknown
	return err
}

package inbox

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/meshd/meshd/consensus"
)

// unknownLimit is how long a batch of unknown outcome is asked about.
const unknownLimit = 60 * time.Second

// send proposes a batch and answers its items.
func (s *Service) send(head batchHead, batch []*item) {
	size := 32
	for _, it := range batch {
		size += len(it.code)
	}
	body := head.encode(make([]byte, 0, size))
	for _, it := range batch {
		body = append(body, it.code...)
	}
	start := time.Now()
	out, err := s.insistBatch(body)
	s.mu.Lock()
	s.landed(len(batch), time.Since(start))
	s.free = append(s.free, head.Lane)
	for _, it := range batch {
		s.forget(it)
		if it.from != nil {
			it.from.flying = false
		}
	}
	for _, it := range batch {
		if it.from != nil {
			s.unpark(it.from)
		}
	}
	s.pump()
	s.mu.Unlock()
	s.answer(batch, out, err)
}

// insistBatch proposes until the outcome is known: a batch is applied once
// however often it comes.
func (s *Service) insistBatch(body []byte) (consensus.Outcome, error) {
	limit := s.cfg.Now().Add(unknownLimit)
	for unknown := false; ; {
		out, err := s.state.Propose(s.life, consensus.Proposal{Part: PartName, Body: body})
		var no *consensus.Refusal
		if err == nil || errors.As(err, &no) {
			return out, err
		}
		unknown = unknown || errors.Is(err, consensus.ErrUnknown)
		if !unknown {
			return out, err
		}
		if s.life.Err() != nil || s.cfg.Now().After(limit) {
			if !errors.Is(err, consensus.ErrUnknown) {
				err = fmt.Errorf("%w: %w", consensus.ErrUnknown, err)
			}
			return out, err
		}
		select {
		case <-time.After(s.pause):
		case <-s.life.Done():
		}
	}
}

// answer tells the items of a batch what came of them.
func (s *Service) answer(batch []*item, out consensus.Outcome, err error) {
	c := cursor{b: out.Result}
	if err == nil && c.byte() != format {
		err = errBroken("the answer to a batch")
	}
	var last uint64
	for _, it := range batch {
		if err != nil {
			s.fail(it, err)
			continue
		}
		x := readAnswer(&c, &last)
		switch {
		case c.bad:
			err = errBroken("the answer to a batch")
			it.fail(err)
		case x.Kind == answerRefused:
			it.fail(x.Verdict.refusal())
		case x.Kind == answerAcked && it.acked != nil:
			it.acked(int(x.Count), nil)
		case x.Kind == answerAccepted && it.accepted != nil:
			it.accepted(Accepted{
				ID: it.id, Seq: x.Seq, Recipients: x.Recipients, Count: int(x.Count), Full: int(x.Full),
				Known: x.Known, Duplicate: x.Duplicate, Revision: out.Revision,
			}, nil)
		default:
			it.fail(errBroken("the answer to a batch"))
		}
	}
}

// fail fails an item of a batch. What was put aside for it goes, unless the
// message may have been accepted.
func (s *Service) fail(it *item, err error) {
	it.fail(err)
	if it.aside != (blobID{}) && !errors.Is(err, consensus.ErrUnknown) {
		s.work.Go(func() { s.unstage(it.aside) })
	}
}

// refusal is a verdict as clients hear it.
func (v verdict) refusal() error {
	switch v.Why {
	case whyInboxFull:
		return full(fmt.Sprintf("the inbox of %q is full; its agent must take messages, or somebody purge it", v.Name), v, InboxLimits)
	case whyMeshFull:
		return full("the inboxes of the mesh are full; agents must take messages, or somebody purge inboxes of those that are no more", v, MeshLimits)
	case whyShareFull:
		err := full("what this credential has sent takes its share of the mesh's inboxes, a quarter of them, dead letters included: wait until agents take messages or those expire, give them a shorter ttl, or ask an administrator to purge inboxes", v, ShareLimits())
		err.Details["share"] = "credential"
		return err
	case whyAgents:
		return tooManyAgents()
	case whyNoSubscribers:
		return refuse(CodeNoSubscribers, "no agent takes this topic durably")
	case whyNobody:
		return refuse(CodeNoSubscribers, "no other agent is known to send it to")
	case whyRecipients:
		return tooManyRecipients(int(v.Messages))
	case whyOther:
		return otherMessage(v.Messages)
	case whyBlob:
		return refuse(CodeOverloaded, "parts of the message's body were given up while it was on its way; send it again")
	}
	return refuse(CodeUpgradeNode, "the message was refused for a reason that this version does not know; upgrade this node")
}

func full(sentence string, v verdict, l Limits) *consensus.Refusal {
	return &consensus.Refusal{Code: CodeInboxFull, Sentence: sentence, Details: map[string]string{
		"inbox": v.Name, "messages": itoa(v.Messages), "bytes": itoa(v.Size),
		"limit_messages": itoa(uint64(l.Messages)), "limit_bytes": itoa(uint64(l.Bytes)),
	}}
}

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }

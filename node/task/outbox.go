package task

import (
	"fmt"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/numbered"
)

// What a row of the outbox asks the leader to do. What a command decides and
// what somebody must be told of it are one write; the telling is repeated until
// a command says that it was done, under an id that the inbox knows again.
const (
	outDelegate = iota + 1 // hand the attempt over to its agent
	outWithdraw            // take the attempt's delegation out of its inbox
	outCancel              // tell the agent that it need not go on
	outAnswer              // give the agent its input
	outResult              // tell the requester what came of it
	outQuestion            // tell the requester that input is wanted
)

type outRow struct {
	Kind    uint8  `cbor:"1,keyasint"`
	Task    ID     `cbor:"2,keyasint"`
	Attempt int    `cbor:"3,keyasint,omitempty"`
	To      string `cbor:"4,keyasint"`
	Number  int    `cbor:"5,keyasint,omitempty"` // of the question
	Text    string `cbor:"6,keyasint,omitempty"`
}

// message is the id of what the row sends.
func (o *outRow) message() string {
	switch o.Kind {
	case outCancel:
		return fmt.Sprintf("task-%s-%d-cancelled", o.Task, o.Attempt)
	case outAnswer:
		return fmt.Sprintf("task-%s-%d-input-%d", o.Task, o.Attempt, o.Number)
	case outResult:
		return fmt.Sprintf("task-%s-result", o.Task)
	case outQuestion:
		return fmt.Sprintf("task-%s-question-%d", o.Task, o.Number)
	}
	return fmt.Sprintf("task-%s-%d", o.Task, o.Attempt)
}

func (s *store) send(o outRow) {
	s.m.LastOut++
	s.w.Put(tableOut, numbered.Key(s.m.LastOut), consensus.Encode(o))
}

// told removes what was sent; a delegation's task is then handed over, unless
// its agent was heard of first.
func (s *store) told(b told) error {
	for _, n := range b.Rows {
		data := s.w.Get(tableOut, numbered.Key(n))
		if data == nil {
			continue
		}
		var o outRow
		if err := consensus.Decode(data, &o); err != nil {
			return err
		}
		s.w.Delete(tableOut, numbered.Key(n))
		if o.Kind != outDelegate {
			continue
		}
		r, err := load(s.w, o.Task)
		if err != nil {
			return err
		}
		if r == nil || r.state().Final() || r.Attempt != o.Attempt || r.Handed {
			continue
		}
		before := *r
		s.hand(r)
		s.event(o.Task, r, eventRow{Kind: kindHandedOver})
		s.save(o.Task, &before, r)
	}
	return nil
}

// hand notes that the agent has the attempt.
func (s *store) hand(r *record) {
	if !r.Handed && s.c.Level >= LevelFair {
		r.HandedAt = s.now
	}
	r.Handed = true
}

// begin gives a task to an agent: its next attempt.
func (s *store) begin(id ID, r *record, agent string) {
	r.Agent, r.Attempt, r.Handed, r.HandedAt, r.NotBefore, r.Note, r.Progress = agent, r.Attempt+1, false, 0, 0, "", nil
	r.Patience = 0
	if left := r.MaxAttempts - r.Attempt + 1; r.Wanted == "" && left > 1 {
		// Another must have time for it if this one does not begin.
		r.Patience = s.now + max((r.Deadline-s.now)/int64(left), time.Second.Milliseconds())
	}
	s.send(outRow{Kind: outDelegate, Task: id, Attempt: r.Attempt, To: agent})
}

// leave tells the agent that a task is no longer with it: what has not begun is
// taken out of its inbox, and what may have is called off.
func (s *store) leave(id ID, r *record, why string) {
	if !r.with() {
		return
	}
	s.send(outRow{Kind: outWithdraw, Task: id, Attempt: r.Attempt, To: r.Agent})
	if r.Handed {
		s.send(outRow{Kind: outCancel, Task: id, Attempt: r.Attempt, To: r.Agent, Text: why})
	}
}

// wake tells the requester's agent that it is its turn.
func (s *store) wake(id ID, r *record, kind uint8) {
	if to := r.Requester.Agent; to != "" {
		s.send(outRow{Kind: kind, Task: id, To: to, Number: r.Inputs})
	}
}

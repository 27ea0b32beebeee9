package message

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
)

// stage is how far a delivery has come; it only moves forward.
type stage uint8

const (
	queued    stage = iota // with the receiver, certainly not seen by the agent
	sent                   // on its way to the agent: in doubt if the trace is lost
	delivered              // the agent has it, and still owes the answer
	finished
)

// Delivery is one message given to a Receiver. The receiver calls Sent when it
// begins to hand the message over and Delivered when the agent has it, and, of
// a message that wants one, Reply or Refuse. All methods may be called from
// any goroutine, repeatedly; none blocks.
type Delivery struct {
	// Message may be shared with other deliveries: it must not be changed.
	Message *Message
	// WantReply says that the sender waits for an answer until
	// Message.Deadline.
	WantReply bool

	session *Session
	done    func(outcome)
	mu      sync.Mutex
	stage   stage
	timer   *time.Timer
}

// Sent says that the message is on its way to the agent. It returns false when
// the delivery has ended (its deadline passed, its session closed): the
// message must then not be handed over, since the sender may have been told
// that it was not.
func (d *Delivery) Sent() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stage == queued {
		d.stage = sent
	}
	return d.stage != finished
}

// Delivered says that the agent has the message.
func (d *Delivery) Delivered() {
	d.mu.Lock()
	if d.stage == finished {
		d.mu.Unlock()
		return
	}
	d.stage = delivered
	d.mu.Unlock()
	if !d.WantReply {
		d.finish(outcome{Status: Delivered})
	}
}

// Reply answers the message with one JSON value of at most MaxBody bytes.
// The error is a *consensus.Refusal: CodeNotWaiting when no answer is wanted
// or it is too late for one, CodeInvalid or CodeTooLarge for the value.
func (d *Delivery) Reply(body json.RawMessage) error {
	if !d.WantReply {
		return consensus.Refuse(CodeNotWaiting, "the sender of this message does not wait for an answer")
	}
	if len(body) == 0 {
		return invalid("body", "an answer is one JSON value")
	}
	if err := checkBody(body); err != nil {
		return err
	}
	if !d.finish(outcome{Status: Delivered, Reply: body}) {
		return consensus.Refuse(CodeNotWaiting, "the answer came too late: the sender no longer waits for it")
	}
	return nil
}

// Fail answers a message that the agent took with an error: the sender gets
// the refusal and the status delivered.
func (d *Delivery) Fail(r *consensus.Refusal) error {
	if !d.finish(outcome{Status: Delivered, Refusal: r}) {
		return consensus.Refuse(CodeNotWaiting, "the answer came too late: the sender no longer waits for it")
	}
	return nil
}

// finish ends the delivery once and reports whether this call did.
func (d *Delivery) finish(o outcome) bool {
	d.mu.Lock()
	if d.stage == finished {
		d.mu.Unlock()
		return false
	}
	d.stage = finished
	if d.timer != nil {
		d.timer.Stop()
	}
	d.mu.Unlock()
	d.session.forget(d)
	d.done(o)
	return true
}

// expire ends a delivery whose deadline has passed.
func (d *Delivery) expire() {
	agent := d.session.name
	d.end(
		slowReceiver(agent, d.session.router.cfg.NodeID),
		func(s Status) error { return replyTimeout(agent, s) },
	)
}

// abandon ends a delivery whose session is gone.
func (d *Delivery) abandon() {
	gone := goneSession(d.session.name, d.session.router.cfg.NodeID)
	d.end(gone, func(Status) error { return gone })
}

// end finishes by what is certain: a message still queued was never seen and
// is refused; one on its way is in doubt; of one delivered only the answer is
// missing.
func (d *Delivery) end(unseen error, noAnswer func(Status) error) {
	d.mu.Lock()
	at := d.stage
	if at == queued {
		// Sent must fail from now on, or the refusal could become untrue.
		d.stage = finished
	}
	d.mu.Unlock()
	switch at {
	case queued:
		if d.timer != nil {
			d.timer.Stop()
		}
		o := refusedBy(unseen)
		if d.WantReply {
			o = refusedBy(noAnswer(Refused))
		}
		d.session.forget(d)
		d.done(o)
	case sent, delivered:
		o := outcome{Status: Unknown}
		if at == delivered {
			o.Status = Delivered
		}
		if d.WantReply {
			o.Refusal = asRefusal(noAnswer(o.Status))
		}
		d.finish(o)
	}
}

// Ended says that nothing the receiver does will matter any more.
func (d *Delivery) Ended() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stage == finished
}

package message

import (
	"encoding/json"
	"sync"

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
// a message that wants one, Reply or Fail. Of a message of an inbox
// (Message.Stored) Delivered is the agent's acknowledgement, and Fail gives
// the message back. All methods may be called from any goroutine, repeatedly;
// none blocks.
type Delivery struct {
	// Message is the same one in all deliveries of a message to many sessions
	// of this node: it must not be changed, and may be encoded once for all.
	Message *Message
	// WantReply says that the sender waits for an answer until
	// Message.Deadline.
	WantReply bool

	timed      timed
	session    *Session
	to         sink
	number     uint64
	prev, next *Delivery // in its session

	mu    sync.Mutex
	stage stage
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
	switch {
	case d.stage == finished:
		d.mu.Unlock()
		return
	case d.WantReply:
		d.stage = delivered
		d.mu.Unlock()
		return
	}
	d.stage = finished
	d.mu.Unlock()
	d.ended(outcome{Status: Delivered})
}

// Reply answers the message with one JSON value of at most MaxBody bytes.
// The error is a *consensus.Refusal: CodeNotWaiting when no answer is wanted
// or it is too late for one, CodeInvalid or CodeTooLarge for the value.
func (d *Delivery) Reply(body json.RawMessage) error { return d.reply(body, false) }

// ReplyChecked is Reply with a body that is known to be one JSON value.
func (d *Delivery) ReplyChecked(body json.RawMessage) error { return d.reply(body, true) }

func (d *Delivery) reply(body json.RawMessage, checked bool) error {
	if !d.WantReply {
		return consensus.Refuse(CodeNotWaiting, "the sender of this message does not wait for an answer")
	}
	if len(body) == 0 {
		return invalid("body", "an answer is one JSON value")
	}
	if err := checkBody(body, checked); err != nil {
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
	d.mu.Unlock()
	d.ended(o)
	return true
}

// ended tells of the end that the caller has set.
func (d *Delivery) ended(o outcome) {
	d.session.router.wheel.remove(&d.timed)
	d.session.forget(d)
	if st := d.Message.Stored; st != nil && o.Status == Delivered && o.Refusal == nil {
		if s, far := d.to.(*Strand); far {
			s.acknowledged(Ack{d.session.name, st.Seq})
		}
	}
	d.to.settled(d.number, len(d.Message.Body), o)
}

// withdraw takes back a delivery that the receiver refused.
func (d *Delivery) withdraw() bool {
	d.mu.Lock()
	if d.stage == finished {
		d.mu.Unlock()
		return false
	}
	d.stage = finished
	d.mu.Unlock()
	d.session.router.wheel.remove(&d.timed)
	d.session.forget(d)
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
	// Sent must fail from now on, or a refusal could become untrue.
	d.stage = finished
	d.mu.Unlock()
	var o outcome
	switch at {
	case queued:
		o = refusedBy(unseen)
		if d.WantReply {
			o = refusedBy(noAnswer(Refused))
		}
	case sent, delivered:
		o.Status = Unknown
		if at == delivered {
			o.Status = Delivered
		}
		if d.WantReply {
			o.Refusal = asRefusal(noAnswer(o.Status))
		}
	default:
		return
	}
	d.ended(o)
}

// Ended says that nothing the receiver does will matter any more.
func (d *Delivery) Ended() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stage == finished
}

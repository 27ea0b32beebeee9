package agent

import (
	"strings"
	"testing"

	"github.com/meshd/meshd/node/message"
)

// An answer that nobody waits for is the receiver's word all the same: its sender
// heard "unknown", at the deadline, of a message that had been answered.
func TestAnAnswerThatNobodyWaitsForAcknowledges(t *testing.T) {
	n := newNode(t)
	p, q := n.dial(t, "worker"), n.dial(t, "")
	p.expect("hello")
	q.expect("hello")
	p.write(`{"type":"hello","acks":true}`)
	q.write(`{"type":"send","id":"1","to":"worker","body":1,"timeout":"10m"}`)
	id := p.expect("receive").ID
	p.write(`{"type":"reply","id":"r","in_reply_to":"` + id + `","body":2}`)
	if f := p.expect("error"); f.ID != "r" || f.Code != message.CodeNotWaiting {
		t.Errorf("the receiver heard %+v", f)
	}
	if f := q.expect("ack"); f.ID != "1" || f.Status != message.Delivered {
		t.Errorf("the sender heard %+v", f)
	}
}

// A question whose answer was too large can be answered yet: whoever asked waited
// until the deadline, and the next answer was told that nobody waits.
func TestAQuestionOutlivesAnAnswerThatIsTooLarge(t *testing.T) {
	n := newNode(t)
	p, q := n.dial(t, "worker"), n.dial(t, "")
	p.expect("hello")
	q.expect("hello")
	q.write(`{"type":"send","id":"1","to":"worker","body":1,"wait":true,"timeout":"10m"}`)
	id := p.expect("receive").ID
	p.write(`{"type":"reply","id":"r","in_reply_to":"` + id + `","body":"` + strings.Repeat("x", message.MaxBody) + `"}`)
	if f := p.expect("error"); f.ID != "r" || f.InReplyTo != id || f.Code != message.CodeTooLarge {
		t.Errorf("the receiver heard %+v", f)
	}
	p.write(`{"type":"reply","id":"r","in_reply_to":"` + id + `","error":"too much to tell"}`)
	if f := q.expect("error"); f.ID != "1" || f.Code != CodeAgentError {
		t.Errorf("who asked heard %+v", f)
	}
	p.write(`{"type":"reply","id":"s","in_reply_to":"` + id + `","body":3}`)
	if f := p.expect("error"); f.ID != "s" || f.Code != message.CodeNotWaiting {
		t.Errorf("the receiver heard %+v", f)
	}
}

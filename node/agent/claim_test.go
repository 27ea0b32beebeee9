package agent

import (
	"errors"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// An agent whose name may be another's speaks without it until the mesh has said
// that it is its own.
func TestANameThatMayBeAnothersIsNotShown(t *testing.T) {
	n := newNode(t)
	var settled func(error)
	n.server.cfg.Claim = func(who Client, fn func(error)) error {
		if who.Name == "worker" {
			settled = fn
		} else {
			fn(nil)
		}
		return nil
	}
	n.server.cfg.Durable = &shelf{}
	n.server.claimWait = time.Millisecond
	reader := n.dial(t, "reader")
	reader.expect("hello")
	worker := n.dial(t, "worker")
	worker.expect("hello")
	worker.write(`{"type":"send","id":"1","to":"reader","body":1}`)
	if got := reader.expect("receive"); got.From.Agent != "" || got.From.Principal != "key-1" {
		t.Errorf("while it is not known whose the name is, the reader was shown %+v", got.From)
	}
	worker.expect("ack")
	worker.write(`{"type":"send","id":"2","to":"reader","durable":true,"body":1}`)
	if f := worker.expect("error"); f.Code != codeNoLeader || f.Status != message.Refused {
		t.Errorf("a durable one: %+v", f)
	}
	settled(nil)
	worker.write(`{"type":"send","id":"3","to":"reader","body":1}`)
	if got := reader.expect("receive"); got.From.Agent != "worker" {
		t.Errorf("once it is known, the reader was shown %+v", got.From)
	}
}

// A client whose name turns out to be another's while it waits for its hello
// gets none.
func TestANameLostBeforeTheHelloIsRefused(t *testing.T) {
	n := newNode(t)
	n.server.claimWait = time.Hour
	n.server.cfg.Claim = func(_ Client, settled func(error)) error {
		go settled(consensus.Refuse(CodeNotYourAgent, "another was quicker"))
		return nil
	}
	if f := n.dial(t, "worker").expect("error"); f.Code != CodeNotYourAgent {
		t.Errorf("%+v", f)
	}
	var no *consensus.Refusal
	if err := <-n.ended; !errors.As(err, &no) || no.Code != CodeNotYourAgent {
		t.Errorf("the connection ended with %v", err)
	}
}

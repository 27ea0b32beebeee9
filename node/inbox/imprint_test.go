package inbox

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus"
)

// An id that its sender gave to another message is refused, and what differs is
// said; the first message stands.
func TestIDOfAnotherMessage(t *testing.T) {
	w := newWorld(t)
	first := Outgoing{ID: "x", To: to("bob"), Type: "order", Body: json.RawMessage(`{"n":1}`), From: alice}
	w.send(first)
	for differs, change := range map[string]func(*Outgoing){
		"to":           func(m *Outgoing) { m.To = to("carol") },
		"type":         func(m *Outgoing) { m.Conversation = "c" },
		"body":         func(m *Outgoing) { m.Body = json.RawMessage(`{"n":2}`) },
		"to,body":      func(m *Outgoing) { m.To, m.Broadcast, m.Body = nil, true, nil },
		"to,type,body": func(m *Outgoing) { m.To, m.Topic, m.Type, m.Body = nil, "a/b", "", json.RawMessage(`{"n":1} `) },
	} {
		m := first
		change(&m)
		var r *consensus.Refusal
		_, err := w.Accept(t.Context(), m)
		if !errors.As(err, &r) || r.Code != CodeOtherMessage || r.Details["differs"] != differs {
			t.Errorf("%s: %v", differs, err)
		} else if strings.Contains(differs, "body") != strings.Contains(r.Sentence, "its body") {
			t.Errorf("%s: %s", differs, r.Sentence)
		}
	}
	again := first
	again.Priority, again.TraceParent, again.RequestID = High, "t", "r"
	if a := w.send(again); !a.Duplicate {
		t.Errorf("%+v", a)
	}
	if p, err := w.List(t.Context(), "bob", ListOptions{Bodies: true}); err != nil || len(p.Messages) != 1 || string(p.Messages[0].Body) != `{"n":1}` {
		t.Error(p, err)
	}
}

// Below its level, and of ids that were remembered there, nothing is known: they
// are the same message, whatever they say.
func TestIDsOfBeforeTheLevel(t *testing.T) {
	w := newWorld(t)
	now := uint32(Level)
	w.cfg.Level = func() uint32 { return now }
	for _, now = range []uint32{Level, LevelPrint} {
		for range 2 {
			w.send(Outgoing{ID: "x", To: to("bob"), Body: json.RawMessage("1"), From: alice})
			if a := w.send(Outgoing{ID: "x", To: to("bob"), Body: json.RawMessage("2"), From: alice}); !a.Duplicate {
				t.Error(a)
			}
		}
	}
}

// What a sender seals is another body each time; what a node seals is known by
// what it was.
func TestImprintOfSealedBodies(t *testing.T) {
	one := Outgoing{To: to("bob"), Body: json.RawMessage(`{"age":"x"}`), Sealed: true}
	two := Outgoing{To: to("bob"), Body: json.RawMessage(`{"age":"y"}`), Sealed: true}
	differs := func() uint64 {
		x, y := one.imprint(), two.imprint()
		return x.differs(&y)
	}
	if differs() != 0 {
		t.Error("two sealings of a body are two messages")
	}
	one.Plain, two.Plain = json.RawMessage("1"), json.RawMessage("1")
	if differs() != 0 {
		t.Error("a body that the node sealed twice is two messages")
	}
	if two.Plain = json.RawMessage("2"); differs() != printBody {
		t.Error("another body is the same message once it is sealed")
	}
}

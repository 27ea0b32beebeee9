package inbox

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus"
)

// Purged first, as was the advice, the former owner's messages came to the next
// one as dead letters, with their bodies.
func TestTheNextOwnerOfANameHasNoLettersUnseen(t *testing.T) {
	w := newWorld(t)
	claim := func(principal string) {
		t.Helper()
		if got, err := w.Claim(t.Context(), []Claim{{Agent: "bob", Principal: principal}}); err != nil || got[0].Owner != principal {
			t.Fatal(got, err)
		}
	}
	fill := func() {
		t.Helper()
		w.send(Outgoing{To: to("bob"), Body: json.RawMessage(`"dead"`)})
		if _, err := w.Purge(t.Context(), "bob"); err != nil {
			t.Fatal(err)
		}
		w.send(Outgoing{To: to("bob"), Body: json.RawMessage(`"waits"`)})
		w.send(Outgoing{To: to("bob"), Body: json.RawMessage(`"` + strings.Repeat("large", chunkBody/4) + `"`)})
	}
	claim("p1")
	fill()
	no := refusedAs(t, w.Release(t.Context(), "bob", NoLetters), CodeNotEmpty)
	if no.Details["messages"] != "2" || no.Details["dead"] != "1" || !strings.Contains(no.Sentence, "--drop") {
		t.Error(no)
	}
	if info, _, _ := w.Agent(t.Context(), "bob"); info.Owner != "p1" || info.Messages != 2 {
		t.Errorf("refused, it has changed: %+v", info)
	}
	if err := w.Release(t.Context(), "bob", DropLetters); err != nil {
		t.Fatal(err)
	}
	claim("p2")
	if list, dead := w.list("bob"), w.dead("bob"); len(list)+len(dead) != 0 {
		t.Errorf("the next owner has %+v and %+v", list, dead)
	}
	w.check()
	fill()
	if err := w.Release(t.Context(), "bob", KeepLetters); err != nil {
		t.Fatal(err)
	}
	claim("p3")
	if list, dead := w.list("bob"), w.dead("bob"); len(list) != 2 || len(dead) != 1 {
		t.Errorf("kept are %+v and %+v", list, dead)
	}
}

// busy sends a message whenever an inbox is about to be released.
type busy struct {
	consensus.State
	send func()
	left int
}

func (b *busy) Propose(ctx context.Context, p consensus.Proposal) (consensus.Outcome, error) {
	if p.Body[0] == kindRelease && b.left > 0 {
		b.left--
		b.send()
	}
	return b.State.Propose(ctx, p)
}

// What comes between the emptying and the release is no gift to the next owner.
func TestANameIsReleasedEmptyWhateverComesMeanwhile(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Claim(t.Context(), []Claim{{Agent: "bob", Principal: "p1"}}); err != nil {
		t.Fatal(err)
	}
	b := &busy{State: w.state, left: 2}
	other := NewService(Config{State: w.state, Part: w.part, Now: w.now})
	defer other.Close()
	b.send = func() {
		if _, err := other.Accept(t.Context(), Outgoing{From: alice, To: to("bob"), Body: json.RawMessage("1")}); err != nil {
			t.Error(err)
		}
	}
	w.Service.state = b
	if err := w.Release(t.Context(), "bob", DropLetters); err != nil {
		t.Fatal(err)
	}
	if info, _, _ := w.Agent(t.Context(), "bob"); info.Messages+info.Dead != 0 || b.left != 0 {
		t.Errorf("it is released with %+v", info)
	}
	w.send(Outgoing{To: to("bob"), Body: json.RawMessage("1")})
	b.left = releaseTries
	refusedAs(t, w.Release(t.Context(), "bob", DropLetters), CodeNotEmpty)
}

package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus"
)

func largeBody() json.RawMessage {
	return json.RawMessage(`"` + strings.Repeat("x", 3*chunkBody) + `"`)
}

// staged is how much lies aside when everything that is under way has ended.
func (w *world) staged() int64 {
	w.t.Helper()
	w.work.Wait()
	s, err := w.Stats(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return s.StagedBytes
}

// A client that tries again and again to send a large message to an inbox that
// is full left each body aside for ten minutes, and 256 MiB of them kept
// everybody's large messages out.
func TestARefusedMessageLeavesNothingAside(t *testing.T) {
	was := InboxLimits
	InboxLimits = Limits{Messages: 1, Bytes: 64 << 20}
	defer func() { InboxLimits = was }()
	w := newWorld(t)
	w.send(Outgoing{ID: "1", To: to("bob"), Body: largeBody()})
	_, err := w.Accept(t.Context(), Outgoing{From: alice, To: to("bob"), Body: largeBody()})
	refusedAs(t, err, CodeInboxFull)
	_, err = w.Accept(t.Context(), Outgoing{From: alice, Topic: "nobody", Body: largeBody()})
	refusedAs(t, err, CodeNoSubscribers)
	if n := w.staged(); n != 0 {
		t.Errorf("%d bytes are aside", n)
	}
	if a := w.send(Outgoing{ID: "1", To: to("bob"), Body: largeBody()}); !a.Duplicate {
		t.Error("it is no duplicate")
	}
	_, err = w.Accept(t.Context(), Outgoing{ID: "1", From: alice, To: to("carol"), Body: largeBody()})
	refusedAs(t, err, CodeOtherMessage)
	if n := w.staged(); n != 0 {
		t.Errorf("after a duplicate %d bytes are aside", n)
	}
	if b, err := w.Body(t.Context(), "bob", w.list("bob")[0].Seq); err != nil || len(b) != len(largeBody()) {
		t.Errorf("the body of the message that is there has %d bytes, %v", len(b), err)
	}
}

// halfway is a state whose client goes away when half of its body is aside.
type halfway struct {
	consensus.State
	chunks int
	leave  func()
}

func (h *halfway) Propose(ctx context.Context, p consensus.Proposal) (consensus.Outcome, error) {
	if p.Body[0] == kindChunk {
		if h.chunks++; h.chunks == 2 {
			defer h.leave()
		}
	}
	return h.State.Propose(ctx, p)
}

func TestAClientThatGoesAwayLeavesNothingAside(t *testing.T) {
	w := newWorld(t)
	ctx, leave := context.WithCancel(t.Context())
	w.Service.state = &halfway{State: w.state, leave: leave}
	if _, err := w.Accept(ctx, Outgoing{From: alice, To: to("bob"), Body: largeBody()}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if n := w.staged(); n != 0 {
		t.Errorf("%d bytes are aside", n)
	}
}

// A state that not all nodes of this level have made is made as it was.
func TestAnOlderLevelKeepsWhatIsAside(t *testing.T) {
	w := newWorld(t)
	w.cfg.Level = func() uint32 { return Level }
	ctx, leave := context.WithCancel(t.Context())
	w.Service.state = &halfway{State: w.state, leave: leave}
	_, _ = w.Accept(ctx, Outgoing{From: alice, To: to("bob"), Body: largeBody()})
	if w.staged() == 0 {
		t.Error("a command that older nodes do not know was proposed")
	}
}

// headless is a state that takes pieces of bodies and has no leader for the
// batches that name them.
type headless struct{ consensus.State }

func (h headless) Propose(ctx context.Context, p consensus.Proposal) (consensus.Outcome, error) {
	if p.Body[0] == kindBatch {
		return consensus.Outcome{}, consensus.ErrNoLeader
	}
	return h.State.Propose(ctx, p)
}

// While leaders came and went, each large message that was refused for want of one
// left its body aside for ten minutes, in the room of everybody's.
func TestAMessageThatNobodyTookLeavesNothingAside(t *testing.T) {
	w := newWorld(t)
	w.Service.state = headless{w.state}
	if _, err := w.Accept(t.Context(), Outgoing{From: alice, To: to("bob"), Body: largeBody()}); !errors.Is(err, consensus.ErrNoLeader) {
		t.Fatal(err)
	}
	if n := w.staged(); n != 0 {
		t.Errorf("%d bytes are aside", n)
	}
}

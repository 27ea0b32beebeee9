package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/node/message"
)

// world is a Service on a state in memory, with a clock of its own.
type world struct {
	*Service
	t     testing.TB
	state *consensustest.Local
	part  *Part
	mu    sync.Mutex
	at    time.Time
}

func emptyWorld() *world {
	w := &world{part: NewPart(), at: time.UnixMilli(1_800_000_000_000)}
	w.state = consensustest.New(twins{w.part})
	w.state.Now = w.now
	w.Service = NewService(Config{State: w.state, Part: w.part, Now: w.now})
	return w
}

func newWorld(t testing.TB) *world {
	w := emptyWorld()
	w.t = t
	t.Cleanup(func() {
		w.Close()
		w.check()
	})
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	w.at = w.at.Add(d)
	w.mu.Unlock()
	// The mesh's time moves with its commands.
	if _, err := w.Claim(w.t.Context(), []Claim{{Agent: "clock", Node: fmt.Sprint(w.at.UnixNano()), Take: true}}); err != nil && !w.Service.isClosed() {
		w.t.Fatal(err)
	}
}

// wordless is a state whose word is lost on its way, twice a command.
type wordless struct {
	consensus.State
	asked int
}

func (u *wordless) Propose(ctx context.Context, p consensus.Proposal) (consensus.Outcome, error) {
	out, err := u.State.Propose(ctx, p)
	if u.asked++; u.asked%3 != 0 && err == nil {
		return consensus.Outcome{}, consensus.ErrUnknown
	}
	return out, err
}

// A return whose outcome is not known is repeated, and counts one attempt.
func TestAReturnThatIsRepeatedCountsOnce(t *testing.T) {
	w := newWorld(t)
	a := w.send(Outgoing{To: to("bob"), Body: json.RawMessage("1")})
	w.Service.state = &wordless{State: w.state}
	for attempt := 1; attempt <= 3; attempt++ {
		back := Returned{Seq: a.Seq, Attempt: attempt, Counts: true, Delay: time.Minute, Reason: "lost"}
		if _, err := w.Return(t.Context(), "bob", []Returned{back}); err != nil {
			t.Fatal(err)
		}
		if m := w.list("bob")[0]; m.Attempts != attempt || m.NotBefore.IsZero() {
			t.Errorf("after attempt %d: %+v", attempt, m)
		}
	}
	w.Service.state = w.state
	if info, _, _ := w.Agent(t.Context(), "bob"); info.Returned != 3 {
		t.Errorf("%d returns were counted", info.Returned)
	}
}

// A push that ends while somebody has leased the message, and a lease that was
// given up after another began, end nothing of the other's.
func TestAReturnOfAnotherAttemptEndsNothing(t *testing.T) {
	w := newWorld(t)
	a := w.send(Outgoing{To: to("bob"), Body: json.RawMessage("1")})
	lease := func(attempt int) Stored {
		t.Helper()
		got, err := w.Lease(t.Context(), "bob", 1, time.Minute)
		if err != nil || len(got) != 1 || got[0].Attempts != attempt {
			t.Fatalf("%+v, %v", got, err)
		}
		return got[0]
	}
	give := func(r Returned, want int) {
		t.Helper()
		r.Seq = a.Seq
		if n, err := w.Return(t.Context(), "bob", []Returned{r}); err != nil || n != want {
			t.Errorf("%+v: %d, %v", r, n, err)
		}
	}
	lease(1)
	give(Returned{Attempt: 1, Counts: true}, 0) // it was pushed before it was leased
	if m := w.list("bob")[0]; m.LeaseUntil.IsZero() || m.Attempts != 1 {
		t.Errorf("the lease was ended: %+v", m)
	}
	w.pass(2 * time.Minute)
	second := lease(2)
	give(Returned{Attempt: 1}, 0)
	if m := w.list("bob")[0]; !m.LeaseUntil.Equal(second.LeaseUntil) {
		t.Errorf("the later lease was ended: %+v", m)
	}
	give(Returned{Attempt: 2}, 1)
	give(Returned{Attempt: 2}, 0)
	give(Returned{}, 1) // as older nodes say it
}

func (s *Service) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

var alice = message.Sender{Agent: "alice", Principal: "key:alice", Node: "node-a"}

func to(names ...string) (out []Recipient) {
	for _, n := range names {
		out = append(out, Recipient{Agent: n})
	}
	return out
}

func (w *world) send(m Outgoing) Accepted {
	w.t.Helper()
	if m.From == (message.Sender{}) {
		m.From = alice
	}
	a, err := w.Accept(context.Background(), m)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) list(agent string) []Stored {
	w.t.Helper()
	p, err := w.List(context.Background(), agent, ListOptions{Bodies: true, Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	return p.Messages
}

func (w *world) dead(agent string) []Stored {
	w.t.Helper()
	p, err := w.List(context.Background(), agent, ListOptions{Bodies: true, Limit: 1000, Dead: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return p.Messages
}

// check recounts the state, and compares memory with what it would be if it was
// made anew.
func (w *world) check() {
	w.t.Helper()
	_, err := w.state.View(context.Background(), consensus.ReadOptions{}, func(r consensus.Reader) error {
		return audit(r, w.part.index)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func refusedAs(t testing.TB, err error, code string) *consensus.Refusal {
	t.Helper()
	var r *consensus.Refusal
	if !errors.As(err, &r) || r.Code != code {
		t.Fatalf("got %v, want a refusal %s", err, code)
	}
	return r
}

func bodies(list []Stored) (out []string) {
	for _, m := range list {
		out = append(out, string(m.Body))
	}
	return out
}

// The agents that live in the nodes have no inbox: what was accepted for them
// lay there until it expired, and whoever came first owned their name.
func TestAnAgentOfTheNodesHasNoInbox(t *testing.T) {
	w := newWorld(t)
	w.cfg.Reserved = func(agent string) bool { return agent == "librarian" }
	_, err := w.Accept(t.Context(), Outgoing{To: to("librarian"), From: alice})
	refusedAs(t, err, message.CodeNameReserved)
	_, err = w.Claim(t.Context(), []Claim{{Agent: "librarian", Principal: "k"}})
	refusedAs(t, err, message.CodeNameReserved)
	_, err = w.PublishKey(t.Context(), "librarian", "age1x")
	refusedAs(t, err, message.CodeNameReserved)
	refusedAs(t, w.Subscribe(t.Context(), "librarian", "news"), message.CodeNameReserved)
}

func TestABodyThatIsCalledSealedHasThatForm(t *testing.T) {
	w := newWorld(t)
	for _, body := range []string{`5`, `"x"`, `{"age":5}`, `{"age":"?"}`, `{"age":"eA=="}`} {
		_, err := w.Accept(t.Context(), Outgoing{To: to("bob"), From: alice, Sealed: true, Body: json.RawMessage(body)})
		refusedAs(t, err, CodeInvalid)
	}
}

func TestAcceptListAcknowledge(t *testing.T) {
	w := newWorld(t)
	a := w.send(Outgoing{To: to("bob"), Body: json.RawMessage(`{"age":"YWdlLWVuY3J5cHRpb24ub3JnL3YxCg=="}`), Type: "Query", Conversation: "c", CorrelationID: "k", RequestID: "r", TraceParent: "t", Sealed: true, Key: "sha256:x"})
	if a.Known || a.Duplicate || a.Seq == 0 || a.Count != 1 || a.ID == "" || a.Revision == 0 {
		t.Fatalf("%+v", a)
	}
	list := w.list("bob")
	if len(list) != 1 {
		t.Fatal(list)
	}
	m := list[0]
	want := Stored{
		Seq: a.Seq, ID: a.ID, Agent: "bob", From: alice, Type: "Query", Conversation: "c", CorrelationID: "k", RequestID: "r",
		Body: json.RawMessage(`{"age":"YWdlLWVuY3J5cHRpb24ub3JnL3YxCg=="}`), Size: 42, Sealed: true, Key: "sha256:x", AcceptedAt: w.now().UTC(), ExpiresAt: w.now().Add(DefaultTTL).UTC(),
		Redelivery: DefaultRedelivery, MaxAttempts: DefaultAttempts, TraceParent: "t",
	}
	if fmt.Sprintf("%+v", m) != fmt.Sprintf("%+v", want) {
		t.Fatalf("got  %+v\nwant %+v", m, want)
	}
	if n, err := w.Acknowledge(t.Context(), "carol", []uint64{a.Seq}); n != 0 || err != nil {
		t.Fatal("another agent acknowledged it", n, err)
	}
	if n, err := w.Acknowledge(t.Context(), "bob", []uint64{a.Seq, a.Seq, 99}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if _, found, err := w.Agent(t.Context(), "bob"); found || err != nil {
		t.Fatal("an agent that is not known and has nothing is remembered")
	}
}

func TestOrderOfDelivery(t *testing.T) {
	w := newWorld(t)
	for _, m := range []struct {
		body string
		p    Priority
	}{{"1", Normal}, {"2", Low}, {"3", Critical}, {"4", Normal}, {"5", High}, {"6", Critical}} {
		w.send(Outgoing{To: to("bob"), Body: json.RawMessage(m.body), Priority: m.p})
	}
	if got := strings.Join(bodies(w.list("bob")), ""); got != "365142" {
		t.Fatal(got)
	}
	b, err := w.Pending(t.Context(), "bob", PendingOptions{Max: 4})
	if err != nil || strings.Join(bodies(b.Messages), "") != "3651" || !b.More {
		t.Fatal(b, err)
	}
	b, err = w.Pending(t.Context(), "bob", PendingOptions{Skip: func(d Due) bool { return d.Priority == Critical }})
	if err != nil || strings.Join(bodies(b.Messages), "") != "5142" || b.More {
		t.Fatal(b, err)
	}
	var all []string
	for at := Cursor(""); ; {
		p, err := w.List(t.Context(), "bob", ListOptions{Limit: 2, After: at, Bodies: true})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, bodies(p.Messages)...)
		if at = p.Next; at == "" {
			break
		}
	}
	if got := strings.Join(all, ""); got != "365142" {
		t.Fatal(got)
	}
}

// What is delayed for as long as it lives was accepted, and died unseen.
func TestADelayIsShorterThanTheTTL(t *testing.T) {
	w := newWorld(t)
	for _, m := range []Outgoing{{Delay: time.Hour, TTL: time.Hour}, {Delay: time.Hour, TTL: time.Second}, {Delay: DefaultTTL}, {Delay: MaxDelay, TTL: MaxTTL}} {
		m.From, m.To, m.Body = alice, to("bob"), json.RawMessage("1")
		_, err := w.Accept(t.Context(), m)
		var no *consensus.Refusal
		if !errors.As(err, &no) || no.Code != CodeInvalid || no.Details["field"] != "delay" {
			t.Errorf("delay %s, ttl %s: %v", m.Delay, m.TTL, err)
		}
	}
	w.send(Outgoing{To: to("bob"), Body: json.RawMessage("1"), Delay: time.Hour - time.Millisecond, TTL: time.Hour})
	if list := w.list("bob"); len(list) != 1 {
		t.Error(list)
	}
}

func TestDelayLeaseReturnExpire(t *testing.T) {
	w := newWorld(t)
	w.send(Outgoing{To: to("bob"), Body: json.RawMessage("1"), Delay: time.Minute, MaxAttempts: 2, TTL: time.Hour})
	if got, err := w.Lease(t.Context(), "bob", 5, time.Minute); err != nil || len(got) != 0 {
		t.Fatal(got, err)
	}
	if due := w.Due("bob"); !due.Equal(w.now().Add(time.Minute)) {
		t.Fatal(due)
	}
	w.pass(time.Minute)
	got, err := w.Lease(t.Context(), "bob", 5, time.Minute)
	if err != nil || len(got) != 1 || got[0].Attempts != 1 || string(got[0].Body) != "1" {
		t.Fatal(got, err)
	}
	if again, err := w.Lease(t.Context(), "bob", 5, time.Minute); err != nil || len(again) != 0 {
		t.Fatal("leased twice", again, err)
	}
	if b, err := w.Pending(t.Context(), "bob", PendingOptions{}); err != nil || len(b.Messages) != 0 {
		t.Fatal("pushed while it is leased", b, err)
	}
	if _, err := w.Return(t.Context(), "bob", []Returned{{Seq: got[0].Seq, Delay: time.Minute, Reason: "busy"}}); err != nil {
		t.Fatal(err)
	}
	w.send(Outgoing{To: to("bob"), Body: json.RawMessage("2")})
	w.send(Outgoing{To: to("bob"), Body: json.RawMessage("3"), From: message.Sender{Principal: "key:other", Node: "n"}})
	b, err := w.Pending(t.Context(), "bob", PendingOptions{})
	if err != nil || strings.Join(bodies(b.Messages), "") != "3" || !b.Next.Equal(w.now().Add(time.Minute)) {
		t.Fatal("a later message of the sender went ahead of one that was returned", b, err)
	}
	w.pass(time.Minute)
	if got, err = w.Lease(t.Context(), "bob", 1, time.Second); err != nil || len(got) != 1 || got[0].Attempts != 2 || got[0].Reason != "busy" {
		t.Fatal(got, err)
	}
	w.pass(time.Second)
	if err := w.Tidy(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if d := w.dead("bob"); len(d) != 1 || d[0].Death != DeathAttempts || string(d[0].Body) != "1" {
		t.Fatal(d)
	}
	w.pass(DefaultTTL)
	if b, _ := w.Pending(t.Context(), "bob", PendingOptions{}); len(b.Messages) != 0 {
		t.Fatal("a message over its time is delivered", b)
	}
	if err := w.Tidy(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if d := w.dead("bob"); len(d) != 3 || d[1].Death != DeathExpired {
		t.Fatal(d)
	}
	if n, err := w.Redrive(t.Context(), "bob", nil); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if got := strings.Join(bodies(w.list("bob")), ""); got != "123" {
		t.Fatal(got)
	}
	if n, err := w.Purge(t.Context(), "bob"); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	w.pass(DeadTTL)
	if err := w.Tidy(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if d := w.dead("bob"); len(d) != 0 {
		t.Fatal(d)
	}
}

func TestStickyIsKept(t *testing.T) {
	w := newWorld(t)
	w.send(Outgoing{To: to("bob"), Conversation: "c", Sticky: true})
	w.send(Outgoing{To: to("bob"), Conversation: "c"})
	w.send(Outgoing{To: to("bob"), Sticky: true})
	list, err := w.Lease(t.Context(), "bob", 5, time.Minute) // writes the records again
	if err != nil || len(list) != 3 || !list[0].Sticky || list[1].Sticky || list[2].Sticky {
		t.Fatalf("%+v, %v", list, err)
	}
	if list := w.list("bob"); !list[0].Sticky || list[1].Sticky || list[2].Sticky {
		t.Fatalf("%+v", list)
	}
}

func TestReturnedTooOftenIsDead(t *testing.T) {
	w := newWorld(t)
	a := w.send(Outgoing{To: to("bob"), MaxAttempts: 2})
	b := w.send(Outgoing{To: to("bob")})
	for range 2 {
		if _, err := w.Return(t.Context(), "bob", []Returned{{Seq: a.Seq, Counts: true, Reason: strings.Repeat("é", 200)}}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := w.Return(t.Context(), "bob", []Returned{{Seq: b.Seq, Final: true}, {Seq: 77}}); err != nil || n != 1 {
		t.Fatalf("%d are given back, not the one that is there: %v", n, err)
	}
	d := w.dead("bob")
	if len(d) != 2 || d[0].Death != DeathAttempts || d[0].Attempts != 2 || len(d[0].Reason) != 256 || d[1].Death != DeathReturned {
		t.Fatal(d)
	}
	if n, err := w.DropDead(t.Context(), "bob", []uint64{a.Seq, 5}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
}

func TestSameIDIsAcceptedOnce(t *testing.T) {
	w := newWorld(t)
	first := w.send(Outgoing{ID: "x", To: to("bob")})
	again := w.send(Outgoing{ID: "x", To: to("bob")})
	if !again.Duplicate || again.Seq != first.Seq || again.ID != "x" {
		t.Fatalf("%+v", again)
	}
	other := w.send(Outgoing{ID: "x", To: to("bob"), From: message.Sender{Agent: "alice", Principal: "key:other", Node: "n"}})
	if other.Duplicate {
		t.Fatal("the id of another principal")
	}
	w.pass(25 * time.Hour)
	if late := w.send(Outgoing{ID: "x", To: to("bob")}); late.Duplicate {
		t.Fatal("an id is remembered for longer than a day")
	}
	if err := w.Tidy(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if s, _ := w.Stats(t.Context()); s.Remembered != 1 {
		t.Fatal(s)
	}
}

func TestTopicsAndBroadcast(t *testing.T) {
	w := newWorld(t)
	for agent, patterns := range map[string][]string{
		"bob": {"a/b", "a/*", "a/>"}, "carol": {"*/b"}, "dave": {">"}, "eve": {"a/b/c", "*/*/c"}, "frank": {"a", "b/>", "*"},
	} {
		for _, p := range patterns {
			for range 2 {
				if err := w.Subscribe(t.Context(), agent, p); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	a := w.send(Outgoing{Topic: "a/b"})
	slices.Sort(a.Recipients)
	if got := strings.Join(a.Recipients, " "); got != "bob carol dave" || !a.Known || a.Count != 3 {
		t.Fatalf("%+v", a)
	}
	if subs, err := w.Subscriptions(t.Context(), "bob"); err != nil || len(subs) != 3 || subs[0].Pattern != "a/*" {
		t.Fatal(subs, err)
	}
	if err := w.Unsubscribe(t.Context(), "dave", ">"); err != nil {
		t.Fatal(err)
	}
	_, err := w.Accept(t.Context(), Outgoing{From: alice, Topic: "x/y"})
	refusedAs(t, err, CodeNoSubscribers)
	if _, err := w.Claim(t.Context(), []Claim{{Agent: "alice", Principal: "key:alice"}}); err != nil {
		t.Fatal(err)
	}
	a = w.send(Outgoing{Broadcast: true, Body: json.RawMessage(`"` + strings.Repeat("x", 5000) + `"`)})
	if got := strings.Join(a.Recipients, " "); got != "bob carol dave eve frank" {
		t.Fatalf("%+v", a)
	}
	// Each acknowledges its own.
	for _, name := range a.Recipients {
		for _, m := range w.list(name) {
			if m.Topic == "" && len(m.Body) != 5002 {
				t.Fatal(name, len(m.Body))
			}
			if n, err := w.AcknowledgeIDs(t.Context(), name, []string{m.ID}); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
	}
	if s, _ := w.Stats(t.Context()); s.Messages != 0 || s.Bytes != 0 {
		t.Fatal(s)
	}
}

func TestBodiesOfAllSizes(t *testing.T) {
	w := newWorld(t)
	for _, size := range []int{2, inlineBody, inlineBody + 1, chunkBody, chunkBody + 1, 2 * chunkBody, MaxShown + 1, 3<<20 + 7} {
		for _, names := range [][]string{{"bob"}, {"bob", "carol"}} {
			body := json.RawMessage(`"` + strings.Repeat("b", size-2) + `"`)
			a := w.send(Outgoing{To: to(names...), Body: body})
			for i, name := range names {
				got, err := w.Body(t.Context(), name, a.Seq+uint64(i))
				if err != nil || string(got) != string(body) {
					t.Fatal(size, names, len(got), err)
				}
				m := w.list(name)[0]
				if m.Size != int64(size) || (size <= MaxShown) != (string(m.Body) == string(body)) {
					t.Fatal(size, len(m.Body))
				}
				if n, err := w.Acknowledge(t.Context(), name, []uint64{a.Seq + uint64(i)}); n != 1 || err != nil {
					t.Fatal(n, err)
				}
			}
		}
	}
	if _, err := w.Accept(t.Context(), Outgoing{From: alice, To: to("bob"), Body: make([]byte, MaxBody+1)}); err == nil {
		t.Fatal("a body over the limit was taken")
	}
	_, err := w.Body(t.Context(), "bob", 1)
	refusedAs(t, err, CodeUnknownMessage)
}

func TestBodiesThatNobodyNamesGo(t *testing.T) {
	w := newWorld(t)
	id := blobID{1, 2, 3}
	for i := range 3 {
		if _, err := w.state.Propose(t.Context(), consensus.Proposal{Part: PartName, Body: encodeChunk(id, i, make([]byte, chunkBody))}); err != nil {
			t.Fatal(err)
		}
	}
	if s, _ := w.Stats(t.Context()); s.StagedBytes != 3*chunkBody {
		t.Fatal(s)
	}
	w.pass(9 * time.Minute)
	if err := w.Tidy(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if s, _ := w.Stats(t.Context()); s.StagedBytes == 0 {
		t.Fatal("gone too soon")
	}
	w.pass(time.Minute)
	if err := w.Tidy(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if s, _ := w.Stats(t.Context()); s.StagedBytes != 0 {
		t.Fatal(s)
	}
}

func TestFullInbox(t *testing.T) {
	was := InboxLimits
	InboxLimits = Limits{Messages: 3, Bytes: 1 << 20}
	defer func() { InboxLimits = was }()
	w := newWorld(t)
	if err := w.Subscribe(t.Context(), "bob", "t"); err != nil {
		t.Fatal(err)
	}
	if err := w.Subscribe(t.Context(), "carol", "t"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.send(Outgoing{To: to("bob")})
	}
	_, err := w.Accept(t.Context(), Outgoing{From: alice, To: to("bob")})
	r := refusedAs(t, err, CodeInboxFull)
	if r.Details["inbox"] != "bob" || r.Details["messages"] != "3" || r.Details["limit_messages"] != "3" {
		t.Fatal(r)
	}
	_, err = w.Accept(t.Context(), Outgoing{From: alice, To: to("carol", "bob")})
	refusedAs(t, err, CodeInboxFull)
	if len(w.list("carol")) != 0 {
		t.Fatal("a message to several was accepted for some")
	}
	a := w.send(Outgoing{Topic: "t"})
	if a.Full != 1 || strings.Join(a.Recipients, " ") != "carol" {
		t.Fatalf("%+v", a)
	}
	if info, _, _ := w.Agent(t.Context(), "bob"); info.Refused != 3 || info.Messages != 3 || info.Oldest.IsZero() {
		t.Fatalf("%+v", info)
	}
	InboxLimits.Bytes = 500
	_, err = w.Accept(t.Context(), Outgoing{From: alice, To: to("carol"), Body: json.RawMessage(`"` + strings.Repeat("x", 600) + `"`)})
	refusedAs(t, err, CodeInboxFull)
}

func TestClaimsAndKeys(t *testing.T) {
	w := newWorld(t)
	res, err := w.Claim(t.Context(), []Claim{{Agent: "bob", Principal: "p1", Node: "n1"}, {Agent: "carol", Principal: "p2"}})
	if err != nil || res[0].Owner != "p1" || res[0].Node != "n1" || res[0].Epoch != 1 || res[1].Owner != "p2" {
		t.Fatal(res, err)
	}
	rev := w.state
	before, _ := rev.View(t.Context(), consensus.ReadOptions{}, func(consensus.Reader) error { return nil })
	if _, err := w.Claim(t.Context(), []Claim{{Agent: "bob", Principal: "p1", Node: "n1"}}); err != nil {
		t.Fatal(err)
	}
	if after, _ := rev.View(t.Context(), consensus.ReadOptions{}, func(consensus.Reader) error { return nil }); after != before {
		t.Fatal("a claim that is in force was proposed")
	}
	res, err = w.Claim(t.Context(), []Claim{{Agent: "bob", Principal: "p2"}, {Agent: "bob", Node: "n2"}, {Agent: "bob", Node: "n2", Take: true, Epoch: 7}, {Agent: "bob", Node: "n2", Take: true, Epoch: 1}, {Agent: "bob", Node: "n3", Take: true, Epoch: 1}})
	if err != nil || res[0].Code != CodeNotYourAgent || res[1].Node != "n1" || res[2].Node != "n1" || res[3].Node != "n2" || res[3].Epoch != 2 || res[4].Node != "n2" {
		t.Fatalf("%+v %v", res, err)
	}
	k, err := w.PublishKey(t.Context(), "bob", "age1pq1")
	if err != nil || k.Generation != 1 || !strings.HasPrefix(k.Hash, "sha256:") {
		t.Fatal(k, err)
	}
	if k, _ = w.PublishKey(t.Context(), "bob", "age1pq1"); k.Generation != 1 {
		t.Fatal(k)
	}
	if k, _ = w.PublishKey(t.Context(), "bob", "age1pq2"); k.Generation != 2 {
		t.Fatal(k)
	}
	if got, err := w.Key(t.Context(), "bob"); err != nil || got != k {
		t.Fatal(got, err)
	}
	_, err = w.Key(t.Context(), "carol")
	refusedAs(t, err, CodeNoKey)
	if err := w.Release(t.Context(), "bob", KeepLetters); err != nil {
		t.Fatal(err)
	}
	if err := w.Release(t.Context(), "carol", KeepLetters); err != nil {
		t.Fatal(err)
	}
	refusedAs(t, w.Release(t.Context(), "carol", KeepLetters), CodeUnknownAgent)
	res, err = w.Claim(t.Context(), []Claim{{Agent: "bob", Principal: "p3"}})
	if err != nil || res[0].Owner != "p3" || res[0].Node != "" {
		t.Fatal(res, err)
	}
	list, err := w.Agents(t.Context(), "", 0)
	if err != nil || len(list) != 1 || list[0].KeyHash != k.Hash {
		t.Fatal(list, err)
	}
}

func TestOrderPerSenderWithManyUnderWay(t *testing.T) {
	w := newWorld(t)
	const senders, each = 7, 400
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		got [senders][]uint64
	)
	for i := range senders {
		got[i] = make([]uint64, each)
		wg.Go(func() {
			from := message.Sender{Principal: fmt.Sprint("p", i), Node: "n"}
			for n := range each {
				size := 3
				if n%97 == 0 {
					size = chunkBody + 10
				}
				wg.Add(1)
				w.Submit(context.Background(), Outgoing{From: from, To: to("bob"), Body: json.RawMessage(`"` + strings.Repeat("x", size) + `"`)}, func(a Accepted, err error) {
					defer wg.Done()
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					got[i][n] = a.Seq
				})
			}
		})
	}
	wg.Wait()
	for i := range senders {
		if !slices.IsSorted(got[i]) || got[i][0] == 0 {
			t.Fatal("out of order", i)
		}
	}
	if s, _ := w.Stats(t.Context()); s.Messages != senders*each {
		t.Fatal(s)
	}
}

func TestBackoff(t *testing.T) {
	for n, want := range []time.Duration{30 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 10 * time.Minute, 10 * time.Minute} {
		if got := Backoff(30*time.Second, n); got != want {
			t.Fatal(n, got, want)
		}
	}
	if got := Backoff(time.Hour, 3); got != time.Hour {
		t.Fatal(got)
	}
}

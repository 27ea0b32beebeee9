package dispatch

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
)

// scene is one test: a mesh's inboxes, where its agents are, and dispatchers.
type scene struct {
	*testing.T
	*shelves
	*town
}

func play(t *testing.T, fn func(s *scene)) {
	synctest.Test(t, func(t *testing.T) {
		fn(&scene{t, newShelves(), newTown()})
	})
}

func (s *scene) node(id string) *Dispatcher {
	d := New(Config{Node: id, Inboxes: s.shelves, Router: s.town, Mesh: s.town})
	s.Cleanup(d.Close)
	return d
}

// wait lets everything happen that does not take longer.
func (s *scene) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (s *scene) want(agent string, seqs ...uint64) {
	s.Helper()
	if got := s.seqs(agent); !slices.Equal(got, seqs) {
		s.Errorf("%s was given %v, want %v", agent, got, seqs)
	}
}

func TestWhatIsAcceptedIsPushedAndAcknowledged(t *testing.T) {
	play(t, func(s *scene) {
		d := s.node("n1")
		s.accept("a", "x", 1)
		s.wait(time.Second)
		s.want("a")
		s.set("a", "n1")
		d.Moved()
		s.wait(time.Second)
		s.accept("a", "x", 1)
		s.accept("a", "y", 1)
		s.wait(time.Second)
		s.want("a", 1, 2, 3)
		if n := s.left("a"); n != 0 {
			t.Errorf("%d messages are left", n)
		}
	})
}

func TestWhatAMessageSaysOfItself(t *testing.T) {
	play(t, func(s *scene) {
		s.set("a", "n1")
		s.accept("a", "x", 1)
		m := s.messages["a"][0]
		m.Topic, m.Attempts, m.Body, m.Size = "b/c", 2, nil, 3<<20
		m.Conversation, m.Sticky = "c", true
		s.node("n1")
		s.wait(time.Second)
		s.want("a", 1)
		got := s.taken["a"][0]
		if got.To != "topic/b/c" || !got.Sticky || got.Conversation != "c" || got.Stored.Inbox != "a" || got.Stored.Attempt != 3 || got.Stored.Size != 3<<20 || time.Until(got.Deadline) < 118*time.Second {
			t.Errorf("%+v, %+v", got, got.Stored)
		}
	})
}

func TestAThousandAgentsAreClaimedByAFewCommands(t *testing.T) {
	play(t, func(s *scene) {
		d := s.node("n1")
		owned := 0
		for i := range 1000 {
			name := fmt.Sprint("a", i)
			s.accept(name, "x", 1)
			s.set(name, "n1")
			d.Own(name, "k", func(err error) {
				if err == nil {
					owned++
				}
			})
			d.Moved()
		}
		s.wait(time.Second)
		if s.claims > 8 || owned != 1000 {
			t.Errorf("%d commands, %d owned", s.claims, owned)
		}
		for i := range 1000 {
			if s.left(fmt.Sprint("a", i)) != 0 {
				t.Fatalf("a%d did not get its message", i)
			}
		}
		before := s.claims
		for i := range 1000 {
			s.set(fmt.Sprint("a", i))
		}
		d.Moved()
		s.wait(time.Second)
		for i := range 1000 {
			s.set(fmt.Sprint("a", i), "n1")
		}
		d.Moved()
		s.wait(time.Second)
		if s.claims != before {
			t.Errorf("%d commands for agents that came back", s.claims-before)
		}
	})
}

func TestAnotherOwnerIsRefused(t *testing.T) {
	play(t, func(s *scene) {
		d := s.node("n1")
		var mine, theirs error
		d.Own("a", "k1", func(err error) { mine = err })
		s.wait(time.Second)
		d.Own("a", "k2", func(err error) { theirs = err })
		s.wait(time.Second)
		var no *consensus.Refusal
		if mine != nil || !errors.As(theirs, &no) || no.Code != inbox.CodeNotYourAgent {
			t.Errorf("%v, %v", mine, theirs)
		}
	})
}

func TestOneNodeDispatchesAndAnotherTakesOver(t *testing.T) {
	play(t, func(s *scene) {
		s.set("a", "n1", "n2", "n3")
		all := map[string]*Dispatcher{}
		for _, n := range []string{"n1", "n2", "n3"} {
			all[n] = s.node(n)
		}
		s.wait(time.Second)
		first := s.agents["a"].Node
		s.accept("a", "x", 1)
		s.wait(time.Second)
		s.want("a", 1)

		// The node that has it dies: one of the others goes on.
		s.kill(first)
		all[first].Close()
		for _, d := range all {
			d.Moved()
		}
		s.wait(time.Second)
		second := s.agents["a"].Node
		if second == first || s.agents["a"].Epoch != 2 {
			t.Fatalf("%s dispatches, epoch %d", second, s.agents["a"].Epoch)
		}
		s.accept("a", "x", 1)
		s.wait(time.Second)
		s.want("a", 1, 2)

		// The agent leaves the node that has it: the last one takes over, after
		// a while, since the word of its coming may be on its way.
		third := "n1"
		for _, n := range []string{"n1", "n2", "n3"} {
			if n != first && n != second {
				third = n
			}
		}
		s.set("a", third)
		for _, d := range all {
			d.Moved()
		}
		s.wait(grace + time.Second)
		if got := s.agents["a"].Node; got != third {
			t.Fatalf("%s dispatches, not %s", got, third)
		}
		s.accept("a", "x", 1)
		s.wait(time.Second)
		s.want("a", 1, 2, 3)
		if all[second].out != 0 || all[second].agents["a"] != nil {
			t.Errorf("%s still dispatches", second)
		}
	})
}

// An agent moves to another node while the state has not heard yet what it
// acknowledged: its inbox follows once that is told, and nothing comes twice.
func TestAnInboxIsHandedOverWithNothingOut(t *testing.T) {
	play(t, func(s *scene) {
		s.set("a", "n1")
		one, two := s.node("n1"), s.node("n2")
		s.wait(time.Second)
		s.setHeadless(true)
		for range 100 {
			s.accept("a", "x", 1)
		}
		s.wait(time.Second)
		s.set("a", "n2")
		one.Moved()
		two.Moved()
		s.wait(3 * time.Second)
		s.accept("a", "x", 1)
		s.setHeadless(false)
		s.wait(linger + 2*quietEvery)
		if got := s.agents["a"]; got.Node != "n2" || got.Epoch != 2 {
			t.Errorf("%s dispatches, epoch %d", got.Node, got.Epoch)
		}
		s.accept("a", "x", 1)
		s.wait(time.Second)
		if got := s.seqs("a"); len(got) != 102 || got[101] != 102 || s.left("a") != 0 {
			t.Errorf("%d deliveries, %d left", len(got), s.left("a"))
		}
		if one.agents["a"] != nil || one.out != 0 || one.settling != 0 {
			t.Errorf("n1 has %d out, %d to settle", one.out, one.settling)
		}
	})
}

// The agent of an inbox was nowhere for long, or the node that dispatches it was
// restarted: it comes elsewhere, and has its messages at once.
func TestAnInboxFollowsItsAgentFromANodeThatHasForgottenIt(t *testing.T) {
	play(t, func(s *scene) {
		s.set("a", "n1")
		one, two := s.node("n1"), s.node("n2")
		s.wait(time.Second)
		s.set("a")
		one.Moved()
		s.wait(time.Minute)
		s.accept("a", "x", 1)
		for i := range 2 {
			if one.agents["a"] != nil || s.agents["a"].Node != "n1" {
				t.Fatalf("n1 knows %+v, %s dispatches", one.agents["a"], s.agents["a"].Node)
			}
			s.set("a", "n2")
			one.Moved()
			two.Moved()
			s.wait(linger / 2)
			if s.left("a") != 0 {
				t.Error("it waits for its messages")
			}
			s.wait(linger)
			if got := s.agents["a"].Node; got != "n2" {
				t.Errorf("%s dispatches", got)
			}
			if i == 0 { // the same again, from n1's beginning
				s.set("a")
				one.Moved()
				two.Moved()
				s.wait(time.Second)
				one.Close()
				s.agents["a"].Node = "n1"
				s.accept("a", "x", 1)
				one = s.node("n1")
				s.wait(time.Second)
			}
		}
		s.want("a", 1, 2)
	})
}

// What an agent is slow to acknowledge keeps its inbox where it is, and
// everything else of it is delivered from there: only who does not hand over for
// a minute is relieved.
func TestAnInboxWithSomethingOutIsNotHandedOver(t *testing.T) {
	play(t, func(s *scene) {
		s.set("a", "n1", "n2")
		one := s.node("n1")
		s.wait(time.Second)
		two := s.node("n2")
		var slow func()
		s.act(func(m message.Message, done func(message.Receipt, error)) {
			if m.From.Agent == "slow" {
				slow = func() { ack(m, done) }
				return
			}
			ack(m, done)
		})
		s.accept("a", "slow", 1)
		s.wait(time.Second)
		s.set("a", "n2")
		one.Moved()
		two.Moved()
		s.wait(linger + quietMost/2)
		for range 10 {
			s.accept("a", "x", 1)
		}
		s.wait(25 * time.Second)
		s.want("a", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
		if got := s.agents["a"].Node; got != "n1" {
			t.Fatalf("%s dispatches", got)
		}
		slow()
		s.wait(quietEvery + time.Second)
		if got := s.agents["a"].Node; got != "n2" {
			t.Errorf("%s dispatches", got)
		}
		s.accept("a", "x", 1)
		s.wait(time.Second)
		s.want("a", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
	})
}

// What is pushed is not leased meanwhile, and what is about to be leased is not
// pushed: for as long as the state may take to know the lease.
func TestWhatIsLentIsNotPushed(t *testing.T) {
	play(t, func(s *scene) {
		s.set("a", "n1")
		d := s.node("n1")
		s.wait(time.Second)
		s.act(silence)
		s.accept("a", "x", 1)
		s.wait(time.Second)
		if out := d.Lend("a", []uint64{1, 2, 3}); !slices.Equal(out, []uint64{1}) {
			t.Errorf("%v are out", out)
		}
		for range 3 {
			s.accept("a", "y", 1)
		}
		s.wait(lendFor / 2)
		s.want("a", 1, 4)
		s.shelves.mu.Lock()
		s.messages["a"][1].NotBefore = time.Now().Add(time.Hour) // it is leased, and the other not
		s.shelves.mu.Unlock()
		s.wait(lendFor)
		s.want("a", 1, 4, 3)
		if out := d.Lend("b", []uint64{9}); out != nil || d.agents["a"].box.lent != nil {
			t.Errorf("%v of another inbox, %v lent", out, d.agents["a"].box.lent)
		}
	})
}

// An agent that is gone for a moment finds its inbox where it was.
func TestAnAgentThatComesBackAtOnceMovesNoInbox(t *testing.T) {
	play(t, func(s *scene) {
		s.set("a", "n1", "n2")
		d := s.node("n1")
		s.wait(time.Second)
		before := s.claims
		s.set("a", "n2")
		d.Moved()
		s.wait(linger / 2)
		s.set("a", "n1", "n2")
		d.Moved()
		s.wait(time.Minute)
		if s.claims != before || s.agents["a"].Node != "n1" {
			t.Errorf("%d commands, %s dispatches", s.claims-before, s.agents["a"].Node)
		}
	})
}

func TestWithoutALeaderNothingIsPushedTwice(t *testing.T) {
	play(t, func(s *scene) {
		s.set("a", "n1")
		d := s.node("n1")
		s.wait(time.Second)
		s.accept("a", "x", 1)
		s.setHeadless(true)
		s.wait(time.Minute)
		s.want("a", 1)
		s.act(func(_ message.Message, done func(message.Receipt, error)) {
			done(message.Receipt{Status: message.Delivered}, consensus.Refuse("RETURNED", "not now"))
		})
		s.accept("a", "x", 1) // what was accepted before the leader died
		s.wait(time.Minute)
		s.want("a", 1, 2)
		if d.settling != 2 {
			t.Errorf("%d are not settled", d.settling)
		}
		s.act(ack)
		s.setHeadless(false)
		s.wait(5 * time.Second)
		s.want("a", 1, 2, 2)
		if s.left("a") != 0 || d.settling != 0 || d.out != 0 || d.bytes != 0 {
			t.Errorf("%d left, %d to settle, %d out with %d bytes", s.left("a"), d.settling, d.out, d.bytes)
		}
	})
}

// An administrator releases a name whose agent is attached, at a node that has
// had it for long, and at one that comes new to it.
func TestAReleasedNameIsDispatchedAgainByOne(t *testing.T) {
	play(t, func(s *scene) {
		s.set("a", "n1")
		one := s.node("n1")
		s.wait(time.Second)
		two := s.node("n2")
		s.set("a", "n1", "n2")
		one.Moved()
		two.Moved()
		s.wait(time.Second)
		s.act(silence)
		for i := range 3 {
			s.shelves.mu.Lock()
			delete(s.agents, "a") // nothing was in its inbox
			s.shelves.mu.Unlock()
			s.tell("a")
			two.Moved()
			s.wait(time.Second)
			seq := s.accept("a", "x", 1)
			s.wait(time.Second)
			if got := s.seqs("a"); len(got) != i+1 || got[i] != seq {
				t.Errorf("after %d releases: %v", i+1, got)
			}
			s.shelves.mu.Lock()
			s.messages["a"] = nil
			s.shelves.mu.Unlock()
		}
	})
}

// A flood that is acknowledged faster than the state takes it.
func TestAFloodIsDeliveredOnce(t *testing.T) {
	play(t, func(s *scene) {
		d := s.node("n1")
		s.set("a", "n1")
		d.Moved()
		s.wait(time.Second)
		for range 20_000 {
			s.accept("a", "x", 1)
		}
		s.wait(time.Minute)
		if got := len(s.seqs("a")); got != 20_000 || s.left("a") != 0 || d.settling != 0 {
			t.Errorf("%d deliveries, %d left, %d to settle", got, s.left("a"), d.settling)
		}
	})
}

func TestAMessageThatIsNeverAcknowledgedIsGivenUp(t *testing.T) {
	play(t, func(s *scene) {
		s.set("a", "n1")
		s.node("n1")
		var at []time.Duration
		began := time.Now()
		s.act(func(m message.Message, done func(message.Receipt, error)) {
			at = append(at, time.Since(began).Round(time.Second))
			time.AfterFunc(time.Until(m.Deadline), func() { done(message.Receipt{Status: message.Unknown}, nil) })
		})
		s.accept("a", "x", 1)
		s.wait(time.Hour)
		if want := []time.Duration{0, 30 * time.Second, 90 * time.Second, 210 * time.Second, 450 * time.Second}; !slices.Equal(at, want) {
			t.Errorf("delivered after %v", at)
		}
		if s.left("a") != 0 {
			t.Error("it is still there")
		}
	})
}

func TestAReturnNamesItsDelayAndReason(t *testing.T) {
	play(t, func(s *scene) {
		s.set("a", "n1")
		s.node("n1")
		s.act(func(_ message.Message, done func(message.Receipt, error)) {
			done(message.Receipt{Status: message.Delivered}, &consensus.Refusal{Code: "RETURNED", Sentence: "no paper", Details: map[string]string{"delay": "10m"}})
		})
		s.accept("a", "x", 1)
		s.wait(9 * time.Minute)
		s.want("a", 1)
		if r := s.messages["a"][0].Reason; r != "no paper" {
			t.Error(r)
		}
		s.act(ack)
		s.wait(2 * time.Minute)
		s.want("a", 1, 1)
	})
}

// Agents that acknowledge nothing leave room for the others.
func TestSilentAgentsDoNotStopTheOthers(t *testing.T) {
	play(t, func(s *scene) {
		d := s.node("n1")
		s.act(func(m message.Message, done func(message.Receipt, error)) {
			if m.To == "good" {
				done(message.Receipt{Status: message.Delivered}, nil)
			}
		})
		const silent = 200
		for i := range silent {
			name := fmt.Sprint("a", i)
			s.shelves.mu.Lock()
			for j := range maxOut + 100 {
				s.seq++
				s.messages[name] = append(s.messages[name], &inbox.Stored{Seq: s.seq, Agent: name, From: message.Sender{Agent: fmt.Sprint(j)}, Redelivery: 30 * time.Second, MaxAttempts: 5})
			}
			s.shelves.mu.Unlock()
			s.set(name, "n1")
		}
		d.Moved()
		s.wait(5 * time.Second)
		s.set("good", "n1")
		for range 50 {
			s.accept("good", "x", 1)
		}
		d.Moved()
		s.wait(5 * time.Second)
		if n := s.left("good"); n != 0 {
			t.Errorf("%d messages wait behind those of others", n)
		}
		if d.out >= maxOutAll || d.out < maxOutAll/2 {
			t.Errorf("%d are out", d.out)
		}
	})
}

func TestBodiesUnderWayAreBounded(t *testing.T) {
	play(t, func(s *scene) {
		d := s.node("n1")
		s.act(silence)
		for i := range 100 {
			name := fmt.Sprint("a", i)
			s.set(name, "n1")
			for range 20 {
				s.accept(name, "x", 1<<20)
			}
		}
		d.Moved()
		s.wait(5 * time.Second)
		if d.bytes > maxBytesAll+2<<20 || d.bytes < maxBytesAll/2 {
			t.Errorf("%d bytes are out", d.bytes)
		}
	})
}

func TestClosingTellsWhatIsKnown(t *testing.T) {
	play(t, func(s *scene) {
		s.set("a", "n1")
		d := s.node("n1")
		s.wait(time.Second)
		var dones []func(message.Receipt, error)
		s.act(func(_ message.Message, done func(message.Receipt, error)) { dones = append(dones, done) })
		for range 3 {
			s.accept("a", "x", 1)
		}
		s.wait(time.Second)
		dones[0](message.Receipt{Status: message.Delivered}, nil)
		d.Stop()
		s.accept("a", "z", 1)
		dones[2](message.Receipt{Status: message.Unknown}, nil) // its session is closed
		d.Close()
		dones[1](message.Receipt{Status: message.Delivered}, nil)
		if s.left("a") != 3 || len(dones) != 3 {
			t.Errorf("%d are left, %d were pushed", s.left("a"), len(dones))
		}
		for _, m := range s.messages["a"] {
			if m.Attempts != 0 {
				t.Errorf("%d attempts of %d", m.Attempts, m.Seq)
			}
		}
	})
}

// Ten thousand inboxes at rest: no goroutine and no timer for any of them, and
// little memory.
func TestManyInboxesAtRest(t *testing.T) {
	s := &scene{t, newShelves(), newTown()}
	const many = 10_000
	for i := range many {
		name := fmt.Sprint("agent-", i)
		s.set(name, "n1")
		s.agents[name] = &inbox.AgentInfo{Name: name, Node: "n1", Epoch: 1}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	routines := runtime.NumGoroutine()
	all := s.whenRead(many)
	s.node("n1")
	<-all
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / many
	t.Logf("%d bytes an inbox, %d goroutines", each, runtime.NumGoroutine()-routines)
	if each > 1024 || runtime.NumGoroutine()-routines > 8 {
		t.Errorf("%d bytes an inbox, %d goroutines", each, runtime.NumGoroutine()-routines)
	}
}

// The node that pushed dies with acknowledgements that no leader was there to
// take. The node where the agent is has heard them: it tells the state as soon as
// there is a leader, and pushes nothing of it again when it takes the inbox over.
func TestWhatWasAcknowledgedToADeadNodeIsNotPushedAgain(t *testing.T) {
	play(t, func(s *scene) {
		s.set("a", "n1")
		s.wait(time.Second)
		one := s.node("n1")
		s.wait(time.Second)
		two := s.node("n2")
		s.set("a", "n2")
		one.Moved()
		two.Moved()
		s.wait(100 * time.Millisecond) // it is with the first, which lingers
		s.setHeadless(true)
		s.accept("a", "x", 1)
		s.accept("a", "x", 1)
		s.wait(10 * time.Millisecond)
		s.act(silence)
		s.accept("a", "y", 1)
		s.wait(100 * time.Millisecond)
		s.want("a", 1, 2, 3)
		s.town.kill("n1")
		one.unwatch()
		one.Stop()
		two.Acknowledged([]message.Ack{{Inbox: "a", Seq: 1}, {Inbox: "a", Seq: 2}, {Inbox: "nobody", Seq: 9}})
		two.Moved()
		s.wait(time.Minute)
		s.want("a", 1, 2, 3)
		s.act(ack)
		s.setHeadless(false)
		s.wait(10 * time.Second)
		s.want("a", 1, 2, 3, 3) // which was out
		two.mu.Lock()
		defer two.mu.Unlock()
		if s.left("a") != 0 || two.settling != 0 || two.out != 0 || len(two.agents) != 1 {
			t.Errorf("%d left, %d to settle, %d out, %d agents", s.left("a"), two.settling, two.out, len(two.agents))
		}
	})
}

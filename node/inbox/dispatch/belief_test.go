package dispatch

import (
	"testing"
	"time"

	"github.com/meshd/meshd/node/inbox"
)

// A node that was killed comes back with the state of minutes ago: what it has as
// waiting was acknowledged since. Until it has heard how far the mesh is it pushes
// nothing, however long that takes.
func TestARestartedNodePushesNothingOfAnOldState(t *testing.T) {
	play(t, func(s *scene) {
		s.set("a", "n1")
		s.agents["a"] = &inbox.AgentInfo{Name: "a", Node: "n1", Epoch: 1}
		old := s.accept("a", "x", 1)
		s.setHeadless(true)
		d := s.node("n1")
		s.wait(time.Minute)
		s.want("a")
		s.shelves.mu.Lock()
		s.messages["a"] = nil // the log is applied: it was acknowledged
		s.shelves.mu.Unlock()
		s.setHeadless(false)
		s.wait(5 * time.Second)
		s.want("a")
		next := s.accept("a", "x", 1)
		s.wait(time.Second)
		s.want("a", next)
		if old == next || d.settling != 0 || d.out != 0 {
			t.Errorf("%d and %d, %d to settle, %d out", old, next, d.settling, d.out)
		}
	})
}

// A node that stood still for seconds pushes nothing before it has heard how far
// the mesh is, or before it is clear that nobody can say.
func TestANodeThatStoodStillAsksBeforeItPushes(t *testing.T) {
	play(t, func(s *scene) {
		s.set("a", "n1")
		d := s.node("n1")
		s.wait(time.Second)
		s.accept("a", "x", 1)
		s.wait(time.Second)
		s.want("a", 1)

		stops := func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.belief.beat = time.Now().Add(-time.Minute)
		}
		stops()
		s.accept("a", "x", 1)
		s.wait(time.Second)
		s.want("a", 1, 2) // it has asked

		s.setHeadless(true)
		stops()
		s.accept("a", "x", 1)
		s.wait(doubtMost - time.Second)
		s.want("a", 1, 2)
		s.setHeadless(false)
		s.wait(time.Second)
		s.want("a", 1, 2, 3)

		s.setHeadless(true)
		stops()
		s.accept("a", "x", 1)
		s.wait(doubtMost + time.Second)
		s.want("a", 1, 2, 3, 4) // without a leader nobody else has it
		s.setHeadless(false)
		s.wait(10 * time.Second)
		if n := s.left("a"); n != 0 {
			t.Errorf("%d are left", n)
		}
	})
}

// What was read before the node stood still is not pushed after it.
func TestWhatWasReadBeforeStandingStillIsReadAgain(t *testing.T) {
	b := newBox()
	b.instances([]uint32{1}, time.Time{})
	now := time.Time{}.Add(time.Second)
	b.begin(now)
	for seq := uint64(1); seq <= 2; seq++ {
		if !b.take(entry{seq: seq, lane: 1}) {
			t.Fatalf("%d was not taken", seq)
		}
	}
	b.end(false, time.Time{})
	if !b.still(1, true) || b.still(2, false) {
		t.Error("what is not believed goes out, or what is does not")
	}
	if len(b.out) != 1 || b.pushed != 1 || !b.unread {
		t.Errorf("%d are out, %d pushed, unread is %v", len(b.out), b.pushed, b.unread)
	}
}

func TestBelief(t *testing.T) {
	at := func(s int) time.Time { return time.Time{}.Add(time.Duration(s) * time.Second) }
	b := belief{doubted: true, beat: at(100)}
	steps := []struct {
		what         string
		do           func()
		wantsDoubted bool
	}{
		{"begun", func() { b.beats(at(101)) }, true},
		{"nobody answers for long", func() { b.beats(at(500)) }, true},
		{"an answer that took too long", func() { b.proven(at(490), at(501)) }, true},
		{"an answer", func() { b.beats(at(502)); b.proven(at(501), at(502)) }, false},
		{"it runs", func() { b.beats(at(504)) }, false},
		{"it stood still", func() { b.beats(at(507)) }, true},
		{"and does so again", func() { b.beats(at(530)) }, true},
		{"nobody answers", func() {
			for s := 531; s < 540; s++ {
				b.beats(at(s))
			}
		}, true},
		{"nor will", func() { b.beats(at(540)) }, false},
	}
	for _, step := range steps {
		if step.do(); b.doubted != step.wantsDoubted {
			t.Errorf("%s: doubted is %v", step.what, b.doubted)
		}
	}
}

// A machine that slept for an hour has an hour behind it by one of its clocks.
func TestTimePassedByTheClockThatSaysMore(t *testing.T) {
	then := time.Now()
	slept := then.Round(0).Add(time.Hour) // what is read of a clock without a monotonic one
	if got := passed(then, slept); got != time.Hour {
		t.Errorf("%v passed in an hour", got)
	}
	if got := passed(then, then.Add(time.Second)); got != time.Second {
		t.Errorf("%v passed in a second", got)
	}
}

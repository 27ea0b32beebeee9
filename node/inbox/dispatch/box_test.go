package dispatch

import (
	"slices"
	"testing"
	"time"

	"github.com/meshd/meshd/node/inbox"
	"pgregory.net/rapid"
)

const levels = 4

// stored is a message as the state of the model has it.
type stored struct {
	entry
	level       int // 0 goes first
	due, leased time.Time
	everPushed  bool
}

// world is a model of everything around a box: the state with its messages,
// and what the agent has.
type world struct {
	box   *box
	now   time.Time
	state []*stored // by level, then seq
	seq   uint64
	with  map[uint64]result // what became of a message, before the state knows
	after map[uint64]time.Duration
	agent []uint64             // pushed, nothing became of it yet
	moved map[uint64]time.Time // when the agent's nodes first changed while it had a message
	lane  map[uint64]uint64
	fail  func(string, ...any)
}

func newWorld(fail func(string, ...any)) *world {
	w := &world{box: newBox(), now: time.Unix(1_000_000, 0), with: map[uint64]result{}, after: map[uint64]time.Duration{}, moved: map[uint64]time.Time{}, lane: map[uint64]uint64{}, fail: fail}
	w.instances(1)
	return w
}

func (w *world) accept(m stored) uint64 {
	w.seq++
	m.seq = w.seq
	if m.redelivery == 0 {
		m.redelivery = 30 * time.Second
	}
	m.lane = m.lane*levels + uint64(m.level)
	w.lane[m.seq] = m.lane
	w.state = append(w.state, &m)
	slices.SortStableFunc(w.state, func(a, b *stored) int { return a.level - b.level })
	w.box.changed()
	return m.seq
}

func (w *world) find(seq uint64) *stored {
	for _, s := range w.state {
		if s.seq == seq {
			return s
		}
	}
	return nil
}

func (w *world) remove(seq uint64) {
	w.state = slices.DeleteFunc(w.state, func(s *stored) bool { return s.seq == seq })
}

// turn reads at most limit messages, as the shell does, and returns what was
// pushed.
func (w *world) turn(limit int) (pushed []uint64) {
	if !w.box.ready(w.now) {
		return nil
	}
	w.box.begin(w.now)
	limit = min(limit, w.box.free())
	var batch []*stored
	var next time.Time
	more := false
	waits := map[uint64]bool{}
	for _, s := range w.state {
		if until := later(s.due, s.leased); w.now.Before(until) {
			if next.IsZero() || until.Before(next) {
				next = until
			}
			waits[s.lane] = waits[s.lane] || s.attempts > 0 && w.now.Before(s.due)
			continue
		}
		if waits[s.lane] || !w.box.wants(s.entry) {
			continue
		}
		if len(batch) == limit {
			more = true
			break
		}
		batch = append(batch, s)
	}
	for _, s := range batch {
		if w.box.take(s.entry) {
			w.pushed(s)
			pushed = append(pushed, s.seq)
		}
	}
	w.box.end(more, next)
	w.agent = append(w.agent, pushed...)
	return pushed
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// pushed checks what must hold of each push.
func (w *world) pushed(s *stored) {
	switch {
	case w.now.Before(s.due):
		w.fail("%d was pushed before its time", s.seq)
	case w.now.Before(s.leased):
		w.fail("%d was pushed while another had it", s.seq)
	case slices.Contains(w.agent, s.seq):
		w.fail("%d was pushed while the agent had it", s.seq)
	}
	if _, waits := w.with[s.seq]; waits {
		w.fail("%d was pushed before the state knew what had become of it", s.seq)
	}
	for _, o := range w.state {
		if o.seq >= s.seq || o.lane != s.lane || o.level != s.level || slices.Contains(w.agent, o.seq) {
			continue
		}
		switch r, waits := w.with[o.seq]; {
		case waits && r == acked:
		case w.now.Before(o.leased):
		case o.attempts == 0 && w.now.Before(o.due): // its sender wanted it later
		case o.everPushed && !waits && s.everPushed:
		default:
			// What is pushed in this very turn is not with the agent yet.
			if w.box.out[o.seq] == nil || waits {
				w.fail("%d overtook %d of the same sender", s.seq, o.seq)
			}
		}
	}
	for _, o := range w.agent {
		if at, moved := w.moved[o]; moved && w.now.Before(at.Add(barFor)) && w.lane[o] == s.lane {
			w.fail("%d was pushed while %d was where the agent may be no more", s.seq, o)
		}
	}
	s.everPushed = true
}

// instances lets the agent be on other nodes.
func (w *world) instances(nodes ...uint32) {
	for _, seq := range w.agent {
		if _, moved := w.moved[seq]; !moved && w.find(seq) != nil && w.find(seq).redelivery < inbox.MaxRedelivery {
			w.moved[seq] = w.now
		}
	}
	w.box.instances(nodes, w.now)
}

func (w *world) outcome(seq uint64, r result) {
	w.agent = slices.DeleteFunc(w.agent, func(s uint64) bool { return s == seq })
	delete(w.moved, seq)
	settle, after := w.box.outcome(seq, r, w.now)
	if settle != (r != full && r != gone) {
		w.fail("%d ended by %d: settle %v", seq, r, settle)
	}
	if settle {
		w.with[seq], w.after[seq] = r, after
	}
}

// settle lets the state take what became of a message.
func (w *world) settle(seq uint64) {
	r := w.with[seq]
	if s := w.find(seq); s != nil {
		if r == acked {
			w.remove(seq)
		} else if s.attempts++; s.attempts == 5 {
			w.remove(seq) // a dead letter
		} else {
			s.due = w.now.Add(w.after[seq])
		}
	}
	delete(w.with, seq)
	w.box.settled(seq)
}

// drain acknowledges everything until nothing is left, moving the clock to
// when the box asks for it.
func (w *world) drain() {
	for range 10_000 {
		for w.turn(7) != nil {
		}
		for len(w.agent) > 0 {
			w.outcome(w.agent[0], acked)
		}
		for seq := range w.with {
			w.settle(seq)
		}
		if len(w.state) == 0 {
			return
		}
		if w.box.ready(w.now) {
			continue
		}
		at := w.box.wakeAt()
		if at.IsZero() {
			break
		}
		if at.After(w.now) {
			w.now = at
		}
	}
	w.fail("%d messages are never pushed; the first is %+v; %+v", len(w.state), w.state[0], w.box)
}

func TestBoxModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t.Fatalf)
		pick := func(list []uint64) uint64 { return rapid.SampledFrom(list).Draw(t, "which") }
		keys := func() []uint64 {
			var out []uint64
			for s := range w.with {
				out = append(out, s)
			}
			slices.Sort(out)
			return out
		}
		one := func(fn func(s *stored)) func(*rapid.T) {
			return func(t *rapid.T) {
				if len(w.state) > 0 {
					fn(w.state[rapid.IntRange(0, len(w.state)-1).Draw(t, "message")])
				}
			}
		}
		end := func(r result) func(*rapid.T) {
			return func(t *rapid.T) {
				if len(w.agent) > 0 {
					w.outcome(pick(w.agent), r)
				}
			}
		}
		nodes := []uint32{0, 0, 0, 1, 2}
		t.Repeat(map[string]func(*rapid.T){
			"accept": func(t *rapid.T) {
				e := stored{level: rapid.IntRange(0, levels-1).Draw(t, "level")}
				e.size, e.node = 1, rapid.SampledFrom(nodes).Draw(t, "node")
				e.lane = uint64(rapid.IntRange(1, 3).Draw(t, "sender")*10 + slices.Index(nodes, e.node))
				if rapid.IntRange(0, 9).Draw(t, "task") == 0 {
					e.redelivery = inbox.MaxRedelivery
				}
				if rapid.IntRange(0, 5).Draw(t, "delayed") == 0 {
					e.due = w.now.Add(time.Minute)
				}
				w.accept(e)
			},
			"turn":   func(t *rapid.T) { w.turn(rapid.IntRange(1, 9).Draw(t, "limit")) },
			"ack":    end(acked),
			"ack2":   end(acked),
			"return": end(returned),
			"lose":   end(lost),
			"late":   end(late),
			"full":   end(full),
			"gone":   end(gone),
			"settle": func(t *rapid.T) {
				if list := keys(); len(list) > 0 {
					w.settle(pick(list))
				}
			},
			"wait": func(t *rapid.T) {
				w.now = w.now.Add(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, time.Minute}).Draw(t, "time"))
			},
			"lease": one(func(s *stored) {
				if _, waits := w.with[s.seq]; !waits && !slices.Contains(w.agent, s.seq) && !w.now.Before(s.due) {
					s.leased = w.now.Add(30 * time.Second)
				}
			}),
			"unlease": one(func(s *stored) {
				s.leased = time.Time{}
				w.box.changed()
			}),
			"acked elsewhere": one(func(s *stored) {
				w.remove(s.seq)
				w.box.changed()
			}),
			"instances": func(t *rapid.T) {
				w.instances(rapid.SampledFrom([][]uint32{nil, {1}, {2}, {1, 2}}).Draw(t, "hosts")...)
			},
			"": func(t *rapid.T) {
				waiting := 0
				for _, s := range w.box.out {
					if !s.settling {
						waiting++
					}
				}
				if waiting != w.box.pushed || waiting != w.box.bytes || w.box.pushed != len(w.agent) || len(w.box.out) != len(w.agent)+len(w.with) {
					t.Fatalf("%d of %d are out; the agent has %d, the state still takes %d", w.box.pushed, len(w.box.out), len(w.agent), len(w.with))
				}
			},
		})
		w.instances(1, 2)
		w.drain()
		if len(w.box.out) != 0 || w.box.pushed != 0 {
			t.Fatalf("an empty inbox remembers %d messages", len(w.box.out))
		}
	})
}

// Each row is a script: what comes, what becomes of it, and what is pushed in
// each turn.
func TestBoxScripts(t *testing.T) {
	const alice, bob = 1, 2
	for name, script := range map[string]func(w *world, want func(...uint64)){
		"in order, the more important first": func(w *world, want func(...uint64)) {
			w.accept(stored{entry: entry{lane: alice}, level: 2})
			w.accept(stored{entry: entry{lane: bob}, level: 2})
			w.accept(stored{entry: entry{lane: alice}, level: 0})
			want(3, 1, 2)
		},
		"a sender waits for what is redelivered, others do not": func(w *world, want func(...uint64)) {
			w.accept(stored{entry: entry{lane: alice}})
			want(1)
			w.outcome(1, returned)
			w.accept(stored{entry: entry{lane: alice}})
			w.accept(stored{entry: entry{lane: bob}})
			want(3)
			w.settle(1)
			want()
			w.now = w.now.Add(time.Second)
			want(1, 2)
		},
		"a first loss is followed up after a second, the next after the redelivery time": func(w *world, want func(...uint64)) {
			w.accept(stored{entry: entry{lane: alice}})
			want(1)
			w.outcome(1, lost)
			w.settle(1)
			want()
			w.now = w.now.Add(time.Second)
			want(1)
			w.outcome(1, lost)
			w.settle(1)
			w.now = w.now.Add(29 * time.Second)
			want()
			w.now = w.now.Add(time.Second)
			want(1)
		},
		"what came back five times is not pushed again, and holds nobody back": func(w *world, want func(...uint64)) {
			w.accept(stored{entry: entry{lane: alice}})
			w.accept(stored{entry: entry{lane: alice}})
			for range 5 {
				if w.find(2) != nil {
					w.turn(1)
				}
				for _, s := range slices.Clone(w.agent) {
					if s == 1 {
						w.outcome(1, late)
						w.settle(1)
					}
				}
			}
			want(2)
		},
		"refused messages go out again when one is acknowledged": func(w *world, want func(...uint64)) {
			for range 4 {
				w.accept(stored{entry: entry{lane: alice}})
			}
			want(1, 2, 3, 4)
			w.outcome(3, full)
			w.outcome(4, full)
			want()
			w.outcome(1, acked)
			want(3)
			w.outcome(2, acked)
			w.settle(2)
			w.outcome(3, full)
			want()
			w.now = w.now.Add(firstPause)
			want(3)
		},
		"nothing goes out while nobody is there": func(w *world, want func(...uint64)) {
			w.instances()
			w.accept(stored{entry: entry{lane: alice}})
			want()
			if !w.box.wakeAt().IsZero() {
				w.fail("a box whose agent is away asks to be woken")
			}
			w.instances(1)
			want(1)
		},
		"an address on a node without the agent holds up no other": func(w *world, want func(...uint64)) {
			w.accept(stored{entry: entry{lane: alice, node: 2}})
			w.accept(stored{entry: entry{lane: bob}})
			want(2)
			w.instances(1, 2)
			want(1)
		},
		"what went to a node that sleeps is not overtaken on another": func(w *world, want func(...uint64)) {
			w.accept(stored{entry: entry{lane: alice}})
			w.accept(stored{entry: entry{lane: alice}})
			want(1, 2)
			w.instances(1, 2) // the agent has come to another
			w.accept(stored{entry: entry{lane: alice}})
			w.accept(stored{entry: entry{lane: bob}})
			want(4)
			w.instances(2)
			want()
			w.outcome(1, gone) // it wakes
			w.now = w.now.Add(firstPause)
			want()
			w.outcome(2, gone)
			w.now = w.now.Add(2 * firstPause)
			want(1, 2, 3)
		},
		"an instance that takes its time holds its sender back for seconds when another comes": func(w *world, want func(...uint64)) {
			w.accept(stored{entry: entry{lane: alice}})
			want(1)
			w.instances(1, 2)
			w.accept(stored{entry: entry{lane: alice}})
			want()
			w.now = w.now.Add(barFor)
			want(2)
			w.accept(stored{entry: entry{lane: alice}})
			w.instances(1) // 2 is waited for, 1 no more
			w.outcome(1, acked)
			want()
			w.outcome(2, acked)
			want(3)
		},
		"tasks at work keep none from an instance that comes": func(w *world, want func(...uint64)) {
			w.accept(stored{entry: entry{lane: alice, redelivery: inbox.MaxRedelivery}})
			want(1)
			w.instances(1, 2)
			w.accept(stored{entry: entry{lane: alice, redelivery: inbox.MaxRedelivery}})
			want(2)
		},
		"what another had comes when it is given back": func(w *world, want func(...uint64)) {
			w.accept(stored{entry: entry{lane: alice}, leased: w.now.Add(time.Hour)})
			w.accept(stored{entry: entry{lane: alice}})
			want(2)
			w.state[0].leased = time.Time{}
			w.box.changed()
			want(1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t.Fatalf)
			script(w, func(seqs ...uint64) {
				t.Helper()
				if got := w.turn(100); !slices.Equal(got, seqs) {
					t.Fatalf("pushed %v, want %v", got, seqs)
				}
			})
		})
	}
}

func TestAReceiverThatTakesLittleIsNotFlooded(t *testing.T) {
	w := newWorld(t.Fatalf)
	for i := range 3000 {
		w.accept(stored{entry: entry{lane: uint64(i)}})
	}
	refused := 0
	for len(w.state) > 0 {
		w.turn(10_000)
		// The agent has room for ten.
		for len(w.agent) > 10 {
			refused++
			w.outcome(w.agent[len(w.agent)-1], full)
		}
		if len(w.agent) == 0 {
			w.now = w.now.Add(lastPause)
			continue
		}
		w.outcome(w.agent[0], acked)
		for seq := range w.with {
			w.settle(seq)
		}
		w.now = w.now.Add(time.Millisecond)
	}
	// The first flood, and then a probe now and then.
	if refused > perHost+600 {
		t.Errorf("%d refusals for 3000 messages", refused)
	}
}

func TestBackoff(t *testing.T) {
	for _, c := range []struct {
		attempts int
		r        result
		want     time.Duration
	}{
		{1, late, 0}, {4, late, 0},
		{1, lost, time.Second}, {2, lost, 30 * time.Second}, {3, lost, time.Minute}, {20, lost, 10 * time.Minute},
		{1, returned, time.Second}, {2, returned, 30 * time.Second}, {100, returned, 10 * time.Minute},
	} {
		if got := backoff(c.attempts, 30*time.Second, c.r); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	for before, want := range map[int]time.Duration{0: 30 * time.Second, 1: time.Minute, 4: 8 * time.Minute, 5: 10 * time.Minute, 99: 10 * time.Minute} {
		if got := patience(before, 30*time.Second); got != want {
			t.Errorf("patience after %d: %v", before, got)
		}
	}
}

// What a box remembers of 100,000 messages that cannot go out is their number,
// and it does not look at them all the time.
func TestWhatCannotGoOutTakesNoMemoryAndLittleTime(t *testing.T) {
	w := newWorld(t.Fatalf)
	for i := range 100_000 {
		w.state = append(w.state, &stored{entry: entry{seq: uint64(i + 1), lane: uint64(i), node: 2}})
	}
	readings := 0
	for range 1000 {
		w.box.changed()
		if w.box.ready(w.now) {
			readings++
			w.turn(maxOut)
		}
		w.now = w.now.Add(time.Millisecond)
	}
	if readings < 10 || readings > 25 {
		t.Errorf("read %d times in a second", readings)
	}
	if len(w.box.out)+len(w.box.lanes)+len(w.box.paused) != 0 {
		t.Errorf("it remembers %+v", w.box)
	}
}

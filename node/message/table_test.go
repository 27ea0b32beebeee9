package message

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/consensus"
)

func TestTheBestHostIsPicked(t *testing.T) {
	for _, c := range []struct {
		name  string
		hosts []Host
		here  int // sessions on this node
		sent  map[string]int64
		want  string
	}{
		{"this node first among equals", []Host{{NodeID: "a", Alive: true}}, 1, nil, "self"},
		{"less load first", []Host{{NodeID: "y", Alive: true, Busy: 2, Instances: 1}, {NodeID: "z", Alive: true, Busy: 1, Instances: 1}}, 0, nil, "z"},
		{"load is for each instance", []Host{{NodeID: "a", Alive: true, Busy: 2, Instances: 1}, {NodeID: "b", Alive: true, Busy: 3, Instances: 3}}, 0, nil, "b"},
		{"the dead are left out", []Host{{NodeID: "a"}, {NodeID: "b", Alive: true}}, 0, nil, "b"},
		{"what is under way counts", []Host{{NodeID: "a", Alive: true, Instances: 1}, {NodeID: "b", Alive: true, Instances: 1}}, 0, map[string]int64{"a": 3}, "b"},
		{"nobody", nil, 0, nil, ""},
	} {
		r := New(Config{NodeID: "self", Directory: &listed{hosts: c.hosts}})
		for range c.here {
			if _, err := r.Attach(t.Context(), "x", "k", Profile{}, &echo{}); err != nil {
				t.Fatal(err)
			}
		}
		call := &call{r: r, m: Message{}, addr: Address{Agent: "x"}}
		r.pick(call, time.Now())
		for _, l := range r.routes["x"].loads {
			l.n.Store(c.sent[l.node])
		}
		if got, _, _ := r.pick(call, time.Now()); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		r.Close()
	}
}

// listed is a directory that knows one agent's hosts.
type listed struct {
	nowhere
	hosts []Host
}

func (l *listed) Lookup(string) []Host { return l.hosts }

// A conversation sticks to a node, the nodes share conversations by their
// instances, and when one instance goes little else moves.
func TestStickyNodes(t *testing.T) {
	at := func(instances map[string]int) map[int]string {
		var hosts []Host
		for id, n := range instances {
			hosts = append(hosts, Host{NodeID: id, Alive: true, Instances: n, Busy: 100 * len(id)})
		}
		r := New(Config{NodeID: "self", Directory: &listed{hosts: hosts}})
		defer r.Close()
		out := map[int]string{}
		for i := range 4000 {
			c := &call{r: r, m: Message{Sticky: true, Conversation: fmt.Sprint("c", i)}, addr: Address{Agent: "x"}}
			out[i], _, _ = r.pick(c, time.Now())
		}
		return out
	}
	before, same, less := at(map[string]int{"a": 2, "b": 1, "c": 1}), at(map[string]int{"a": 2, "b": 1, "c": 1}), at(map[string]int{"a": 2, "b": 1})
	share, moved := map[string]int{}, 0
	for i, node := range before {
		share[node]++
		if same[i] != node {
			t.Fatal("not sticky")
		}
		if node != "c" && less[i] != node {
			moved++
		}
	}
	if share["a"] < 1800 || share["a"] > 2200 || share["b"] < 850 || share["b"] > 1150 {
		t.Errorf("shared as %v", share)
	}
	if moved != 0 {
		t.Errorf("%d conversations moved without need", moved)
	}
}

func TestStickySessions(t *testing.T) {
	tab, now := newTable(), time.Unix(0, 0)
	for i := range 5 {
		tab.attach(&Session{name: "x", seat: seat{key: uint64(i) * 7919}}, now)
	}
	choice := func() map[string]*Session {
		out := map[string]*Session{}
		for i := range 1000 {
			m := &Message{Sticky: true, Conversation: fmt.Sprint("c", i)}
			out[m.Conversation] = tab.best("x", m, nil)
		}
		return out
	}
	before := choice()
	gone := tab.all("x")[2]
	tab.detach(gone, now)
	for c, s := range choice() {
		if before[c] != gone && before[c] != s {
			t.Fatal("a conversation moved though its session stayed")
		}
	}
}

// The table against a plain list: what is attached is found, those present
// before those away, least busy first, and what has left is remembered.
func TestTableModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab, now := newTable(), time.Unix(0, 0)
		var model []*Session
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
			now = now.Add(time.Minute)
			switch {
			case len(model) > 0 && rapid.Bool().Draw(t, "detach"):
				i := rapid.IntRange(0, len(model)-1).Draw(t, "which")
				if !tab.detach(model[i], now) || tab.detach(model[i], now) {
					t.Fatal("detach is once")
				}
				if !tab.remembers(model[i].name, now) || tab.remembers(model[i].name, now.Add(2*rememberFor)) {
					t.Fatal("memory lasts its time")
				}
				model = slices.Delete(model, i, i+1)
			default:
				s := &Session{name: name}
				s.busy.Store(int64(rapid.IntRange(0, 3).Draw(t, "busy")))
				s.seat.away, s.seat.durable = rapid.Bool().Draw(t, "away"), rapid.Bool().Draw(t, "durable")
				tab.attach(s, now)
				model = append(model, s)
			}
			m := &Message{}
			if rapid.Bool().Draw(t, "stored") {
				m.Stored = &Stored{}
			}
			var want []*Session
			for _, s := range model {
				if s.name == name && (m.Stored == nil || s.seat.durable) {
					want = append(want, s)
				}
			}
			cost := func(s *Session) int64 {
				if s.seat.away {
					return 100 + s.busy.Load()
				}
				return s.busy.Load()
			}
			var tried []*Session
			for s := tab.best(name, m, nil); s != nil; s = tab.best(name, m, tried) {
				if !slices.Contains(want, s) || slices.Contains(tried, s) {
					t.Fatal("another one")
				}
				tried = append(tried, s)
			}
			if len(tried) != len(want) || !slices.IsSortedFunc(tried, func(a, b *Session) int { return int(cost(a) - cost(b)) }) {
				t.Fatalf("found %d of %d", len(tried), len(want))
			}
			if tab.count != len(model) {
				t.Fatal(tab.count)
			}
		}
	})
}

func TestMemoryOfNamesIsBounded(t *testing.T) {
	tab, now := newTable(), time.Unix(0, 0)
	for i := range maxRemembered * 2 {
		tab.remember(fmt.Sprint("agent", i), now.Add(time.Duration(i)))
	}
	if len(tab.known) > maxRemembered {
		t.Fatal(len(tab.known))
	}
	if tab.remembers("agent0", now) {
		t.Fatal("the oldest was kept")
	}
}

// Names that the others could not be told of are refused, and not kept from
// them.
func TestAgentsThatCannotBeToldOfAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a")
		r := m.routers["a"]
		there := m.attach(t, "a", "worker", &echo{})
		r.mu.Lock()
		told := r.table.told
		r.table.told = maxTold // as if by others
		r.mu.Unlock()
		var refused *consensus.Refusal
		if _, err := r.Attach(context.Background(), "another", "k", Profile{}, &echo{}); !errors.As(err, &refused) || refused.Code != CodeOverloaded {
			t.Errorf("another name: %v", err)
		}
		again := m.attach(t, "a", "worker", &echo{}) // told of already
		r.mu.Lock()
		r.table.told = told
		r.mu.Unlock()
		again.Close()
		there.Close()
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.table.told != 0 {
			t.Errorf("%d bytes are told of nobody", r.table.told)
		}
	})
}

package gossip

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// lists says that every node lists exactly the given instances, held there.
func (f *fabric) lists(want map[string]string) bool {
	for _, g := range f.nodes {
		got := g.Instances()
		if len(got) != len(want) {
			return false
		}
		for _, i := range got {
			if want[i.ID] != i.Node {
				return false
			}
		}
	}
	return true
}

func TestInstanceLeases(t *testing.T) {
	virtually(t, func(t *testing.T) {
		f := three(t)
		defer f.stopAll()
		a, b, c := f.nodes["a"], f.nodes["b"], f.nodes["c"]
		made, err := a.Register(Instance{ID: "x", Hostname: "host", Port: 80})
		if err != nil {
			t.Fatal(err)
		}
		f.within(2*time.Second, "registered", func() bool { return f.lists(map[string]string{"x": "a"}) })

		// A heartbeat at another node moves the lease there and keeps the rest.
		time.Sleep(10 * time.Second)
		moved, err := b.Heartbeat("x")
		if err != nil || moved.Hostname != "host" || moved.CreatedAt != made.CreatedAt {
			t.Fatalf("moved %+v, %v", moved, err)
		}
		f.within(2*time.Second, "moved", func() bool { return f.lists(map[string]string{"x": "b"}) })
		time.Sleep(10 * time.Second)
		if !f.lists(map[string]string{"x": "b"}) {
			t.Fatal("the old holder ended a lease that had moved")
		}

		// Heartbeats keep it, and reach the others' lists now and then.
		for range 10 {
			if _, err := b.Heartbeat("x"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
		}
		time.Sleep(3 * time.Second)
		if i := c.Instances()[0]; i.LastHeartbeat <= moved.LastHeartbeat+40_000 {
			t.Error("heartbeats are not seen elsewhere")
		}

		// Without them it ends, everywhere.
		f.within(10*time.Second, "expired", func() bool { return f.lists(nil) })
		if _, err := c.Heartbeat("x"); !errors.Is(err, ErrUnknownInstance) {
			t.Errorf("heartbeat of an expired instance: %v", err)
		}
	})
}

func TestInstanceDeregisteredElsewhere(t *testing.T) {
	virtually(t, func(t *testing.T) {
		f := three(t)
		defer f.stopAll()
		if _, err := f.nodes["a"].Register(Instance{ID: "x"}); err != nil {
			t.Fatal(err)
		}
		f.within(2*time.Second, "registered", func() bool { return f.lists(map[string]string{"x": "a"}) })
		if err := f.nodes["c"].Deregister("x"); err != nil {
			t.Fatal(err)
		}
		f.within(2*time.Second, "gone", func() bool { return f.lists(nil) })
		if err := f.nodes["a"].Deregister("x"); !errors.Is(err, ErrUnknownInstance) {
			t.Errorf("deregistering twice: %v", err)
		}
		if _, err := f.nodes["b"].Heartbeat("x"); !errors.Is(err, ErrUnknownInstance) {
			t.Errorf("heartbeat after deregistering: %v", err)
		}
		if _, err := f.nodes["b"].Register(Instance{ID: "x"}); err != nil {
			t.Fatal(err)
		}
		f.within(2*time.Second, "again", func() bool { return f.lists(map[string]string{"x": "b"}) })
		time.Sleep(20 * time.Second)
		if !f.lists(nil) {
			t.Error("the second lease did not end")
		}
	})
}

// The holder dies; the next heartbeat, at another node, finds the instance.
func TestInstanceSurvivesItsNode(t *testing.T) {
	virtually(t, func(t *testing.T) {
		f := three(t)
		defer f.stopAll()
		if _, err := f.nodes["a"].Register(Instance{ID: "x"}); err != nil {
			t.Fatal(err)
		}
		f.within(2*time.Second, "registered", func() bool { return f.lists(map[string]string{"x": "a"}) })
		f.kill("a")
		f.within(10*time.Second, "failed", func() bool { return f.sees([]string{"b", "c"}, "a", StatusFailed) })
		if _, err := f.nodes["b"].Heartbeat("x"); err != nil {
			t.Fatal(err)
		}
		f.start("a")
		f.within(5*time.Second, "held by b", func() bool { return f.lists(map[string]string{"x": "b"}) })
		f.within(20*time.Second, "expired", func() bool { return f.lists(nil) })
	})
}

// Both sides of a partition take heartbeats; one lease remains.
func TestInstanceHeldTwiceIsYielded(t *testing.T) {
	virtually(t, func(t *testing.T) {
		f := newFabric(t, "a", "b")
		defer f.stopAll()
		f.start("a")
		f.start("b")
		f.within(5*time.Second, "forming", func() bool { return f.allAlive("a", "b") })
		if _, err := f.nodes["a"].Register(Instance{ID: "x"}); err != nil {
			t.Fatal(err)
		}
		f.within(2*time.Second, "registered", func() bool { return f.lists(map[string]string{"x": "a"}) })
		f.between([]string{"a"}, []string{"b"}, refusing)
		if _, err := f.nodes["b"].Heartbeat("x"); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			time.Sleep(5 * time.Second)
			for _, g := range f.nodes {
				if _, err := g.Heartbeat("x"); err != nil {
					t.Fatal(err)
				}
			}
		}
		f.between([]string{"a"}, []string{"b"}, healthy)
		f.within(30*time.Second, "one holder", func() bool {
			for _, g := range f.nodes {
				if _, err := g.Heartbeat("x"); err != nil && !errors.Is(err, ErrUnknownInstance) {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Second)
			return f.lists(map[string]string{"x": "b"})
		})
	})
}

func TestInstanceValidation(t *testing.T) {
	virtually(t, func(t *testing.T) {
		f := newFabric(t, "a")
		defer f.stopAll()
		a := f.start("a")
		for name, i := range map[string]Instance{
			"no id":   {},
			"long id": {ID: string(make([]byte, 256))},
			"large":   {ID: "x", Capabilities: []string{string(make([]byte, 9<<10))}},
		} {
			if _, err := a.Register(i); !errors.Is(err, ErrBadInstance) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for n := range MaxInstances + 1 {
			_, err := a.Register(Instance{ID: string(rune('a'+n%26)) + time.Duration(n).String()})
			if full := n >= MaxInstances; full != errors.Is(err, ErrTooManyInstances) {
				t.Fatalf("instance %d: %v", n, err)
			}
		}
	})
}

// Whoever may register instances must not be able to keep a node from telling of
// its agents: both are in one record.
func TestInstancesLeaveRoomForTheAgents(t *testing.T) {
	virtually(t, func(t *testing.T) {
		f := three(t)
		defer f.stopAll()
		a, b := f.nodes["a"], f.nodes["b"]
		n := 0
		for size := 8 << 10; size > 0; size /= 2 {
			for ; n < MaxInstances; n++ {
				_, err := a.Register(Instance{ID: fmt.Sprint("x", n), Hostname: strings.Repeat("h", size)})
				if errors.Is(err, ErrTooManyInstances) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
		}
		agents := []Agent{{Name: "told", Description: strings.Repeat("d", 900<<10)}}
		if err := a.Update(func(r *Record) { r.Agents = agents }); err != nil {
			t.Fatal(err)
		}
		f.within(5*time.Second, "the agents are told", func() bool {
			for _, m := range b.Members() {
				if m.NodeID == "a" {
					return len(m.Record.Agents) == 1
				}
			}
			return false
		})
		// One that is held may say less of itself, or the same again.
		if _, err := a.Register(Instance{ID: "x0"}); err != nil {
			t.Error(err)
		}
		if _, err := a.Heartbeat("x1"); err != nil {
			t.Error(err)
		}
	})
}

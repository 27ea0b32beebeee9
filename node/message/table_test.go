package message

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestRankHosts(t *testing.T) {
	none := func(string) int { return 0 }
	for _, c := range []struct {
		name  string
		hosts []Host
		sent  func(string) int
		want  []string
	}{
		{"this node first among equals", []Host{{NodeID: "a", Alive: true}, {NodeID: "self", Alive: true}}, none, []string{"self", "a"}},
		{"less load first", []Host{{NodeID: "self", Alive: true, Busy: 2, Instances: 1}, {NodeID: "z", Alive: true, Busy: 1, Instances: 1}}, none, []string{"z", "self"}},
		{"load is for each instance", []Host{{NodeID: "a", Alive: true, Busy: 2, Instances: 1}, {NodeID: "b", Alive: true, Busy: 3, Instances: 3}}, none, []string{"b", "a"}},
		{"the dead are left out", []Host{{NodeID: "a"}, {NodeID: "b", Alive: true}}, none, []string{"b"}},
		{"what is under way counts", []Host{{NodeID: "a", Alive: true, Instances: 1}, {NodeID: "b", Alive: true, Instances: 1}},
			func(id string) int { return map[string]int{"a": 3}[id] }, []string{"b", "a"}},
	} {
		var got []string
		for _, h := range rankHosts(c.hosts, "self", c.sent) {
			got = append(got, h.NodeID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// The table against a plain list: what is attached is found, least busy
// first, and what has left is remembered.
func TestTableModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab, now := newTable(), time.Unix(0, 0)
		var model []*entry
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
				busy := rapid.IntRange(0, 3).Draw(t, "busy")
				e := &entry{name: name, busy: func() int { return busy }}
				tab.attach(e, now)
				model = append(model, e)
			}
			ranked := tab.ranked(name)
			count := 0
			for _, e := range model {
				if e.name == name {
					count++
				}
			}
			if len(ranked) != count || !slices.IsSortedFunc(ranked, func(a, b *entry) int { return a.busy() - b.busy() }) {
				t.Fatalf("ranked %d of %d", len(ranked), count)
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

package event

import (
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"
)

func at(ms int64) func() time.Time { return func() time.Time { return time.UnixMilli(ms) } }

func TestListenersHearTheirTypesInOrder(t *testing.T) {
	h := NewHub(at(7))
	heard := map[string][]string{}
	for name, types := range map[string][]string{
		"agents": {"agent.*"}, "all": {"*"}, "none": nil, "two": {"node.failed", "agent.started"}, "word": {"agent"},
	} {
		defer h.Subscribe(types, func(e Event) { heard[name] = append(heard[name], e.Type+string(e.Data)) })()
	}
	h.Publish(AgentStarted, map[string]int{"n": 1})
	h.Publish(NodeFailed, 2)
	h.Publish(AgentStopped, "3")
	h.Publish(AgentStopped, func() {}) // cannot be told
	want := map[string][]string{
		"agents": {`agent.started{"n":1}`, `agent.stopped"3"`},
		"all":    {`agent.started{"n":1}`, `node.failed2`, `agent.stopped"3"`},
		"two":    {`agent.started{"n":1}`, `node.failed2`},
	}
	if !reflect.DeepEqual(heard, want) {
		t.Errorf("%v", heard)
	}
}

func TestWhatIsKeptCanBeHeardAgain(t *testing.T) {
	h := NewHub(at(1))
	begin := h.Last()
	for i := range kept + 10 {
		h.Publish("task.moved", i)
	}
	for _, c := range []struct {
		after uint64
		first string
		count int
		whole bool
	}{
		{begin, "10", kept, false},
		{begin + 9, "10", kept, false},
		{begin + 10, "10", kept, true},
		{begin + kept + 9, fmt.Sprint(kept + 9), 1, true},
		{h.Last(), "", 0, true},
		{h.Last() + 1, "", 0, false},
		{0, "10", kept, false},
	} {
		var got []Event
		whole, cancel := h.SubscribeAfter([]string{"task.*"}, c.after, func(e Event) { got = append(got, e) })
		if len(got) != c.count || whole != c.whole || c.count > 0 && string(got[0].Data) != c.first {
			t.Errorf("after %d: %d events, whole %t", c.after-begin, len(got), whole)
		}
		for i, e := range got {
			if e.ID != h.Last()-uint64(len(got)-1-i) {
				t.Fatalf("event %d has the id %d", i, e.ID)
			}
		}
		cancel()
	}
	if late := NewHub(at(3)); late.Last() <= h.Last() {
		t.Error("a later run begins below an earlier one")
	}
}

// The greatest number has no next: counting on from it began at 0, with the hub
// locked for as good as ever, so that one request stopped all attaching and all
// events of its node.
func TestTheGreatestIDStopsTheHub(t *testing.T) {
	h := NewHub(at(1_800_000_000_000))
	h.Publish(AgentStarted, 1)
	for _, after := range []uint64{math.MaxUint64, math.MaxUint64 - 1, h.Last() + 1000} {
		heard := 0
		whole, cancel := h.SubscribeAfter([]string{"*"}, after, func(Event) { heard++ })
		if whole || heard != 0 {
			t.Errorf("after %d: whole %v, heard %d", after, whole, heard)
		}
		if h.Publish(AgentStopped, 2); heard != 1 {
			t.Errorf("after %d: heard %d of one that came since", after, heard)
		}
		cancel()
	}
}

func TestCancelEndsIt(t *testing.T) {
	h := NewHub(nil)
	count := 0
	cancel := h.Subscribe([]string{"*"}, func(Event) { count++ })
	h.Publish("x", 1)
	cancel()
	cancel()
	h.Publish("x", 2)
	if count != 1 {
		t.Error(count)
	}
}

func TestValidType(t *testing.T) {
	for s, want := range map[string]bool{"*": true, "task.*": true, "agent.key_changed": true, "": false, "a b": false, "A": false, "*.x": false} {
		if ValidType(s) != want {
			t.Errorf("%q: %t", s, !want)
		}
	}
}

package node

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/gossip"
	"github.com/meshd/meshd/node/event"
	"github.com/meshd/meshd/node/message"
)

// What a node makes of gossip and of what others tell it.
func TestEventsOfOtherNodes(t *testing.T) {
	e := newEvents(nil, "a", strings.ToUpper)
	var heard []string
	e.hub.Subscribe([]string{"*"}, func(ev event.Event) { heard = append(heard, ev.Type+string(ev.Data)) })
	record := func(incarnation uint64, agents ...string) gossip.Record {
		r := gossip.Record{NodeID: "b", Incarnation: incarnation}
		for _, a := range agents {
			r.Agents = append(r.Agents, gossip.Agent{Name: a, Instances: 1})
		}
		return r
	}
	tell := func(batch ...told) error {
		_, err := e.take(t.Context(), "b", consensus.Encode(batch))
		return err
	}
	for _, step := range []struct {
		name string
		do   func()
		want []string
	}{
		{"seen", func() { e.look([]gossip.Member{{NodeID: "b", Status: gossip.StatusAlive, Record: record(1, "x")}}) }, []string{"node.alive b"}},
		{"seen again", func() { e.look([]gossip.Member{{NodeID: "b", Status: gossip.StatusAlive, Record: record(1, "x")}}) }, nil},
		{"tells", func() {
			if err := tell(told{Type: event.AgentStarted, Agent: "y", Instances: 1}, told{Type: event.AgentStopped, Agent: "x"}); err != nil {
				t.Error(err)
			}
		}, []string{"agent.started y", "agent.stopped x"}},
		// Gossip does not show yet what it told.
		{"fails", func() { e.look([]gossip.Member{{NodeID: "b", Status: gossip.StatusFailed, Record: record(1, "x")}}) }, []string{"node.failed b", "agent.failed y"}},
		{"is back", func() { e.look([]gossip.Member{{NodeID: "b", Status: gossip.StatusAlive, Record: record(1, "y")}}) }, []string{"node.alive b", "agent.started y"}},
		{"leaves", func() { e.look([]gossip.Member{{NodeID: "b", Status: gossip.StatusLeft, Record: record(1, "y")}}) }, []string{"node.left b", "agent.stopped y"}},
		{"begins anew", func() { e.look([]gossip.Member{{NodeID: "b", Status: gossip.StatusAlive, Record: record(2)}}) }, []string{"node.alive b"}},
		{"is forgotten", func() { e.look(nil) }, nil},
		{"tells too late", func() {
			if err := tell(told{Type: event.AgentKeyChanged, Agent: "y", Key: "sha256:1"}); err != nil {
				t.Error(err)
			}
		}, []string{"agent.key_changed y"}},
	} {
		heard = nil
		step.do()
		var got []string
		for _, h := range heard {
			kind, data, _ := strings.Cut(h, "{")
			for _, name := range []string{"x", "y"} {
				if strings.Contains(data, `"agent":"`+name+`"`) {
					kind += " " + name
				}
			}
			if strings.HasPrefix(kind, "node.") && strings.Contains(data, `"node_id":"b"`) {
				kind += " b"
			}
			got = append(got, kind)
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("%s: %q, want %q", step.name, got, step.want)
		}
	}
	for _, bad := range []told{{Type: "node.failed", Agent: "x"}, {Type: event.AgentStarted, Agent: "Not a name"}, {Type: event.AgentStarted, Agent: "x", Reason: strings.Repeat("x", 300)}} {
		if tell(bad) == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

// What this node hosts becomes events: of an agent whose connection broke,
// that it failed.
func TestEventsOfThisNode(t *testing.T) {
	e := newEvents(nil, "a", strings.ToUpper)
	var heard []string
	e.hub.Subscribe([]string{"agent.*"}, func(ev event.Event) { heard = append(heard, ev.Type) })
	e.hosted([]message.Local{{Name: "x", Instances: 1}})
	e.hosted([]message.Local{{Name: "x", Instances: 2, Busy: 1}})
	e.hosted([]message.Local{{Name: "x", Instances: 2}})
	e.lost("x")
	e.hosted([]message.Local{{Name: "x", Instances: 1}})
	e.hosted(nil)
	if want := []string{event.AgentStarted, event.AgentStarted, event.AgentFailed, event.AgentStopped}; !slices.Equal(heard, want) {
		t.Errorf("%q", heard)
	}
}

// A member that tells of ever new agents, or of a time that no JSON can hold,
// costs no more than a member that hosts as many as it may.
func TestWhatAMemberTellsOfItsAgentsIsBounded(t *testing.T) {
	e := newEvents(nil, "a", strings.ToUpper)
	e.look([]gossip.Member{{NodeID: "b", Status: gossip.StatusAlive, Record: gossip.Record{NodeID: "b", Incarnation: 1}}})
	for n := 0; n < 2*maxToldNames; n += maxToldAtOnce {
		var batch []told
		for i := range maxToldAtOnce {
			batch = append(batch, told{Type: event.AgentStarted, Agent: "n" + strconv.Itoa(n+i), Instances: 1})
		}
		if _, err := e.take(t.Context(), "b", consensus.Encode(batch)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(e.members["b"].told); n != maxToldNames {
		t.Errorf("%d names are remembered", n)
	}
	for _, ms := range []int64{-1, math.MaxInt64, maxUnixMs + 1} {
		if _, err := e.take(t.Context(), "b", consensus.Encode([]told{{Type: event.AgentStarted, Agent: "x", UnixMs: ms}})); err == nil {
			t.Errorf("an event of the time %d was taken", ms)
		}
	}
}

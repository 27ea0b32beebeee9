package message

import (
	"fmt"
	"testing"
)

func TestOnlyTheBusiestAgentsHaveSeries(t *testing.T) {
	var sessions []SessionStats
	c := &agentCollector{stats: func() []SessionStats { return sessions }, shown: map[string]*inOut{}}
	for i := range 300 {
		sessions = append(sessions, SessionStats{Name: fmt.Sprintf("a%03d", i), In: uint64(i)})
	}
	sessions = append(sessions, SessionStats{Name: "a299", Out: 5}, SessionStats{Name: "", In: 1e6})
	c.look()
	if len(c.shown) != maxAgentSeries || c.shown["a299"] == nil || *c.shown["a299"] != (inOut{299, 5}) || c.shown["a199"] != nil {
		t.Fatalf("%d are shown; of a299 %v", len(c.shown), c.shown["a299"])
	}
	if want := uint64(199 * 200 / 2); c.other.in != want {
		t.Errorf("the others had %d, not %d", c.other.in, want)
	}

	// One of the others becomes the busiest: it takes a place, and begins with
	// what came since. Nothing is counted twice, and the others never fall.
	before := c.other
	sessions[3].In += 10000
	sessions[4].In += 7
	c.look()
	if len(c.shown) != maxAgentSeries || c.shown["a003"] == nil || c.shown["a003"].in != 10000 || c.shown["a200"] != nil {
		t.Errorf("%d are shown; of a003 %v, of a200 %v", len(c.shown), c.shown["a003"], c.shown["a200"])
	}
	if c.other.in != before.in+7 {
		t.Errorf("the others had %d, then %d", before.in, c.other.in)
	}

	// A session ends and another comes: its count begins anew.
	sessions[299] = SessionStats{Name: "a299", In: 2}
	sessions[300] = SessionStats{Name: "a299", Out: 1}
	c.look()
	if got := *c.shown["a299"]; got != (inOut{301, 6}) {
		t.Errorf("a299 has %v", got)
	}
	// All go: so do their series, and what is remembered of them.
	sessions = nil
	c.look()
	if len(c.shown) != 0 || len(c.seen) != 0 {
		t.Errorf("%d are shown, %d remembered", len(c.shown), len(c.seen))
	}
}

package consensus

import (
	"testing"
	"time"
)

func TestStamps(t *testing.T) {
	const base = int64(1_800_000_000_000)
	year := int64(365 * 24 * 3600 * 1000)
	for name, c := range map[string]struct {
		in     judged
		want   int64
		jumped bool
	}{
		"first of a process":             {in: judged{wall: base + year, last: base}, want: base + year},
		"in step":                        {in: judged{wall: base + 1000, last: base, known: true, elapsed: time.Second}, want: base + 1000},
		"set a year ahead, alone":        {in: judged{wall: base + year, last: base, known: true, elapsed: time.Second}, want: base + 1000, jumped: true},
		"the same after half a minute":   {in: judged{wall: base + year, last: base, known: true, elapsed: time.Second, ahead: clockTrust}, want: base + year},
		"one peer cannot judge":          {in: judged{wall: base + year, last: base, known: true, offset: -time.Hour, peers: 1}, want: base, jumped: true},
		"two peers say it is ahead":      {in: judged{wall: base + 3_600_000, last: base, offset: -time.Hour, peers: 2}, want: base},
		"two peers say it is behind":     {in: judged{wall: base, last: base + 3_599_000, known: true, offset: time.Hour, peers: 2}, want: base + 3_600_000},
		"two peers say it is right":      {in: judged{wall: base + year, last: base, offset: time.Second, peers: 2}, want: base + year},
		"two said so before it was set":  {in: judged{wall: base + year, last: base, known: true, elapsed: time.Second, offset: time.Second, peers: 2}, want: base + 1000, jumped: true},
		"set right, before they say so":  {in: judged{wall: base + 1000, last: base, known: true, elapsed: time.Second, offset: time.Hour, peers: 2}, want: base + 1000, jumped: true},
		"they still say so later":        {in: judged{wall: base + year, last: base, known: true, offset: time.Second, peers: 2, ahead: clockTrust}, want: base + year},
		"behind, alone":                  {in: judged{wall: base - year, last: base, known: true, elapsed: time.Second}, want: base - year},
		"a little ahead is not a matter": {in: judged{wall: base + 9_000, last: base, known: true}, want: base + 9_000},
	} {
		if ms, jumped := c.in.stamp(); ms != c.want || jumped != c.jumped {
			t.Errorf("%s: %d %v, want %d %v", name, ms-base, jumped, c.want-base, c.jumped)
		}
	}
}

// A leader whose clock is an hour ahead hands over, and does not drag the time
// of the mesh along meanwhile.
func TestLeaderWithAWrongClock(t *testing.T) {
	wrong := ""
	_, _, nodes := mesh(t, 3, func(c *Config) {
		if wrong == "" {
			wrong = c.Dir // the first node: it leads
		}
		c.ClockOffset = func() (time.Duration, int) { return 0, 2 }
		if c.Dir == wrong {
			c.ClockOffset = func() (time.Duration, int) { return -time.Hour, 2 }
			c.hooks.now = func() time.Time { return time.Now().Add(time.Hour) }
		}
	})
	for i, want := range []time.Duration{time.Hour, 0, 0} {
		if got := nodes[i].ClockAhead(); got != want {
			t.Errorf("the clock of node %d is said to be %s ahead", i, got)
		}
	}
	for i := range 20 {
		nodes[i%3].do(t, "add n")
	}
	eventually(t, 10*time.Second, "another leads", func() bool { return !nodes[0].leading() && (nodes[1].ready() || nodes[2].ready()) })
	nodes[0].do(t, "add n")
	same(t, nodes)
	if ahead := time.Until(time.UnixMilli(nodes[1].machine.state().Time)); ahead > time.Minute {
		t.Fatalf("the time of the mesh is %s ahead", ahead)
	}
}

package consensus

import (
	"errors"
	"testing"
)

// After a power loss the state is built from snapshot and log, and nothing is
// applied before a leader has said what is committed. Until then a stale read
// has nothing to show that this node had not shown newer before.
func TestRebuiltStateIsNotShownBeforeItIsProven(t *testing.T) {
	t.Parallel()
	_, _, nodes := mesh(t, 3, func(c *Config) { c.hooks.otherBoot = true })
	x := others(nodes, leaderOf(t, nodes))[0]
	x.do(t, "set k v")
	if v := x.get(t, ReadOptions{}, "k"); v != "v" {
		t.Fatalf("read %q of what was written", v)
	}
	for _, n := range nodes {
		n.kill()
	}
	x.open()
	if v, err := x.read(ReadOptions{}, "k"); err == nil || !errors.Is(err, ErrNoLeader) {
		t.Errorf("alone, a stale read gave %q, %v", v, err)
	}
	for _, n := range others(nodes, x) {
		n.open()
	}
	if v := x.readSoon(t, "k"); v != "v" {
		t.Errorf("together again, a read gave %q", v)
	}
	if v := x.get(t, ReadOptions{}, "k"); v != "v" {
		t.Errorf("together again, a stale read gave %q", v)
	}
}

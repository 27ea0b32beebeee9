package consensus

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// A leader that slept, or is cut off, does not know that another was elected and
// has written. Asked for a revision of that other it must not say that there is
// none: it asks the voters first.
func TestDeposedLeaderDoesNotDenyARevision(t *testing.T) {
	t.Parallel()
	var armed atomic.Bool
	asked := make(chan struct{})
	nw, _, nodes := mesh(t, 3, func(c *Config) {
		believesLong(c)
		c.hooks.beforeRead = func(int) {
			if armed.CompareAndSwap(true, false) {
				close(asked)
			}
		}
	})
	old := leaderOf(t, nodes)
	rest := others(nodes, old)
	old.do(t, "set k old")
	nw.split([]*node{old}, rest)
	eventually(t, 10*time.Second, "another leads", func() bool { return slices.ContainsFunc(rest, func(x *node) bool { return x.ready() }) })
	rest[0].do(t, "set k new")
	revision := rest[0].Status().Revision
	armed.Store(true)
	late := old.readLater(ReadOptions{MinRevision: revision}, "k")
	select {
	case <-asked:
	case a := <-late:
		t.Fatalf("an answer without a question to the voters: %q, %v", a.v, a.err)
	}
	nw.heal()
	if a := <-late; errors.Is(a.err, ErrAhead) || (a.err == nil && a.v != "new") {
		t.Errorf("revision %d, which another leader acknowledged: %q, %v", revision, a.v, a.err)
	}
}

package consensus

import (
	"testing"
	"time"
)

// A leader whose disk hangs in an fsync, for as long as many elections take,
// does not hold the others up, nothing piles up in it, and it is one of them
// again afterwards (F8).
func TestF8HangingDisk(t *testing.T) {
	t.Parallel()
	nodes, disks := faultyMesh(t, nil)
	leader := leaderOf(t, nodes)
	leader.do(t, "add n")
	disks[leader].dawdle(4 * time.Second)
	hung := make(chan error, 1)
	go func() {
		_, err := leader.try("add m")
		hung <- err
	}()
	start := time.Now()
	eventually(t, 10*time.Second, "the others write", func() bool {
		_, err := others(nodes, leader)[0].try("add n")
		return err == nil
	})
	t.Logf("after %s", time.Since(start))
	disks[leader].dawdle(0)
	if err := <-hung; err != nil {
		t.Logf("the write in the hanging log: %v", err)
	}
	eventually(t, 10*time.Second, "it writes again", func() bool {
		_, err := leader.try("add n")
		return err == nil
	})
	if n := leader.outbox.size() + leader.coalescer.size(); n != 0 {
		t.Errorf("%d bytes wait", n)
	}
	same(t, nodes)
}

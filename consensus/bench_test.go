package consensus

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

// BenchmarkPropose measures acknowledged writes of 256 bytes on three nodes in
// one process, loopback TCP, logs fsynced, at the leader and at a follower.
// DESIGN.md sets the figures beside the fsync rate of the same disk
// (BenchmarkLogAppend).
func BenchmarkPropose(b *testing.B) {
	_, _, nodes := mesh(b, 3, func(c *Config) { c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = 0, 0, 0 })
	leader := leaderOf(b, nodes)
	value := strings.Repeat("v", 256)
	for _, at := range []struct {
		name string
		node *node
	}{{"leader", leader}, {"follower", others(nodes, leader)[0]}} {
		for _, c := range []int{1, 64, 256} {
			b.Run(fmt.Sprintf("%s/c=%d", at.name, c), func(b *testing.B) {
				var n atomic.Int64
				done := make(chan error, c)
				b.ResetTimer()
				for range c {
					go func() {
						for {
							i := n.Add(1)
							if i > int64(b.N) {
								done <- nil
								return
							}
							_, err := at.node.Propose(context.Background(), Proposal{Part: "kv", Body: []byte(fmt.Sprintf("set k%d %s", i%100_000, value))})
							if err != nil {
								done <- err
								return
							}
						}
					}()
				}
				for range c {
					if err := <-done; err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
			})
		}
	}
}

// BenchmarkLinearizableRead measures reads at a follower: a question to the
// leader, which asks a majority; readers share rounds.
func BenchmarkLinearizableRead(b *testing.B) {
	_, _, nodes := mesh(b, 3, func(c *Config) { c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = 0, 0, 0 })
	leader := leaderOf(b, nodes)
	leader.do(b, "set k v")
	x := others(nodes, leader)[0]
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := x.read(ReadOptions{Consistency: Linearizable}, "k"); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
}

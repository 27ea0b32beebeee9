package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// collectorRoom is how much garbage a busy node may have beside what lives, and
// collectorMost the most that GOGC is raised to for it.
const (
	collectorRoom = 32 << 20
	collectorMost = 400
)

// paceCollector lets the collector run less often while a small heap has much
// garbage made, where it marks the same few megabytes ten times a second: a
// fifth of what messages cost. A node at rest, and one with a large heap, is
// collected as ever. Who says GOGC or GOMEMLIMIT is not interfered with.
func paceCollector(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	const usual = 100
	percent := usual
	defer func() { debug.SetGCPercent(usual) }()
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(samples)
	made := samples[0].Value.Uint64()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(samples)
		now := samples[0].Value.Uint64()
		want := collectorPercent(now-made, samples[1].Value.Uint64())
		made = now
		if want != percent {
			percent = want
			debug.SetGCPercent(percent)
		}
	}
}

// collectorPercent is GOGC for a node that has made so many bytes in the last
// second, beside those that live.
func collectorPercent(made, live uint64) int {
	live = max(live, 4<<20)
	if made < 2*live {
		return 100
	}
	// In steps, since each change stops the node for a moment.
	return int(min(max(collectorRoom*100/live/50*50, 100), collectorMost))
}

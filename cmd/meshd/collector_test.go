package main

import "testing"

func TestCollectorPercent(t *testing.T) {
	for _, c := range []struct {
		made, live uint64
		want       int
	}{
		{0, 0, 100}, {1 << 20, 8 << 20, 100}, {15 << 20, 8 << 20, 100}, // at rest
		{100 << 20, 0, 400}, {100 << 20, 8 << 20, 400}, // busy
		{100 << 20, 12 << 20, 250}, {100 << 20, 20 << 20, 150}, {900 << 20, 32 << 20, 100}, {1 << 40, 4 << 30, 100},
	} {
		if got := collectorPercent(c.made, c.live); got != c.want {
			t.Errorf("%d made, %d live: %d, want %d", c.made, c.live, got, c.want)
		}
	}
}

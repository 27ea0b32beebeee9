package main

import (
	"fmt"
	"sync"
	"time"
)

// creates makes nodes one by one, at the leader and at another.
func (b *bench) creates(d *dataset) {
	for _, at := range []struct {
		name string
		node int
	}{{"leader", b.leader}, {"follower", b.follower()}} {
		b.op("create one node, at a "+at.name, createAim, at.node, func(i int) request {
			return post("/graph/nodes", map[string]any{"session_id": namespace, "node_type": "made", "label": fmt.Sprintf("made %s %d", at.name, i),
				"key": fmt.Sprintf("made %s %d", at.name, i), "properties": map[string]any{"n": i}})
		})
	}
	b.op("create one edge, at a follower", createAim, b.follower(), func(i int) request {
		return post("/graph/edges", map[string]any{"session_id": namespace, "edge_type": "MADE",
			"source": d.keys[i%len(d.keys)], "target": d.keys[(i+1+i/len(d.keys))%len(d.keys)]})
	})
}

// racers is how many writers write at once.
const racers = 50

// race lets many clients, dealt out to all nodes, create one node each at the
// same moment, and counts what every node has kept of what was acknowledged.
func (b *bench) race(d *dataset) {
	const name = "50 creates at once, all of them"
	key := func(i int) string { return fmt.Sprintf("racer %d", i) }
	var wg sync.WaitGroup
	var mu sync.Mutex
	var fault error
	var revision uint64
	acknowledged := 0
	gate := make(chan struct{})
	for i := range racers {
		wg.Go(func() {
			<-gate
			a, err := b.clients[i%len(b.clients)].do(b.ctx, post("/graph/nodes", map[string]any{"session_id": namespace, "node_type": "racer", "label": key(i), "key": key(i)}))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				fault = err
				return
			}
			acknowledged++
			revision = max(revision, a.revision)
		})
	}
	begun := time.Now()
	close(gate)
	wg.Wait()
	took := time.Since(begun)
	if fault != nil {
		b.add(row{name: name, fault: fault})
		return
	}
	var kept []int
	for _, c := range b.clients {
		n := 0
		for i := range racers {
			var page struct{ Nodes []struct{ Label string } }
			if _, err := c.into(b.ctx, get(query("/graph/nodes", "key", key(i), "min_revision", fmt.Sprint(revision))), &page); err != nil {
				b.add(row{name: name, fault: err})
				return
			}
			if len(page.Nodes) == 1 && page.Nodes[0].Label == key(i) {
				n++
			}
		}
		kept = append(kept, n)
	}
	b.out.raced = kept
	b.out.say("%d concurrent creates at %d nodes: %d acknowledged in %s; kept, as each node tells: %v", racers, len(b.clients), acknowledged, took.Round(time.Millisecond), kept)
}

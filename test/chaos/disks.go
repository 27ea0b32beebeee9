//go:build linux

package chaos

import (
	"context"
	"time"
)

// withDisks leaves those that have a disk of their own, and frees the others.
func withDisks(nodes []*node) []*node {
	var out, rest []*node
	for _, n := range nodes {
		if n.disk == nil {
			rest = append(rest, n)
		} else {
			out = append(out, n)
		}
	}
	free(rest)
	return out
}

// cut ends a node as a machine without power ends: with it goes what its disk
// had not been asked to keep. Without a disk of its own it is a kill.
func (n *node) cut() {
	n.kill()
	if n.disk == nil {
		return
	}
	if err := n.disk.Cut(); err != nil {
		n.run.problem("harness", "the power of %s: %v", n.Name(), err)
	}
}

// empty gives a full disk its room back.
func (n *node) empty() {
	if n.disk == nil {
		return
	}
	if err := n.disk.Empty(); err != nil {
		n.run.problem("harness", "the disk of %s: %v", n.Name(), err)
	}
}

// power takes the power from machines and gives it back in another order.
func (z *nemesis) power(nodes []*node) func(context.Context) {
	down, gap := z.duration(0, 8*time.Second), z.duration(0, time.Second)
	order := z.rng.Perm(len(nodes))
	if nodes = withDisks(nodes); len(nodes) == 0 {
		return nil
	}
	return func(ctx context.Context) {
		defer free(nodes)
		z.r.event("power cut of %v for %s", names(nodes), down)
		for _, n := range nodes {
			n.kill() // all at once; what their disks take a moment later nobody acknowledges
		}
		for _, n := range nodes {
			n.cut()
		}
		z.rest(ctx, down)
		for _, i := range order {
			if i < len(nodes) {
				z.r.again(nodes[i])
				z.rest(ctx, gap)
			}
		}
		z.r.event("power is back at %v", names(nodes))
	}
}

// powerAgain takes the power from one machine again and again, while it starts.
func (z *nemesis) powerAgain() func(context.Context) {
	nodes := withDisks(z.seize(1))
	var lives []time.Duration
	for range 3 + z.rng.IntN(4) {
		lives = append(lives, z.duration(20*time.Millisecond, 1500*time.Millisecond))
	}
	if len(nodes) == 0 {
		return nil
	}
	return func(ctx context.Context) {
		defer free(nodes)
		z.r.event("power cut of %v again and again, after %v", names(nodes), lives)
		for _, l := range lives {
			nodes[0].cut()
			z.r.again(nodes[0])
			z.rest(ctx, l)
		}
	}
}

// full fills disks: wholly, or so far that only the watermark notices.
func (z *nemesis) full(nodes []*node) func(context.Context) {
	d := z.duration(8*time.Second, 25*time.Second) // the watermark is looked at every 5 s
	leave := int64(0)
	if z.rng.IntN(2) == 0 {
		leave = z.rng.Int64N(24 << 20)
	}
	if nodes = withDisks(nodes); len(nodes) == 0 {
		return nil
	}
	return func(ctx context.Context) {
		defer free(nodes)
		z.r.event("the disks of %v are filled for %s, %d KiB are left", names(nodes), d, leave>>10)
		for _, n := range nodes {
			if err := n.disk.Fill(leave); err != nil {
				z.r.problem("harness", "filling the disk of %s: %v", n.Name(), err)
			}
		}
		z.rest(ctx, d)
		for _, n := range nodes {
			n.empty()
		}
		z.r.event("the disks of %v have room", names(nodes))
	}
}

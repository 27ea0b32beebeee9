//go:build linux

package chaos

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// members is F21: a change of membership, a kill or a power cut of the leader or
// of more, and a partition together, again and again.
func members(r *runner, ctx context.Context) {
	z := &nemesis{r, rand.New(rand.NewPCG(r.cfg.Seed, 2))}
	for ctx.Err() == nil {
		changes := []fault{{"join", 3, (*nemesis).join}, {"leave", 2, (*nemesis).leave}, {"leave-killed", 1, (*nemesis).leaveKilled}, {"remove", 2, (*nemesis).remove}}
		if len(r.members()) <= leastMembers {
			changes = changes[:1]
		}
		cuts := []fault{
			{"partition", 2, (*nemesis).split}, {"one-way", 1, (*nemesis).oneWay}, {"bridge", 1, (*nemesis).bridge},
			{"isolate-leader", 2, func(z *nemesis) func(context.Context) { return z.isolate(z.leads()) }},
		}
		kills := []fault{
			{"kill-leader", 2, func(z *nemesis) func(context.Context) { return z.kill(z.seize(1, z.leads()...)) }},
			{"kill-two", 1, func(z *nemesis) func(context.Context) { return z.kill(z.seize(2)) }},
			{"kill-all", 1, func(z *nemesis) func(context.Context) { return z.kill(z.seize(maxSeized)) }},
			{"power-leader", 1, func(z *nemesis) func(context.Context) { return z.power(z.seize(1, z.leads()...)) }},
			{"power-all", 1, func(z *nemesis) func(context.Context) { return z.power(z.seize(maxSeized)) }},
		}
		groups := [][]fault{changes, cuts, kills}
		var wg sync.WaitGroup
		r.disturbed()
		for _, i := range z.rng.Perm(len(groups)) {
			f := z.pick(groups[i])
			lead := z.duration(0, 1500*time.Millisecond)
			if act := f.plan(z); act != nil {
				r.count(f.name)
				wg.Go(func() { act(ctx) })
			}
			z.rest(ctx, lead)
		}
		wg.Wait()
		r.calmed()
		r.count("members-kill-partition")
		z.rest(ctx, z.duration(2*time.Second, 6*time.Second))
	}
}

// sleepers stops one node, then two, then all of them for long, as laptops are
// closed: each a third of the run.
func sleepers(r *runner, ctx context.Context) {
	z := &nemesis{r, rand.New(rand.NewPCG(r.cfg.Seed, 3))}
	for _, n := range []int{1, 2, maxSeized} {
		nodes := z.seize(n, z.leads()...)
		d := r.cfg.Duration/3 - 5*time.Second
		r.event("%v sleep for %s", names(nodes), d)
		r.disturbed()
		r.count("sleep")
		for _, m := range nodes {
			m.pause()
		}
		z.rest(ctx, d)
		for _, m := range nodes {
			m.resume()
		}
		free(nodes)
		r.calmed()
		z.rest(ctx, 5*time.Second)
	}
}

// everyAddress gives every node another address at once, while all are down;
// one operator tells all nodes of one address that is true.
func everyAddress(r *runner, ctx context.Context) {
	z := &nemesis{r, rand.New(rand.NewPCG(r.cfg.Seed, 4))}
	for ctx.Err() == nil {
		z.rest(ctx, z.duration(4*time.Second, 8*time.Second))
		nodes := z.seize(maxSeized)
		r.disturbed()
		r.count("every-address")
		for _, n := range nodes {
			if z.rng.IntN(2) == 0 {
				n.kill()
			} else {
				n.stop()
			}
		}
		for _, n := range nodes {
			r.relocate(n)
		}
		known := nodes[z.rng.IntN(len(nodes))]
		for _, i := range z.rng.Perm(len(nodes)) {
			if nodes[i] == known {
				r.again(known)
				continue
			}
			r.again(nodes[i], "--peer", known.host.Addr().String()+":7443")
		}
		free(nodes)
		r.calmed()
		z.rest(ctx, 15*time.Second)
	}
}

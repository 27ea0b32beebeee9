//go:build linux

package chaos

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/meshd/meshd/test/chaos/fabric"
)

// nemesis breaks a running mesh. All its choices come from the seed, so that a
// run with the same seed does the same in the same order; what leads and what
// is up at that moment is the mesh's own doing.
type nemesis struct {
	r   *runner
	rng *rand.Rand
}

// fault breaks something until it is over. plan is called on the nemesis's
// goroutine and draws all choices; what it returns breaks, waits and mends, and
// hurries to mend once its context ends. A plan that does not fit the moment
// returns nil. One of weight 0 comes only when it is asked for by name.
type fault struct {
	name   string
	weight int
	plan   func(z *nemesis) func(ctx context.Context)
}

func knownFault(name string) bool {
	return slices.ContainsFunc(allFaults(), func(f fault) bool { return f.name == name })
}

// Scenarios are the ways to spend a run, by name.
var Scenarios map[string]func(*runner, context.Context)

func init() {
	Scenarios = map[string]func(*runner, context.Context){
		"random": random, "members": members, "sleep": sleepers, "move": everyAddress, "calm": calm,
	}
}

// calm breaks nothing: what is wrong then is wrong with the harness, or simply.
func calm(_ *runner, ctx context.Context) { <-ctx.Done() }

// random lets faults come one after the other, sometimes two at once.
func random(r *runner, ctx context.Context) {
	z := &nemesis{r, rand.New(rand.NewPCG(r.cfg.Seed, 1))}
	var faults []fault
	for _, f := range allFaults() {
		if slices.Contains(r.cfg.Faults, f.name) {
			f.weight = max(1, f.weight)
			faults = append(faults, f)
		} else if len(r.cfg.Faults) == 0 && f.weight > 0 {
			faults = append(faults, f)
		}
	}
	for ctx.Err() == nil {
		z.rest(ctx, z.duration(500*time.Millisecond, 4*time.Second))
		at := 1
		if z.rng.IntN(3) == 0 {
			at = 2
		}
		var wg sync.WaitGroup
		r.disturbed()
		for range at {
			f := z.pick(faults)
			act := f.plan(z)
			lead := z.duration(0, 2*time.Second)
			if act == nil {
				continue
			}
			r.count(f.name)
			wg.Go(func() { act(ctx) })
			if at > 1 {
				z.rest(ctx, lead)
			}
		}
		wg.Wait()
		r.calmed()
	}
}

// disturbed and calmed frame the times when something is broken.
func (r *runner) disturbed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.healed = 0
}

func (r *runner) calmed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.healed = int64(r.now())
}

func (z *nemesis) pick(faults []fault) fault {
	sum := 0
	for _, f := range faults {
		sum += f.weight
	}
	at := z.rng.IntN(sum)
	for _, f := range faults {
		if at -= f.weight; at < 0 {
			return f
		}
	}
	return faults[0]
}

func (z *nemesis) duration(least, most time.Duration) time.Duration {
	return least + time.Duration(z.rng.Int64N(int64(most-least)+1))
}

// rest waits, or less if ctx ends.
func (z *nemesis) rest(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// seize takes up to n running members that no other fault has in hand, in
// random order; free gives them back.
func (z *nemesis) seize(n int, first ...*node) []*node {
	var free []*node
	for _, i := range z.rng.Perm(len(z.r.nodes)) {
		if m := z.r.nodes[i]; m.is() == member && !slices.Contains(first, m) {
			free = append(free, m)
		}
	}
	var out []*node
	for _, m := range append(first, free...) {
		m.mu.Lock()
		if len(out) < n && !m.busy && m.seat == member && m.alive() {
			m.busy = true
			out = append(out, m)
		}
		m.mu.Unlock()
	}
	return out
}

func free(nodes []*node) {
	for _, n := range nodes {
		n.mu.Lock()
		n.busy = false
		n.mu.Unlock()
	}
}

// leads is the node that was last heard to lead, as a list of one or none.
func (z *nemesis) leads() []*node {
	z.r.mu.Lock()
	name := z.r.leader
	z.r.mu.Unlock()
	for _, n := range z.r.nodes {
		if n.Name() == name {
			return []*node{n}
		}
	}
	return nil
}

// hosts are the places of all nodes that may speak.
func (z *nemesis) hosts() []*fabric.Host {
	var out []*fabric.Host
	for _, n := range z.r.nodes {
		out = append(out, n.host)
	}
	return out
}

func names(nodes []*node) []string {
	var out []string
	for _, n := range nodes {
		out = append(out, n.Name())
	}
	return out
}

// again starts a node after a fault.
func (r *runner) again(n *node, extra ...string) {
	if err := n.start(extra...); err != nil {
		r.problem("harness", "starting %s: %v", n.Name(), err)
	}
}

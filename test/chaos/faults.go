//go:build linux

package chaos

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/meshd/meshd/test/chaos/fabric"
)

// allFaults is what may befall a mesh, with how often.
func allFaults() []fault {
	return []fault{
		{"kill", 8, func(z *nemesis) func(context.Context) { return z.kill(z.seize(1)) }},
		{"kill-leader", 8, func(z *nemesis) func(context.Context) { return z.kill(z.seize(1, z.leads()...)) }},
		{"kill-two", 5, func(z *nemesis) func(context.Context) { return z.kill(z.seize(2)) }},
		{"kill-all", 4, func(z *nemesis) func(context.Context) { return z.kill(z.seize(maxSeized)) }},
		{"kill-again", 3, (*nemesis).killAgain},
		{"power", 5, func(z *nemesis) func(context.Context) { return z.power(z.seize(1)) }},
		{"power-leader", 5, func(z *nemesis) func(context.Context) { return z.power(z.seize(1, z.leads()...)) }},
		{"power-two", 3, func(z *nemesis) func(context.Context) { return z.power(z.seize(2)) }},
		{"power-all", 4, func(z *nemesis) func(context.Context) { return z.power(z.seize(maxSeized)) }},
		{"power-again", 2, (*nemesis).powerAgain},
		{"disk-full", 4, func(z *nemesis) func(context.Context) { return z.full(z.seize(1)) }},
		{"disk-full-leader", 4, func(z *nemesis) func(context.Context) { return z.full(z.seize(1, z.leads()...)) }},
		{"disk-full-two", 2, func(z *nemesis) func(context.Context) { return z.full(z.seize(2)) }},
		{"disk-full-all", 1, func(z *nemesis) func(context.Context) { return z.full(z.seize(maxSeized)) }},
		{"damage", 3, (*nemesis).damage},
		{"stop", 5, func(z *nemesis) func(context.Context) { return z.stop(z.seize(1)) }},
		{"stop-leader", 4, func(z *nemesis) func(context.Context) { return z.stop(z.seize(1, z.leads()...)) }},
		{"rolling-restart", 2, (*nemesis).rolling},
		{"pause", 6, func(z *nemesis) func(context.Context) { return z.pause(z.seize(1)) }},
		{"pause-leader", 8, func(z *nemesis) func(context.Context) { return z.pause(z.seize(1, z.leads()...)) }},
		{"pause-two", 3, func(z *nemesis) func(context.Context) { return z.pause(z.seize(2)) }},
		{"pause-all", 2, func(z *nemesis) func(context.Context) { return z.pause(z.seize(maxSeized)) }},
		{"transfer", 6, (*nemesis).transfer},
		{"partition", 8, (*nemesis).split},
		{"isolate-leader", 8, func(z *nemesis) func(context.Context) { return z.isolate(z.leads()) }},
		{"one-way", 7, (*nemesis).oneWay},
		{"bridge", 4, (*nemesis).bridge},
		{"flapping", 4, (*nemesis).flapping},
		{"delay", 5, func(z *nemesis) func(context.Context) {
			return z.bad(fabric.Link{Delay: z.duration(10*time.Millisecond, 300*time.Millisecond), Jitter: z.duration(0, 100*time.Millisecond)})
		}},
		{"loss", 6, func(z *nemesis) func(context.Context) { return z.bad(fabric.Link{Loss: 0.02 + 0.28*z.rng.Float64()}) }},
		{"address", 5, (*nemesis).moveStopped},
		{"roam", 3, (*nemesis).roam},
		{"join", 6, (*nemesis).join},
		{"leave", 4, (*nemesis).leave},
		{"leave-killed", 3, (*nemesis).leaveKilled},
		{"remove", 4, (*nemesis).remove},
	}
}

const maxSeized = 16

// kill ends nodes without a word and starts them after a while, in another
// order.
func (z *nemesis) kill(nodes []*node) func(context.Context) {
	if len(nodes) == 0 {
		return nil
	}
	down, order := z.duration(0, 8*time.Second), z.rng.Perm(len(nodes))
	gap := z.duration(0, time.Second)
	return func(ctx context.Context) {
		defer free(nodes)
		z.r.event("kill %v for %s", names(nodes), down)
		for _, n := range nodes {
			n.kill()
		}
		z.rest(ctx, down)
		for _, i := range order {
			z.r.again(nodes[i])
			z.rest(ctx, gap)
		}
		z.r.event("started %v", names(nodes))
	}
}

// killAgain kills one node again and again, soon after each start.
func (z *nemesis) killAgain() func(context.Context) {
	nodes := z.seize(1)
	if len(nodes) == 0 {
		return nil
	}
	var lives []time.Duration
	for range 3 + z.rng.IntN(4) {
		lives = append(lives, z.duration(20*time.Millisecond, 1500*time.Millisecond))
	}
	return func(ctx context.Context) {
		defer free(nodes)
		z.r.event("kill %v again and again, after %v", names(nodes), lives)
		for _, l := range lives {
			nodes[0].kill()
			z.r.again(nodes[0])
			z.rest(ctx, l)
		}
	}
}

func (z *nemesis) stop(nodes []*node) func(context.Context) {
	if len(nodes) == 0 {
		return nil
	}
	down := z.duration(0, 6*time.Second)
	return func(ctx context.Context) {
		defer free(nodes)
		z.r.event("stop %v for %s", names(nodes), down)
		for _, n := range nodes {
			n.stop()
		}
		z.rest(ctx, down)
		for _, n := range nodes {
			z.r.again(n)
		}
	}
}

// rolling restarts every member in turn, as an upgrade does.
func (z *nemesis) rolling() func(context.Context) {
	nodes := z.seize(maxSeized)
	pause := z.duration(500*time.Millisecond, 3*time.Second)
	if len(nodes) == 0 {
		return nil
	}
	return func(ctx context.Context) {
		defer free(nodes)
		z.r.event("rolling restart of %v, %s apart", names(nodes), pause)
		for _, n := range nodes {
			n.stop()
			z.r.again(n)
			z.rest(ctx, pause)
		}
	}
}

func (z *nemesis) pause(nodes []*node) func(context.Context) {
	if len(nodes) == 0 {
		return nil
	}
	d := z.duration(2*time.Second, 15*time.Second)
	return func(ctx context.Context) {
		defer free(nodes)
		z.r.event("pause %v for %s", names(nodes), d)
		for _, n := range nodes {
			n.pause()
		}
		z.rest(ctx, d)
		for _, n := range nodes {
			n.resume()
		}
		z.r.event("resumed %v", names(nodes))
	}
}

// transfer lets the leader hand over, again and again.
func (z *nemesis) transfer() func(context.Context) {
	var gaps []time.Duration
	for range 1 + z.rng.IntN(4) {
		gaps = append(gaps, z.duration(0, 2*time.Second))
	}
	return func(ctx context.Context) {
		c := z.r.newClient(704)
		defer c.close()
		for _, g := range gaps {
			for _, n := range z.leads() {
				a := c.askAt(n, 5*time.Second, http.MethodPost, "/seat/hand-over", map[string]any{})
				z.r.event("%s hands over: %s %s%s", n.Name(), a.outcome, a.code, clip(string(a.body), 40))
			}
			z.rest(ctx, g)
		}
	}
}

// disturb lays a link's trouble on pairs for a while.
func (z *nemesis) disturb(what string, d time.Duration, l fabric.Link, pairs [][2]*fabric.Host) func(context.Context) {
	return func(ctx context.Context) {
		z.r.event("%s for %s", what, d)
		end := z.r.fabric.Disturb(l, pairs...)
		z.rest(ctx, d)
		end()
		z.r.event("end of: %s", what)
	}
}

// between are all ways from one side to the other, and back if both is set.
func between(a, b []*fabric.Host, both bool) [][2]*fabric.Host {
	var out [][2]*fabric.Host
	for _, x := range a {
		for _, y := range b {
			if x == y {
				continue
			}
			out = append(out, [2]*fabric.Host{x, y})
			if both {
				out = append(out, [2]*fabric.Host{y, x})
			}
		}
	}
	return out
}

func label(hosts []*fabric.Host) string {
	s := ""
	for _, h := range hosts {
		s += " " + h.Name
	}
	return s
}

func (z *nemesis) away() time.Duration { return z.duration(time.Second, 20*time.Second) }

// split parts all hosts in two.
func (z *nemesis) split() func(context.Context) {
	hosts := z.hosts()
	z.rng.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	at := 1 + z.rng.IntN(len(hosts)-1)
	return z.disturb(fmt.Sprintf("partition%s |%s", label(hosts[:at]), label(hosts[at:])), z.away(), fabric.Link{Cut: true}, between(hosts[:at], hosts[at:], true))
}

// isolate cuts nodes off from everybody.
func (z *nemesis) isolate(nodes []*node) func(context.Context) {
	d := z.away()
	if len(nodes) == 0 {
		return nil
	}
	one := []*fabric.Host{nodes[0].host}
	return z.disturb("isolate"+label(one), d, fabric.Link{Cut: true}, between(one, z.hosts(), true))
}

// oneWay cuts what a host says, or what it hears; from one other or from all.
func (z *nemesis) oneWay() func(context.Context) {
	hosts := z.hosts()
	z.rng.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	if lead := z.leads(); len(lead) > 0 && z.rng.IntN(2) == 0 {
		i := slices.Index(hosts, lead[0].host)
		hosts[0], hosts[i] = hosts[i], hosts[0]
	}
	a, b := hosts[:1], hosts[1:]
	if z.rng.IntN(2) == 0 {
		b = b[:1]
	}
	if z.rng.IntN(2) == 0 {
		a, b = b, a
	}
	return z.disturb(fmt.Sprintf("one way cut%s to%s", label(a), label(b)), z.away(), fabric.Link{Cut: true}, between(a, b, false))
}

// bridge parts the hosts in two that only one of them spans.
func (z *nemesis) bridge() func(context.Context) {
	hosts := z.hosts()
	z.rng.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	at := 1 + (len(hosts)-1)/2
	return z.disturb(fmt.Sprintf("bridge%s:%s |%s", label(hosts[:1]), label(hosts[1:at]), label(hosts[at:])), z.away(), fabric.Link{Cut: true}, between(hosts[1:at], hosts[at:], true))
}

// flapping cuts a host off and lets it back, again and again.
func (z *nemesis) flapping() func(context.Context) {
	hosts := z.hosts()
	z.rng.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	var times []time.Duration
	for range 6 + z.rng.IntN(10) {
		times = append(times, z.duration(100*time.Millisecond, 2*time.Second))
	}
	return func(ctx context.Context) {
		z.r.event("flapping link of%s, %d times", label(hosts[:1]), len(times)/2)
		for i := 0; i+1 < len(times); i += 2 {
			end := z.r.fabric.Disturb(fabric.Link{Cut: true}, between(hosts[:1], hosts[1:], true)...)
			z.rest(ctx, times[i])
			end()
			z.rest(ctx, times[i+1])
		}
		z.r.event("end of: flapping link of%s", label(hosts[:1]))
	}
}

// bad makes all links bad, or those of one host.
func (z *nemesis) bad(l fabric.Link) func(context.Context) {
	hosts := z.hosts()
	from := hosts
	if z.rng.IntN(2) == 0 {
		from = []*fabric.Host{hosts[z.rng.IntN(len(hosts))]}
	}
	return z.disturb(fmt.Sprintf("bad links of%s: delay %s, jitter %s, loss %.0f %%", label(from), l.Delay, l.Jitter, 100*l.Loss), z.away(), l, between(from, hosts, true))
}

// moveStopped gives a node another address between a stop, or a kill, and the
// next start.
func (z *nemesis) moveStopped() func(context.Context) {
	nodes := z.seize(1)
	clean := z.rng.IntN(2) == 0
	down := z.duration(0, 3*time.Second)
	if len(nodes) == 0 {
		return nil
	}
	return func(ctx context.Context) {
		defer free(nodes)
		n := nodes[0]
		if clean {
			n.stop()
		} else {
			n.kill()
		}
		z.r.relocate(n)
		z.rest(ctx, down)
		z.r.again(n)
	}
}

// roam gives a node another address while it runs, as a laptop gets in another
// network.
func (z *nemesis) roam() func(context.Context) {
	nodes := z.seize(1)
	stay := z.duration(10*time.Second, 20*time.Second)
	if len(nodes) == 0 {
		return nil
	}
	return func(ctx context.Context) {
		defer free(nodes)
		z.r.relocate(nodes[0])
		z.rest(ctx, stay)
	}
}

// relocate gives a node's host an address that it never had.
func (r *runner) relocate(n *node) {
	n.mu.Lock()
	n.moves++
	old := n.host.Addr().As4()
	a := netip.AddrFrom4([4]byte{10, 77, byte(n.moves), old[3]})
	n.mu.Unlock()
	if err := n.host.SetAddr(a); err != nil {
		r.problem("harness", "moving %s: %v", n.Name(), err)
	}
	r.event("%s is at %s now", n.Name(), a)
}

package gossip

import (
	"math/rand/v2"
	"time"
)

// rejoinParallel bounds the joins under way, so that a roster full of dead
// nodes costs neither descriptors nor the living ones' turn.
const rejoinParallel = 16

// attempt is the rejoin loop's memory of one node.
type attempt struct {
	busy     bool
	failures int
	next     time.Time
}

// rejoinLoop joins the members that are not alive: at the start, in every
// interval (a longer one after a failure), and at once after Kick. memberlist
// forgets a node GossipToTheDeadTime after its death and never asks for it
// again, so a partition that lasts longer heals only by this.
func (g *Gossip) rejoinLoop() {
	attempts := make(map[string]*attempt)
	done := make(chan joined)
	slots := rejoinParallel
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-g.ctx.Done():
			return
		case <-g.kicked:
			g.transport.forgetUnknown()
			g.transport.wake()
			for _, a := range attempts {
				a.failures, a.next = 0, time.Time{}
			}
		case j := <-done:
			slots++
			j.settle(attempts[j.id], g.timing.rejoin)
		case <-timer.C:
		}
		g.forgetUnknown(attempts)
		wait := g.timing.rejoin
		now := time.Now()
		for _, id := range g.absent() {
			a := attempts[id]
			if a == nil {
				a = &attempt{}
				attempts[id] = a
			}
			switch {
			case a.busy || slots == 0:
			case now.Before(a.next):
				wait = min(wait, a.next.Sub(now))
			default:
				a.busy = true
				slots--
				g.spawn(func() { g.join(id, done) })
			}
		}
		timer.Reset(wait)
	}
}

type joined struct {
	id  string
	err error
}

// settle notes the outcome: the next try comes after one interval, two after
// repeated failure, less some jitter so that nodes do not march in step. Two is
// the most that lets a healed partition meet within thirty seconds.
func (j joined) settle(a *attempt, interval time.Duration) {
	if a == nil {
		return
	}
	a.busy = false
	if j.err != nil {
		a.failures++
	} else {
		a.failures = 0
	}
	wait := interval * time.Duration(min(max(a.failures, 1), 2))
	a.next = time.Now().Add(wait - rand.N(wait/5+1))
}

func (g *Gossip) join(id string, done chan<- joined) {
	_, err := g.list.Join([]string{joinName(id)})
	result := "ok"
	if err != nil {
		result = "failed"
		g.log.Debug("join failed", "peer", id, "error", err)
	}
	g.count.rejoins.WithLabelValues(result).Inc()
	select {
	case done <- joined{id, err}:
	case <-g.ctx.Done():
	}
}

// absent lists the roster's members that are not alive here.
func (g *Gossip) absent() []string {
	roster := g.cfg.Roster()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.leaving {
		return nil
	}
	var out []string
	for _, id := range roster {
		if s := g.seen[id]; id != g.cfg.NodeID && (s == nil || !s.alive) && g.cfg.Known(id) {
			out = append(out, id)
		}
	}
	return out
}

// forgetUnknown drops what is kept of nodes that are no members any more.
func (g *Gossip) forgetUnknown(attempts map[string]*attempt) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gone := 0
	for _, id := range g.table.ids() {
		if id != g.cfg.NodeID && !g.cfg.Known(id) {
			g.table.drop(id)
			gone++
		}
	}
	for id, s := range g.seen {
		// One that memberlist still holds for alive is kept until it does not,
		// or its return to the roster would go unnoticed.
		if id != g.cfg.NodeID && !s.alive && !g.cfg.Known(id) {
			delete(g.seen, id)
		}
	}
	for id, a := range attempts {
		if !a.busy && !g.cfg.Known(id) {
			delete(attempts, id)
		}
	}
	if gone > 0 {
		g.notify()
	}
}

package dispatch

import (
	"slices"
	"time"

	"github.com/meshd/meshd/node/inbox"
)

const (
	// grace is how long a node that lives may dispatch an inbox whose agent it
	// does not host. It hands the inbox over by itself, mostly at once: only if it
	// does not, or cannot, another takes it.
	grace = time.Minute
	// lookEvery bounds how often who is where is looked at.
	lookEvery = 20 * time.Millisecond
)

// keepPlaces follows which agents are where, and decides which inboxes this
// node should dispatch.
func (d *Dispatcher) keepPlaces() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-d.moved:
		case <-timer.C:
		case <-d.ctx.Done():
			return
		}
		began := time.Now()
		again := d.look(began)
		// Looking at ten thousand agents for each that comes would take long.
		pause := time.NewTimer(max(lookEvery, 10*time.Since(began)))
		select {
		case <-pause.C:
		case <-d.ctx.Done():
			pause.Stop()
			return
		}
		if !again.IsZero() {
			timer.Reset(max(time.Until(again), 0))
		}
	}
}

// look takes what the mesh says of who is where, and returns when it should be
// asked again though nobody has moved.
func (d *Dispatcher) look(now time.Time) (again time.Time) {
	hosts := d.cfg.Mesh.Hosts()
	var away []string
	d.mu.Lock()
	for name, nodes := range hosts {
		if s := d.agents[name]; s != nil {
			d.place(s, nodes, now)
		} else if slices.Contains(nodes, d.cfg.Node) {
			d.agents[name] = &served{name: name, hosts: nodes}
		} else {
			away = append(away, name)
		}
	}
	d.mu.Unlock()
	// What this node dispatches though the agent is elsewhere, it may know
	// nothing of: nobody was there for long, or it was restarted.
	away = slices.DeleteFunc(away, func(name string) bool { return d.cfg.Inboxes.Place(name) != d.cfg.Node })
	d.mu.Lock()
	for _, name := range away {
		if d.agents[name] == nil {
			d.agents[name] = &served{name: name, hosts: hosts[name]}
		}
	}
	var ask []*served
	for name, s := range d.agents {
		if _, ok := hosts[name]; !ok {
			d.place(s, nil, now)
		}
		d.leave(s)
		if (!s.known || d.waits(s)) && len(s.hosts) > 0 {
			ask = append(ask, s)
		}
	}
	d.mu.Unlock()
	for _, s := range ask {
		d.mu.Lock()
		answers, known, node := s.answers, s.known, s.node
		d.mu.Unlock()
		if known && d.cfg.Inboxes.Place(s.name) == node {
			continue // no news: a thousand may wait at once
		}
		info, _, err := d.cfg.Inboxes.Agent(d.ctx, s.name)
		if err != nil {
			again = now.Add(time.Second)
			continue
		}
		d.mu.Lock()
		if s.answers == answers {
			d.dispatchedBy(s, info.Node, info.Epoch)
		}
		d.mu.Unlock()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	dead := map[string]bool{}
	for _, s := range d.agents {
		if _, asked := dead[s.node]; !asked && s.node != "" {
			dead[s.node] = !d.cfg.Mesh.Alive(s.node)
		}
		if at := d.judge(s, now, dead[s.node]); !at.IsZero() && (again.IsZero() || at.Before(again)) {
			again = at
		}
	}
	return again
}

// place says where an agent's instances are. d.mu is held.
func (d *Dispatcher) place(s *served, nodes []string, now time.Time) {
	if slices.Equal(s.hosts, nodes) {
		return
	}
	s.hosts = nodes
	if s.box != nil {
		s.box.instances(hashes(nodes), now)
		d.enqueue(s)
	}
}

func hashes(nodes []string) []uint32 {
	out := make([]uint32, len(nodes))
	for i, n := range nodes {
		out[i] = inbox.HashNode(n)
	}
	return out
}

// leave forgets an agent that is not here, whose inbox this node does not
// dispatch as far as it knows, or not for anybody, and of which nothing is left
// to say. d.mu is held.
func (d *Dispatcher) leave(s *served) {
	switch {
	case slices.Contains(s.hosts, d.cfg.Node), len(s.done)+len(s.back) > 0, s.telling,
		len(s.hosts) > 0 && (s.box != nil || !s.known), s.box != nil && s.box.pushed > 0:
		return
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	s.box = nil
	delete(d.claims, s.name)
	delete(d.agents, s.name)
}

// dispatchedBy takes what the state says of who dispatches an inbox. d.mu is
// held.
func (d *Dispatcher) dispatchedBy(s *served, node string, epoch uint64) {
	if node != s.node {
		s.missing, s.moving = time.Time{}, moving{}
	}
	s.node, s.epoch, s.known = node, epoch, true
	switch {
	case node == d.cfg.Node && s.box == nil:
		s.box = newBox()
		s.box.instances(hashes(s.hosts), time.Now())
		for i := range s.done {
			d.adopt(s, &s.done[i])
		}
		d.enqueue(s)
	case node != d.cfg.Node && s.box != nil:
		// What is out ends as it ends; nothing more is pushed here.
		s.box = nil
		d.leave(s)
		d.moved.set()
	}
}

// judge claims an inbox that nobody dispatches, or a node that is dead or hosts
// the agent no more. It returns when to judge again. d.mu is held.
func (d *Dispatcher) judge(s *served, now time.Time, dead bool) (again time.Time) {
	if s.known && s.node == d.cfg.Node {
		return d.handOver(s, now)
	}
	if !s.known || !slices.Contains(s.hosts, d.cfg.Node) {
		return again
	}
	switch {
	case s.node == "" || dead:
		d.claim(s)
	case slices.Contains(s.hosts, s.node):
		s.missing = time.Time{}
	case s.missing.IsZero():
		s.missing = now
		return now.Add(grace)
	case now.Sub(s.missing) < grace:
		return s.missing.Add(grace)
	default:
		d.claim(s)
	}
	return again
}

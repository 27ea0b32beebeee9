package message

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/meshd/meshd/consensus"
)

// maxSessions bounds the sessions of one node.
const maxSessions = 32768

// Attach makes name an agent of this node: messages to it go to receiver,
// shared with the name's other sessions, the least busy first. The session
// ends with Close or with ctx. principal is whose credential attached it.
// Errors are *consensus.Refusal (CodeInvalid, CodeNameReserved for a built-in
// agent's name, CodeOverloaded) or consensus.ErrClosed.
func (r *Router) Attach(ctx context.Context, name, principal string, p Profile, receiver Receiver) (*Session, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	s, err := r.attach(ctx, name, principal, p, receiver)
	if err == nil {
		r.announce()
	}
	return s, err
}

// Listen attaches a session without a name: it is no agent, nobody can send
// to it, and it gets what it subscribes to. It ends with Close or with ctx.
// Errors are those of Attach.
func (r *Router) Listen(ctx context.Context, principal string, receiver Receiver) (*Session, error) {
	return r.attach(ctx, "", principal, Profile{}, receiver)
}

func (r *Router) attach(ctx context.Context, name, principal string, p Profile, receiver Receiver) (*Session, error) {
	if !Printable(principal) {
		return nil, invalid("principal", "principal is at most 256 bytes of printable text")
	}
	if p.Kind == "" {
		p.Kind = KindSession
	}
	s := &Session{
		router: r, name: name, principal: principal, receiver: receiver,
		profile: p, unwatch: func() bool { return true },
		seat: seat{key: rand.Uint64(), durable: p.Durable},
	}
	r.mu.Lock()
	if err := r.admit(s); err != nil {
		r.mu.Unlock()
		return nil, err
	}
	r.table.attach(s, time.Now())
	r.mu.Unlock()
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, s.Close)
		s.mu.Lock()
		s.unwatch = stop
		s.mu.Unlock()
	}
	return s, nil
}

// The kinds of agents.
const (
	KindSession = "session"
	KindBuiltin = "builtin"
)

// admit checks whether s may attach. r.mu is held.
func (r *Router) admit(s *Session) error {
	if r.closed.Load() {
		return consensus.ErrClosed
	}
	if r.table.count >= maxSessions {
		return consensus.Refuse(CodeOverloaded, "this node has too many agents attached")
	}
	if s.name == "" {
		return nil
	}
	if len(r.table.groups[s.name]) == 0 && r.table.told+toldSize(s.name) > maxTold {
		return consensus.Refuse(CodeOverloaded, "this node hosts as many agents as it can tell the others of")
	}
	for _, other := range r.table.groups[s.name] {
		if other.profile.Kind == KindBuiltin || s.profile.Kind == KindBuiltin {
			return consensus.Refuse(CodeNameReserved, "the name "+s.name+" belongs to a built-in agent of this node; choose another")
		}
	}
	return nil
}

func (r *Router) detach(s *Session) {
	r.mu.Lock()
	was := r.table.detach(s, time.Now())
	if was {
		r.gone += s.count.in.Load()
	}
	r.mu.Unlock()
	if was && s.name != "" {
		r.announce()
	}
}

// Local returns the agents that are present on this node now, by name.
func (r *Router) Local() []Local {
	type group struct {
		Local
		speaker *Session
	}
	r.mu.Lock()
	groups := make([]group, 0, len(r.table.groups))
	for name, list := range r.table.groups {
		if name == "" {
			continue
		}
		var g group
		for _, s := range list {
			if s.seat.away {
				continue
			}
			g.Instances++
			g.Busy += int(s.busy.Load())
			if s.seat.durable {
				g.Durable++
			}
			// The session attached last speaks for the name.
			g.speaker = s
		}
		if g.Name = name; g.speaker != nil {
			groups = append(groups, g)
		}
	}
	r.mu.Unlock()
	out := make([]Local, len(groups))
	for i, g := range groups {
		s := g.speaker
		s.mu.Lock()
		g.Description, g.Kind = s.profile.Description, s.profile.Kind
		g.Capabilities = slices.Clone(s.profile.Capabilities)
		s.mu.Unlock()
		out[i] = g.Local
	}
	slices.SortFunc(out, func(a, b Local) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Bounds of how often the directory is told.
const (
	// busyEvery is how often a changed load is spread.
	busyEvery = time.Second
	// cheapAnnounce is how long telling the directory may take, and cheapAgents
	// how many agents it may tell of, to be done at once each time. Where it is
	// more, it is done for all that has changed in announceShare times as long
	// as it took, so that it takes a small share of the time however many come
	// and go.
	cheapAnnounce = 2 * time.Millisecond
	cheapAgents   = 64
	announceShare = 10
)

// announce tells the directory what is hosted now, if that has changed: at
// once, or soon where telling costs much.
func (r *Router) announce() {
	r.announceMu.Lock()
	defer r.announceMu.Unlock()
	if wait := time.Until(r.announceNext); wait > 0 {
		r.later(wait)
		return
	}
	began := time.Now()
	now := r.Local()
	if slices.EqualFunc(now, r.announced, func(a, b Local) bool {
		return a.Name == b.Name && a.Description == b.Description && a.Kind == b.Kind &&
			a.Instances == b.Instances && a.Durable == b.Durable && a.Busy == b.Busy && slices.Equal(a.Capabilities, b.Capabilities)
	}) {
		return
	}
	r.announced = now
	r.cfg.Directory.Announce(now)
	if took := time.Since(began); took > cheapAnnounce || len(now) > cheapAgents {
		r.announceNext = time.Now().Add(announceShare * took)
	}
}

// later announces after wait; r.announceMu is held.
func (r *Router) later(wait time.Duration) {
	if r.announceTimer != nil || r.closed.Load() {
		return
	}
	r.announceTimer = time.AfterFunc(wait, func() {
		r.announceMu.Lock()
		r.announceTimer = nil
		r.announceMu.Unlock()
		if !r.closed.Load() {
			r.announce()
		}
	})
}

// busyChanged spreads the load within busyEvery, so that a message costs no
// announcement of its own.
func (r *Router) busyChanged() {
	if r.busyDue.Load() || r.busyDue.Swap(true) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed.Load() {
		return
	}
	r.busyTimer = time.AfterFunc(busyEvery, func() {
		r.busyDue.Store(false)
		r.announce()
	})
}

// deliverHere gives m to one session of the agent on this node.
// d is the memory of a delivery that was never used, or nil.
func (r *Router) deliverHere(agent string, m *Message, d *Delivery, wantReply bool, now time.Time, to sink, number uint64) {
	var tried []*Session
	var err error
	for len(tried) < maxAttempts {
		r.mu.Lock()
		s := r.table.best(agent, m, tried)
		r.mu.Unlock()
		if s == nil {
			break
		}
		if err = s.deliver(m, d, wantReply, false, to, number); err == nil {
			return
		}
		d = nil // the session may have kept it
		tried = append(tried, s)
	}
	if err == nil {
		r.mu.Lock()
		known := r.table.remembers(agent, now)
		r.mu.Unlock()
		if err = unknownHere(agent, r.cfg.NodeID); known {
			err = goneSession(agent, r.cfg.NodeID)
		}
	} else {
		r.dropped(agent, m, err)
	}
	to.settled(number, len(m.Body), refusedBy(err))
}

// deliverAll gives m to every session of a list; g has a part for each.
func (r *Router) deliverAll(list []*Session, m *Message, g *gather) {
	for _, s := range list {
		if err := s.deliver(m, nil, false, true, g, 0); err != nil {
			r.dropped(s.name, m, err)
			g.add(refusedBy(err))
		}
	}
}

func (r *Router) dropped(agent string, m *Message, err error) {
	refusal := asRefusal(err)
	r.metrics.dropped.WithLabelValues(label(refusal)).Inc()
	if r.debug() {
		r.cfg.Logger.Debug("an agent did not take a message",
			"agent", agent, "from", m.From.Node, "request_id", m.RequestID, "code", refusal.Code, "error", err)
	}
}

func (r *Router) debug() bool {
	return r.cfg.Logger.Enabled(context.Background(), slog.LevelDebug)
}

// arrived takes a message that another node sent over s.
func (r *Router) arrived(s *Strand, number uint64, m *Message, d *Delivery, e envelope, now time.Time) {
	if r.debug() {
		r.cfg.Logger.Debug("a message came from another node", "agent", e.agent, "to", m.To, "id", m.ID, "from", s.node, "request_id", m.RequestID)
	}
	size := len(m.Body)
	switch {
	case r.closed.Load():
		s.settled(number, size, refusedBy(goneSession(e.agent, r.cfg.NodeID)))
	case e.agent == "":
		r.publishHere(s, number, m, now)
	case e.all:
		r.mu.Lock()
		list := slices.Clone(r.table.all(e.agent))
		r.mu.Unlock()
		if len(list) == 0 {
			s.settled(number, size, refusedBy(goneSession(e.agent, r.cfg.NodeID)))
			return
		}
		r.deliverAll(list, m, newGather(len(list), s, number, size))
	default:
		r.deliverHere(e.agent, m, d, e.wait, now, s, number)
	}
}

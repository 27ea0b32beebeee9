package message

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/meshd/meshd/consensus"
)

// maxSessions bounds the sessions of one node.
const maxSessions = 4096

// Attach makes name an agent of this node: messages to it go to receiver,
// shared with the name's other sessions, the least busy first. The session
// ends with Close or with ctx. principal is whose credential attached it.
// Errors are *consensus.Refusal (CodeInvalid, CodeNameReserved for a built-in
// agent's name, CodeOverloaded) or consensus.ErrClosed.
func (r *Router) Attach(ctx context.Context, name, principal string, p Profile, receiver Receiver) (*Session, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if !printable(principal) {
		return nil, invalid("principal", "principal is at most 256 bytes of printable text")
	}
	if p.Kind == "" {
		p.Kind = KindSession
	}
	s := &Session{
		router: r, name: name, principal: principal, receiver: receiver,
		profile: p, inflight: map[*Delivery]struct{}{}, unwatch: func() bool { return true },
	}
	r.mu.Lock()
	if err := r.admit(s); err != nil {
		r.mu.Unlock()
		return nil, err
	}
	s.entry = &entry{name: name, session: s, busy: func() int { return int(s.busy.Load()) }}
	r.table.attach(s.entry, time.Now())
	r.mu.Unlock()
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, s.Close)
		s.mu.Lock()
		s.unwatch = stop
		s.mu.Unlock()
	}
	r.announce()
	return s, nil
}

// The kinds of agents.
const (
	KindSession = "session"
	KindBuiltin = "builtin"
)

// admit checks whether s may attach. r.mu is held.
func (r *Router) admit(s *Session) error {
	if r.closed {
		return consensus.ErrClosed
	}
	total := 0
	for _, list := range r.table.sessions {
		total += len(list)
	}
	if total >= maxSessions {
		return consensus.Refuse(CodeOverloaded, "this node has too many agents attached")
	}
	for _, e := range r.table.sessions[s.name] {
		if e.session.profile.Kind == KindBuiltin || s.profile.Kind == KindBuiltin {
			return consensus.Refuse(CodeNameReserved, "the name "+s.name+" belongs to a built-in agent of this node; choose another")
		}
	}
	return nil
}

func (r *Router) detach(s *Session) {
	r.mu.Lock()
	was := r.table.detach(s.entry, time.Now())
	r.mu.Unlock()
	if was {
		r.announce()
	}
}

// Local returns the agents this node hosts now, by name.
func (r *Router) Local() []Local {
	r.mu.Lock()
	var sessions [][]*entry
	for _, list := range r.table.sessions {
		sessions = append(sessions, slices.Clone(list))
	}
	r.mu.Unlock()
	out := make([]Local, 0, len(sessions))
	for _, list := range sessions {
		l := Local{Name: list[0].name, Instances: len(list)}
		for _, e := range list {
			l.Busy += e.busy()
			if e.session.durable() {
				l.Durable++
			}
		}
		// The session attached last speaks for the name.
		s := list[len(list)-1].session
		s.mu.Lock()
		l.Description, l.Kind = s.profile.Description, s.profile.Kind
		l.Capabilities = slices.Clone(s.profile.Capabilities)
		s.mu.Unlock()
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b Local) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// announce tells the directory what is hosted now, if that has changed.
func (r *Router) announce() {
	r.announceMu.Lock()
	defer r.announceMu.Unlock()
	now := r.Local()
	if slices.EqualFunc(now, r.announced, func(a, b Local) bool {
		return a.Name == b.Name && a.Description == b.Description && a.Kind == b.Kind &&
			a.Instances == b.Instances && a.Durable == b.Durable && a.Busy == b.Busy && slices.Equal(a.Capabilities, b.Capabilities)
	}) {
		return
	}
	r.announced = now
	r.cfg.Directory.Announce(now)
}

// busyChanged spreads the load within busyEvery, so that a message costs no
// announcement of its own.
func (r *Router) busyChanged() {
	if r.busyDue.Swap(true) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.busyTimer = time.AfterFunc(busyEvery, func() {
		r.busyDue.Store(false)
		r.announce()
	})
}

// deliverHere gives m to one session of the agent on this node.
func (r *Router) deliverHere(agent string, m Message, wantReply bool, done func(outcome)) {
	now := time.Now()
	r.mu.Lock()
	ranked := r.table.ranked(agent)
	known := r.table.remembers(agent, now)
	r.mu.Unlock()
	if len(ranked) == 0 {
		if known {
			done(refusedBy(goneSession(agent, r.cfg.NodeID)))
		} else {
			done(refusedBy(unknownHere(agent, r.cfg.NodeID)))
		}
		return
	}
	var err error
	for _, e := range ranked[:min(len(ranked), maxAttempts)] {
		if err = e.session.deliver(m, wantReply, now, done); err == nil {
			return
		}
	}
	r.dropped(agent, m, err)
	done(refusedBy(err))
}

// deliverAll gives m to every session of the agent on this node.
func (r *Router) deliverAll(agent string, m Message, done func(outcome)) {
	now := time.Now()
	r.mu.Lock()
	all := r.table.all(agent)
	r.mu.Unlock()
	if len(all) == 0 {
		done(refusedBy(goneSession(agent, r.cfg.NodeID)))
		return
	}
	g := newGather(len(all), done)
	for _, e := range all {
		if err := e.session.deliver(m, false, now, g.add); err != nil {
			r.dropped(agent, m, err)
			g.add(refusedBy(err))
		}
	}
}

func (r *Router) dropped(agent string, m Message, err error) {
	refusal := asRefusal(err)
	r.metrics.dropped.WithLabelValues(label(refusal)).Inc()
	r.cfg.Logger.Debug("an agent did not take a message",
		"agent", agent, "from", m.From.Node, "request_id", m.RequestID, "code", refusal.Code, "error", err)
}

// HandleFrame takes a frame that the authenticated node `from` sent through
// its Link. It does not block; reply is called exactly once, on any goroutine,
// within the frame's deadline, always with a nil error: refusals travel inside.
// Call it in the order of arrival.
func (r *Router) HandleFrame(from string, body []byte, reply func([]byte, error)) {
	answer := func(o outcome) { reply(consensus.Encode(o), nil) }
	f, m, err := decodeFrame(body, from, time.Now())
	if err != nil {
		r.cfg.Logger.Warn("a message frame was refused", "from", from, "error", err)
		answer(refusedBy(err))
		return
	}
	r.mu.Lock()
	closed := r.closed
	r.mu.Unlock()
	if r.cfg.Logger.Enabled(context.Background(), slog.LevelDebug) {
		r.cfg.Logger.Debug("a message came from another node", "agent", f.Agent, "id", m.ID, "from", from, "request_id", m.RequestID)
	}
	switch {
	case closed:
		answer(refusedBy(goneSession(f.Agent, r.cfg.NodeID)))
	case f.All:
		r.deliverAll(f.Agent, m, answer)
	default:
		r.deliverHere(f.Agent, m, f.Wait, answer)
	}
}

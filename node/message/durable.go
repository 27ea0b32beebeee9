package message

import (
	"context"

	"github.com/meshd/meshd/consensus"
)

// CodeNoSubscribers: nobody subscribes to the topic (404).
const CodeNoSubscribers = "NO_SUBSCRIBERS"

// Forward brings m, which an inbox holds, to one session of the agent that
// takes such messages (Profile.Durable). It is Submit without an answer, and
// keeps m.From as it is; m.Stored must be set. It ends
//
//   - delivered without an error when the session acknowledged m,
//   - delivered with an error when it returned it (Delivery.Fail),
//   - refused when m was certainly not seen,
//   - unknown otherwise.
//
// done is called exactly once, on any goroutine; it must not block. Messages
// forwarded one after the other reach the same session in that order.
func (r *Router) Forward(ctx context.Context, m Message, done func(Receipt, error)) {
	done(Receipt{ID: m.ID, Status: Refused}, consensus.Refuse(CodeUnsupported, "this node does not forward messages of inboxes"))
}

// Listen attaches a session without a name: it is no agent, nobody can send
// to it, and it gets what it subscribes to. It ends with Close or with ctx.
func (r *Router) Listen(ctx context.Context, principal string, receiver Receiver) (*Session, error) {
	return nil, consensus.Refuse(CodeUnsupported, "this node has no topics")
}

// Subscribe asks for the live messages to every topic that the pattern
// matches; each comes once, however many patterns match. It returns when the
// living nodes know, after a second at the latest, or with ctx. A pattern
// subscribed to already is no error.
func (s *Session) Subscribe(ctx context.Context, pattern string) error {
	return consensus.Refuse(CodeUnsupported, "this node has no topics")
}

// Unsubscribe takes a subscription back.
func (s *Session) Unsubscribe(pattern string) {}

// SetAway says whether the session's connection is broken and may come back:
// it stays attached, but is chosen last and not announced as present.
func (s *Session) SetAway(away bool) {}

// SessionStats are the counters of one session since it attached.
type SessionStats struct {
	// Name is the agent's; "" for a session that only listens.
	Name      string
	Principal string
	// In counts messages that it was given, Out those that it sent; refused
	// are those that it did not take.
	In, InBytes, Out, OutBytes, Refused uint64
	// Busy counts what is under way in it.
	Busy          int
	Subscriptions int
	Away          bool
}

// Stats lists the sessions of this node, by name.
func (r *Router) Stats() []SessionStats { return nil }

// SetDurable changes whether the session takes messages from inboxes, and
// spreads it: a client says so only after it has attached.
func (s *Session) SetDurable(durable bool) {
	s.mu.Lock()
	s.profile.Durable = durable
	s.mu.Unlock()
	s.router.announce()
}

func (s *Session) durable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.profile.Durable
}

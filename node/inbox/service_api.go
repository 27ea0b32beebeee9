package inbox

import (
	"context"
	"time"
)

// Service is the inboxes at one node. Safe for concurrent use. Its methods
// return a *consensus.Refusal where the mesh says no, and the errors of
// consensus.State where it could not be asked.
type Service struct{}

// NewService returns a Service; Close ends it.
func NewService(cfg Config) *Service { return &Service{} }

var errYet = refuse(CodeUpgradeNode, "this node keeps no inboxes yet")

// Close ends it: what waits is answered with consensus.ErrClosed.
func (s *Service) Close() {}

// Keep runs what time brings about, until ctx ends: expiry, the parts of bodies
// that nobody names.
func (s *Service) Keep(ctx context.Context) { <-ctx.Done() }

// Accept makes a message durable and returns when a quorum has it.
func (s *Service) Accept(ctx context.Context, m Outgoing) (Accepted, error) { return Accepted{}, errYet }

// Submit is Accept without waiting: done is called once, from another
// goroutine or before Submit returns, and must not block. Messages of one sender
// (principal and agent) get their numbers in the order of the Submit calls.
func (s *Service) Submit(ctx context.Context, m Outgoing, done func(Accepted, error)) {
	done(Accepted{}, errYet)
}

// Acknowledge removes messages for good and returns how many of them were
// there.
func (s *Service) Acknowledge(ctx context.Context, agent string, seqs []uint64) (int, error) {
	return 0, errYet
}

// SubmitAck is Acknowledge without waiting; done, which may be nil, must not
// block.
func (s *Service) SubmitAck(agent string, seqs []uint64, done func(int, error)) {
	if done != nil {
		done(0, errYet)
	}
}

// AcknowledgeIDs is Acknowledge by message ids.
func (s *Service) AcknowledgeIDs(ctx context.Context, agent string, ids []string) (int, error) {
	return 0, errYet
}

// Return gives messages back, with their attempts counted where that is said.
// What is not there is passed over.
func (s *Service) Return(ctx context.Context, agent string, items []Returned) error { return errYet }

// Lease hands out up to max messages that are due and not leased, for a time:
// who does not acknowledge or return them by then loses them to the next. Each
// counts as an attempt. Behind a message that waits for its redelivery, later
// ones of the same sender wait too.
func (s *Service) Lease(ctx context.Context, agent string, max int, d time.Duration) ([]Stored, error) {
	return nil, errYet
}

// List returns a page of an inbox in order of delivery, or of its dead letters.
func (s *Service) List(ctx context.Context, agent string, o ListOptions) (Page, error) {
	return Page{}, errYet
}

// Body returns the body of a waiting message or a dead letter.
func (s *Service) Body(ctx context.Context, agent string, seq uint64) ([]byte, error) {
	return nil, errYet
}

// Get reads messages that wait, those that are gone left out.
func (s *Service) Get(ctx context.Context, agent string, seqs []uint64, bodies bool) ([]Stored, error) {
	return nil, errYet
}

// Pending returns what is due for a dispatcher, in order of delivery, from this
// node's own state.
func (s *Service) Pending(ctx context.Context, agent string, o PendingOptions) (Batch, error) {
	return Batch{}, errYet
}

// Redrive makes dead letters messages again, behind those that wait, with all
// of their attempts and their whole TTL. No seqs: all. It returns how many.
func (s *Service) Redrive(ctx context.Context, agent string, seqs []uint64) (int, error) {
	return 0, errYet
}

// DropDead removes dead letters for good; no seqs: all. It returns how many.
func (s *Service) DropDead(ctx context.Context, agent string, seqs []uint64) (int, error) {
	return 0, errYet
}

// Purge makes every waiting message of an agent a dead letter. It returns how
// many.
func (s *Service) Purge(ctx context.Context, agent string) (int, error) { return 0, errYet }

// Subscribe takes the messages to all topics that match a pattern into the
// agent's inbox from now on. Repeating it changes nothing.
func (s *Service) Subscribe(ctx context.Context, agent, pattern string) error { return errYet }

// Unsubscribe ends it. What the inbox holds stays.
func (s *Service) Unsubscribe(ctx context.Context, agent, pattern string) error { return errYet }

// Subscriptions lists the agent's, in order of pattern.
func (s *Service) Subscriptions(ctx context.Context, agent string) ([]Subscription, error) {
	return nil, errYet
}

// Claim registers agents: their owner, and the node that dispatches. A claim
// that was refused says so in its result; the others hold.
func (s *Service) Claim(ctx context.Context, claims []Claim) ([]ClaimResult, error) {
	return nil, errYet
}

// Release forgets the owner of a name: whoever claims it next has it.
func (s *Service) Release(ctx context.Context, agent string) error { return errYet }

// PublishKey sets the age recipient that messages to the agent are sealed to.
func (s *Service) PublishKey(ctx context.Context, agent, recipient string) (Key, error) {
	return Key{}, errYet
}

// Key returns the agent's key.
func (s *Service) Key(ctx context.Context, agent string) (Key, error) { return Key{}, errYet }

// Agent returns what the state knows of an agent; false: nothing.
func (s *Service) Agent(ctx context.Context, name string) (AgentInfo, bool, error) {
	return AgentInfo{}, false, errYet
}

// Agents lists agents whose names are above after, in order of name, at most
// limit (1 to 1,000; 0: 100).
func (s *Service) Agents(ctx context.Context, after string, limit int) ([]AgentInfo, error) {
	return nil, errYet
}

// Stats returns the figures of all inboxes.
func (s *Service) Stats(ctx context.Context) (Stats, error) { return Stats{}, errYet }

// Watch is Part.Watch.
func (s *Service) Watch(fn func(agents []string)) (cancel func()) { return func() {} }

package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/message/seal"
)

// item is what waits for a batch: a message, or an acknowledgement.
type item struct {
	ctx context.Context
	// key is of the sender, whose messages keep their order; 0: of none.
	key  uint64
	code []byte // as the batch carries it
	id   string
	// wide messages may reach many: few go in one batch.
	wide bool

	accepted func(Accepted, error)
	acked    func(int, error)

	// large is a body that has to be put aside first; the item is encoded when
	// that is done.
	large  json.RawMessage
	accept accept
	// aside is the body's name from then on.
	aside blobID

	// guarded by batcher.mu
	taken, withdrawn bool
	from             *sender
}

func (it *item) fail(err error) {
	if it.accepted != nil {
		it.accepted(Accepted{}, err)
		return
	}
	it.acked(0, err)
}

// size is what it takes of this node's memory.
func (it *item) size() int { return len(it.code) + len(it.large) + 256 }

// item checks a message and encodes it.
func (s *Service) item(ctx context.Context, m *Outgoing, done func(Accepted, error)) (*item, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	for _, to := range m.To {
		if err := s.mayHave(to.Agent); err != nil {
			return nil, err
		}
	}
	done = s.traceAccept(m, done)
	it := &item{ctx: ctx, accepted: done, key: senderKey(m.From)}
	a := &it.accept
	a.Counted = s.counts(m.From.Principal)
	a.Priority, a.MaxAttempts = m.Priority, byte(or(m.MaxAttempts, DefaultAttempts))
	a.TTL, a.Delay = or(m.TTL, DefaultTTL).Milliseconds(), m.Delay.Milliseconds()
	a.Redelivery = or(m.Redelivery, DefaultRedelivery).Milliseconds()
	body := m.Body
	if body == nil {
		body = json.RawMessage("null")
	}
	a.BodySize = uint64(len(body))
	if m.Sealed {
		a.Flags |= acceptSealed
	}
	if m.Sticky && m.Conversation != "" {
		a.Flags |= acceptSticky
	}
	given := m.ID != ""
	if given {
		a.Flags |= acceptID
		a.IDHash = idHash(m.From, m.ID)
		if s.cfg.Level() >= LevelPrint {
			a.Flags |= acceptPrint
			a.Print = m.imprint()
		}
	} else {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, err
		}
		m.ID = id.String()
	}
	it.id = m.ID
	switch {
	case m.Topic != "":
		a.Flags |= acceptTopic
		it.wide = true
	case m.Broadcast:
		a.Flags |= acceptBroadcast
		it.wide = true
	default:
		for _, to := range m.To {
			a.To = appendRecipient(a.To, to)
		}
		if it.wide = len(m.To) > 64; len(a.To) > maxTo {
			return nil, refuse(CodeTooManyRecipients, "the recipients' names are over 256 KiB in all; use a topic")
		}
	}
	switch {
	case len(body) > chunkBody:
		a.Flags |= acceptBlob
		it.large = body
		a.Tail = appendTail(nil, m, nil)
		return it, nil
	case len(body) > inlineBody:
		a.Flags |= acceptBody
		a.Body = body
		a.Tail = appendTail(nil, m, nil)
	default:
		a.Tail = appendTail(make([]byte, 0, len(body)+256), m, body)
	}
	it.encode()
	return it, nil
}

func (it *item) encode() {
	a := &it.accept
	it.code = a.encode(make([]byte, 0, len(a.Tail)+len(a.Body)+len(a.To)+64))
	*a, it.large = accept{}, nil
}

func (s *Service) ackItem(agent string, seqs []uint64, done func(int, error)) (*item, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	if err := checkAgent(agent); err != nil {
		return nil, err
	}
	if len(seqs) == 0 || len(seqs) > maxItems/4 {
		return nil, invalid("seqs", "an acknowledgement names 1 to 1,024 messages")
	}
	return &item{acked: done, code: appendAck(make([]byte, 0, len(agent)+2*len(seqs)+8), agent, seqs)}, nil
}

func or[T int | time.Duration](v, unless T) T {
	if v == 0 {
		return unless
	}
	return v
}

func senderKey(from message.Sender) uint64 {
	h := uint64(14695981039346656037)
	for _, s := range [2]string{from.Agent, from.Principal} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
		h *= 1099511628211
	}
	return h | 1
}

// check judges the fields of a message. It removes recipients that are named
// twice.
func (m *Outgoing) check() error {
	if m.ID != "" && !message.Visible(m.ID, MaxID) {
		return invalid("id", "a message id is 1 to 128 visible ASCII characters")
	}
	if len(m.Body) > MaxBody {
		return refuse(CodeTooLarge, "the body of a durable message is at most 16 MiB")
	}
	if m.Body != nil && !json.Valid(m.Body) {
		return invalid("body", "a message body is one JSON value")
	}
	if m.Sealed {
		if err := seal.Check(m.Body); err != nil {
			return invalid("body", "the body is called sealed and is not: "+err.Error())
		}
	}
	for _, f := range [...]struct{ name, value string }{
		{"type", m.Type}, {"conversation", m.Conversation}, {"correlation_id", m.CorrelationID}, {"request_id", m.RequestID},
		{"principal", m.From.Principal}, {"node", m.From.Node}, {"key", m.Key}, {"traceparent", m.TraceParent},
	} {
		if !message.Printable(f.value) {
			return invalid(f.name, f.name+" is at most 256 bytes of printable text")
		}
	}
	if m.From.Agent != "" {
		if err := checkAgent(m.From.Agent); err != nil {
			return err
		}
	}
	if m.Priority > Critical {
		return invalid("priority", "a priority is low, normal, high or critical")
	}
	if m.MaxAttempts < 0 || m.MaxAttempts > MaxAttempts {
		return invalid("max_attempts", "max_attempts is 1 to 255")
	}
	for _, d := range [...]struct {
		name  string
		value time.Duration
		limit time.Duration
	}{{"ttl", m.TTL, MaxTTL}, {"delay", m.Delay, MaxDelay}, {"redelivery", m.Redelivery, MaxRedelivery}} {
		if d.value < 0 || d.value > d.limit {
			return invalid(d.name, d.name+" is at most "+d.limit.String())
		}
	}
	if ttl := or(m.TTL, DefaultTTL); m.Delay >= ttl && m.Delay > 0 {
		return invalid("delay", fmt.Sprintf("the message would expire before it is delivered: its delay is %s and its ttl %s; make the delay shorter, or the ttl longer", m.Delay, ttl))
	}
	return m.checkTarget()
}

func (m *Outgoing) checkTarget() error {
	targets := 0
	for _, is := range [...]bool{len(m.To) > 0, m.Topic != "", m.Broadcast} {
		if is {
			targets++
		}
	}
	if targets != 1 {
		return invalid("to", "a durable message is for agents, a topic, or everybody: one of them")
	}
	if m.Topic != "" && !checkTopic(m.Topic, false) {
		return invalid("to", "a topic is at most 16 segments of letters, digits, '.', '_' and '-' joined by '/', at most 64 bytes each")
	}
	if len(m.To) > MaxRecipients {
		return tooManyRecipients(len(m.To))
	}
	for _, to := range m.To {
		if err := checkAgent(to.Agent); err != nil {
			return err
		}
		if !message.Visible(to.Node, maxLabel) {
			return invalid("to", "a node is named by its id")
		}
	}
	if len(m.To) > 1 {
		seen := make(map[Recipient]bool, len(m.To))
		kept := make([]Recipient, 0, len(m.To))
		for _, to := range m.To {
			one := to
			if !m.Everywhere {
				one.Node = "" // whichever comes first of an agent that is named twice
			}
			if !seen[one] {
				seen[one] = true
				kept = append(kept, to)
			}
		}
		m.To = kept
	}
	return nil
}

func tooManyRecipients(n int) error {
	return &consensus.Refusal{
		Code: CodeTooManyRecipients, Sentence: "a durable message reaches at most 10,000 agents; send it to fewer at a time",
		Details: map[string]string{"recipients": itoa(uint64(n))},
	}
}

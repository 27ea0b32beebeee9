package client

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	defaultTimeout = 30 * time.Second
	maxTimeout     = 10 * time.Minute
	// durableTimeout is how long a durable message without a deadline is
	// repeated before its outcome is unknown.
	durableTimeout = 5 * time.Minute
	// overtime is how much longer than the node a client waits for its verdict.
	overtime = 5 * time.Second
	// maxOutBytes bounds the frames that wait to be written.
	maxOutBytes = 8 << 20
)

// sending is a message under way. Its fields belong to the Agent's lock.
type sending struct {
	id        uint64
	messageID string
	sealedTo  string // its receiver, where it is sealed
	frame     []byte // of a durable one: to be sent again
	durable   bool
	written   bool // the node may have it
	ever      bool // was written in any session: a node may have it
	ended     bool
	deadline  time.Time
	again     time.Time // when a durable one that was put off is repeated
	tries     int
	last      *Error // what a durable one was put off with
	done      func(Receipt, error)
}

// idPrefix makes the ids of this process's messages its own.
var (
	idPrefix = func() string {
		var b [12]byte
		_, _ = rand.Read(b[:]) // never fails
		return base64.RawURLEncoding.EncodeToString(b[:]) + "-"
	}()
	idCount atomic.Uint64
)

// NewMessageID makes an id for a message, such as a program keeps before it
// sends a durable one, to send it again after its own death.
func NewMessageID() string { return idPrefix + strconv.FormatUint(idCount.Add(1), 36) }

// Send sends a message and waits for its receipt: delivered, or accepted where
// it is durable. Other ends are a *SendError. The context's deadline bounds the
// delivery as well.
func (a *Agent) Send(ctx context.Context, m Outgoing) (Receipt, error) { return a.await(ctx, m, false) }

// Request sends a message and waits for the answer. An error of the answering
// agent is ErrAgent, no answer in time ErrTimeout.
func (a *Agent) Request(ctx context.Context, m Outgoing) (Receipt, error) {
	if m.Durable {
		return Receipt{}, errDurableRequest
	}
	return a.await(ctx, m, true)
}

// Publish sends a live message to the subscribers of a topic such as
// "news/weather". That nobody subscribes is a refusal, CodeNoSubscribers.
func (a *Agent) Publish(ctx context.Context, topic string, body any) (Receipt, error) {
	return a.Send(ctx, Outgoing{To: "topic/" + topic, Body: body})
}

// Submit sends a message without waiting for its receipt, which done gets; it
// must not block, and is called exactly once, where Submit returns nil. Submit
// waits while too much is under way, and keeps the order of one goroutine's
// messages. It is the fast way: thousands may be under way.
func (a *Agent) Submit(ctx context.Context, m Outgoing, done func(Receipt, error)) error {
	_, err := a.submit(ctx, m, false, done)
	return err
}

// SubmitRequest is Submit for a message that wants an answer, which done gets.
func (a *Agent) SubmitRequest(ctx context.Context, m Outgoing, done func(Receipt, error)) error {
	if m.Durable {
		return errDurableRequest
	}
	_, err := a.submit(ctx, m, true, done)
	return err
}

var errDurableRequest = errors.New("a durable message has no answer: send it, and take the answer as another message")

type outcome struct {
	receipt Receipt
	err     error
}

func (a *Agent) await(ctx context.Context, m Outgoing, wait bool) (Receipt, error) {
	answer := make(chan outcome, 1)
	s, err := a.submit(ctx, m, wait, func(r Receipt, err error) { answer <- outcome{r, err} })
	if err != nil {
		return Receipt{}, err
	}
	select {
	case o := <-answer:
		return o.receipt, o.err
	case <-ctx.Done():
	}
	a.giveUp(s, ctx.Err())
	o := <-answer
	return o.receipt, o.err
}

// submit puts a message in line.
func (a *Agent) submit(ctx context.Context, m Outgoing, wait bool, done func(Receipt, error)) (*sending, error) {
	if err := ctx.Err(); err != nil {
		return nil, &SendError{m.ID, Refused, err}
	}
	body, err := rawOf(m.Body)
	if err != nil {
		return nil, err
	}
	if m.Seal {
		if body, err = a.sealed(ctx, &m, body); err != nil {
			return nil, err
		}
	}
	if m.Durable && len(body) > MaxBody {
		return a.post(&m, body, done)
	}
	if err := fits(body); err != nil {
		return nil, &SendError{m.ID, Refused, err}
	}
	s := &sending{messageID: m.ID, durable: m.Durable, done: done}
	if m.Seal {
		s.sealedTo = m.To
	}
	if s.messageID == "" && m.Durable {
		s.messageID = NewMessageID()
	}
	timeout := m.Timeout
	now := time.Now()
	deadline, bounded := ctx.Deadline()
	if left := deadline.Sub(now); bounded && (timeout <= 0 || left < timeout) {
		// The node's verdict, which knows more, is to come before the end.
		timeout = max(left-min(left/20, 200*time.Millisecond), time.Millisecond)
	}
	switch {
	case timeout <= 0 && m.Durable:
		s.deadline, timeout = now.Add(durableTimeout), defaultTimeout
	case timeout <= 0:
		timeout = defaultTimeout
		fallthrough
	default:
		s.deadline = now.Add(timeout).Add(overtime)
		timeout = min(timeout, maxTimeout)
	}
	for {
		a.mu.Lock()
		if a.failure != nil {
			err := a.failure
			a.mu.Unlock()
			return nil, &SendError{s.messageID, Refused, err}
		}
		if len(a.sends) < a.window && (a.outBytes < maxOutBytes || a.outBytes == 0) {
			break
		}
		room := a.room
		a.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return nil, &SendError{s.messageID, Refused, fmt.Errorf("too many messages are under way: %w", ctx.Err())}
		}
	}
	a.nextID++
	s.id = a.nextID
	frame := appendSend(make([]byte, 0, len(body)+len(m.To)+160), s.id, &m, s.messageID, body, timeout, wait)
	if s.durable {
		s.frame = frame
	}
	a.sends[s.id] = s
	a.out = append(a.out, frameOut{frame, s})
	a.outBytes += len(frame)
	a.arm()
	l := a.link
	a.mu.Unlock()
	a.figures.sent.Add(1)
	if l != nil {
		l.nudge()
	}
	return s, nil
}

// openRoom wakes who waits for room. It needs the lock.
func (a *Agent) openRoom() {
	close(a.room)
	a.room = make(chan struct{})
}

// takeSends ends and takes out the sends that are chosen, in their order. It
// needs the lock.
func (a *Agent) takeSends(chosen func(*sending) bool) []*sending {
	var out []*sending
	for id, s := range a.sends {
		if chosen(s) {
			s.ended = true
			delete(a.sends, id)
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(x, y *sending) int { return int(x.id) - int(y.id) })
	if len(out) > 0 {
		a.openRoom()
	}
	return out
}

// againSends queues durable messages again whose trace was lost, in their
// order. It needs the lock.
func (a *Agent) againSends() []frameOut {
	var out []frameOut
	for _, s := range a.sends {
		if s.durable && s.written {
			s.written, s.again = false, time.Time{}
			out = append(out, frameOut{s.frame, s})
			a.outBytes += len(s.frame)
			a.figures.repeated.Add(1)
		}
	}
	slices.SortFunc(out, func(x, y frameOut) int { return int(x.send.id) - int(y.send.id) })
	return out
}

// finish tells sends that their trace is lost. It is called without the lock.
func (a *Agent) finish(lost []*sending, why error) {
	for _, s := range lost {
		status := Refused
		if s.written || s.ever {
			status = Unknown
			a.figures.unknown.Add(1)
		}
		s.done(Receipt{ID: s.messageID, Status: status}, &SendError{s.messageID, status, why})
	}
}

// giveUp ends a send that nobody waits for any more.
func (a *Agent) giveUp(s *sending, why error) {
	a.mu.Lock()
	if s.ended {
		a.mu.Unlock()
		return
	}
	s.ended = true
	delete(a.sends, s.id)
	a.openRoom()
	a.mu.Unlock()
	a.finish([]*sending{s}, why)
}

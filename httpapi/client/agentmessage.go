package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

// Message is one that came. Its methods are safe for concurrent use.
type Message struct {
	// ID is the sender's, which two senders may share.
	ID   string
	From Sender
	// To is what it was addressed to: the agent, or topic/PATH.
	To, Type, Conversation string
	// Body is JSON, opened where it was sealed. It is nil where Size says that
	// it is too large to be carried: Load gets it.
	Body json.RawMessage
	Size int64
	// Wait says that the sender waits for a Reply until Deadline.
	Wait     bool
	Deadline time.Time
	// Durable says that it is of the inbox: it comes again until it is
	// acknowledged. Seq is its place there, Attempt counts from 1.
	Durable               bool
	Seq                   uint64
	Attempt               int
	AcceptedAt, ExpiresAt time.Time
	// Sealed says that the body came sealed to this agent's key.
	Sealed bool
	// TraceParent is W3C trace context, RequestID the sender's.
	TraceParent, RequestID string

	agent   *Agent
	settled atomic.Bool
	// session is the one that it came by, or came by last, and frame the id of
	// its receive frame there; released, that its place was given free. They belong to the Agent's lock.
	session  *agentSession
	frame    string
	released bool
	handler  Handler // of the subscription it came by; nil: the Agent's
}

// Decode reads the body into v.
func (m *Message) Decode(v any) error {
	if err := json.Unmarshal(m.Body, v); err != nil {
		return fmt.Errorf("the body of message %s: %w", m.ID, err)
	}
	return nil
}

// Load returns the body, which it fetches where the message came without.
func (m *Message) Load(ctx context.Context) (json.RawMessage, error) {
	if m.Body != nil || m.Size == 0 {
		return m.Body, nil
	}
	var body json.RawMessage
	path := "/messages/" + url.PathEscape(m.agent.cfg.Name) + "/" + strconv.FormatUint(m.Seq, 10) + "/body"
	if err := m.agent.client.Do(ctx, Request{Method: "GET", Path: path}, &body); err != nil {
		return nil, err
	}
	if m.Sealed {
		var err error
		if body, err = m.agent.open(body); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// Reply answers a request. What nobody waits for any more is ErrSettled.
func (m *Message) Reply(body any) error {
	if !m.Wait {
		return fmt.Errorf("%w: its sender waits for no answer", ErrSettled)
	}
	raw, err := rawOf(body)
	if err == nil {
		err = fits(raw)
	}
	if err != nil {
		return err
	}
	return m.settle(false, func(frame string) []byte {
		b := append(make([]byte, 0, len(raw)+64), `{"type":"reply","in_reply_to":`...)
		b = append(appendString(b, frame), `,"body":`...)
		return append(append(b, raw...), '}')
	})
}

// ReplyError answers a request with an error of the agent's own: a code of
// A-Z, 0-9 and _, or none, and a sentence. A code of another shape is told as
// near to it as can be.
func (m *Message) ReplyError(code, sentence string) error {
	if !m.Wait {
		return fmt.Errorf("%w: its sender waits for no answer", ErrSettled)
	}
	if sentence == "" {
		sentence = "the agent failed"
	}
	return m.settle(false, func(frame string) []byte {
		b := append(make([]byte, 0, len(sentence)+96), `{"type":"reply","in_reply_to":`...)
		b = append(appendString(b, frame), `,"error":`...)
		b = appendString(b, clipped(sentence, 1000))
		if code != "" {
			b = appendString(append(b, `,"code":`...), codeOf(code))
		}
		return append(b, '}')
	})
}

// codeOf spells a code as the mesh takes it: an answer must not be refused for
// how its code is spelled, since the asker would hear nothing.
func codeOf(s string) string {
	b := []byte(s[:min(len(s), 64)])
	for i, c := range b {
		switch {
		case c >= 'a' && c <= 'z':
			b[i] = c - 'a' + 'A'
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		default:
			b[i] = '_'
		}
	}
	return string(b)
}

// Ack says that the program has the message for good. A request needs none:
// its answer says it.
func (m *Message) Ack() error {
	if m.Wait {
		return nil
	}
	return m.settle(true, nil)
}

// Return gives a message of the inbox back, to be delivered again after delay;
// 0: as the mesh sees fit. Each time counts as an attempt; past its last a
// message is put with the dead letters, with the reason.
func (m *Message) Return(delay time.Duration, reason string) error {
	if !m.Durable {
		return fmt.Errorf("%w: only messages of the inbox can be returned", ErrSettled)
	}
	return m.settle(false, func(frame string) []byte {
		b := appendString(append(make([]byte, 0, 128), `{"type":"return","id":`...), frame)
		if delay > 0 {
			b = appendString(append(b, `,"delay":`...), delay.String())
		}
		if reason != "" {
			b = appendString(append(b, `,"reason":`...), clipped(reason, 250))
		}
		return append(b, '}')
	})
}

// clipped bounds what is said of an error.
func clipped(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for i := most; ; i-- {
		if s[i]&0xc0 != 0x80 {
			return s[:i] + "…"
		}
	}
}

// rawOf is a body as JSON.
func rawOf(body any) (json.RawMessage, error) {
	switch b := body.(type) {
	case json.RawMessage:
		if b != nil {
			return b, nil
		}
	case []byte:
		return nil, fmt.Errorf("a body of []byte says not what it is: give json.RawMessage or a string")
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("the body: %w", err)
	}
	return raw, nil
}

// fits says whether a frame takes a body.
func fits(body []byte) error {
	if len(body) > MaxBody {
		return &Error{Status: http.StatusRequestEntityTooLarge, Code: CodeTooLarge, Sentence: fmt.Sprintf("the body has %d bytes, and a live one has at most %d", len(body), MaxBody)}
	}
	return nil
}

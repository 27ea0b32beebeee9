package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/strictjson"
)

// The protocol's version, told in hello.
const protocolVersion = 1

// inbound is any frame of a client; allowed says which type has which fields.
type inbound struct {
	Type         string          `json:"type"`
	ID           string          `json:"id"`
	Description  string          `json:"description"`
	Capabilities []string        `json:"capabilities"`
	Acks         bool            `json:"acks"`
	To           string          `json:"to"`
	MessageID    string          `json:"message_id"`
	MessageType  string          `json:"message_type"`
	Body         json.RawMessage `json:"body"`
	Conversation string          `json:"conversation"`
	Timeout      string          `json:"timeout"`
	Wait         bool            `json:"wait"`
	RequestID    string          `json:"request_id"`
	InReplyTo    string          `json:"in_reply_to"`
	Error        string          `json:"error"`
	Code         string          `json:"code"`
	IDs          []string        `json:"ids"`
}

var allowed = map[string][]string{
	"hello": {"description", "capabilities", "acks"},
	"send":  {"to", "message_id", "message_type", "body", "conversation", "timeout", "wait", "request_id"},
	"reply": {"in_reply_to", "body", "error", "code"},
	"ack":   {"ids"},
	"ping":  {},
}

// Bounds of what a client says of itself and of its ids.
const (
	maxDescription  = 1024
	maxCapabilities = 32
	maxCapability   = 64
	maxAcks         = 1024
)

// decodeFrame reads a client's frame. Its errors are *consensus.Refusal; the
// frame's id is returned beside one where it could be read.
func decodeFrame(data []byte) (inbound, error) {
	var f inbound
	if err := strictjson.Decode(data, &f); err != nil {
		return inbound{}, badFrame("", err.Error())
	}
	if !visible(f.ID) {
		return inbound{}, badFrame("id", "id is at most 128 visible ASCII characters")
	}
	if f.Type == "send" && f.InReplyTo != "" {
		f.Type = "reply"
	}
	fields, ok := allowed[f.Type]
	if !ok {
		return f, badFrame("type", fmt.Sprintf("the frame type %q is not known here", clip(f.Type)))
	}
	if field := stray(f, fields); field != "" {
		return f, badFrame(field, fmt.Sprintf("a %s frame has no field %q", f.Type, field))
	}
	return f, f.check()
}

// stray names a field that is set but not of the frame's type.
func stray(f inbound, fields []string) string {
	v := reflect.ValueOf(f)
next:
	for i := 2; i < v.NumField(); i++ { // after type and id
		name := v.Type().Field(i).Tag.Get("json")
		for _, ok := range fields {
			if ok == name {
				continue next
			}
		}
		if !v.Field(i).IsZero() {
			return name
		}
	}
	return ""
}

func (f *inbound) check() error {
	switch f.Type {
	case "hello":
		if len(f.Description) > maxDescription {
			return badFrame("description", "a description is at most 1024 bytes")
		}
		if len(f.Capabilities) > maxCapabilities {
			return badFrame("capabilities", "at most 32 capabilities can be named")
		}
		for _, c := range f.Capabilities {
			if c == "" || len(c) > maxCapability {
				return badFrame("capabilities", "a capability is 1 to 64 bytes")
			}
		}
	case "send":
		if f.ID == "" {
			return badFrame("id", "a send frame needs an id, by which its receipt is told")
		}
		if _, err := f.timeout(); err != nil {
			return err
		}
	case "reply":
		if f.InReplyTo == "" {
			return badFrame("in_reply_to", "a reply names in in_reply_to the id of the receive frame that it answers")
		}
		if (f.Body == nil) == (f.Error == "") {
			return badFrame("body", "a reply has either a body or an error")
		}
		if len(f.Error) > maxDescription || !codeLike(f.Code) {
			return badFrame("error", "an error is at most 1024 bytes, its code at most 64 of A-Z, 0-9 and _")
		}
	case "ack":
		if f.ID == "" && len(f.IDs) == 0 || len(f.IDs) > maxAcks {
			return badFrame("ids", "an ack names 1 to 1024 receive frames by id or ids")
		}
	}
	return nil
}

func (f *inbound) timeout() (time.Duration, error) {
	if f.Timeout == "" {
		return message.DefaultTimeout, nil
	}
	d, err := time.ParseDuration(f.Timeout)
	if err != nil || d <= 0 || d > message.MaxTimeout {
		return 0, badFrame("timeout", `timeout is a duration such as "30s", at most 10m`)
	}
	return d, nil
}

// outbound is any frame of the node.
type outbound struct {
	Type string `json:"type"`
	ID   string `json:"id,omitempty"`

	// hello
	Protocol int     `json:"protocol,omitempty"`
	Node     string  `json:"node,omitempty"`
	Agent    string  `json:"agent,omitempty"`
	Limits   *limits `json:"limits,omitempty"`

	// receive
	MessageID    string          `json:"message_id,omitempty"`
	From         *message.Sender `json:"from,omitempty"`
	To           string          `json:"to,omitempty"`
	MessageType  string          `json:"message_type,omitempty"`
	Conversation string          `json:"conversation,omitempty"`
	Wait         bool            `json:"wait,omitempty"`
	DeadlineMs   int64           `json:"deadline_ms,omitempty"`
	RequestID    string          `json:"request_id,omitempty"`

	// ack and reply; receive has a body too
	Status    message.Status  `json:"status,omitempty"`
	Counts    *message.Counts `json:"counts,omitempty"`
	Body      json.RawMessage `json:"body,omitempty"`
	InReplyTo string          `json:"in_reply_to,omitempty"`

	// error
	Code    string            `json:"code,omitempty"`
	Error   string            `json:"error,omitempty"`
	Details map[string]string `json:"details,omitempty"`
}

// limits is what hello tells a client to keep within.
type limits struct {
	BodyBytes  int    `json:"body_bytes"`
	FrameBytes int    `json:"frame_bytes"`
	Sends      int    `json:"sends"`
	Requests   int    `json:"requests,omitempty"`
	Queue      int    `json:"queue"`
	QueueBytes int    `json:"queue_bytes"`
	MaxTimeout string `json:"max_timeout"`
	Ping       string `json:"ping"`
	Idle       string `json:"idle"`
}

// encode returns the frame as JSON text, without the HTML escapes that would
// change a body's spelling.
func (f *outbound) encode() ([]byte, error) {
	var b bytes.Buffer
	b.Grow(len(f.Body) + 256)
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(f); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// size is what a waiting frame counts for in the queue's bytes.
func (f *outbound) size() int { return 512 + len(f.Body) }

// errorFrame tells a client of err; what is no refusal stays within the node.
func errorFrame(id string, err error) outbound {
	out := outbound{Type: "error", ID: id, Code: "INTERNAL", Error: "the node failed to do this; its log says why"}
	var r *consensus.Refusal
	switch {
	case errors.As(err, &r):
		out.Code, out.Error, out.Details = r.Code, r.Sentence, r.Details
	case errors.Is(err, consensus.ErrClosed):
		out.Code, out.Error = message.CodeOverloaded, "this node is shutting down"
	}
	return out
}

func badFrame(field, sentence string) error {
	r := &consensus.Refusal{Code: message.CodeInvalid, Sentence: sentence}
	if field != "" {
		r.Details = map[string]string{"field": field}
	}
	return r
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

func visible(s string) bool {
	if len(s) > message.MaxID {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func codeLike(s string) bool {
	if len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}

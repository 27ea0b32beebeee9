package agent

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/event"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/strictjson"

	"encoding/json"
)

// The protocol's version, told in hello.
const protocolVersion = 1

// inbound is any frame of a client; allowed says which type has which fields.
type inbound struct {
	Type         string          `json:"type"`
	ID           string          `json:"id"`
	Frame        uint64          `json:"frame"`
	Description  string          `json:"description"`
	Capabilities []string        `json:"capabilities"`
	Acks         bool            `json:"acks"`
	Credit       *uint32         `json:"credit"`
	Batch        bool            `json:"batch"`
	Bulk         bool            `json:"bulk"`
	Resume       bool            `json:"resume"`
	Events       []string        `json:"events"`
	To           string          `json:"to"`
	MessageID    string          `json:"message_id"`
	MessageType  string          `json:"message_type"`
	Body         json.RawMessage `json:"body"`
	Conversation string          `json:"conversation"`
	Sticky       bool            `json:"sticky"`
	Timeout      string          `json:"timeout"`
	Wait         bool            `json:"wait"`
	RequestID    string          `json:"request_id"`
	TraceParent  string          `json:"traceparent"`
	Seal         bool            `json:"seal"`
	Sealed       bool            `json:"sealed"`
	Key          string          `json:"key"`
	Durable      bool            `json:"durable"`
	TTL          string          `json:"ttl"`
	Delay        string          `json:"delay"`
	Priority     string          `json:"priority"`
	InReplyTo    string          `json:"in_reply_to"`
	Error        string          `json:"error"`
	Code         string          `json:"code"`
	IDs          []string        `json:"ids"`
	Reason       string          `json:"reason"`
	Add          uint32          `json:"add"`
	Topics       []string        `json:"topics"`
	Since        string          `json:"since"`
	Session      string          `json:"session"`
	Seen         uint64          `json:"seen"`
}

var allowed = map[string][]string{
	"hello":       {"description", "capabilities", "acks", "credit", "batch", "bulk", "resume", "events"},
	"send":        {"to", "message_id", "message_type", "body", "conversation", "sticky", "timeout", "wait", "request_id", "traceparent", "seal", "sealed", "key", "durable", "ttl", "delay", "priority"},
	"reply":       {"in_reply_to", "body", "error", "code"},
	"ack":         {"ids"},
	"return":      {"ids", "delay", "reason"},
	"credit":      {"add"},
	"subscribe":   {"topics", "durable", "events", "since"},
	"unsubscribe": {"topics", "durable", "events"},
	"seen":        {},
	"ping":        {},
}

// Bounds of what a client says of itself and of its ids.
const (
	maxDescription  = 1024
	maxCapabilities = 32
	maxCapability   = 64
	maxAcks         = 1024
	maxCredit       = 65536
	maxReason       = 256
)

// decodeFrame reads a client's frame. Its errors are *consensus.Refusal; the
// frame's id is returned beside one where it could be read.
func decodeFrame(data []byte) (inbound, error) {
	var f inbound
	if err := strictjson.Decode(data, &f); err != nil {
		id := peekText(data, "id") // which may stand before what is wrong
		if !visible(id) {
			id = ""
		}
		return inbound{Type: peekType(data), ID: id}, badFrame(strictjson.Member(err), err.Error())
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

// counts says whether the frame is numbered in a session that can be resumed.
// A hello need not be.
func (f *inbound) counts() bool {
	switch f.Type {
	case "seen", "ping":
		return false
	case "hello":
		return f.Frame > 0
	}
	return true
}

// stray names a field that is set but not of the frame's type.
func stray(f inbound, fields []string) string {
	v := reflect.ValueOf(f)
next:
	for i := 3; i < v.NumField(); i++ { // after type, id and frame
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
		return f.checkHello()
	case "send":
		return f.checkSend()
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
	case "ack", "return":
		if f.ID == "" && len(f.IDs) == 0 || len(f.IDs) > maxAcks {
			return badFrame("ids", "it names 1 to 1024 receive frames by id or ids")
		}
		if len(f.Reason) > maxReason {
			return badFrame("reason", "a reason is at most 256 bytes")
		}
		if _, err := f.duration("delay", f.Delay, maxDelay); err != nil {
			return err
		}
	case "credit":
		if f.Add == 0 || f.Add > maxCredit {
			return badFrame("add", "credit is added 1 to 65536 at a time")
		}
	case "subscribe", "unsubscribe":
		return f.checkTopics()
	case "seen":
		if f.Frame == 0 {
			return badFrame("frame", "seen names the last frame that was taken")
		}
	}
	return nil
}

func (f *inbound) checkHello() error {
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
	if f.Credit != nil && *f.Credit > maxCredit {
		return badFrame("credit", "credit is at most 65536")
	}
	return checkEvents(f.Events)
}

// Bounds of a durable message; the inboxes know better where they are narrower.
const (
	maxTTL   = 30 * 24 * time.Hour
	maxDelay = 30 * 24 * time.Hour
)

func (f *inbound) checkSend() error {
	if f.ID == "" {
		return badFrame("id", "a send frame needs an id, by which its receipt is told")
	}
	if _, err := f.timeout(); err != nil {
		return err
	}
	switch {
	case f.Seal && f.Sealed:
		return badFrame("seal", "a body that is sealed already cannot be sealed")
	case len(f.Key) > 128:
		return badFrame("key", "a key's hash is at most 128 bytes")
	case f.Durable && f.Wait:
		return badFrame("wait", "a durable message has no answer to wait for; let the receiver send one")
	case f.Durable && f.Timeout != "":
		return badFrame("timeout", "a durable message has a ttl")
	}
	if !f.Durable {
		switch {
		case f.TTL != "":
			return badFrame("ttl", "ttl is for durable messages")
		case f.Delay != "":
			return badFrame("delay", "delay is for durable messages")
		case f.Priority != "":
			return badFrame("priority", "priority is for durable messages")
		}
		return nil
	}
	if _, err := f.duration("ttl", f.TTL, maxTTL); err != nil {
		return err
	}
	if _, err := f.duration("delay", f.Delay, maxDelay); err != nil {
		return err
	}
	switch f.Priority {
	case "", "low", "normal", "high", "critical":
		return nil
	}
	return badFrame("priority", "priority is low, normal, high or critical")
}

func (f *inbound) checkTopics() error {
	if f.ID == "" {
		return badFrame("id", "a "+f.Type+" frame needs an id, by which its result is told")
	}
	if len(f.Topics) == 0 && len(f.Events) == 0 {
		return badFrame("topics", "name topics or events")
	}
	if len(f.Topics) > maxPatterns {
		return badFrame("topics", fmt.Sprintf("at most %d topics can be named", maxPatterns))
	}
	for _, t := range f.Topics {
		if _, err := message.ParsePattern(t); err != nil {
			return err
		}
	}
	if f.Durable && len(f.Topics) == 0 {
		return badFrame("durable", "only subscriptions to topics can be durable")
	}
	if f.Since != "" && len(f.Events) == 0 {
		return badFrame("since", "since is for events")
	}
	if f.Since != "" {
		if _, ok := parseNumber(f.Since); !ok {
			return badFrame("since", "since is the at of an event")
		}
	}
	return checkEvents(f.Events)
}

func checkEvents(types []string) error {
	if len(types) > maxEventTypes {
		return badFrame("events", fmt.Sprintf("at most %d types of events can be named", maxEventTypes))
	}
	for _, t := range types {
		if !event.ValidType(t) {
			return badFrame("events", "a type of events is such as agent.started or agent.*")
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

// duration reads a field that may be left out: 0.
func (f *inbound) duration(name, text string, most time.Duration) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > most {
		return 0, badFrame(name, fmt.Sprintf(`%s is a duration such as "30s", at most %s`, name, most))
	}
	return d, nil
}

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
	if out.Code == message.CodeOverloaded && out.Details["retry_after"] == "" {
		details := map[string]string{"retry_after": "1s"}
		for k, v := range out.Details {
			details[k] = v
		}
		out.Details = details
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

// parseNumber reads a decimal number as the node writes them.
func parseNumber(s string) (uint64, bool) {
	if s == "" || len(s) > 19 || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	var n uint64
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + uint64(c)
	}
	return n, true
}

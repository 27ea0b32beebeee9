package client

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/meshd/meshd/node/jsonwalk"
)

// frameIn is a frame of the node, with what this package looks at.
type frameIn struct {
	Type, ID, Node, Agent string
	Limits                nodeLimits

	// Frame is its number in the session, 0 where it has none.
	Frame uint64

	// hello of who may resume; Seen is of seen frames too, where it is Frame
	Session      string
	ResumeWindow time.Duration
	Resumed      bool
	Seen         uint64

	// receive
	MessageID, To, MessageType, Conversation, RequestID, TraceParent, Key string
	From                                                                  Sender
	Wait, Durable, Sealed                                                 bool
	DeadlineMs                                                            uint64
	Seq, Attempt, Size                                                    uint64
	AcceptedAt, ExpiresAt                                                 string
	Body                                                                  json.RawMessage

	// ack, reply and error
	IDs              [][]byte    // numbers still in their quotes
	Ranges           [][2]uint64 // the first and the last of ids
	Status           string
	Counts           *Counts
	Known, Duplicate bool
	Recipients       []string
	Code, Error      string
	Details          map[string]any
	InReplyTo        string

	// event and dropped
	Event, At    string
	Time         string
	Data         json.RawMessage
	Count, Total uint64
}

// nodeLimits is what a node tells in its hello.
type nodeLimits struct {
	Sends     int `json:"sends"`
	Frames    int `json:"frames"` // in one message
	BodyBytes int `json:"body_bytes"`
}

var errFrame = errors.New("the node sent a frame that cannot be read")

// readFrame decodes a frame of a node. The strings are copied; Body, Data and
// IDs are parts of data.
func readFrame(data []byte) (f frameIn, err error) {
	ok := jsonwalk.Members(data, func(name, v []byte) bool {
		switch string(name) {
		case "type":
			f.Type = jsonwalk.Text(v)
		case "id":
			f.ID = jsonwalk.Text(v)
		case "node":
			if len(v) > 0 && v[0] == '"' { // that of a graph is an object
				f.Node = jsonwalk.Text(v)
			}
		case "agent":
			f.Agent = jsonwalk.Text(v)
		case "limits":
			err = json.Unmarshal(v, &f.Limits)
		case "session":
			f.Session = jsonwalk.Text(v)
		case "frame":
			f.Frame = jsonwalk.Number(v)
		case "resumed":
			f.Resumed = v[0] == 't'
		case "seen":
			f.Seen = jsonwalk.Number(v)
		case "expires_at":
			f.ExpiresAt = jsonwalk.Text(v)
		case "time":
			f.Time = jsonwalk.Text(v)
		case "resume_window":
			f.ResumeWindow, _ = time.ParseDuration(jsonwalk.Text(v))
		case "message_id":
			f.MessageID = jsonwalk.Text(v)
		case "to":
			f.To = jsonwalk.Text(v)
		case "message_type":
			f.MessageType = jsonwalk.Text(v)
		case "conversation":
			f.Conversation = jsonwalk.Text(v)
		case "request_id":
			f.RequestID = jsonwalk.Text(v)
		case "traceparent":
			f.TraceParent = jsonwalk.Text(v)
		case "key":
			f.Key = jsonwalk.Text(v)
		case "from":
			f.From = senderOf(v)
		case "wait":
			f.Wait = v[0] == 't'
		case "durable":
			f.Durable = v[0] == 't'
		case "sealed":
			f.Sealed = v[0] == 't'
		case "deadline_ms":
			f.DeadlineMs = jsonwalk.Number(v)
		case "seq":
			f.Seq = jsonwalk.Number(v)
		case "attempt":
			f.Attempt = jsonwalk.Number(v)
		case "size":
			f.Size = jsonwalk.Number(v)
		case "accepted_at":
			f.AcceptedAt = jsonwalk.Text(v)
		case "body":
			f.Body = v
		case "ids":
			f.IDs = elements(v)
		case "ranges":
			err = json.Unmarshal(v, &f.Ranges)
		case "status":
			f.Status = jsonwalk.Text(v)
		case "counts":
			f.Counts = new(Counts)
			err = json.Unmarshal(v, f.Counts)
		case "known":
			f.Known = v[0] == 't'
		case "duplicate":
			f.Duplicate = v[0] == 't'
		case "recipients":
			err = json.Unmarshal(v, &f.Recipients)
		case "code":
			f.Code = jsonwalk.Text(v)
		case "error":
			f.Error = jsonwalk.Text(v)
		case "details":
			err = json.Unmarshal(v, &f.Details)
		case "in_reply_to":
			f.InReplyTo = jsonwalk.Text(v)
		case "event":
			f.Event = jsonwalk.Text(v)
		case "at":
			f.At = jsonwalk.Text(v)
		case "data":
			f.Data = v
		case "count":
			f.Count = jsonwalk.Number(v)
		case "total":
			f.Total = jsonwalk.Number(v)
		}
		return err == nil
	})
	if !ok || err != nil || f.Type == "" {
		return frameIn{}, errors.Join(errFrame, err)
	}
	return f, nil
}

// elements are the values of a flat array of strings.
func elements(v []byte) [][]byte {
	if len(v) < 2 || v[0] != '[' {
		return nil
	}
	var out [][]byte
	for i := jsonwalk.Space(v, 1); i < len(v) && v[i] == '"'; {
		from := i
		if i = jsonwalk.Value(v, i); i < 0 {
			return out
		}
		out = append(out, v[from:i])
		if i = jsonwalk.Space(v, i); i < len(v) && v[i] == ',' {
			i = jsonwalk.Space(v, i+1)
		}
	}
	return out
}

func senderOf(v []byte) (s Sender) {
	jsonwalk.Members(v, func(name, v []byte) bool {
		switch string(name) {
		case "agent":
			s.Agent = jsonwalk.Text(v)
		case "principal":
			s.Principal = jsonwalk.Text(v)
		case "node":
			s.Node = jsonwalk.Text(v)
		}
		return true
	})
	return s
}

// refusal is what an error frame says.
func (f *frameIn) refusal() *Error {
	e := &Error{Status: f.httpStatus(), Sentence: f.Error, Code: f.Code, Details: f.Details}
	if s, ok := f.Details["retry_after"].(string); ok {
		e.RetryAfter, _ = time.ParseDuration(s)
	}
	return e
}

// passingCodes are refusals that another node, or the same later, may take back.
var passingCodes = []string{"OVERLOADED", "NO_LEADER", "BEHIND", "TIMEOUT", "OUTCOME_UNKNOWN", "NOT_READY", "INTERNAL", "INBOX_FULL", "NODE_UNREACHABLE"}

// httpStatus is the status that the catalogue has for what is put off, as far
// as this package has to tell it from what is refused.
func (f *frameIn) httpStatus() int {
	switch {
	case slices.Contains(passingCodes, f.Code):
		return http.StatusServiceUnavailable
	case f.Code == CodeReplyTimeout:
		return http.StatusGatewayTimeout
	case f.Code == CodeAgentError:
		return http.StatusBadGateway
	}
	return http.StatusBadRequest
}

// frameOut is a frame to be written.
type frameOut struct {
	data []byte
	send *sending // what it sends, nil for others
}

// hello is what the program says of itself, to a node that may know of
// acknowledgements, credit and resuming, and may take several frames at once. Of
// what is said once only the first hello of a session speaks.
func hello(cfg *AgentConfig, s *agentSession, first bool) []byte {
	h := struct {
		Type         string   `json:"type"`
		Description  string   `json:"description,omitempty"`
		Capabilities []string `json:"capabilities,omitempty"`
		Acks         bool     `json:"acks,omitempty"`
		Credit       int      `json:"credit,omitempty"`
		Batch        bool     `json:"batch,omitempty"`
		Bulk         bool     `json:"bulk,omitempty"`
		Resume       bool     `json:"resume,omitempty"`
		Events       []string `json:"events,omitempty"`
	}{Type: "hello", Description: cfg.Description, Capabilities: cfg.Capabilities}
	more := s.secret != ""
	if more {
		h.Acks, h.Bulk = !cfg.LiveOnly, s.limits.Frames > 0
		h.Batch = !h.Bulk // which includes it
	}
	if more && first {
		h.Credit, h.Resume, h.Events = cfg.Credit, true, cfg.Events
	}
	raw, _ := json.Marshal(h) // strings, numbers and flags can be
	return raw
}

// appendSend is a send frame.
func appendSend(b []byte, id uint64, m *Outgoing, messageID string, body []byte, timeout time.Duration, wait bool) []byte {
	b = append(b, `{"type":"send","id":"`...)
	b = append(strconv.AppendUint(b, id, 10), `","to":`...)
	b = appendString(b, m.To)
	text := func(name, value string) {
		if value != "" {
			b = appendString(append(b, name...), value)
		}
	}
	flag := func(name string, yes bool) {
		if yes {
			b = append(b, name...)
		}
	}
	text(`,"message_id":`, messageID)
	text(`,"message_type":`, m.Type)
	text(`,"conversation":`, m.Conversation)
	text(`,"request_id":`, m.RequestID)
	text(`,"traceparent":`, m.TraceParent)
	text(`,"priority":`, m.Priority)
	flag(`,"wait":true`, wait)
	flag(`,"durable":true`, m.Durable)
	flag(`,"sticky":true`, m.Sticky)
	flag(`,"sealed":true`, m.Seal)
	text(`,"key":`, m.key)
	span := func(name string, d time.Duration) {
		if d > 0 {
			b = appendString(append(b, name...), d.String())
		}
	}
	if !m.Durable {
		span(`,"timeout":`, timeout)
	}
	span(`,"ttl":`, m.TTL)
	span(`,"delay":`, m.Delay)
	b = append(b, `,"body":`...)
	return append(append(b, body...), '}')
}

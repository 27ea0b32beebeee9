package agent

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/meshd/meshd/node/message"
)

// outbound is any frame of the node. The frames that come by the thousand are
// written by append.go, to the same text.
type outbound struct {
	Type string   `json:"type"`
	ID   string   `json:"id,omitempty"`
	IDs  []string `json:"ids,omitempty"`
	// Ranges are the first and the last of ids that are consecutive numbers.
	Ranges [][2]uint64 `json:"ranges,omitempty"`
	Frame  uint64      `json:"frame,omitempty"`

	// hello
	Protocol     int     `json:"protocol,omitempty"`
	Node         string  `json:"node,omitempty"`
	Agent        string  `json:"agent,omitempty"`
	Limits       *limits `json:"limits,omitempty"`
	Session      string  `json:"session,omitempty"`
	ResumeWindow string  `json:"resume_window,omitempty"`
	ResumeBytes  int     `json:"resume_bytes,omitempty"`
	Resumed      bool    `json:"resumed,omitempty"`
	Seen         *uint64 `json:"seen,omitempty"`

	// receive
	Wait         bool            `json:"wait,omitempty"`
	DeadlineMs   int64           `json:"deadline_ms,omitempty"`
	Durable      bool            `json:"durable,omitempty"`
	Seq          uint64          `json:"seq,omitempty"`
	Attempt      int             `json:"attempt,omitempty"`
	AcceptedAt   time.Time       `json:"accepted_at,omitzero"`
	ExpiresAt    time.Time       `json:"expires_at,omitzero"`
	Size         int64           `json:"size,omitempty"`
	MessageID    string          `json:"message_id,omitempty"`
	From         *message.Sender `json:"from,omitempty"`
	To           string          `json:"to,omitempty"`
	MessageType  string          `json:"message_type,omitempty"`
	Conversation string          `json:"conversation,omitempty"`
	RequestID    string          `json:"request_id,omitempty"`
	TraceParent  string          `json:"traceparent,omitempty"`
	Sealed       bool            `json:"sealed,omitempty"`
	Key          string          `json:"key,omitempty"`

	// ack and reply; receive has a body too
	Status     message.Status  `json:"status,omitempty"`
	Counts     *message.Counts `json:"counts,omitempty"`
	Known      *bool           `json:"known,omitempty"`
	Duplicate  bool            `json:"duplicate,omitempty"`
	Recipients []string        `json:"recipients,omitempty"`
	Body       json.RawMessage `json:"body,omitempty"`
	InReplyTo  string          `json:"in_reply_to,omitempty"`

	// event, dropped, result of a subscription
	Event  string          `json:"event,omitempty"`
	At     string          `json:"at,omitempty"`
	Time   time.Time       `json:"time,omitzero"`
	Data   json.RawMessage `json:"data,omitempty"`
	Count  uint64          `json:"count,omitempty"`
	Total  uint64          `json:"total,omitempty"`
	Missed bool            `json:"missed,omitempty"`

	// error
	Code    string            `json:"code,omitempty"`
	Error   string            `json:"error,omitempty"`
	Details map[string]string `json:"details,omitempty"`
}

// limits is what hello tells a client to keep within.
type limits struct {
	BodyBytes     int    `json:"body_bytes"`
	FrameBytes    int    `json:"frame_bytes"`
	Frames        int    `json:"frames"`
	Sends         int    `json:"sends"`
	Requests      int    `json:"requests,omitempty"`
	Queue         int    `json:"queue"`
	QueueBytes    int    `json:"queue_bytes"`
	Subscriptions int    `json:"subscriptions"`
	MaxTimeout    string `json:"max_timeout"`
	Ping          string `json:"ping"`
	Idle          string `json:"idle"`
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

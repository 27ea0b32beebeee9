package program

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/meshd/meshd/httpapi/client"
	"github.com/meshd/meshd/node/strictjson"
)

// Bounds of lines, in bytes.
const (
	// maxLine is the largest body and its envelope.
	maxLine = client.MaxBody + 64<<10
	// maxLogLine bounds a line of standard error; longer ones are cut.
	maxLogLine = 8 << 10
	// maxText bounds a log line's text and an error's sentence.
	maxText = 8 << 10
)

// said is a line of a child.
type said struct {
	Type string `json:"type"`

	// hello
	Description  string   `json:"description"`
	Capabilities []string `json:"capabilities"`

	// reply, error, ack, return; message
	InReplyTo string          `json:"in_reply_to"`
	ID        string          `json:"id"`
	Body      json.RawMessage `json:"body"`
	Error     string          `json:"error"`
	Code      string          `json:"code"`
	Delay     string          `json:"delay"`
	Reason    string          `json:"reason"`

	// error of a task
	Retryable bool `json:"retryable"`

	// log, progress
	Level   string `json:"level"`
	Text    string `json:"text"`
	Percent *int   `json:"percent"`

	// message
	To           string `json:"to"`
	MessageID    string `json:"message_id"`
	MessageType  string `json:"message_type"`
	Conversation string `json:"conversation"`
	Sticky       bool   `json:"sticky"`
	Wait         bool   `json:"wait"`
	Timeout      string `json:"timeout"`
	Durable      bool   `json:"durable"`
	TTL          string `json:"ttl"`
	Priority     string `json:"priority"`
	Seal         bool   `json:"seal"`
	TraceParent  string `json:"traceparent"`
}

// readSaid reads a line; its errors are for the child.
func readSaid(line []byte) (said, error) {
	var s said
	if !utf8.Valid(line) {
		return s, errors.New("the line is not UTF-8")
	}
	if err := strictjson.Decode(line, &s); err != nil {
		return s, fmt.Errorf("the line is no JSON object of this protocol: %w", err)
	}
	switch s.Type {
	case "hello", "log":
	case "reply", "error", "ack", "return", "progress":
		if s.of() == "" {
			return s, errors.New("a line of type " + s.Type + " names the message that it is about")
		}
		if p := s.Percent; p != nil && (*p < 0 || *p > 100) {
			return s, errors.New("percent is 0 to 100")
		}
		if s.Type == "reply" && s.Body == nil && s.Error == "" {
			return s, errors.New("a reply has a body, or an error")
		}
	case "message":
		if s.ID == "" || s.To == "" || s.Body == nil {
			return s, errors.New("a message has an id, an address to, and a body")
		}
	case "":
		return s, errors.New("the line has no type")
	default:
		return s, fmt.Errorf("the type %.40q is not known", s.Type)
	}
	for _, d := range []string{s.Delay, s.Timeout, s.TTL} {
		if _, err := duration(d); err != nil {
			return s, err
		}
	}
	return s, nil
}

// of is the id of the message that a line ends.
func (s *said) of() string {
	if s.InReplyTo != "" {
		return s.InReplyTo
	}
	return s.ID
}

func duration(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%.40q is no duration such as 30s", s)
	}
	return d, nil
}

// told is a line for a child.
type told struct {
	Type string `json:"type"`

	// hello
	Protocol    int    `json:"protocol,omitempty"`
	Agent       string `json:"agent,omitempty"`
	Instance    int    `json:"instance,omitempty"`
	Concurrency int    `json:"concurrency,omitempty"`
	Node        string `json:"node,omitempty"`

	// message, and what answers the child's own
	ID           string         `json:"id,omitempty"`
	InReplyTo    string         `json:"in_reply_to,omitempty"`
	MessageID    string         `json:"message_id,omitempty"`
	From         *client.Sender `json:"from,omitempty"`
	To           string         `json:"to,omitempty"`
	MessageType  string         `json:"message_type,omitempty"`
	Conversation string         `json:"conversation,omitempty"`
	Wait         bool           `json:"wait,omitempty"`
	DeadlineMs   int64          `json:"deadline_ms,omitempty"`
	Durable      bool           `json:"durable,omitempty"`
	Seq          uint64         `json:"seq,omitempty"`
	Attempt      int            `json:"attempt,omitempty"`
	AcceptedAt   string         `json:"accepted_at,omitempty"`
	Sealed       bool           `json:"sealed,omitempty"`
	TraceParent  string         `json:"traceparent,omitempty"`
	RequestID    string         `json:"request_id,omitempty"`

	// task
	Task        string         `json:"task,omitempty"`
	TaskType    string         `json:"task_type,omitempty"`
	MaxAttempts int            `json:"max_attempts,omitempty"`
	Requester   *client.Sender `json:"requester,omitempty"`
	Needs       []string       `json:"needs,omitempty"`
	Priority    string         `json:"priority,omitempty"`
	Deadline    string         `json:"deadline,omitempty"`
	Parent      string         `json:"parent,omitempty"`
	Chain       []string       `json:"chain,omitempty"`

	Body json.RawMessage `json:"body,omitempty"`

	// receipt, error
	Status string         `json:"status,omitempty"`
	Counts *client.Counts `json:"counts,omitempty"`
	Known  *bool          `json:"known,omitempty"`
	Code   string         `json:"code,omitempty"`
	Error  string         `json:"error,omitempty"`

	// stop
	GraceMs int64 `json:"grace_ms,omitempty"`
}

// line is t as a line.
func (t told) line() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(t); err != nil { // a body that is no JSON
		b.Reset()
		t.Body = nil
		_ = e.Encode(t) // nothing else can fail
	}
	return b.Bytes()
}

// errLong is a line over its bound.
var errLong = errors.New("the line is too long")

// readLine reads one line without its end. Of one that is too long it returns
// the start with errLong, and skips the rest.
func readLine(r *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := r.ReadSlice('\n')
		if room := most - len(line); len(part) > room+1 {
			long = true
			part = part[:room]
		}
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
			return nil, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if long {
			return line, errLong
		}
		return line, nil
	}
}

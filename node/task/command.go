package task

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/meshd/meshd/node/numbered"
)

// Level is the command level from which the part's commands are understood by
// every node.
const Level = 4

// The commands; numbers are never reused.
const (
	kindSubmit numbered.Kind = iota + 1
	kindAssign
	kindTold
	kindReport
	kindCancel
	kindAnswer
	kindLost
	kindTick
)

// submit makes a task. TimeoutMs counts from the command's own time, so that
// the clocks of nodes do not matter; DeadlineMs is a moment, Unix ms.
type submit struct {
	Requester   Party    `cbor:"1,keyasint"`
	Agent       string   `cbor:"2,keyasint,omitempty"`
	Needs       []string `cbor:"3,keyasint,omitempty"`
	Type        string   `cbor:"4,keyasint,omitempty"`
	Body        []byte   `cbor:"5,keyasint"`
	Priority    uint8    `cbor:"6,keyasint"`
	TimeoutMs   int64    `cbor:"7,keyasint,omitempty"`
	DeadlineMs  int64    `cbor:"8,keyasint,omitempty"`
	Parent      ID       `cbor:"9,keyasint,omitempty"`
	MaxAttempts int      `cbor:"10,keyasint"`
	TraceParent string   `cbor:"11,keyasint,omitempty"`
	// Counted says that it is counted to the share of the requester's principal.
	// From LevelShare on.
	Counted bool `cbor:"12,keyasint,omitempty"`
}

// assignment gives a task that waits to an agent.
type assignment struct {
	Task    ID     `cbor:"1,keyasint"`
	Attempt int    `cbor:"2,keyasint"` // the one it begins
	Agent   string `cbor:"3,keyasint,omitempty"`
	// Note, without an agent, says why nobody can have it now.
	Note string `cbor:"4,keyasint,omitempty"`
}

type assign struct {
	List []assignment `cbor:"1,keyasint"`
}

// told says which rows of the outbox have been sent.
type told struct {
	Rows []uint64 `cbor:"1,keyasint"`
}

// lost says that an attempt's delegation will not reach its agent.
type lost struct {
	Task    ID     `cbor:"1,keyasint"`
	Attempt int    `cbor:"2,keyasint"`
	Reason  string `cbor:"3,keyasint,omitempty"`
}

type lostList struct {
	List []lost `cbor:"1,keyasint"`
}

// report is an agent's word on its task.
type report struct {
	Task      ID        `cbor:"1,keyasint"`
	Agent     string    `cbor:"2,keyasint"`
	Attempt   int       `cbor:"3,keyasint,omitempty"`
	State     uint8     `cbor:"4,keyasint"`
	Progress  *Progress `cbor:"5,keyasint,omitempty"`
	Result    []byte    `cbor:"6,keyasint,omitempty"`
	Question  []byte    `cbor:"7,keyasint,omitempty"`
	Error     *Failure  `cbor:"8,keyasint,omitempty"`
	Retryable bool      `cbor:"9,keyasint,omitempty"`
	By        string    `cbor:"10,keyasint,omitempty"`
	// Begin refuses it where the attempt was begun. From LevelBegin on.
	Begin bool `cbor:"11,keyasint,omitempty"`
}

type cancel struct {
	Task   ID     `cbor:"1,keyasint"`
	By     string `cbor:"2,keyasint,omitempty"`
	Reason string `cbor:"3,keyasint,omitempty"`
}

// answer is the requester's input.
type answer struct {
	Task ID     `cbor:"1,keyasint"`
	By   string `cbor:"2,keyasint,omitempty"`
	Body []byte `cbor:"3,keyasint"`
}

type tick struct{}

// made is what submit returns.
type made struct {
	Task ID `cbor:"1,keyasint"`
}

// maxPrincipal bounds a principal and a node.
const maxPrincipal = 256

func (b *submit) check() error {
	switch {
	case b.Agent != "" && !numbered.IsName(b.Agent):
		return numbered.Invalid("agent", "an agent's name is lower-case letters, digits, dots, dashes and underscores, at most 63, and begins with a letter or a digit")
	case b.Requester.Agent != "" && !numbered.IsName(b.Requester.Agent):
		return numbered.Invalid("from", "the requester's agent has a name that is none")
	case len(b.Requester.Principal) > maxPrincipal || len(b.Requester.Node) > maxPrincipal:
		return numbered.Invalid("from", "the requester is out of bounds")
	case b.Counted && b.Requester.Principal == "":
		return numbered.Invalid("from", "a task is counted to somebody")
	case b.Agent == "" && len(b.Needs) == 0:
		return numbered.Invalid("agent", "name the agent that is to do it, or in needs the capabilities it takes")
	case b.Agent != "" && len(b.Needs) > 0:
		return numbered.Invalid("needs", "name the agent or what it needs, not both")
	case len(b.Needs) > MaxNeeds:
		return numbered.Invalid("needs", fmt.Sprintf("a task needs at most %d capabilities", MaxNeeds))
	case !numbered.Printable(b.Type, MaxType):
		return numbered.Invalid("type", fmt.Sprintf("type is at most %d bytes of printable text", MaxType))
	case b.MaxAttempts < 1 || b.MaxAttempts > MaxAttempts:
		return numbered.Invalid("max_attempts", fmt.Sprintf("max_attempts is 1 to %d", MaxAttempts))
	case len(b.TraceParent) > MaxTraceParent:
		return numbered.Invalid("traceparent", "a traceparent is as the W3C writes it")
	case int(b.Priority) >= len(priorities):
		return numbered.Invalid("priority", "a priority is low, normal, high or critical")
	case b.TimeoutMs < 0 || b.TimeoutMs > MaxTimeout.Milliseconds():
		return numbered.Invalid("deadline", "a task has at most 30 days")
	}
	for i, n := range b.Needs {
		if n == "" || !numbered.Printable(n, MaxNeed) {
			return numbered.Invalid("needs", fmt.Sprintf("a capability is 1 to %d bytes of printable text", MaxNeed))
		}
		if slices.Contains(b.Needs[:i], n) {
			return numbered.Invalid("needs", "a capability is named twice")
		}
	}
	return checkBody("body", b.Body)
}

// deadline is the moment the task must end by, Unix ms.
func (b *submit) deadline(now time.Time) (int64, error) {
	at := b.DeadlineMs
	switch {
	case b.TimeoutMs > 0:
		at = now.UnixMilli() + b.TimeoutMs
	case at == 0:
		at = now.Add(DefaultTimeout).UnixMilli()
	}
	if at <= now.UnixMilli() {
		return 0, numbered.Invalid("deadline", "the deadline has passed already")
	}
	if at > now.Add(MaxTimeout).UnixMilli() {
		return 0, numbered.Invalid("deadline", "a task has at most 30 days")
	}
	return at, nil
}

func (b *report) check() error {
	if b.Progress != nil {
		if len(b.Progress.Text) > MaxText || !utf8.ValidString(b.Progress.Text) {
			return numbered.Invalid("progress", fmt.Sprintf("a progress text is at most %d bytes", MaxText))
		}
		if p := b.Progress.Percent; p != nil && (*p < 0 || *p > 100) {
			return numbered.Invalid("progress", "percent is 0 to 100")
		}
	}
	if e := b.Error; e != nil && (len(e.Text) > MaxText || !utf8.ValidString(e.Text) || !numbered.Printable(e.Code, MaxType)) {
		return numbered.Invalid("error", fmt.Sprintf("an error's text is at most %d bytes, its code at most %d", MaxText, MaxType))
	}
	for _, f := range []struct {
		name string
		body []byte
	}{{"result", b.Result}, {"input", b.Question}} {
		if f.body == nil {
			continue
		}
		if err := checkBody(f.name, f.body); err != nil {
			return err
		}
	}
	return nil
}

func checkBody(field string, body []byte) error {
	if len(body) > MaxBody {
		return numbered.Refuse(CodeTooLarge, fmt.Sprintf("%s is at most %d KiB of JSON; put what is larger into the graph or a durable message and send a reference", field, MaxBody>>10),
			"field", field, "limit_bytes", fmt.Sprint(MaxBody))
	}
	if !json.Valid(body) {
		return numbered.Invalid(field, field+" is one JSON value")
	}
	return nil
}

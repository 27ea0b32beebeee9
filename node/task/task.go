package task

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/meshd/meshd/node/numbered"
)

// Bounds of a task, in bytes where they are lengths.
const (
	// MaxBody bounds a task's body, its result, a question and an answer, as
	// JSON text. What is larger belongs elsewhere, and a reference to it here.
	MaxBody = 256 << 10
	// MaxText bounds a progress text, a reason and an error.
	MaxText = 4 << 10
	// MaxType bounds the requester's word for the kind of task.
	MaxType = 128
	// MaxTraceParent bounds a trace context.
	MaxTraceParent = 256
	// MaxNeeds and MaxNeed bound the capabilities a task needs.
	MaxNeeds = 16
	MaxNeed  = 128
	// MaxDepth is how many agents may stand in a task's chain.
	MaxDepth = 16
	// MaxEvents is how much of a task's history is kept: the first event and
	// the latest.
	MaxEvents = 256

	// DefaultTimeout and MaxTimeout bound the time a task has.
	DefaultTimeout = 30 * time.Minute
	MaxTimeout     = 30 * 24 * time.Hour
	// DefaultAttempts and MaxAttempts bound how often a task is handed over.
	DefaultAttempts = 3
	MaxAttempts     = 16
)

// Bounds of all tasks of a mesh.
const (
	// MaxLive is how many tasks may be under way.
	MaxLive = 100_000
	// MaxFinished and KeepFinished are how many finished tasks are kept, and
	// for how long.
	MaxFinished  = 100_000
	KeepFinished = 7 * 24 * time.Hour
	// MaxBytes bounds the bodies, results, questions and answers of all.
	// Finished tasks go before a new one is refused.
	MaxBytes = 1 << 30
)

// ID names a task: the state's counter, written in decimal.
type ID = numbered.ID

// ParseID reads an id as its String writes it.
func ParseID(text string) (ID, error) { return numbered.ParseID(text) }

// State is how far a task is. The words are those of the A2A protocol.
type State string

// The states. The last three are final.
const (
	Submitted     State = "submitted"
	Working       State = "working"
	InputRequired State = "input_required"
	Completed     State = "completed"
	Failed        State = "failed"
	Cancelled     State = "cancelled"
)

// states numbers the states as they are stored; numbers are never reused.
var states = []State{"", Submitted, Working, InputRequired, Completed, Failed, Cancelled}

// Final says that nothing follows the state.
func (s State) Final() bool { return s == Completed || s == Failed || s == Cancelled }

// Rests says that the next step is the requester's: the task has ended, or its
// agent waits for input.
func (s State) Rests() bool { return s.Final() || s == InputRequired }

// ParseState reads a state; A2A's spellings (input-required, canceled,
// TASK_STATE_WORKING) are read too.
func ParseState(text string) (State, error) {
	s := strings.TrimPrefix(strings.ReplaceAll(strings.ToLower(text), "-", "_"), "task_state_")
	if s == "canceled" {
		s = string(Cancelled)
	}
	for _, known := range states[1:] {
		if State(s) == known {
			return known, nil
		}
	}
	return "", fmt.Errorf("a state is submitted, working, input_required, completed, failed or cancelled")
}

// Priority orders what waits, for an agent and in its inbox.
type Priority string

// The priorities.
const (
	Low      Priority = "low"
	Normal   Priority = "normal"
	High     Priority = "high"
	Critical Priority = "critical"
)

var priorities = []Priority{Low, Normal, High, Critical}

// Rank is 0 for low up to 3 for critical.
func (p Priority) Rank() uint8 {
	for i, known := range priorities {
		if p == known {
			return uint8(i)
		}
	}
	return 1
}

// ParsePriority reads a priority; empty is normal.
func ParsePriority(text string) (Priority, error) {
	if text == "" {
		return Normal, nil
	}
	for _, known := range priorities {
		if Priority(text) == known {
			return known, nil
		}
	}
	return "", fmt.Errorf("a priority is low, normal, high or critical")
}

// Party is who did something: the agent it speaks as, if any, its credential's
// principal and the node it came by.
type Party struct {
	Agent     string `json:"agent,omitempty" cbor:"1,keyasint,omitempty"`
	Principal string `json:"principal" cbor:"2,keyasint,omitempty"`
	Node      string `json:"node,omitempty" cbor:"3,keyasint,omitempty"`
}

// Progress is what the agent last said of its work.
type Progress struct {
	Text string `json:"text,omitempty" cbor:"1,keyasint,omitempty"`
	// Percent is 0 to 100; nil: not said.
	Percent *int `json:"percent,omitempty" cbor:"2,keyasint,omitempty"`
}

// Failure is why a task, or an attempt at it, failed.
type Failure struct {
	// Code is a word for programs: the agent's own, or one of this package's.
	Code string `json:"code,omitempty" cbor:"1,keyasint,omitempty"`
	Text string `json:"text,omitempty" cbor:"2,keyasint,omitempty"`
}

// Task is one piece of delegated work.
type Task struct {
	ID    ID     `json:"id"`
	State State  `json:"state" enum:"submitted,working,input_required,completed,failed,cancelled"`
	Type  string `json:"type,omitempty"`
	// Requester asked for it.
	Requester Party `json:"requester"`
	// Agent is whom the task is with; empty while none has been chosen.
	Agent string `json:"agent,omitempty"`
	// Needs are the capabilities by which an agent is chosen, where the
	// requester named none.
	Needs    []string  `json:"needs,omitempty"`
	Priority Priority  `json:"priority" enum:"low,normal,high,critical"`
	Deadline time.Time `json:"deadline"`
	// TraceParent is the W3C trace context that it was submitted with.
	TraceParent string `json:"traceparent,omitempty"`
	Parent      ID     `json:"parent,omitempty"`
	// Chain are the agents through whom the task came, from the first that
	// asked; none of them can be given it.
	Chain       []string `json:"chain,omitempty"`
	Attempt     int      `json:"attempt"`
	MaxAttempts int      `json:"max_attempts"`
	// Tried are the agents that had it before.
	Tried []string `json:"tried,omitempty"`
	// Note says why nobody has it yet.
	Note     string    `json:"note,omitempty"`
	Progress *Progress `json:"progress,omitempty"`
	Error    *Failure  `json:"error,omitempty"`

	CreatedAt  time.Time  `json:"created_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	FinishedAt *time.Time `json:"finished_at,omitempty"`
	// Revision is that of the last change.
	Revision uint64 `json:"revision"`

	// Body and the rest are left out of lists.
	Body     json.RawMessage `json:"body,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
	Question json.RawMessage `json:"question,omitempty" doc:"what the agent asks of the requester"`
	Answer   json.RawMessage `json:"answer,omitempty" doc:"the requester's last answer"`
}

// Event is one change of a task. Kind says what happened, State what it came
// to.
type Event struct {
	Task     ID        `json:"task"`
	Revision uint64    `json:"revision"`
	Time     time.Time `json:"time"`
	Kind     string    `json:"kind" enum:"submitted,assigned,handed_over,waiting,working,progress,input_required,input,retry,completed,failed,cancelled"`
	State    State     `json:"state"`
	Type     string    `json:"type,omitempty"`
	// Requester is the agent that asked, if one did.
	Requester string    `json:"requester,omitempty"`
	Agent     string    `json:"agent,omitempty"`
	Attempt   int       `json:"attempt"`
	Progress  *Progress `json:"progress,omitempty"`
	Text      string    `json:"text,omitempty"`
	// By is the principal that did it; empty where the mesh did.
	By string `json:"by,omitempty"`
	// Principal is the requester's credential, Chain the task's. They are for
	// who decides who may hear of it.
	Principal string   `json:"-"`
	Chain     []string `json:"-"`
}

// The kinds of events that are not states.
const (
	kindAssigned   = "assigned"
	kindHandedOver = "handed_over"
	kindWaiting    = "waiting"
	kindProgress   = "progress"
	kindInput      = "input"
	kindRetry      = "retry"
)

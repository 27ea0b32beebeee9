package task

import (
	"context"
	"encoding/json"
	"time"
)

// The types of the messages by which tasks are told.
const (
	// MessageDelegation hands a task to its agent.
	MessageDelegation = "TaskDelegation"
	// MessageCancelled tells an agent that it need not go on.
	MessageCancelled = "TaskCancelled"
	// MessageInput gives an agent the input it asked for.
	MessageInput = "TaskInput"
	// MessageResult tells the requester's agent that its task has ended.
	MessageResult = "TaskResult"
	// MessageInputRequired tells the requester's agent that input is wanted.
	MessageInputRequired = "TaskInputRequired"
)

// Letter is a durable message about a task.
type Letter struct {
	// ID is the same each time the letter is sent.
	ID string
	// To is an agent's name.
	To       string
	Type     string
	Task     ID
	Body     json.RawMessage
	Priority Priority
	// TTL is how long it is of use; 0: as long as messages are kept.
	TTL time.Duration
	// TraceParent is the task's.
	TraceParent string
}

// Post carries letters. Its methods are called at the leader, and may be
// called for the same letter again at another.
type Post interface {
	// Send makes a letter durable. A letter whose id was accepted before is not
	// accepted twice. A *consensus.Refusal that repeating cannot mend is an
	// error that wraps ErrUndeliverable.
	Send(ctx context.Context, l Letter) error
	// Withdraw takes letters out of an agent's inbox; those that are not there
	// are passed over.
	Withdraw(ctx context.Context, agent string, ids []string) error
	// Dead returns the letters to an agent that could not be delivered, by id,
	// with the reason; DiedLate is one.
	Dead(ctx context.Context, agent string) (map[string]string, error)
	// Waiting returns which of the letters lie in an agent's inbox, and are not
	// leased.
	Waiting(ctx context.Context, agent string, ids []string) (map[string]bool, error)
}

// DiedLate is why a letter died that a session held for as long as one may
// without acknowledging it. Its task may still be in work.
const DiedLate = "it was not acknowledged in time"

// Delegation says how a letter is handed out that is a MessageDelegation: to one
// receiver, as long as that lives. What becomes of an attempt that nobody has any
// more is for the tasks to say.
func (l *Letter) Delegation() bool { return l.Type == MessageDelegation }

// delegation is the body of a MessageDelegation.
type delegation struct {
	Task        ID              `json:"task"`
	Attempt     int             `json:"attempt"`
	MaxAttempts int             `json:"max_attempts"`
	Type        string          `json:"type,omitempty"`
	Body        json.RawMessage `json:"body"`
	Requester   Party           `json:"requester"`
	Needs       []string        `json:"needs,omitempty"`
	Priority    Priority        `json:"priority"`
	Deadline    time.Time       `json:"deadline"`
	Parent      ID              `json:"parent,omitempty"`
	Chain       []string        `json:"chain,omitempty"`
}

// outcome is the body of a MessageResult, MessageCancelled, MessageInput and
// MessageInputRequired, as far as each has it.
type outcome struct {
	Task     ID              `json:"task"`
	Type     string          `json:"type,omitempty"`
	State    State           `json:"state"`
	Agent    string          `json:"agent,omitempty"`
	Attempt  int             `json:"attempt,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
	Error    *Failure        `json:"error,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Question json.RawMessage `json:"question,omitempty"`
	Input    json.RawMessage `json:"input,omitempty"`
}

// letter writes what a row of the outbox sends; ok is false where there is
// nothing to send any more.
func (o *outRow) letter(t Task, now time.Time) (l Letter, ok bool) {
	l = Letter{ID: o.message(), To: o.To, Task: o.Task, Priority: t.Priority, TraceParent: t.TraceParent}
	var body any
	switch o.Kind {
	case outDelegate:
		if t.State != Submitted || t.Attempt != o.Attempt || t.Agent != o.To {
			return l, false
		}
		l.Type, l.TTL = MessageDelegation, max(t.Deadline.Sub(now), time.Second)
		body = delegation{
			Task: t.ID, Attempt: t.Attempt, MaxAttempts: t.MaxAttempts, Type: t.Type, Body: t.Body, Requester: t.Requester,
			Needs: t.Needs, Priority: t.Priority, Deadline: t.Deadline, Parent: t.Parent, Chain: t.Chain,
		}
	case outCancel:
		l.Type = MessageCancelled
		body = outcome{Task: t.ID, Type: t.Type, State: t.State, Attempt: o.Attempt, Reason: o.Text}
	case outAnswer:
		if t.State.Final() || t.Attempt != o.Attempt || t.Agent != o.To {
			return l, false
		}
		l.Type = MessageInput
		body = outcome{Task: t.ID, Type: t.Type, State: t.State, Attempt: o.Attempt, Input: t.Answer}
	case outResult:
		l.Type = MessageResult
		body = outcome{Task: t.ID, Type: t.Type, State: t.State, Agent: t.Agent, Result: t.Result, Error: t.Error}
	case outQuestion:
		if t.State != InputRequired {
			return l, false
		}
		l.Type = MessageInputRequired
		body = outcome{Task: t.ID, Type: t.Type, State: t.State, Agent: t.Agent, Question: t.Question}
	default:
		return l, false
	}
	data, err := json.Marshal(body)
	l.Body = data
	return l, err == nil
}

package client

import (
	"context"
	"errors"
	"fmt"
)

// What a message that did not end well came to; errors.Is finds them.
var (
	// ErrRefused: it certainly was not delivered.
	ErrRefused = errors.New("the message was not delivered")
	// ErrUnknown: it may have been delivered.
	ErrUnknown = errors.New("it is not known whether the message was delivered")
	// ErrTimeout: no answer came in time. The receiver may be at it.
	ErrTimeout = errors.New("no answer came in time")
	// ErrAgent: the receiver answered with an error of its own: Error.AgentCode.
	ErrAgent = errors.New("the agent answered with an error")
	// ErrClosed: the Agent was closed.
	ErrClosed = errors.New("the agent is closed")
	// ErrSettled: the message was answered, acknowledged or returned before, or
	// nobody waits for its answer any more.
	ErrSettled = errors.New("the message is settled")
	// ErrKeyChanged: an agent has another key than before: *KeyChange.
	ErrKeyChanged = errors.New("the agent's key has changed")
)

// Codes of the error catalogue that concern messages.
const (
	CodeUnknownAddress = "UNKNOWN_ADDRESS" // no such agent
	CodeAgentGone      = "AGENT_GONE"      // it was there
	CodeAgentError     = "AGENT_ERROR"     // Error.AgentCode
	CodeReplyTimeout   = "REPLY_TIMEOUT"
	CodeOverloaded     = "OVERLOADED" // the receiver reads too slowly
	CodeNoSubscribers  = "NO_SUBSCRIBERS"
	CodeInboxFull      = "INBOX_FULL"
	CodeNotYourAgent   = "NOT_YOUR_AGENT"
	CodeNameReserved   = "NAME_RESERVED"
	CodeNotWaiting     = "NOT_WAITING"
	CodeTooLarge       = "TOO_LARGE"
	CodeNoKey          = "NO_KEY"            // nothing can be sealed to the agent
	CodeKeyChanged     = "KEY_CHANGED"       // it was sealed to a key the agent has no more
	CodeOtherMessage   = "MESSAGE_ID_REUSED" // another message had its ID
	CodeMessageUnknown = "MESSAGE_UNKNOWN"
	CodeReturned       = "RETURNED" // the agent gave it back
	CodeInvalid        = "INVALID"
	CodeUnsupported    = "UNSUPPORTED"
)

// SendError says what is known of a message that did not end well. errors.As
// finds the mesh's own *Error in it where there is one.
type SendError struct {
	MessageID string
	Status    Status
	Err       error
}

// Error returns what is known, and why.
func (e *SendError) Error() string {
	switch {
	case e.Status == Refused || e.Status == Delivered || e.Is(ErrAgent):
		return e.Err.Error()
	case e.MessageID == "":
		return fmt.Sprintf("%v: %v", ErrUnknown, e.Err)
	}
	return fmt.Sprintf("%v (%s): %v", ErrUnknown, e.MessageID, e.Err)
}

// Unwrap returns why.
func (e *SendError) Unwrap() error { return e.Err }

// Is implements errors.Is for the sentinels of this package.
func (e *SendError) Is(target error) bool {
	switch target {
	case ErrRefused:
		return e.Status == Refused
	case ErrUnknown:
		return e.Status == Unknown
	case ErrTimeout:
		return IsCode(e.Err, CodeReplyTimeout) || errors.Is(e.Err, context.DeadlineExceeded)
	case ErrAgent:
		return IsCode(e.Err, CodeAgentError)
	case ErrKeyChanged:
		return IsCode(e.Err, CodeKeyChanged)
	}
	return false
}

// AgentCode is the code that an agent gave its own error.
func (e *Error) AgentCode() string {
	s, _ := e.Details["agent_code"].(string)
	return s
}

// KeyChange says that an agent's key is not the one that was sealed to before.
// Nothing was sent. Remember the new hash to go on.
type KeyChange struct {
	Agent      string
	Known, Now string // "sha256:…"
}

// Error returns the sentence.
func (e *KeyChange) Error() string {
	return fmt.Sprintf("the key of agent %s was %s and is now %s: make sure that it is the agent's own before you seal to it", e.Agent, e.Known, e.Now)
}

// Is implements errors.Is for ErrKeyChanged.
func (*KeyChange) Is(target error) bool { return target == ErrKeyChanged }

package exit

import (
	"errors"
	"strings"
)

// Told is an error for programs, as --json prints it.
type Told struct {
	// Error is the sentence, and Next what to do about it.
	Error string `json:"error"`
	// Code is a node's stable word for it, or of what this command found by
	// itself, that of the exit code.
	Code string `json:"code"`
	Next string `json:"next,omitempty"`
	Exit Code   `json:"exit"`
	// Status is the HTTP status of a node's answer, RequestID what its log has
	// it under, Details what else it said.
	Status    int            `json:"status,omitempty"`
	RequestID string         `json:"request_id,omitempty"`
	Details   map[string]any `json:"details,omitempty"`
}

// Teller is an error that knows more than its text.
type Teller interface {
	error
	Told() Told
}

// words of the exit codes.
var words = map[Code]string{
	Done: "DONE", Failed: "FAILED", Usage: "USAGE", Unreachable: "UNREACHABLE", Refused: "REFUSED", Unknown: "OUTCOME_UNKNOWN", Interrupted: "INTERRUPTED",
}

// Told implements Teller.
func (e *Error) Told() Told { return Told{Error: e.Sentence, Next: e.Next} }

// TellOf is err for programs. Words that were put around an error that knows
// more stay with its sentence.
func TellOf(err error) Told {
	told := Told{Error: err.Error()}
	if t, ok := errors.AsType[Teller](err); ok {
		whole := err.Error()
		told = t.Told()
		if rest, is := strings.CutSuffix(whole, t.Error()); is {
			told.Error = rest + told.Error
		} else {
			told.Error, told.Next = whole, ""
		}
	}
	told.Exit = CodeOf(err)
	if told.Code == "" {
		told.Code = words[told.Exit]
	}
	told.Error = strings.TrimRight(strings.Join(strings.Fields(told.Error), " "), ". ")
	told.Next = strings.TrimRight(strings.Join(strings.Fields(told.Next), " "), ". ")
	return told
}

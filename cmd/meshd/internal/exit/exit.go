// Package exit says how a command of meshd ended: an error is one sentence for
// people, the next step to take, and one of six exit codes that scripts can
// rely on.
//
// It is the only place where an error becomes a code. Errors of other packages
// may bring their own code by implementing Coder.
package exit

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Code is the exit status of the process.
type Code int

// The promised codes. Interrupted is the shell's convention for SIGINT and is
// only used by verbs that were cut off; a server stopped by a signal is Done.
const (
	Done        Code = 0
	Failed      Code = 1
	Usage       Code = 2
	Unreachable Code = 3
	Refused     Code = 4
	Unknown     Code = 5
	Interrupted Code = 130
)

// Error is a way to end that says what to do next.
type Error struct {
	Code Code
	// Sentence says what is wrong, without a capital or a full stop.
	Sentence string
	// Next is what to type or to do now; empty where there is nothing.
	Next string
	// Err is the cause, for errors.Is; its text is not shown.
	Err error
}

// Error returns the sentence and the next step.
func (e *Error) Error() string { return Join(e.Sentence, e.Next) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ExitCode implements Coder.
func (e *Error) ExitCode() Code { return e.Code }

// Coder is an error that knows its exit code.
type Coder interface {
	error
	ExitCode() Code
}

// New makes an error with a code, a sentence and the next step.
func New(code Code, sentence, next string) error {
	return &Error{Code: code, Sentence: sentence, Next: next}
}

// Usagef makes a usage error without a next step of its own.
func Usagef(format string, args ...any) error {
	return &Error{Code: Usage, Sentence: fmt.Sprintf(format, args...)}
}

// CodeOf maps any error to its exit code. A nil error is Done, a cancelled
// context is Interrupted, and what brings no code is Failed.
func CodeOf(err error) Code {
	if err == nil {
		return Done
	}
	if c, ok := errors.AsType[Coder](err); ok {
		return c.ExitCode()
	}
	if errors.Is(err, context.Canceled) {
		return Interrupted
	}
	return Failed
}

// Join puts a sentence and a next step into one line.
func Join(sentence, next string) string {
	sentence = strings.TrimRight(sentence, ". \n")
	if next == "" {
		return sentence
	}
	return sentence + "; " + strings.TrimRight(next, ". \n")
}

// Line is err as the one line that is printed: no line breaks, so that a
// caller can count on one line an error.
func Line(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}

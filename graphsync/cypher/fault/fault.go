// Package fault is the one error of the query language: what is wrong, where in
// the text, and in openCypher's own classes, so that a client can act on it.
//
// It knows nothing of the rooms that raise it.
package fault

import (
	"errors"
	"fmt"
)

// Pos is a place in the text of a query. Line and Column count from 1, Column in
// Unicode code points; Offset counts bytes from 0. The zero Pos is no place.
type Pos struct{ Offset, Line, Column int32 }

// Known says that the place is one.
func (p Pos) Known() bool { return p.Line > 0 }

// Class is openCypher's type of an error.
type Class string

// The classes.
const (
	Syntax    Class = "SyntaxError"
	Semantic  Class = "SemanticError"
	Type      Class = "TypeError"
	Argument  Class = "ArgumentError"
	Parameter Class = "ParameterMissing"
	Procedure Class = "ProcedureError"
	// Arithmetic is integer overflow and division by zero.
	Arithmetic Class = "ArithmeticError"
	// Limit is not openCypher's: the query would take more rows, expansions,
	// memory or time than it may.
	Limit Class = "LimitExceeded"
	// Unsupported is not openCypher's: it is the language's, but not of the part
	// that is executed here.
	Unsupported Class = "Unsupported"
)

// Error is why a query has no answer. Compile says that it was refused before
// anything was read.
type Error struct {
	Class   Class
	Detail  string // openCypher's name, as UndefinedVariable
	Compile bool
	Message string // one sentence, lower case, without the place
	Pos     Pos
	// Limit names which bound was reached: rows, expansions, memory, time,
	// length, depth.
	Limit string
}

func (e *Error) Error() string {
	if !e.Pos.Known() {
		return e.Message
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Pos.Line, e.Pos.Column, e.Message)
}

// At is a refusal before anything was read.
func At(pos Pos, class Class, detail, format string, args ...any) *Error {
	return &Error{Class: class, Detail: detail, Compile: true, Message: fmt.Sprintf(format, args...), Pos: pos}
}

// Run is a failure while the query was executed.
func Run(pos Pos, class Class, detail, format string, args ...any) *Error {
	return &Error{Class: class, Detail: detail, Message: fmt.Sprintf(format, args...), Pos: pos}
}

// Place gives an error the place where it came up, if it has none and is one of
// these. Other errors, and nil, come back as they are.
func Place(pos Pos, err error) error {
	var f *Error
	if err == nil || !errors.As(err, &f) || f.Pos.Known() {
		return err
	}
	placed := *f
	placed.Pos = pos
	return &placed
}

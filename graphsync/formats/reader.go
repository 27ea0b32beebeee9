package formats

import (
	"errors"
	"fmt"
)

// MaxLine bounds one line of a text, one record of any format, and one import
// line. Bytes, line ends not counted.
const MaxLine = 1 << 20

// Reader reads a file as import lines. Not safe for concurrent use.
type Reader interface {
	// Next returns the next import line without its line end, valid until the
	// following call. An error that is ErrLine concerns one record alone, and
	// reading may go on; io.EOF is the end; any other error ends the reading.
	Next() ([]byte, error)
	// Line is the line of the input, from 1, where the record returned or
	// refused last began.
	Line() int
	// Bytes is how much of the input has been read, after decompression.
	Bytes() int64
}

// ErrLine marks an error of one record; reading may go on after it.
var ErrLine = errors.New("line refused")

// lineError is an ErrLine that says no more than what was wrong.
type lineError struct{ fault error }

func (e *lineError) Error() string        { return e.fault.Error() }
func (e *lineError) Unwrap() error        { return e.fault }
func (e *lineError) Is(target error) bool { return target == ErrLine }

func refused(format string, args ...any) error {
	return &lineError{fmt.Errorf(format, args...)}
}

// queue holds records that one step of a reader gave, with their line.
type queue struct {
	buf     []byte
	at      int
	pending []queued
	line    int
}

type queued struct {
	rec  Record
	err  error
	line int
}

func (q *queue) put(line int, recs ...Record) {
	for _, r := range recs {
		q.pending = append(q.pending, queued{rec: r, line: line})
	}
}

func (q *queue) refuse(line int, err error) {
	q.pending = append(q.pending, queued{err: err, line: line})
}

// Line implements Reader.
func (q *queue) Line() int { return q.line }

// next returns what is queued, calling more for more. more returns io.EOF when
// there is nothing left to read, having queued what it still had.
func (q *queue) next(more func() error) ([]byte, error) {
	var end error
	for q.at == len(q.pending) {
		if end != nil {
			return nil, end
		}
		q.pending, q.at = q.pending[:0], 0
		end = more()
	}
	// An error with records before it is met again when they are taken: every
	// reader fails the same way at its end.
	got := &q.pending[q.at]
	q.at++
	q.line = got.line
	if got.err != nil {
		return nil, got.err
	}
	var err error
	if q.buf, err = got.rec.AppendLine(q.buf[:0]); err != nil {
		return nil, &lineError{err}
	}
	if len(q.buf) > MaxLine {
		return nil, refused("the record takes %d bytes, at most %d are allowed", len(q.buf), MaxLine)
	}
	got.rec = Record{}
	return q.buf, nil
}

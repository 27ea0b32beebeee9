package formats

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// recordWriter turns records into the text of a format; all append to b.
type recordWriter interface {
	begin(b []byte) []byte
	record(b []byte, r *Record) ([]byte, error)
	end(b []byte) ([]byte, error)
}

// splitter cuts what an export writes into import lines and hands them to a
// recordWriter. It writes to w once for each Write, and keeps nothing of what
// could not be written.
type splitter struct {
	w     io.Writer
	to    recordWriter
	rest  []byte // of a line that is not whole yet
	out   []byte
	begun bool
	err   error
}

func newSplitter(w io.Writer, to recordWriter) *splitter { return &splitter{w: w, to: to} }

// Write implements io.Writer.
func (s *splitter) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n := len(p)
	s.start()
	for s.err == nil {
		line, after, whole := bytes.Cut(p, []byte{'\n'})
		if !whole {
			if len(s.rest)+len(p) > 2*MaxLine {
				s.err = errors.New("an import line without an end")
			}
			s.rest = append(s.rest, p...)
			break
		}
		if len(s.rest) > 0 {
			s.rest = append(s.rest, line...)
			line = s.rest
		}
		s.line(line)
		s.rest, p = s.rest[:0], after
	}
	s.flush()
	if s.err != nil {
		return 0, s.err
	}
	return n, nil
}

func (s *splitter) start() {
	if !s.begun {
		s.begun = true
		s.out = s.to.begin(s.out)
	}
}

func (s *splitter) line(text []byte) {
	if len(bytes.TrimSpace(text)) == 0 {
		return
	}
	r, err := ParseRecord(text)
	if err == nil && r.Schema == nil { // which no other format has a place for
		s.out, err = s.to.record(s.out, &r)
	}
	s.err = err
}

func (s *splitter) flush() {
	if len(s.out) == 0 || s.err != nil {
		return
	}
	if _, err := s.w.Write(s.out); err != nil {
		s.err = fmt.Errorf("writing the file: %w", err)
	}
	s.out = s.out[:0]
}

// Close ends the file.
func (s *splitter) Close() error {
	if s.err != nil {
		return s.err
	}
	s.start()
	s.line(s.rest)
	if s.err == nil {
		s.out, s.err = s.to.end(s.out)
	}
	s.flush()
	return s.err
}

package tracing

import (
	"errors"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
)

// Bounds of a span.
const (
	maxAttributes = 16
	maxText       = 256
)

// Attribute is one thing known of a span.
type Attribute struct {
	Key   string `json:"key" cbor:"1,keyasint"`
	Value string `json:"value" cbor:"2,keyasint"`
}

// Record is a span that has ended.
type Record struct {
	Trace  TraceID `cbor:"1,keyasint"`
	Span   SpanID  `cbor:"2,keyasint"`
	Parent SpanID  `cbor:"3,keyasint"`
	Name   string  `cbor:"4,keyasint"`
	// Begun is in microseconds of Unix time, by the clock of the node that
	// recorded it; Took in microseconds.
	Begun int64 `cbor:"5,keyasint"`
	Took  int64 `cbor:"6,keyasint"`
	// Code is why it failed; empty where it did not.
	Code       string      `cbor:"7,keyasint,omitempty"`
	Attributes []Attribute `cbor:"8,keyasint,omitempty"`
}

// Span is a piece of work under way that is recorded when it ends. A nil *Span
// records nothing: all methods may be called on it. Safe for concurrent use.
type Span struct {
	recorder *Recorder

	mu     sync.Mutex
	ended  bool
	record Record
	begun  time.Time // with the monotonic clock, unlike the record's
	flags  byte
}

// Parent is the traceparent to send onward, so that what others do becomes part
// of this span; of a nil span it is what was given to Start.
func (s *Span) Parent(otherwise string) string {
	if s == nil {
		return otherwise
	}
	return Context{s.record.Trace, s.record.Span, s.flags}.String()
}

// Set says something of the span: names and figures, never bodies.
func (s *Span) Set(key, value string) *Span {
	if s == nil || value == "" {
		return s
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.record.Attributes) < maxAttributes && !s.ended {
		s.record.Attributes = append(s.record.Attributes, Attribute{clip(key), clip(value)})
	}
	return s
}

// End records the span, once. err is why it failed: a *consensus.Refusal by its
// code, all else as INTERNAL, since what a failure says may be for this node's
// log only.
func (s *Span) End(err error) {
	if s == nil {
		return
	}
	var code string
	if refusal := (*consensus.Refusal)(nil); errors.As(err, &refusal) {
		code = refusal.Code
	} else if err != nil {
		code = "INTERNAL"
	}
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.ended = true
	s.record.Took, s.record.Code = s.recorder.now().Sub(s.begun).Microseconds(), clip(code)
	record := s.record
	s.mu.Unlock()
	s.recorder.keep(record)
}

func clip(s string) string {
	if len(s) > maxText {
		return s[:maxText]
	}
	return s
}

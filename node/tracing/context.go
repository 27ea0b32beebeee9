package tracing

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
)

// Length is that of a traceparent of the version that this package writes.
const Length = 55

// maxLength bounds a traceparent of a later version.
const maxLength = 256

// ErrInvalid says that a text is no traceparent.
var ErrInvalid = errors.New("this is no traceparent as the W3C writes it: 00-<32 hex digits>-<16 hex digits>-<2 hex digits>, lower case")

// TraceID names a trace in all systems that take part in it.
type TraceID [16]byte

// String is 32 hex digits.
func (t TraceID) String() string { return hex.EncodeToString(t[:]) }

// SpanID names a span within its trace.
type SpanID [8]byte

// String is 16 hex digits, empty for none.
func (s SpanID) String() string {
	if s == (SpanID{}) {
		return ""
	}
	return hex.EncodeToString(s[:])
}

// Context is what travels with a message: in which trace it is, and which span
// it was sent from.
type Context struct {
	Trace TraceID
	Span  SpanID
	Flags byte
}

const flagSampled = 1

// String is the traceparent.
func (c Context) String() string {
	var b [Length]byte
	b[0], b[1], b[2], b[35], b[52] = '0', '0', '-', '-', '-'
	hex.Encode(b[3:], c.Trace[:])
	hex.Encode(b[36:], c.Span[:])
	hex.Encode(b[53:], []byte{c.Flags})
	return string(b[:])
}

// Begin is the context of a new trace whose spans are to be recorded.
func Begin() (c Context) {
	_, _ = rand.Read(c.Trace[:]) // never fails
	_, _ = rand.Read(c.Span[:])
	c.Flags = flagSampled
	return c
}

// Parse reads a traceparent. One of a version to come is read as far as it is
// like this one, as its specification asks (section 4.3).
func Parse(s string) (c Context, err error) {
	if len(s) < Length || len(s) > maxLength || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return c, ErrInvalid
	}
	var version [1]byte
	var flags [1]byte
	for _, part := range []struct {
		to   []byte
		text string
	}{{version[:], s[:2]}, {c.Trace[:], s[3:35]}, {c.Span[:], s[36:52]}, {flags[:], s[53:55]}} {
		if !decodeLower(part.to, part.text) {
			return Context{}, ErrInvalid
		}
	}
	later := version[0] != 0
	if version[0] == 0xff || !later && len(s) != Length || later && len(s) > Length && s[Length] != '-' {
		return Context{}, ErrInvalid
	}
	if c.Trace == (TraceID{}) || c.Span == (SpanID{}) {
		return Context{}, ErrInvalid
	}
	c.Flags = flags[0]
	if later {
		c.Flags &= flagSampled // what else they mean there is not known here
	}
	return c, nil
}

// ParseTraceID reads 32 hex digits of which not all are 0.
func ParseTraceID(s string) (t TraceID, err error) {
	if len(s) != 32 || !decodeLower(t[:], s) || t == (TraceID{}) {
		return TraceID{}, errors.New("a trace id is 32 hex digits in lower case, the second part of a traceparent")
	}
	return t, nil
}

// decodeLower reads lower-case hex digits; others are not of the format.
func decodeLower(to []byte, s string) bool {
	for i := range to {
		high, low := digit(s[2*i]), digit(s[2*i+1])
		if high > 15 || low > 15 {
			return false
		}
		to[i] = high<<4 | low
	}
	return true
}

func digit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

// sampled looks for the flag in a traceparent that may be none.
func sampled(s string) bool { return len(s) >= Length && digit(s[Length-1])&flagSampled != 0 }

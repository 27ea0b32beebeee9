package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is the one shape of every refusal. Handlers return it (or any error:
// see Fail and the mapping in errormap.go); the frame fills in the request id.
// Safe to share once returned.
type Error struct {
	Sentence  string         `json:"error" doc:"One sentence for people"`
	Code      string         `json:"code" doc:"A stable code for programs" example:"NOT_FOUND"`
	Details   map[string]any `json:"details" doc:"What the code's meaning needs; 'next' says what to do"`
	RequestID string         `json:"request_id" doc:"The id under which the node's log has this request"`

	retry time.Duration
}

// Fail makes an Error with a code of the catalogue and a sentence; an empty
// format takes the catalogue's sentence.
func Fail(code, format string, args ...any) *Error {
	m := catalogue[code]
	e := &Error{Code: code, Sentence: m.text, Details: map[string]any{}, retry: m.retry}
	if format != "" {
		e.Sentence = fmt.Sprintf(format, args...)
	}
	if m.next != "" && !saysNext(e.Sentence, format) {
		e.Details["next"] = m.next
	}
	return e
}

// saysNext says that a sentence of a layer below brings a next step of its own,
// which knows more than the catalogue's: it stands behind a semicolon, or names a
// command or a flag.
func saysNext(sentence, format string) bool {
	return format != "" && (strings.Contains(sentence, "; ") || strings.Contains(sentence, "`meshd ") || strings.Contains(sentence, " --"))
}

// With adds a detail and returns e.
func (e *Error) With(key string, value any) *Error {
	e.Details[key] = value
	return e
}

// RetryAfter says when to come back and returns e. It is rounded up to whole
// seconds, so a client that obeys is not early.
func (e *Error) RetryAfter(d time.Duration) *Error {
	e.retry = d
	return e
}

// Error returns the sentence.
func (e *Error) Error() string { return e.Sentence }

// GetStatus is the HTTP status of the code: 500 for one the catalogue lacks.
func (e *Error) GetStatus() int {
	if m, ok := catalogue[e.Code]; ok {
		return m.status
	}
	return http.StatusInternalServerError
}

// ContentType keeps errors in JSON whatever the answer would have been in.
func (e *Error) ContentType(string) string { return "application/json" }

// complete returns the error as it is sent for x, and sets its headers.
func (e *Error) complete(x *exchange, h http.Header) *Error {
	out := *e
	out.RequestID = x.id
	if out.Details = maps.Clone(e.Details); out.Details == nil {
		out.Details = map[string]any{}
	}
	if e.retry > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((e.retry+time.Second-1)/time.Second), 10))
	}
	switch e.GetStatus() {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusRequestTimeout:
		h.Set("Connection", "close")
	}
	h.Set("Cache-Control", "no-store")
	return &out
}

// write answers with the error where no handler did.
func (e *Error) write(w http.ResponseWriter, x *exchange) {
	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Encoding", "Etag", "Last-Modified"} {
		h.Del(name)
	}
	out := e.complete(x, h)
	h.Set("Content-Type", "application/json")
	w.WriteHeader(e.GetStatus())
	// The client may be gone; there is nobody to tell.
	_ = json.NewEncoder(w).Encode(out)
}

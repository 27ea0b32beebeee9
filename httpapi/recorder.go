package httpapi

import (
	"bufio"
	"errors"
	"net"
	"net/http"
)

// recorder remembers what was answered, and keeps the status back until the first
// part of the body, so that an answer for which there is no room can still become
// a refusal. Flushing, hijacking and deadlines pass through it, so streams and
// WebSockets work behind the middleware.
type recorder struct {
	http.ResponseWriter
	status   int  // 0: none is chosen
	sent     bool // the client may have seen it
	bytes    int64
	hijacked bool
	room     *room // that large parts of answers take while they are written; nil: any
	cut      bool  // a part of the answer found no room
}

var errNoAnswerRoom = errors.New("as many large answers wait for their clients to read them as this node holds")

// WriteHeader implements http.ResponseWriter. Informational answers are not
// the answer.
func (r *recorder) WriteHeader(status int) {
	switch {
	case status < 200 && status != http.StatusSwitchingProtocols:
		r.ResponseWriter.WriteHeader(status)
	case r.status == 0:
		r.status = status
	}
}

// send lets the status out; the handler's end does too.
func (r *recorder) send() {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if !r.sent {
		r.sent = true
		r.ResponseWriter.WriteHeader(r.status)
	}
}

// anew forgets an answer of which the client has seen nothing.
func (r *recorder) anew() { r.status, r.cut = 0, false }

// Write implements http.ResponseWriter.
func (r *recorder) Write(p []byte) (int, error) {
	if size := int64(len(p)); !r.cut && size > largeAnswer && r.room != nil {
		if r.room.take(size) {
			defer r.room.give(size)
		} else if r.cut = true; !r.sent {
			r.status = noAnswerRoom().GetStatus()
		}
	}
	if r.cut {
		return 0, errNoAnswerRoom
	}
	r.send()
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Flush implements http.Flusher.
func (r *recorder) Flush() {
	if r.cut {
		return
	}
	r.send()
	// A writer that cannot flush sends when the handler returns.
	_ = http.NewResponseController(r.ResponseWriter).Flush()
}

// Hijack implements http.Hijacker; HTTP/2 cannot.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(r.ResponseWriter).Hijack()
	if err == nil {
		r.hijacked = true
		r.status, r.sent = http.StatusSwitchingProtocols, true
	}
	return c, rw, err
}

// Unwrap lets http.ResponseController reach the connection's deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

package httpapi

import (
	"bufio"
	"errors"
	"net"
	"net/http"
)

// recorder remembers what was answered. Flushing, hijacking and deadlines pass
// through it, so streams and WebSockets work behind the middleware.
type recorder struct {
	http.ResponseWriter
	status   int // 0: nothing sent yet
	bytes    int64
	hijacked bool
	room     *room // that large parts of answers take while they are written; nil: any
	cut      bool  // a part of the answer found no room
}

var errNoAnswerRoom = errors.New("as many large answers wait for their clients to read them as this node holds")

// WriteHeader implements http.ResponseWriter. Informational answers are not
// the answer.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if size := int64(len(p)); size > largeAnswer && r.room != nil {
		if !r.room.take(size) {
			r.cut = true
			return 0, errNoAnswerRoom
		}
		defer r.room.give(size)
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Flush implements http.Flusher.
func (r *recorder) Flush() {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	// A writer that cannot flush sends when the handler returns.
	_ = http.NewResponseController(r.ResponseWriter).Flush()
}

// Hijack implements http.Hijacker; HTTP/2 cannot.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(r.ResponseWriter).Hijack()
	if err == nil {
		r.hijacked = true
		r.status = http.StatusSwitchingProtocols
	}
	return c, rw, err
}

// Unwrap lets http.ResponseController reach the connection's deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// begun says that the client has seen a part of the answer.
func (r *recorder) begun() bool { return r.status != 0 || r.hijacked }

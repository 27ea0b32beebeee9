package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	// streamIdle is how long a client may send nothing of a streamed body.
	streamIdle = 2 * time.Minute
	// closingGrace is how long the last words of a stream may take once the
	// node is stopping.
	closingGrace = time.Second
)

// stream is a long request or answer. It ends with its client or with the node:
// its context's cause is then what to tell. Deadlines stand only while a read
// or a write waits, since HTTP/2 would end an idle stream that has one.
type stream struct {
	ctx     context.Context
	body    io.Reader
	w       gin.ResponseWriter
	control *http.ResponseController
	cancel  context.CancelCauseFunc
	waited  time.Duration // the longest that a write took
	closer  chan struct{} // closed when the goroutine that watches the node has ended
}

// openStream returns a stream over c's request; end it before the handler
// returns.
func (a *API) openStream(c *gin.Context) *stream {
	s := &stream{body: c.Request.Body, w: c.Writer, control: http.NewResponseController(c.Writer), closer: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancelCause(c.Request.Context())
	if x := exchangeOf(s.ctx); x.response != nil {
		x.response.room = a.streamed
	}
	go func() {
		defer close(s.closer)
		select {
		case <-a.Closing():
			s.cancel(Fail(CodeClosing, ""))
			_ = s.control.SetReadDeadline(time.Now())
			_ = s.control.SetWriteDeadline(time.Now().Add(closingGrace))
		case <-s.ctx.Done():
		}
	}()
	return s
}

// bothWays lets the answer begin before the body has come whole. HTTP/2 does so
// by itself. An HTTP/1 connection has to be told, and ends with this answer: the
// server would go on reading what is left of the body beside the next request.
func (s *stream) bothWays(c *gin.Context) {
	if c.Request.ProtoMajor > 1 {
		return
	}
	_ = s.control.EnableFullDuplex() // a test's writer has no connection
	c.Header("Connection", "close")
}

func (s *stream) end() {
	s.cancel(nil)
	<-s.closer
	_ = s.control.SetReadDeadline(time.Time{})
	_ = s.control.SetWriteDeadline(time.Time{})
}

// cause is err, or why the stream ended if that is what err came from.
func (s *stream) cause(err error) error {
	var own *Error
	if cause := context.Cause(s.ctx); errors.As(cause, &own) {
		return own
	}
	return err
}

// unwritten is why nothing more could be written: the node's own reason if it
// has one, or what became of the client.
func (s *stream) unwritten(err error) string {
	var own *Error
	switch {
	case errors.As(context.Cause(s.ctx), &own):
		return own.Code
	case errors.Is(err, os.ErrDeadlineExceeded) || s.waited >= writeGrace:
		return endedUnread
	}
	return endedGone
}

// Read reads the body. A faulty end of it is an *Error.
func (s *stream) Read(p []byte) (int, error) {
	_ = s.control.SetReadDeadline(time.Now().Add(streamIdle))
	if s.ctx.Err() != nil { // after the deadline, which the closer sets after this
		return 0, s.cause(s.ctx.Err())
	}
	n, err := s.body.Read(p)
	if err == nil || err == io.EOF {
		_ = s.control.SetReadDeadline(time.Time{})
		return n, err
	}
	if s.ctx.Err() == nil && errors.Is(err, os.ErrDeadlineExceeded) {
		return n, Fail(CodeRequestTimeout, "nothing more of the request body came for %s", streamIdle)
	}
	return n, s.cause(Fail(CodeMalformed, "the request body broke off"))
}

// Write sends a part of the answer at once.
func (s *stream) Write(p []byte) (int, error) {
	begun := time.Now()
	_ = s.control.SetWriteDeadline(begun.Add(writeGrace))
	if s.ctx.Err() != nil {
		_ = s.control.SetWriteDeadline(time.Now().Add(closingGrace))
	}
	n, err := s.w.Write(p)
	if err == nil {
		s.w.Flush() // whose failure is seen by how long it took, or by what follows
	}
	s.waited = max(s.waited, time.Since(begun)) // HTTP/2 has errors of its own for a deadline
	if err == nil {
		_ = s.control.SetWriteDeadline(time.Time{})
	}
	return n, err
}

// linger reads on for a short while after an answer that ended a request early:
// a connection closed under a sender may lose the answer on its way.
func (s *stream) linger() {
	s.w.Flush()
	until := time.Now().Add(closingGrace)
	for p := make([]byte, 32<<10); s.ctx.Err() == nil && time.Now().Before(until); {
		_ = s.control.SetReadDeadline(until)
		if _, err := s.body.Read(p); err != nil {
			return
		}
	}
}

// atMost lets n requests at a time use a handler that takes much memory.
func (a *API) atMost(n int, h gin.HandlerFunc) gin.HandlerFunc {
	slots := make(chan struct{}, n)
	return func(c *gin.Context) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			h(c)
		default:
			a.Refuse(c, Fail(CodeOverloaded, "%d such requests are at work, which is as many as this node takes", n))
		}
	}
}

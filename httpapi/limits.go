package httpapi

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	// bodyTimeout is how long a request's body may take to arrive.
	bodyTimeout = 30 * time.Second
	// writeGrace is how much longer than the request a client may take to
	// read the answer.
	writeGrace = 30 * time.Second
)

// limits is the first stage that knows the route. It bounds requests at once,
// the body's size and arrival, the time to answer and the time to read it.
func (a *API) limits(c *gin.Context) {
	r := c.Request
	x := exchangeOf(r.Context())
	x.route = a.routes[r.Method+" "+c.FullPath()]
	x.path, x.query, x.keys = r.URL.Path, r.URL.RawQuery, r.Header["Idempotency-Key"]
	if !a.work.enter() {
		a.Refuse(c, Fail(CodeClosing, ""))
		return
	}
	defer a.work.leave()
	if x.route == nil || !x.route.Public { // a probe must pass when all else is full
		select {
		case a.slots <- struct{}{}:
			defer func() { <-a.slots }()
		default:
			a.Refuse(c, Fail(CodeOverloaded, ""))
			return
		}
	}

	maxBody, timeout := a.cfg.MaxBody, a.cfg.Timeout
	if x.route != nil && x.route.MaxBody > 0 {
		maxBody = x.route.MaxBody
	}
	if x.route != nil && x.route.Timeout != 0 {
		timeout = x.route.Timeout
	}
	if r.ContentLength > maxBody {
		a.Refuse(c, tooLarge(maxBody))
		return
	}
	control := http.NewResponseController(x.response)
	if r.Body != nil && r.Body != http.NoBody {
		// A writer without deadlines is a test's.
		_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
		if len(x.keys) > 0 {
			x.bodyHash = sha256.New()
		}
		// The reader closes the connection of a body too large, which it can
		// only through net/http's own writer.
		bounded := http.MaxBytesReader(x.response.ResponseWriter, r.Body, maxBody)
		if maxBody > largeBody && timeout > 0 { // what is no stream is read whole
			large := &roomy{ReadCloser: bounded, room: a.room}
			defer large.give()
			if !large.enter(r.ContentLength) {
				a.Refuse(c, noRoom())
				return
			}
			bounded = large
		}
		r.Body = &body{bounded, control, x}
	}
	if timeout > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		c.Request = r.WithContext(ctx)
		_ = control.SetWriteDeadline(time.Now().Add(timeout + writeGrace))
		// The next request on this connection starts without it.
		defer func() {
			if !x.response.hijacked {
				_ = control.SetWriteDeadline(time.Time{})
			}
		}()
	}
	c.Next()
}

// body takes the read deadline off the connection once all has arrived:
// net/http watches the connection during the handler, and a deadline that
// passes there would cancel a request that only waits for its answer. It also
// hashes what is read where an idempotency key asks for it.
type body struct {
	io.ReadCloser
	control *http.ResponseController
	x       *exchange
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.x.bodyHash != nil {
		b.x.bodyHash.Write(p[:n])
	}
	if errors.Is(err, io.EOF) {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

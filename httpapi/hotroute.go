package httpapi

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
)

// maxHotBody is the largest body that a hot route reads at once.
const maxHotBody = 256 << 10

// Hot is Op with a short way for the requests that programs send all day. The
// short way sees the whole body and answers, or says that it has not: then the
// typed route does, as if nothing had been before it. So the short way needs no
// words for what is wrong, and the two cannot differ in what they refuse.
func Hot[I, O any](r Route, h func(context.Context, *I) (*O, error), short func(c *gin.Context, body []byte) bool) Entry {
	e := Op(r, h)
	mount := e.mount
	e.mount = func(a *API, r *Route) {
		a.short[r.operation().OperationID] = short
		mount(a, r)
	}
	return e
}

// serve is the handler of a typed route on the engine.
func (a *API) serve(op *huma.Operation, handler func(huma.Context)) gin.HandlerFunc {
	long := func(c *gin.Context) { handler(humagin.NewContext(op, c)) }
	short := a.short[op.OperationID]
	if short == nil {
		return long
	}
	return func(c *gin.Context) {
		r := c.Request
		// Conditions, query parameters and bodies of unknown or great length
		// are for the long way.
		if r.URL.RawQuery != "" || r.ContentLength <= 0 || r.ContentLength > maxHotBody || len(r.Header["If-Match"]) > 0 || !hotKey(r.Context()) {
			long(c)
			return
		}
		body := make([]byte, r.ContentLength)
		n, err := io.ReadFull(r.Body, body)
		if err == nil {
			var rest [1]byte // the end must be seen: limits.go waits for it
			if more, end := r.Body.Read(rest[:]); more == 0 && end == io.EOF && short(c, body) {
				return
			}
		}
		r.Body = again{io.MultiReader(bytes.NewReader(body[:n]), r.Body), r.Body}
		long(c)
	}
}

func hotKey(ctx context.Context) bool {
	keys := exchangeOf(ctx).keys
	return len(keys) == 0 || oneKey(keys)
}

// again is a body of which a part was read and is read again.
type again struct {
	io.Reader
	io.Closer
}

var jsonType = []string{"application/json"}

// sendJSON answers a short way.
func sendJSON(w http.ResponseWriter, body []byte) {
	w.Header()["Content-Type"] = jsonType
	// What could not be written is the client's loss; it knows by the length.
	_, _ = w.Write(body)
}

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

// shortWay is the short way of a route, and the largest body it is shown.
type shortWay struct {
	most   int64
	answer func(c *gin.Context, body []byte) bool
}

// Hot is Op with a short way for the requests that programs send all day. The
// short way sees the whole body and answers, or says that it has not: then the
// typed route does, as if nothing had been before it. So the short way needs no
// words for what is wrong, and the two cannot differ in what they refuse.
func Hot[I, O any](r Route, h func(context.Context, *I) (*O, error), short func(c *gin.Context, body []byte) bool) Entry {
	return shortened(Op(r, h), shortWay{maxHotBody, short})
}

// Large is Op for routes with bodies of many MiB. Those over largeBody go to the
// short way, and only there: decoding them as any, to be held against the
// schema, would take many times their size.
func Large[I, O any](r Route, h func(context.Context, *I) (*O, error), short func(c *gin.Context, body []byte) bool) Entry {
	return shortened(Op(r, h), shortWay{r.MaxBody, func(c *gin.Context, body []byte) bool { return len(body) > largeBody && short(c, body) }})
}

func shortened(e Entry, way shortWay) Entry {
	mount := e.mount
	e.mount = func(a *API, r *Route) {
		a.short[r.operation().OperationID] = way
		mount(a, r)
	}
	return e
}

// serve is the handler of a typed route on the engine.
func (a *API) serve(op *huma.Operation, handler func(huma.Context)) gin.HandlerFunc {
	long := func(c *gin.Context) { handler(humagin.NewContext(op, c)) }
	way, ok := a.short[op.OperationID]
	if !ok {
		return long
	}
	return func(c *gin.Context) {
		r := c.Request
		if !way.takes(r) {
			long(c)
			return
		}
		body, err := whole(r)
		if err == nil && way.answer(c, body) {
			return
		}
		r.Body = again{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
		long(c)
	}
}

// takes says whether a request is shown to the short way. Of hot routes,
// conditions, query parameters and bodies of unknown or great length are not.
func (w shortWay) takes(r *http.Request) bool {
	if w.most > maxHotBody {
		return r.ContentLength < 0 || r.ContentLength > largeBody
	}
	return r.URL.RawQuery == "" && r.ContentLength > 0 && r.ContentLength <= w.most && len(r.Header["If-Match"]) == 0 && hotKey(r.Context())
}

// whole reads a body to its end, which must be seen: limits.go waits for it.
// With an error it returns what had come.
func whole(r *http.Request) ([]byte, error) {
	if r.ContentLength < 0 {
		return io.ReadAll(r.Body)
	}
	body := make([]byte, r.ContentLength)
	n, err := io.ReadFull(r.Body, body)
	if err == nil {
		var rest [1]byte
		if more, end := r.Body.Read(rest[:]); more != 0 || end != io.EOF {
			err = io.ErrUnexpectedEOF
		}
	}
	return body[:n], err
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

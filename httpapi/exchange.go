package httpapi

import (
	"context"
	"hash"
	"net/http"
	"time"

	"github.com/meshd/meshd/node/access"
)

type (
	exchangeKey struct{}
	socketKey   struct{}
)

// exchange is what the middleware learns about one request, stage by stage. It
// is made by the outermost stage and belongs to the request's goroutine.
type exchange struct {
	id       string
	started  time.Time
	address  string // the client's IP, or "socket"
	socket   bool
	streams  bool // of HTTP/2
	stranger bool // counted as such
	response *recorder
	route    *Route // nil until routed, and where nothing matched
	caller   access.Principal
	known    bool // caller is set
	// credential is what caller was known by; empty for the operator's socket.
	credential string
	// ended is why an answer that had begun ended early, a code; or nothing.
	ended string

	// What Idempotency makes its scope and hash of.
	method, path, query string
	keys                []string  // Idempotency-Key as sent
	bodyHash            hash.Hash // of what was read of the body; nil without a key
}

// exchangeOf returns the exchange of a request's context. Outside of a request
// it returns an empty one, so that helpers need not care.
func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{}
}

func withExchange(r *http.Request, x *exchange) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
}

// template is the route's path as registered: a bounded set, fit for labels.
func (x *exchange) template() string {
	if x.route == nil {
		return "unmatched"
	}
	return x.route.Path
}

// RequestID returns the id of the request that ctx belongs to, "" outside of
// one. Hand it on to whatever is called on other nodes.
func RequestID(ctx context.Context) string { return exchangeOf(ctx).id }

// Principal returns who makes the request that ctx belongs to; ok is false for a
// stranger at a public route, and outside of a request.
func Principal(ctx context.Context) (caller access.Principal, ok bool) {
	x := exchangeOf(ctx)
	return x.caller, x.known
}

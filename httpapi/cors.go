package httpapi

import (
	"net/http"
	"slices"

	"github.com/rs/cors"
)

// cors lets pages of the listed origins call; with none listed no answer ever
// carries a permission. The list is given as a function because the library
// takes an empty list for "everybody".
func (a *API) cors(next http.Handler) http.Handler {
	return cors.New(cors.Options{
		AllowOriginFunc: func(origin string) bool { return slices.Contains(a.cfg.Origins, origin) },
		AllowedMethods:  []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
		AllowedHeaders: []string{
			"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Last-Event-ID",
			"X-API-Key", "X-API-Token", "X-Mesh-Min-Revision", a.cfg.RequestIDHeader,
			memoryHeader, "Mcp-Session-Id", "Mcp-Protocol-Version", "Mcp-Method", "Mcp-Name",
		},
		ExposedHeaders: []string{
			"ETag", "Idempotency-Replayed", "Mcp-Session-Id", "Retry-After", "X-Mesh-Age-Ms", "X-Mesh-Revision", a.cfg.RequestIDHeader,
		},
		MaxAge: 600,
	}).Handler(next)
}

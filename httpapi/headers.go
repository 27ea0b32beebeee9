package httpapi

import (
	"maps"
	"net/http"
)

// What every answer carries, made once; keys are in canonical spelling.
var (
	strictTransport = []string{"max-age=31536000"}
	fixedHeaders    = map[string][]string{
		"X-Content-Type-Options":  {"nosniff"},
		"X-Frame-Options":         {"DENY"},
		"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
		"Referrer-Policy":         {"no-referrer"},
		"Permissions-Policy":      {"camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
	}
)

// headers are the ones every answer carries. The node serves data, so pages get
// nothing: no script, no frame, no device.
func (a *API) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.TLS != nil {
			h["Strict-Transport-Security"] = strictTransport
		}
		maps.Copy(h, fixedHeaders)
		next.ServeHTTP(w, r)
	})
}

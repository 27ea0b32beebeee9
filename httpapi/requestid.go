package httpapi

import (
	"crypto/rand"
	"net/http"
)

// requestID takes the client's id for the request when it is usable, else makes
// one, and sends it back.
func (a *API) requestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		x.id = r.Header.Get(a.cfg.RequestIDHeader)
		if !usableID(x.id) {
			x.id = rand.Text()
		}
		w.Header().Set(a.cfg.RequestIDHeader, x.id)
		if a.cfg.Correlate != nil {
			r = r.WithContext(a.cfg.Correlate(r.Context(), x.id))
		}
		next.ServeHTTP(w, r)
	})
}

// usableID accepts 1 to 128 bytes of visible ASCII: nothing that breaks a log
// line or a header.
func usableID(id string) bool { return len(id) <= 128 && visible(id) }

// visible says that s is not empty and all visible ASCII without space.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

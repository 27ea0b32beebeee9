package httpapi

import (
	"net/http"
	"net/url"
	"strings"
)

// slash makes one trailing slash mean nothing, without a redirect that would
// lose a body. Two are another path, which does not exist.
func slash(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.Path; len(p) > 1 && strings.HasSuffix(p, "/") && !strings.HasSuffix(p, "//") {
			c := *r
			c.URL = new(url.URL)
			*c.URL = *r.URL
			c.URL.Path, c.URL.RawPath = strings.TrimSuffix(p, "/"), ""
			r = &c
		}
		next.ServeHTTP(w, r)
	})
}

package httpapi

import (
	"net/http"
	"net/url"
	"strings"
)

// slash makes one trailing slash mean nothing, without a redirect that would
// lose a body. Two are another path, which does not exist. Of the spelling of a
// path only the slashes are kept that belong to a name, as %2F: routing then
// goes by it.
func slash(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, raw := r.URL.Path, r.URL.RawPath
		if len(p) > 1 && strings.HasSuffix(p, "/") && !strings.HasSuffix(p, "//") {
			p, raw = strings.TrimSuffix(p, "/"), trimSlash(raw)
		}
		if !strings.Contains(raw, "%2F") && !strings.Contains(raw, "%2f") {
			raw = ""
		}
		if p != r.URL.Path || raw != r.URL.RawPath {
			c := *r
			c.URL = new(url.URL)
			*c.URL = *r.URL
			c.URL.Path, c.URL.RawPath = p, raw
			r = &c
		}
		next.ServeHTTP(w, r)
	})
}

func trimSlash(raw string) string {
	for _, slash := range []string{"/", "%2F", "%2f"} {
		if strings.HasSuffix(raw, slash) {
			return strings.TrimSuffix(raw, slash)
		}
	}
	return raw
}

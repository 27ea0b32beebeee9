package httpapi

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
)

var jsonOnly = []string{"application/json"}

// negotiate is the handler's door: what the client sends and wants must be what
// the route reads and writes. The decision is written back into the headers,
// so that nothing behind it decides again.
func (a *API) negotiate(c *gin.Context) {
	r := c.Request
	x := exchangeOf(r.Context())
	if x.route == nil {
		return
	}
	produces, consumes := jsonOnly, jsonOnly
	if x.route.Produces != nil {
		produces = x.route.Produces
	}
	if x.route.Consumes != nil {
		consumes = x.route.Consumes
	}
	if e := onceEach(r.URL.RawQuery); e != nil {
		a.Refuse(c, e)
		return
	}
	chosen := accept(strings.Join(r.Header.Values("Accept"), ","), produces)
	if chosen == "" {
		a.Refuse(c, Fail(CodeNotAcceptable, "").With("offered", produces))
		return
	}
	r.Header.Set("Accept", chosen)
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return
	}
	media, ok := mediaType(r.Header.Get("Content-Type"))
	if !ok || !slices.Contains(consumes, media) || !plainEncoding(r.Header.Get("Content-Encoding")) {
		e := Fail(CodeUnsupportedMediaType, "").With("accepted", consumes)
		if !slices.Contains(consumes, jsonOnly[0]) {
			e.Details["next"] = "send " + strings.Join(consumes[:len(consumes)-1], ", ") + " or " + consumes[len(consumes)-1]
		}
		a.Refuse(c, e)
		return
	}
	r.Header.Set("Content-Type", media)
}

// onceEach refuses a query parameter that is given twice: a client that says two
// things is not known to mean the first. A name with [] is a list.
func onceEach(query string) *Error {
	if !strings.Contains(query, "&") {
		return nil
	}
	values, _ := url.ParseQuery(query) // the handlers refuse what cannot be read
	for name, v := range values {
		if len(v) > 1 && !strings.HasSuffix(name, "[]") {
			name = clip(name, 100)
			return invalid("query."+name, fmt.Sprintf("the query parameter %q is given more than once", name))
		}
	}
	return nil
}

// mediaType is the bare type of a Content-Type header; another character set
// than UTF-8 is refused.
func mediaType(header string) (string, bool) {
	media, params, err := mime.ParseMediaType(header)
	if err != nil {
		return "", false
	}
	charset, given := params["charset"]
	return media, !given || strings.EqualFold(charset, "utf-8")
}

func plainEncoding(e string) bool { return e == "" || strings.EqualFold(e, "identity") }

// accept picks the offer that an Accept header likes best (RFC 9110, section
// 12.5.1), the first among equals; "" where it likes none. No header likes all.
func accept(header string, offers []string) string {
	if strings.TrimSpace(header) == "" {
		return offers[0]
	}
	best, bestQ := "", 0.0
	for _, offer := range offers {
		if q := quality(header, offer); q > bestQ {
			best, bestQ = offer, q
		}
	}
	return best
}

// quality is the weight of the most specific range that covers the offer.
func quality(header, offer string) float64 {
	kind, _, _ := strings.Cut(offer, "/")
	result, specific := 0.0, 0
	for part := range strings.SplitSeq(header, ",") {
		media, params, _ := strings.Cut(part, ";")
		rank := 0
		switch strings.ToLower(strings.TrimSpace(media)) {
		case offer:
			rank = 3
		case kind + "/*":
			rank = 2
		case "*/*", "*":
			rank = 1
		}
		if rank > specific {
			specific, result = rank, weight(params)
		}
	}
	return result
}

// weight reads q from a range's parameters; what cannot be read weighs 1.
func weight(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		if q, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && q >= 0 && q <= 1 {
			return q
		}
	}
	return 1
}

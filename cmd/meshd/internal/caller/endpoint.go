package caller

import (
	"net/http"
	"net/url"
)

// Endpoint returns an address of the node and an HTTP client that reaches it
// with this client's credential, for protocols that speak HTTP by themselves.
// The HTTP client has no time limit of its own.
func (c *Client) Endpoint(path string, query url.Values) (address string, asks *http.Client) {
	address = c.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return address, &http.Client{Transport: &keyed{c}, CheckRedirect: c.http.CheckRedirect}
}

// keyed adds who asks to each request.
type keyed struct{ c *Client }

// RoundTrip implements http.RoundTripper.
func (k *keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", k.c.agent)
	if k.c.key != "" {
		r.Header.Set("Authorization", "Bearer "+k.c.key)
	}
	return k.c.http.Transport.RoundTrip(r)
}

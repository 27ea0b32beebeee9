package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// origin refuses what a browser was tricked into sending: requests under a
// name that is not this node's (DNS rebinding), writes and WebSockets from
// pages of another origin. Addresses and localhost need no list, since no
// foreign name can be rebound to them.
func (a *API) origin() (func(http.Handler) http.Handler, error) {
	guard := http.NewCrossOriginProtection()
	for _, o := range a.cfg.Origins {
		if err := guard.AddTrustedOrigin(o); err != nil {
			return nil, fmt.Errorf("httpapi: origin %q: %w", o, err)
		}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			x := exchangeOf(r.Context())
			switch {
			case x.socket: // browsers cannot open it
			case !a.ownHost(r.Host):
				Fail(CodeWrongHost, "this node does not answer to the host name %q", clip(r.Host, 100)).write(w, x)
				return
			case guard.Check(r) != nil, upgrade(r) && !a.sameOrigin(r):
				Fail(CodeCrossOrigin, "").write(w, x)
				return
			}
			next.ServeHTTP(w, r)
		})
	}, nil
}

// ownHost says whether a Host header may be answered. HTTP/1.0 clients send
// none, and no browser is one.
func (a *API) ownHost(host string) bool {
	if host == "" {
		return true
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	is := func(own string) bool { return strings.EqualFold(strings.TrimSuffix(own, "."), name) }
	return slices.ContainsFunc(a.cfg.ExtraHosts, is) || slices.ContainsFunc(a.cfg.Hosts(), is)
}

func upgrade(r *http.Request) bool { return r.Header.Get("Upgrade") != "" }

// sameOrigin is the check of CrossOriginProtection for a GET that opens a
// two-way connection.
func (a *API) sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(a.cfg.Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

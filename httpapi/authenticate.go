package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/wire"
)

// maxCredential bounds what is hashed for a stranger, in bytes.
const maxCredential = 4096

// authenticate finds the caller. Strangers get 401 for everything that is not
// public, whether it exists or not. Failures are charged to the address, so
// that guessing soon gets 429; a good credential is never locked out by them.
func (a *API) authenticate(c *gin.Context) {
	x := exchangeOf(c.Request.Context())
	switch {
	case x.socket:
		x.caller, x.known = access.Operator(), true
		return
	case x.route != nil && x.route.Public:
		return
	case c.Writer.Status() == http.StatusMethodNotAllowed && a.public[c.Request.URL.Path]:
		return // the path is no secret; let the router say which methods it has
	case x.route != nil && x.route.FirstMessage && upgrade(c.Request) && !bringsCredential(c.Request.Header):
		return // the first message has it
	}
	credential, err := credentialOf(c.Request.Header)
	if err == nil {
		x.caller, err = a.cfg.Auth.Authenticate(credential)
	}
	if err == nil {
		x.known, x.credential = true, credential
		wire.Authenticated(c.Request.Context())
		return
	}
	x.caller = access.Principal{}
	c.Writer.Header().Del("Allow")
	e := a.asError(c.Request.Context(), err)
	if e.Code == CodeUnauthorized {
		if wait, ok := a.strangers.take(x.address, a.cfg.Now()); !ok {
			e = Fail(CodeRateLimited, "too many requests without a valid credential").RetryAfter(wait)
		}
	}
	a.Refuse(c, e)
}

// credentialHeaders are those that may hold a credential.
var credentialHeaders = []string{"Authorization", "X-Api-Key", "X-Api-Token"}

func bringsCredential(h http.Header) bool {
	return slices.ContainsFunc(credentialHeaders, func(name string) bool { return len(h[name]) > 0 })
}

// credentialOf returns the one credential a request brings.
func credentialOf(h http.Header) (string, error) {
	var found string
	for _, name := range credentialHeaders {
		values := h[name]
		if len(values) == 0 {
			continue
		}
		v := strings.TrimSpace(values[0])
		if name == "Authorization" {
			scheme, rest, _ := strings.Cut(v, " ")
			if !strings.EqualFold(scheme, "Bearer") {
				return "", Fail(CodeUnauthorized, "")
			}
			v = strings.TrimSpace(rest)
		}
		switch {
		case len(values) > 1 || (found != "" && found != v):
			return "", Fail(CodeUnauthorized, "send one credential, not several")
		case len(v) > maxCredential || !visible(v):
			return "", Fail(CodeUnauthorized, "the credential is not valid")
		}
		found = v
	}
	if found == "" {
		return "", Fail(CodeUnauthorized, "")
	}
	return found, nil
}

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
		// Whoever is known is not counted among strangers, here either.
		if bringsCredential(c.Request.Header) && a.knows(c.Request, x) == nil {
			return
		}
		a.admit(c, x)
		return
	case c.Writer.Status() == http.StatusMethodNotAllowed && a.public[c.Request.URL.Path]:
		return // the path is no secret; let the router say which methods it has
	case x.route != nil && x.route.FirstMessage && upgrade(c.Request) && !bringsCredential(c.Request.Header):
		return // the first message has it
	}
	err := a.knows(c.Request, x)
	if err == nil {
		return
	}
	c.Writer.Header().Del("Allow")
	e := a.asError(c.Request.Context(), err)
	if e.Code == CodeUnauthorized {
		if wait, ok := a.guesses.take(x.address, a.cfg.Now()); !ok {
			e = Fail(CodeRateLimited, "too many requests without a valid credential").RetryAfter(wait)
		}
	}
	a.Refuse(c, e)
}

// knows finds whose credential a request brings, or says why it is nobody's.
func (a *API) knows(r *http.Request, x *exchange) error {
	credential, err := credentialOf(r.Header)
	if err != nil {
		return err
	}
	caller, err := a.cfg.Auth.Authenticate(credential)
	if err != nil {
		return err
	}
	x.caller, x.known, x.credential = caller, true, credential
	wire.Authenticated(r.Context())
	return nil
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

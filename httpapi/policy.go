package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// policy asks whether this caller may use this route at all. What it may do to
// which thing is for the services below.
func (a *API) policy(c *gin.Context) {
	x := exchangeOf(c.Request.Context())
	r := x.route
	if r == nil || r.Public {
		return
	}
	switch {
	case !x.caller.Role.Allows(r.Role):
		a.Refuse(c, Fail(CodeForbidden, "this needs the role %s", r.Role).
			With("role_needed", r.Role).With("role", x.caller.Role))
	case !inScope(x.caller.Scopes, r.scope()):
		a.Refuse(c, Fail(CodeForbidden, "this needs the scope %s", r.scope()).
			With("scope_needed", r.scope()).With("scopes", x.caller.Scopes))
	}
}

// scope is what a scoped credential needs for the route.
func (r *Route) scope() string {
	if r.Scope != "" {
		return r.Scope
	}
	if r.Method == http.MethodGet {
		return firstSegment(r.Path) + ":read"
	}
	return firstSegment(r.Path) + ":write"
}

// inScope says whether a credential with these scopes may do what needs the
// wanted one. No scopes at all means unscoped; "graph" holds "graph:read".
func inScope(scopes []string, wanted string) bool {
	if len(scopes) == 0 || wanted == AnyScope {
		return true
	}
	area, _, _ := strings.Cut(wanted, ":")
	return slices.ContainsFunc(scopes, func(s string) bool {
		return s == wanted || s == area || s == area+":*" || s == "*"
	})
}

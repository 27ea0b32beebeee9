package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/node/access"
)

// policy asks whether this caller may use this route at all. What it may do to
// which thing is for the services below.
func (a *API) policy(c *gin.Context) {
	x := exchangeOf(c.Request.Context())
	r := x.route
	if r == nil || r.Public || (r.FirstMessage && !x.known) {
		return
	}
	if e := r.allows(x.caller); e != nil {
		a.Refuse(c, e)
	}
}

// allows says whether a caller may use the route: nil, or the refusal.
func (r *Route) allows(caller access.Principal) *Error {
	switch {
	case !caller.Role.Allows(r.Role):
		return Fail(CodeForbidden, "this needs the role %s", r.Role).
			With("role_needed", r.Role).With("role", caller.Role)
	case !inScope(caller.Scopes, r.scope()):
		return Fail(CodeForbidden, "this needs the scope %s", r.scope()).
			With("scope_needed", r.scope()).With("scopes", caller.Scopes)
	}
	return nil
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
// wanted one. No scopes at all means unscoped; "graph" holds "graph:read", and
// agentScope+NAME holds what an agent needs, for that name only (mayActAs).
func inScope(scopes []string, wanted string) bool {
	if len(scopes) == 0 || wanted == AnyScope {
		return true
	}
	area, _, _ := strings.Cut(wanted, ":")
	return slices.ContainsFunc(scopes, func(s string) bool {
		return s == wanted || s == area || s == area+":*" || s == "*" ||
			strings.HasPrefix(s, agentScope) && (area == "messages" || area == "agents" || area == "tasks" || area == "proposals")
	})
}

// agentScope begins the scope of a credential that is an agent's own.
const agentScope = "agent:"

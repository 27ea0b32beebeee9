package httpapi

import (
	"strings"
	"testing"
)

func TestAKeyIsMadeWithScopesThatOpenSomething(t *testing.T) {
	a := &API{table: []Route{
		{Method: "GET", Path: "/graph/nodes"}, {Method: "POST", Path: "/messages"},
		{Method: "GET", Path: "/health", Public: true}, {Method: "GET", Path: "/api/auth/verify", Scope: AnyScope},
	}}
	for _, good := range []string{"*", "graph", "graph:read", "graph:*", "messages:write", "agent:reviewer"} {
		if err := a.checkScopes([]string{good}); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, says := range map[string]string{
		"message:write":   `nothing needs the scope "message:write"; a scope is an area, alone or with :read or :write, or agent:NAME; the areas are graph, messages`,
		"graph:write":     "nothing needs", // here no route does
		"graph:reed":      "nothing needs",
		"health:read":     "nothing needs",
		"api:read":        "nothing needs",
		"-":               "nothing needs",
		"agent:*":         "nothing needs",
		"agent:":          "name",
		"agent:No Spaces": "name",
	} {
		if err := a.checkScopes([]string{"graph:read", bad}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

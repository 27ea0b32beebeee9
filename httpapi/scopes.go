package httpapi

import (
	"maps"
	"slices"
	"strings"

	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/message"
)

// checkScopes refuses scopes that no route asks for: a credential with a
// mistyped one would open nothing, and say so only when it is used.
func (a *API) checkScopes(scopes []string) error {
	known := map[string]bool{"*": true}
	areas := map[string]bool{}
	for _, r := range a.table {
		if r.Public || r.scope() == AnyScope {
			continue
		}
		area, _, _ := strings.Cut(r.scope(), ":")
		known[r.scope()], known[area], known[area+":*"], areas[area] = true, true, true, true
	}
	for _, s := range scopes {
		if name, ok := strings.CutPrefix(s, agentScope); ok && s != agentScope+"*" {
			if err := message.CheckName(name); err != nil {
				return err
			}
			continue
		}
		if !known[s] {
			return Fail(access.CodeScopeInvalid, "nothing needs the scope %q; a scope is an area, alone or with :read or :write, or %sNAME; the areas are %s",
				s, agentScope, strings.Join(slices.Sorted(maps.Keys(areas)), ", ")).With("scope", s)
		}
	}
	return nil
}

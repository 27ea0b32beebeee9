package httpapi

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/access"
)

const memoryCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":`

// The memory's routes ask for roles and scopes as the graph's do, and keep
// namespaces apart.
func TestMemoryRoutes(t *testing.T) {
	testKeys := keys{
		userKey: {ID: "user", Role: access.RoleUser}, viewerKey: {ID: "viewer", Role: access.RoleViewer},
		scopedKey: {ID: "scoped", Role: access.RoleUser, Scopes: []string{"graph:read"}}, agentKey: {ID: "other", Role: access.RoleUser, Scopes: []string{"messages"}},
	}
	cfg := testConfig(io.Discard)
	cfg.Auth = testKeys
	cfg.Memory = graphsync.NewService(consensustest.New(graphsync.NewPart()))
	a := mustBuild(t, cfg)
	create := memoryCall + `"create_entities","arguments":{"entities":[{"name":"Ada","entityType":"person","observations":[]}]}}}`
	read := memoryCall + `"read_graph"}}`
	for _, c := range []struct {
		name, target, body, key string
		status                  int
		says                    string
		headers                 []string
	}{
		{"a viewer writes", "/mcp", create, viewerKey, 200, "needs the role user: this connection only reads", nil},
		{"a reading scope writes", "/mcp", create, scopedKey, 200, "needs the scope graph:write", nil},
		{"a user who gave up writing", "/mcp?read_only=true", create, userKey, 200, "made with read_only", nil},
		{"a user writes", "/mcp?session_id=team", create, userKey, 200, `"Ada\"`, nil},
		{"and reads", "/mcp?session_id=team", read, userKey, 200, `"name":"Ada"`, nil},
		{"by header", "/mcp", read, viewerKey, 200, `"name":"Ada"`, []string{"X-Session-Id: team"}},
		{"the other memory", "/mcp", read, userKey, 200, `"entities":[]`, nil},
		{"any Accept that takes JSON", "/mcp", read, scopedKey, 200, `"entities":[]`, []string{"Accept: application/json"}},
		{"another scope", "/mcp", read, agentKey, 403, "graph:read", nil},
		{"a stranger", "/mcp", read, "mk_stranger", 401, "UNAUTHORIZED", nil},
		{"no such parameter", "/mcp?namespace=x", read, userKey, 400, "namespace", nil},
		{"a bad namespace", "/mcp?session_id=" + strings.Repeat("x", 200), read, userKey, 400, "session_id", nil},
		{"a bad read_only", "/mcp?read_only=yes", read, userKey, 400, "read_only", nil},
		{"another host", "/mcp", read, userKey, 403, "WRONG_HOST", []string{"Host: evil.example"}},
		{"another origin", "/mcp", read, userKey, 403, "CROSS_ORIGIN", []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}},
		{"no JSON", "/mcp", "x", userKey, 400, "not JSON", nil},
	} {
		res := ask(t, a.Handler(), http.MethodPost, c.target, c.body, append([]string{"Authorization: Bearer " + c.key}, c.headers...)...)
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != c.status || !strings.Contains(string(body), c.says) {
			t.Errorf("%s: %d %s", c.name, res.StatusCode, body)
		}
	}
}

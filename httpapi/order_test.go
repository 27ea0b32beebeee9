package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/meshd/meshd/node/access"
)

// The middleware page as a table: what is sent, and which stage answers how.
func TestMiddlewarePage(t *testing.T) {
	h := mustBuild(t, testConfig(io.Discard)).Handler()
	const (
		bearer = "Authorization: Bearer " + userKey
		viewer = "X-API-Key: " + viewerKey
		admin  = "X-API-Token: " + adminKey
		text   = `{"text":"a"}`
	)
	big := `{"text":"` + strings.Repeat("x", 1<<20) + `"}`
	tests := []struct {
		name, method, target, body string
		header                     []string
		status                     int
		code                       string // of the refusal; "" for none
	}{
		// Host and Origin.
		{"own name", "GET", "/health", "", nil, 200, ""},
		{"own name in capitals with a dot", "GET", "/health", "", []string{"Host: NODE1.lan.:7443"}, 200, ""},
		{"own address", "GET", "/health", "", []string{"Host: 10.0.0.7:7443"}, 200, ""},
		{"any address", "GET", "/health", "", []string{"Host: 192.0.2.9"}, 200, ""},
		{"IPv6 address", "GET", "/health", "", []string{"Host: [::1]:7443"}, 200, ""},
		{"localhost", "GET", "/health", "", []string{"Host: localhost:7443"}, 200, ""},
		{"rebound name", "GET", "/health", "", []string{"Host: evil.example"}, 403, CodeWrongHost},
		{"rebound name with a credential", "GET", "/echo", "", []string{"Host: evil.example:7443", viewer}, 403, CodeWrongHost},
		{"own name as a prefix", "GET", "/health", "", []string{"Host: node1.lan.evil.example"}, 403, CodeWrongHost},
		{"write of a foreign page", "POST", "/echo/1", text, []string{bearer, "Origin: https://evil.example"}, 403, CodeCrossOrigin},
		{"write of a foreign site", "POST", "/echo/1", text, []string{bearer, "Sec-Fetch-Site: cross-site"}, 403, CodeCrossOrigin},
		{"write of an own page", "POST", "/echo/1", text, []string{bearer, "Origin: https://node1.lan:7443", "Sec-Fetch-Site: same-origin"}, 200, ""},
		{"read of a foreign page", "GET", "/echo", "", []string{viewer, "Origin: https://evil.example"}, 200, ""},
		{"WebSocket of a foreign page", "GET", "/echo", "", []string{viewer, "Upgrade: websocket", "Origin: https://evil.example"}, 403, CodeCrossOrigin},
		{"WebSocket of an own page", "GET", "/echo", "", []string{viewer, "Upgrade: websocket", "Origin: https://node1.lan:7443"}, 200, ""},

		// Slash.
		{"slash", "GET", "/echo/", "", []string{viewer}, 200, ""},
		{"slash on a write", "POST", "/echo/1/", text, []string{bearer}, 200, ""},
		{"slash on a public route", "GET", "/livez/", "", nil, 200, ""},
		{"slash with a query", "POST", "/echo/1/?loud=true", text, []string{bearer}, 200, ""},
		{"two slashes", "GET", "/echo//", "", []string{viewer}, 404, CodeNotFound},
		{"two slashes before", "GET", "//health", "", nil, 401, CodeUnauthorized},
		{"root", "GET", "/", "", []string{viewer}, 404, CodeNotFound},

		// Size.
		{"too large", "POST", "/echo/1", big, []string{bearer}, 413, CodeTooLarge},
		{"too large from a stranger", "POST", "/echo/1", big, nil, 413, CodeTooLarge},
		{"too large for a path that is none", "POST", "/nowhere", big, []string{bearer}, 413, CodeTooLarge},

		// Authentication.
		{"stranger", "GET", "/echo", "", nil, 401, CodeUnauthorized},
		{"stranger at a path that is none", "GET", "/nowhere", "", nil, 401, CodeUnauthorized},
		{"stranger with a method that is none", "PUT", "/echo", text, nil, 401, CodeUnauthorized},
		{"stranger from loopback", "GET", "/echo", "", []string{"Host: 127.0.0.1"}, 401, CodeUnauthorized},
		{"Bearer", "GET", "/echo", "", []string{bearer}, 200, ""},
		{"bearer in small letters", "GET", "/echo", "", []string{"Authorization: bearer " + userKey}, 200, ""},
		{"X-API-Key", "GET", "/echo", "", []string{viewer}, 200, ""},
		{"X-API-Token", "GET", "/echo", "", []string{admin}, 200, ""},
		{"the same twice", "GET", "/echo", "", []string{"X-API-Token: " + userKey, bearer}, 200, ""},
		{"two that differ", "GET", "/echo", "", []string{viewer, bearer}, 401, CodeUnauthorized},
		{"a good one behind a bad one", "GET", "/echo", "", []string{"Authorization: Bearer no", viewer}, 401, CodeUnauthorized},
		{"Basic", "GET", "/echo", "", []string{"Authorization: Basic YTpi"}, 401, CodeUnauthorized},
		{"Bearer and nothing", "GET", "/echo", "", []string{"Authorization: Bearer "}, 401, CodeUnauthorized},
		{"wrong key", "GET", "/echo", "", []string{"X-API-Key: " + userKey + "x"}, 401, CodeUnauthorized},
		{"endless key", "GET", "/echo", "", []string{"X-API-Key: " + strings.Repeat("k", 5000)}, 401, CodeUnauthorized},
		{"key in the query", "GET", "/echo?token=" + userKey, "", nil, 401, CodeUnauthorized},
		{"wrong key at a public route", "GET", "/health", "", []string{"X-API-Key: no"}, 200, ""},

		// Policy.
		{"viewer writes", "POST", "/echo/1", text, []string{viewer}, 403, CodeForbidden},
		{"user deletes", "DELETE", "/echo/1", "", []string{bearer}, 403, CodeForbidden},
		{"admin deletes", "DELETE", "/echo/1", "", []string{admin}, 204, ""},
		{"agent reads", "GET", "/echo", "", []string{"Authorization: Bearer " + agentKey}, 200, ""},
		{"agent writes what is for people", "POST", "/echo/1", text, []string{"Authorization: Bearer " + agentKey}, 403, CodeForbidden},
		{"agent asks who it is", "GET", "/api/auth/verify", "", []string{"Authorization: Bearer " + agentKey}, 200, ""},
		{"in scope", "GET", "/echo", "", []string{"X-API-Token: " + scopedKey}, 200, ""},
		{"out of scope", "POST", "/echo/1", text, []string{"X-API-Token: " + scopedKey}, 403, CodeForbidden},
		{"scoped asks who it is", "GET", "/api/auth/verify", "", []string{"X-API-Token: " + scopedKey}, 200, ""},

		// Router and door.
		{"no such path", "GET", "/nowhere", "", []string{viewer}, 404, CodeNotFound},
		{"no such method", "PUT", "/echo", text, []string{viewer}, 405, CodeMethodNotAllowed},
		{"invented method", "FROB", "/echo", "", []string{viewer}, 405, CodeMethodNotAllowed},
		{"no such method of a public path", "POST", "/health", text, nil, 405, CodeMethodNotAllowed},
		{"HEAD", "HEAD", "/echo", "", []string{viewer}, 200, ""},
		{"HEAD of a public path", "HEAD", "/health", "", nil, 200, ""},
		{"OPTIONS", "OPTIONS", "/echo", "", []string{viewer}, 405, CodeMethodNotAllowed},
		{"Accept JSON", "GET", "/echo", "", []string{viewer, "Accept: application/json"}, 200, ""},
		{"Accept of a browser", "GET", "/echo", "", []string{viewer, "Accept: text/html,application/xhtml+xml,*/*;q=0.8"}, 200, ""},
		{"Accept HTML only", "GET", "/echo", "", []string{viewer, "Accept: text/html"}, 406, CodeNotAcceptable},
		{"Accept anything but JSON", "GET", "/echo", "", []string{viewer, "Accept: */*, application/json;q=0"}, 406, CodeNotAcceptable},
		{"text at a route without", "GET", "/cert", "", []string{"Accept: text/plain"}, 406, CodeNotAcceptable},
		{"form", "POST", "/echo/1", "a=b", []string{bearer, "Content-Type: application/x-www-form-urlencoded"}, 415, CodeUnsupportedMediaType},
		{"text as JSON", "POST", "/echo/1", text, []string{bearer, "Content-Type: text/plain"}, 415, CodeUnsupportedMediaType},
		{"no Content-Type", "POST", "/echo/1", text, []string{bearer, "Content-Type: "}, 415, CodeUnsupportedMediaType},
		{"JSON with UTF-8", "POST", "/echo/1", text, []string{bearer, "Content-Type: application/json; charset=UTF-8"}, 200, ""},
		{"JSON in another set", "POST", "/echo/1", text, []string{bearer, "Content-Type: application/json; charset=latin1"}, 415, CodeUnsupportedMediaType},
		{"compressed", "POST", "/echo/1", text, []string{bearer, "Content-Encoding: gzip"}, 415, CodeUnsupportedMediaType},
		{"parameter twice", "GET", "/echo/1?loud=true&loud=true", text, []string{bearer}, 405, CodeMethodNotAllowed},
		{"parameter twice in a write", "POST", "/echo/1?loud=true&loud=false", text, []string{bearer}, 400, CodeInvalid},
		{"parameter twice in a plain route", "GET", "/openapi.json?a=1&a=2", "", nil, 400, CodeInvalid},
		{"unknown parameter", "GET", "/echo?frob=1", "", []string{viewer}, 400, CodeUnknownParameter},
		{"unknown parameter of a plain route", "GET", "/openapi.json?frob=1", "", nil, 400, CodeUnknownParameter},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := ask(t, h, tt.method, tt.target, tt.body, tt.header...)
			if res.StatusCode != tt.status {
				t.Errorf("status %d, want %d", res.StatusCode, tt.status)
			}
			for _, name := range []string{
				"X-Request-Id", "X-Content-Type-Options", "X-Frame-Options", "Content-Security-Policy", "Referrer-Policy", "Permissions-Policy",
			} {
				if res.Header.Get(name) == "" {
					t.Errorf("no %s", name)
				}
			}
			for name := range res.Header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("closed CORS answered %s", name)
				}
			}
			if got := res.Header.Get("Www-Authenticate"); (tt.status == 401) != (got == "Bearer") {
				t.Errorf("WWW-Authenticate is %q", got)
			}
			if got := res.Header.Get("Allow"); (tt.status == 405) != (got != "") {
				t.Errorf("Allow is %q", got)
			}
			if tt.code == "" {
				return
			}
			if e := refusal(t, res); e.Code != tt.code {
				t.Errorf("code %s, want %s: %s", e.Code, tt.code, e.Sentence)
			}
		})
	}
}

// Strangers get 401 for everything but the public routes, on the whole table.
func TestStrangersSeeThePublicRoutesOnly(t *testing.T) {
	public := map[string]bool{
		"/health": true, "/api/health": true, "/livez": true, "/readyz": true, "/cert": true, "/openapi.json": true,
	}
	a, err := New(testConfig(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	// An unlimited budget, since this asks more than a stranger may.
	a.strangers, a.guesses = newLimiter(1e9, 1<<30, 10), newLimiter(1e9, 1<<30, 10)
	if len(a.Routes()) < 9 {
		t.Fatalf("the table has %d routes", len(a.Routes()))
	}
	for _, r := range a.Routes() {
		if r.Public != public[r.Path] || (r.Public && r.Method != http.MethodGet) {
			t.Errorf("%s %s: public is %v", r.Method, r.Path, r.Public)
		}
		path := strings.NewReplacer("{", "", "}", "").Replace(r.Path)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FROB"} {
			if public[r.Path] {
				continue
			}
			for _, p := range []string{path, path + "/", path + "/more"} {
				res := ask(t, a.Handler(), method, p, "")
				if res.StatusCode != http.StatusUnauthorized {
					t.Errorf("%s %s: a stranger got %d", method, p, res.StatusCode)
				}
				if e := refusal(t, res); e.Sentence != "Missing Authorization: Bearer <api_key> header" {
					t.Errorf("%s %s: %q", method, p, e.Sentence)
				}
			}
		}
	}
}

// The socket is the operator, with no credential and under any name.
func TestSocketIsTheOperator(t *testing.T) {
	h := mustBuild(t, testConfig(io.Discard)).SocketHandler()
	res := ask(t, h, "GET", "/api/auth/verify", "", "Host: meshd")
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != 200 || !strings.Contains(string(body), `"id":"operator"`) || !strings.Contains(string(body), `"role":"admin"`) {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if res := ask(t, h, "DELETE", "/echo/1", "", "Host: meshd"); res.StatusCode != http.StatusNoContent {
		t.Errorf("the operator may not delete: %d", res.StatusCode)
	}
}

func TestRoutesThatCannotBe(t *testing.T) {
	nothing := echoRoutes()[1].mount
	tests := map[string]Route{
		"no method":           {Path: "/x", Role: access.RoleUser},
		"no role":             {Method: "GET", Path: "/x"},
		"an invented role":    {Method: "GET", Path: "/x", Role: "boss"},
		"no slash":            {Method: "GET", Path: "x", Role: access.RoleUser},
		"slash at the end":    {Method: "GET", Path: "/x/", Role: access.RoleUser},
		"public parameters":   {Method: "GET", Path: "/x/{id}", Public: true},
		"a second time":       {Method: "GET", Path: "/health", Public: true},
		"another name for it": {Method: "POST", Path: "/echo/{name}", Role: access.RoleUser},
	}
	for name, r := range tests {
		if _, err := build(testConfig(io.Discard), append(echoRoutes(), Entry{r, nothing})); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestConfigThatCannotHold(t *testing.T) {
	for name, spoil := range map[string]func(*Config){
		"no authenticator": func(c *Config) { c.Auth = nil },
		"no health":        func(c *Config) { c.Health = nil },
		"no certificate":   func(c *Config) { c.Certificate = nil },
		"no hosts":         func(c *Config) { c.Hosts = nil },
		"wrong origin":     func(c *Config) { c.Origins = []string{"https://a.example/path"} },
		"any origin":       func(c *Config) { c.Origins = []string{"*"} },
	} {
		cfg := testConfig(io.Discard)
		spoil(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	req := httptest.NewRequest("GET", "/", nil)
	if RequestID(req.Context()) != "" {
		t.Error("a request id outside of a request")
	}
	if _, ok := Principal(req.Context()); ok {
		t.Error("a caller outside of a request")
	}
}

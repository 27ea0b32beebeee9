package httpapi

import (
	"io"
	"testing"
)

func TestCORS(t *testing.T) {
	open := testConfig(io.Discard)
	open.Origins = []string{"https://app.example"}
	tests := []struct {
		name           string
		cfg            Config
		method, origin string
		status         int
		allowed        string
	}{
		{"closed, preflight", testConfig(io.Discard), "OPTIONS", "https://app.example", 204, ""},
		{"closed, request", testConfig(io.Discard), "POST", "https://app.example", 403, ""},
		{"listed, preflight", open, "OPTIONS", "https://app.example", 204, "https://app.example"},
		{"listed, request", open, "POST", "https://app.example", 200, "https://app.example"},
		{"another, preflight", open, "OPTIONS", "https://app.example.evil", 204, ""},
		{"another, request", open, "POST", "http://app.example", 403, ""},
	}
	for _, tt := range tests {
		cfg := tt.cfg
		cfg.Registerer = nil
		h := mustBuild(t, cfg).Handler()
		header, body := []string{"Origin: " + tt.origin, "Sec-Fetch-Site: cross-site", "X-API-Key: " + userKey}, `{"text":"a"}`
		if tt.method == "OPTIONS" {
			header, body = append(header[:1], "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization,content-type"), ""
		}
		res := ask(t, h, tt.method, "/echo/1", body, header...)
		if got := res.Header.Get("Access-Control-Allow-Origin"); res.StatusCode != tt.status || got != tt.allowed {
			t.Errorf("%s: %d, allowed %q", tt.name, res.StatusCode, got)
		}
		if res.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: cookies are never wanted", tt.name)
		}
	}
	// A page may read why it was refused.
	open.Registerer = nil
	res := ask(t, mustBuild(t, open).Handler(), "GET", "/echo", "", "Origin: https://app.example")
	if res.StatusCode != 401 || res.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("an error lacks the permission: %d", res.StatusCode)
	}
}

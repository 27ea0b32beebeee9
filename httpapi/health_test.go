package httpapi

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
)

func TestHealthOverTLS(t *testing.T) {
	a := mustBuild(t, testConfig(io.Discard))
	url, client := serveTLS(t, a)
	for _, path := range []string{"/health", "/api/health", "/health/"} {
		res, err := client.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		var body HealthBody
		if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 || body.Status != "healthy" || body.Version != "1.2.3" || body.ActiveSessions != 3 {
			t.Errorf("%s: %s %d %+v", path, res.Proto, res.StatusCode, body)
		}
		if res.Header.Get("Strict-Transport-Security") == "" {
			t.Error("no HSTS over TLS")
		}
	}
}

func TestProbes(t *testing.T) {
	cfg := testConfig(io.Discard)
	h := mustBuild(t, cfg).Handler()
	for _, path := range []string{"/health", "/api/health", "/livez", "/readyz"} {
		res := ask(t, h, "GET", path, "", "Accept: text/plain")
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != 200 || string(body) != "ok" || res.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s: %d %q %q", path, res.StatusCode, body, res.Header.Get("Content-Type"))
		}
	}
	cfg = testConfig(io.Discard)
	cfg.Health = nodeHealth{notReady: errBroken}
	h = mustBuild(t, cfg).Handler()
	res := ask(t, h, "GET", "/readyz", "", "Accept: text/plain")
	if e := refusal(t, res); e.Code != CodeNotReady || e.Sentence != errBroken.Error() || res.Header.Get("Retry-After") != "1" {
		t.Errorf("not ready: %+v", e)
	}
	if res := ask(t, h, "GET", "/livez", ""); res.StatusCode != 200 {
		t.Errorf("a node that is not ready is alive: %d", res.StatusCode)
	}
}

func TestCertificateIsPublic(t *testing.T) {
	res := ask(t, mustBuild(t, testConfig(io.Discard)).Handler(), "GET", "/cert", "")
	var got map[string]any
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"fingerprint", "spki_sha256", "certificate_pem", "subject", "san", "not_before", "not_after"} {
		if _, ok := got[name]; !ok {
			t.Errorf("no %s in %v", name, got)
		}
	}
}

package httpapi

import (
	"strings"
	"testing"
)

// Whatever a client puts where, no credential and no body reaches the log.
func TestNothingSecretIsLogged(t *testing.T) {
	var logs lockedBuffer
	h := mustBuild(t, testConfig(&logs)).Handler()
	body := `{"text":"s3cret body"}`
	for _, header := range []string{
		"Authorization: Bearer " + userKey, "X-API-Key: " + userKey, "X-API-Token: " + userKey,
		"Authorization: Bearer wrong-s3cret", "Authorization: Basic s3cret", "X-API-Key: s3cret s3cret", "X-API-Key: " + strings.Repeat("s3cret", 1000),
		"Cookie: session=s3cret", "Idempotency-Key: s3cret",
	} {
		ask(t, h, "POST", "/echo/1", body, header)
		ask(t, h, "POST", "/echo/1?loud=true&token=s3cret", body, header)
		ask(t, h, "POST", "/echo/s3cret-not-a-number"[:6]+"1", `{"text":"s3cret`, header)
	}
	ask(t, h, "GET", "/"+userKey, "")
	ask(t, h, "GET", "/x/mesh1.s3cret.s3cret/y", "")
	got := logs.String()
	if strings.Contains(got, "s3cret") {
		for line := range strings.Lines(got) {
			if strings.Contains(line, "s3cret") {
				t.Errorf("logged: %s", line)
			}
		}
	}
	for _, want := range []string{`"route":"/echo/{id}"`, `"path":"/echo/1"`, `"caller":"user"`, `"status":401`, `"from":"192.0.2.1"`, `"path":"/mk_…"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}

func TestLogLinesAreBounded(t *testing.T) {
	var logs lockedBuffer
	h := mustBuild(t, testConfig(&logs)).Handler()
	ask(t, h, strings.Repeat("M", 5000), "/"+strings.Repeat("p", 50_000), "", "User-Agent: "+strings.Repeat("u", 50_000))
	if n := len(logs.String()); n > 2000 || n == 0 {
		t.Errorf("a line of %d bytes", n)
	}
}

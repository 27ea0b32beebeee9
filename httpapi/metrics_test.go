package httpapi

import (
	"io"
	"strings"
	"testing"
)

func TestMetricsHaveBoundedLabels(t *testing.T) {
	h := mustBuild(t, testConfig(io.Discard)).Handler()
	key := "X-API-Key: " + userKey
	ask(t, h, "POST", "/echo/12345", `{"text":"a"}`, key)
	ask(t, h, "FROB", "/echo", "", key)
	ask(t, h, "GET", "/nowhere/at-all", "", key)
	res := ask(t, h, "GET", "/metrics", "", key, "Accept: text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res.StatusCode, err, string(body))
	}
	for _, want := range []string{
		`meshd_http_requests_total{method="POST",route="/echo/{id}",status="200"} 1`,
		`meshd_http_requests_total{method="OTHER",route="unmatched",status="405"} 1`,
		`meshd_http_requests_total{method="GET",route="unmatched",status="404"} 1`,
		`meshd_http_request_seconds_count{method="POST",route="/echo/{id}"} 1`,
		"meshd_http_in_flight 1",
	} {
		if !strings.Contains(string(body), want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
	if strings.Contains(string(body), "12345") || strings.Contains(string(body), "FROB") {
		t.Error("a client chose a label")
	}
}

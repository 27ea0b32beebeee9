package httpapi

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/node/access"
)

func TestBodyLimits(t *testing.T) {
	small := Op(Route{Method: "POST", Path: "/small", Role: access.RoleUser, MaxBody: 32}, func(_ context.Context, in *struct {
		Body struct {
			Text string `json:"text"`
		}
	}) (*statusOutput, error) {
		return &statusOutput{StatusBody{in.Body.Text}}, nil
	})
	a := mustBuild(t, testConfig(io.Discard), small)
	url, client := serveTLS(t, a)
	for _, tt := range []struct {
		size    int // of the whole body
		chunked bool
		status  int
	}{
		{32, false, 200}, {33, false, 413}, {32, true, 200}, {33, true, 413}, {1 << 16, true, 413},
	} {
		body := `{"text":"` + strings.Repeat("x", tt.size-11) + `"}`
		var r io.Reader = strings.NewReader(body)
		if tt.chunked {
			r = io.MultiReader(r) // hides the length
		}
		req, err := http.NewRequest("POST", url+"/small", r)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-API-Key", userKey)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != tt.status {
			t.Errorf("%d bytes, chunked %v: %d", tt.size, tt.chunked, res.StatusCode)
		}
		if tt.status == 413 {
			if e := refusal(t, res); e.Details["limit_bytes"] != 32.0 {
				t.Errorf("details are %v", e.Details)
			}
		}
		res.Body.Close()
	}
}

func TestTimeouts(t *testing.T) {
	wait := func(ctx context.Context, _ *none) (*statusOutput, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	var endless bool
	h := mustBuild(t, testConfig(io.Discard),
		Op(Route{Method: "GET", Path: "/slow", Role: access.RoleViewer, Timeout: time.Millisecond}, wait),
		Plain(Route{Method: "GET", Path: "/stream", Role: access.RoleViewer, Timeout: -1, Produces: []string{"text/event-stream"}}, func(c *gin.Context) {
			_, limited := c.Request.Context().Deadline()
			endless = !limited
			c.Status(http.StatusOK)
		}),
	).Handler()
	if e := refusal(t, ask(t, h, "GET", "/slow", "", "X-API-Key: "+viewerKey)); e.Code != CodeTimeout {
		t.Errorf("code %s", e.Code)
	}
	if ask(t, h, "GET", "/stream", "", "X-API-Key: "+viewerKey, "Accept: text/event-stream"); !endless {
		t.Error("a stream has a deadline")
	}
	if res := ask(t, h, "HEAD", "/stream", "", "X-API-Key: "+viewerKey); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("HEAD of a stream: %d", res.StatusCode)
	}
}

// held is a route whose requests wait until release is closed.
func held(release <-chan struct{}) (Entry, <-chan struct{}) {
	inside := make(chan struct{}, 8)
	return Op(Route{Method: "GET", Path: "/held", Role: access.RoleViewer}, func(ctx context.Context, _ *none) (*statusOutput, error) {
		inside <- struct{}{}
		select {
		case <-release:
			return &statusOutput{StatusBody{"done"}}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}), inside
}

func TestOverloadRefusesAndProbesPass(t *testing.T) {
	release := make(chan struct{})
	route, inside := held(release)
	cfg := testConfig(io.Discard)
	cfg.MaxInFlight = 1
	h := mustBuild(t, cfg, route).Handler()
	done := make(chan int, 1)
	go func() { done <- ask(t, h, "GET", "/held", "", "X-API-Key: "+viewerKey).StatusCode }()
	<-inside
	res := ask(t, h, "GET", "/echo", "", "X-API-Key: "+viewerKey)
	if e := refusal(t, res); e.Code != CodeOverloaded || res.Header.Get("Retry-After") == "" {
		t.Errorf("full: %+v", e)
	}
	if res := ask(t, h, "GET", "/livez", ""); res.StatusCode != 200 {
		t.Errorf("a probe of a full node got %d", res.StatusCode)
	}
	close(release)
	if status := <-done; status != 200 {
		t.Errorf("the one inside got %d", status)
	}
	if res := ask(t, h, "GET", "/echo", "", "X-API-Key: "+viewerKey); res.StatusCode != 200 {
		t.Errorf("after: %d", res.StatusCode)
	}
}

func TestCloseWaitsForWork(t *testing.T) {
	release := make(chan struct{})
	route, inside := held(release)
	a := mustBuild(t, testConfig(io.Discard), route)
	done := make(chan int, 1)
	go func() { done <- ask(t, a.Handler(), "GET", "/held", "", "X-API-Key: "+viewerKey).StatusCode }()
	<-inside
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := a.Close(ended); err == nil {
		t.Error("closed over a request at work")
	}
	select {
	case <-a.Closing():
	default:
		t.Error("streams were not told")
	}
	if e := refusal(t, ask(t, a.Handler(), "GET", "/readyz", "")); e.Code != CodeClosing {
		t.Errorf("a stopping node says %s", e.Code)
	}
	close(release)
	ctx, cancel := context.WithTimeout(context.Background(), until)
	defer cancel()
	if err := a.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if status := <-done; status != 200 {
		t.Errorf("the one inside got %d", status)
	}
	if err := a.Close(ctx); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

package httpapi

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/meshd/meshd/node/access"
)

// largeRoute reads a body whole, and holds it until it may go on.
func largeRoute(entered chan<- struct{}, leave <-chan struct{}) Entry {
	type input struct {
		Body struct {
			Text string `json:"text"`
		}
	}
	return Op(Route{Method: "POST", Path: "/large", Role: access.RoleUser, MaxBody: 16 << 20}, func(context.Context, *input) (*struct{}, error) {
		entered <- struct{}{}
		<-leave
		return nil, nil
	})
}

// Large bodies share one room, whether their length is told or not; small ones
// never need it, and it is given back.
func TestLargeBodiesShareARoom(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	a := mustBuild(t, testConfig(io.Discard), largeRoute(entered, leave))
	a.room = newRoom(5 << 20)
	text := func(size int) string { return `{"text":"` + strings.Repeat("x", size) + `"}` }
	post := func(body string, told bool) *http.Response {
		r := httptest.NewRequest("POST", "/large", struct{ io.Reader }{strings.NewReader(body)})
		r.ContentLength = -1
		if told {
			r.ContentLength = int64(len(body))
		}
		r.Host = "node1.lan"
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-API-Key", userKey)
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, r)
		return w.Result()
	}
	for _, told := range []bool{true, false} {
		first := make(chan *http.Response)
		go func() { first <- post(text(3<<20), told) }()
		<-entered
		for _, again := range []bool{true, false} {
			res := post(text(3<<20), again)
			if e := refusal(t, res); e.Code != CodeOverloaded || res.Header.Get("Retry-After") == "" {
				t.Errorf("told %v: %+v", again, e)
			}
		}
		small := make(chan *http.Response)
		go func() { small <- post(text(1000), told) }()
		<-entered
		leave <- struct{}{}
		leave <- struct{}{}
		if a, b := (<-small).StatusCode, (<-first).StatusCode; a != 204 || b != 204 {
			t.Errorf("%d %d", a, b)
		}
		if left := a.room.left.Load(); left != 5<<20 {
			t.Errorf("%d bytes of room are left", left)
		}
	}
}

func TestAnAgentsScope(t *testing.T) {
	for wanted, want := range map[string]bool{"messages:read": true, "messages:write": true, "agents:write": true, "graph:read": false, "apikeys:write": false} {
		if inScope([]string{"agent:reviewer"}, wanted) != want {
			t.Errorf("%s: %v", wanted, !want)
		}
	}
}

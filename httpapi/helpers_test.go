package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/identity"
)

// keys maps credentials to callers.
type keys map[string]access.Principal

func (k keys) Authenticate(credential string) (access.Principal, error) {
	if c, ok := k[credential]; ok {
		return c, nil
	}
	return access.Principal{}, access.ErrBadCredential
}

type nodeHealth struct{ notReady error }

func (h nodeHealth) Ready() error        { return h.notReady }
func (h nodeHealth) ActiveSessions() int { return 3 }
func (h nodeHealth) Detail(context.Context) (map[string]any, error) {
	return map[string]any{"raft": "fine"}, nil
}

// lockedBuffer takes log lines from the server's goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const (
	adminKey  = "mk_admin_s3cretadmins3cretadmin"
	userKey   = "mk_user_s3cretusers3cretuser"
	viewerKey = "mk_viewer_s3cretviewers3cret"
	agentKey  = "ic_agent_s3cretagents3cret"
	scopedKey = "at_scoped_s3cretscoped"
)

var testKeys = keys{
	adminKey:  {ID: "admin", Name: "boss", Role: access.RoleAdmin},
	userKey:   {ID: "user", Role: access.RoleUser},
	viewerKey: {ID: "viewer", Role: access.RoleViewer},
	agentKey:  {ID: "agent", Role: access.RoleAgent},
	scopedKey: {ID: "scoped", Role: access.RoleUser, Scopes: []string{"echo:read"}},
}

type echoInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Loud bool  `query:"loud"`
	Body struct {
		Text string `json:"text" maxLength:"100"`
		Deep struct {
			Count int `json:"count,omitempty"`
		} `json:"deep,omitempty"`
	}
}

type echoOutput struct {
	Body struct {
		ID      int64  `json:"id"`
		Text    string `json:"text"`
		Request string `json:"request"`
	}
}

// echo routes stand for the route groups of other files.
func echoRoutes() []Entry {
	return []Entry{
		Op(Route{Method: http.MethodPost, Path: "/echo/{id}", Role: access.RoleUser}, func(ctx context.Context, in *echoInput) (*echoOutput, error) {
			out := &echoOutput{}
			out.Body.ID, out.Body.Text, out.Body.Request = in.ID, in.Body.Text, RequestID(ctx)
			return out, nil
		}),
		Op(Route{Method: http.MethodGet, Path: "/echo", Role: access.RoleViewer}, func(context.Context, *none) (*statusOutput, error) {
			return &statusOutput{StatusBody{"echo"}}, nil
		}),
		Op(Route{Method: http.MethodDelete, Path: "/echo/{id}", Role: access.RoleAdmin}, func(context.Context, *struct {
			ID int64 `path:"id"`
		}) (*struct{}, error) {
			return &struct{}{}, nil
		}),
	}
}

func testConfig(logs io.Writer) Config {
	registry := prometheus.NewRegistry()
	return Config{
		Version:    "1.2.3",
		Auth:       testKeys,
		Health:     nodeHealth{},
		Hosts:      func() []string { return []string{"node1.lan", "10.0.0.7"} },
		Gatherer:   registry,
		Registerer: registry,
		Logger:     slog.New(slog.NewJSONHandler(logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Certificate: func() identity.CertificateInfo {
			return identity.CertificateInfo{Fingerprint: "AA:BB", SPKISHA256: "cGlu", SAN: []string{"node1.lan"}}
		},
	}
}

func mustBuild(t testing.TB, cfg Config, more ...Entry) *API {
	t.Helper()
	a, err := build(cfg, append(echoRoutes(), more...))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// serveTLS serves the API's clients' port and returns a client for it.
func serveTLS(t testing.TB, a *API) (url string, client *http.Client) {
	t.Helper()
	s := httptest.NewUnstartedServer(a.Handler())
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL, s.Client()
}

// ask sends one request; header lines are "Name: value", a body of "" is none.
func ask(t testing.TB, h http.Handler, method, target, body string, header ...string) *http.Response {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, reader)
	r.Host = "node1.lan:7443"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		switch {
		case name == "Host":
			r.Host = value
		case value == "":
			r.Header.Del(name)
		default:
			r.Header.Set(name, value)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// refusal reads an error answer and checks its shape.
func refusal(t testing.TB, res *http.Response) *Error {
	t.Helper()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatalf("status %d: not an error of ours: %q", res.StatusCode, data)
	}
	for _, name := range []string{"error", "code", "details", "request_id"} {
		if _, ok := fields[name]; !ok || len(fields) != 4 {
			t.Fatalf("status %d: fields of the error are %s", res.StatusCode, data)
		}
	}
	if ct := res.Header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("Content-Type of an error is %q", ct)
	}
	e := &Error{}
	if err := json.Unmarshal(data, e); err != nil {
		t.Fatal(err)
	}
	if e.RequestID == "" || e.RequestID != res.Header.Get("X-Request-Id") {
		t.Errorf("request id is %q, header %q", e.RequestID, res.Header.Get("X-Request-Id"))
	}
	if e.Sentence == "" {
		t.Error("the error has no sentence")
	}
	if e.GetStatus() != res.StatusCode {
		t.Errorf("code %s came with status %d", e.Code, res.StatusCode)
	}
	return e
}

var errBroken = errors.New("broken on purpose")

// until bounds the waits of tests.
const until = time.Minute

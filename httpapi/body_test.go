package httpapi

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// deadlines notes what is set on a connection.
type deadlines struct {
	http.ResponseWriter
	read, write []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error  { d.read = append(d.read, t); return nil }
func (d *deadlines) SetWriteDeadline(t time.Time) error { d.write = append(d.write, t); return nil }

// The deadline for the body must be gone when the handler waits, else it would
// cancel the request; the one for the answer must not reach the next request.
func TestDeadlinesAreTakenOff(t *testing.T) {
	h := mustBuild(t, testConfig(io.Discard)).Handler()
	d := &deadlines{ResponseWriter: httptest.NewRecorder()}
	r := httptest.NewRequest("POST", "/echo/1", io.NopCloser(strings.NewReader(`{"text":"a"}`)))
	r.Host = "localhost"
	r.Header.Set("X-API-Key", userKey)
	r.Header.Set("Content-Type", "application/json")
	h.ServeHTTP(d, r)
	for name, set := range map[string][]time.Time{"read": d.read, "write": d.write} {
		if len(set) < 2 || set[0].IsZero() || !set[len(set)-1].IsZero() {
			t.Errorf("%s deadlines: %v", name, set)
		}
	}
}

// Whatever the body, the answer is a 200 or a refusal of ours, and a field that
// the input does not have is never taken.
func FuzzBody(f *testing.F) {
	for _, s := range []string{
		`{"text":"a"}`, `{"text":"a","deep":{"count":1}}`, `{"txet":1}`, `{"text":"a"}{}`, `[]`, `null`, `{`, "\xff",
		`{"text":"\ud800"}`, `{"text":"a","deep":{"count":1e99}}`, strings.Repeat("[", 1000), `{"a.b":1,"":2}`,
	} {
		f.Add([]byte(s))
	}
	cfg := testConfig(io.Discard)
	h := mustBuild(f, cfg).Handler()
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) == 0 {
			return
		}
		res := ask(t, h, "POST", "/echo/1", string(body), "X-API-Key: "+userKey)
		switch res.StatusCode {
		case http.StatusOK:
			var fields map[string]json.RawMessage
			if err := json.Unmarshal(body, &fields); err != nil {
				t.Fatalf("%q was taken", body)
			}
			for name := range fields {
				if !strings.EqualFold(name, "text") && !strings.EqualFold(name, "deep") {
					t.Errorf("the field %q was taken", name)
				}
			}
		case http.StatusBadRequest:
			if e := refusal(t, res); len(e.Sentence) > 500 {
				t.Errorf("a sentence of %d bytes", len(e.Sentence))
			}
		default:
			t.Errorf("%q: %d", body, res.StatusCode)
		}
	})
}

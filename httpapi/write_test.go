package httpapi

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
)

type writeTest struct {
	WriteInput
	MatchInput
	ID   string `path:"id"`
	Q    string `query:"q"`
	Body struct {
		Text string `json:"text"`
	}
}

type writeTestOutput struct {
	WriteOutput
	Body StatusBody
}

func TestIdempotencyKeys(t *testing.T) {
	var got *consensus.IdempotencyKey
	write := func(ctx context.Context, _ *writeTest) (*writeTestOutput, error) {
		k, err := Idempotency(ctx)
		got = k
		return &writeTestOutput{Wrote(consensus.Outcome{Revision: 9, Replayed: k != nil}), StatusBody{"written"}}, err
	}
	h := mustBuild(t, testConfig(io.Discard),
		Op(Route{Method: "POST", Path: "/things/{id}", Role: access.RoleUser}, write),
		Op(Route{Method: "PUT", Path: "/things/{id}", Role: access.RoleUser}, write),
		Plain(Route{Method: "DELETE", Path: "/things/{id}", Role: access.RoleUser}, func(c *gin.Context) {
			k, err := Idempotency(c.Request.Context())
			if err != nil {
				return
			}
			got = k
			SetOutcome(c.Writer.Header(), consensus.Outcome{Revision: 9, Replayed: k != nil})
			c.Status(http.StatusNoContent)
		}),
	).Handler()
	key := func(method, target, credential, idem, body string) *consensus.IdempotencyKey {
		t.Helper()
		got = nil
		res := ask(t, h, method, target, body, "X-API-Key: "+credential, "Idempotency-Key: "+idem)
		if res.StatusCode >= 300 {
			t.Fatalf("%s %s: %d %+v", method, target, res.StatusCode, refusal(t, res))
		}
		if (res.Header.Get("Idempotency-Replayed") == "true") != (idem != "") || res.Header.Get("X-Mesh-Revision") != "9" {
			t.Errorf("%s %s: %v", method, target, res.Header)
		}
		return got
	}
	const body = `{"text":"a"}`
	first := key("POST", "/things/1", userKey, "k", body)
	if first.Key != "k" || len(first.Scope) != 64 || *key("POST", "/things/1/", userKey, "k", body) != *first {
		t.Errorf("the same request has another key: %+v", first)
	}
	if key("POST", "/things/1", userKey, "", body) != nil {
		t.Error("a key out of nothing")
	}
	for name, other := range map[string]*consensus.IdempotencyKey{
		"another caller": key("POST", "/things/1", adminKey, "k", body),
		"another path":   key("POST", "/things/2", userKey, "k", body),
		"another method": key("PUT", "/things/1", userKey, "k", body),
		"no body":        key("DELETE", "/things/1", userKey, "k", ""),
	} {
		if other.Scope == first.Scope {
			t.Errorf("%s: the same scope", name)
		}
	}
	for name, other := range map[string]*consensus.IdempotencyKey{
		"another body":  key("POST", "/things/1", userKey, "k", `{"text":"b"}`),
		"another query": key("POST", "/things/1?q=1", userKey, "k", body),
	} {
		if other.Scope != first.Scope || other.BodyHash == first.BodyHash {
			t.Errorf("%s: %+v beside %+v", name, other, first)
		}
	}
	for _, bad := range []string{"with space", strings.Repeat("k", 256), "ü"} {
		res := ask(t, h, "POST", "/things/1", body, "X-API-Key: "+userKey, "Idempotency-Key: "+bad)
		if e := refusal(t, res); e.Code != CodeInvalid || e.Details["field"] != "header.Idempotency-Key" {
			t.Errorf("%q: %s %v", bad, e.Code, e.Details)
		}
	}
}

func TestIfMatch(t *testing.T) {
	for header, want := range map[string]Match{
		"": {}, "*": {Set: true, Any: true}, "7": {Set: true, Version: 7}, `"7"`: {Set: true, Version: 7}, ` "8" `: {Set: true, Version: 8},
		ETag(9): {Set: true, Version: 9},
	} {
		if got, err := (MatchInput{header}).Match(); err != nil || got != want {
			t.Errorf("%q: %+v %v", header, got, err)
		}
	}
	for _, header := range []string{`W/"7"`, `"7", "8"`, `"`, `""`, "-1", "abc", "18446744073709551616"} {
		if got, err := (MatchInput{header}).Match(); err == nil || got != (Match{}) {
			t.Errorf("%q: %+v %v", header, got, err)
		}
	}
}

func FuzzIdempotency(f *testing.F) {
	f.Add("key", "/graph/nodes/1", "q=1", "admin")
	f.Add("", "", "", "")
	f.Add(strings.Repeat("k", 256), "/", "", "x")
	f.Fuzz(func(t *testing.T, key, path, query, id string) {
		x := &exchange{method: "POST", path: path, query: query, keys: []string{key}, caller: access.Principal{ID: id}}
		k, err := Idempotency(context.WithValue(context.Background(), exchangeKey{}, x))
		switch {
		case err != nil && k != nil, key == "" && k != nil:
			t.Errorf("%+v %v", k, err)
		case k != nil && (k.Key != key || len(k.Key) > 255 || len(k.Scope) != 64):
			t.Errorf("%+v", k)
		}
	})
}

func FuzzIfMatch(f *testing.F) {
	for _, s := range []string{"", "*", `"1"`, `W/"1"`, `"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		m, err := MatchInput{header}.Match()
		if err != nil && m != (Match{}) {
			t.Errorf("refused with %+v", m)
		}
		if err == nil && m.Set && !m.Any {
			if again, err := (MatchInput{ETag(m.Version)}).Match(); err != nil || again != m {
				t.Errorf("%q does not come back: %+v", header, again)
			}
		}
	})
}

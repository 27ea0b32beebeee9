package httpapi

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/meshd/meshd/node/access"
)

func TestRequestIDs(t *testing.T) {
	type correlated struct{}
	cfg := testConfig(io.Discard)
	cfg.RequestIDHeader = "X-Trace"
	cfg.Correlate = func(ctx context.Context, id string) context.Context { return context.WithValue(ctx, correlated{}, id) }
	var below any
	h := mustBuild(t, cfg, Op(Route{Method: "GET", Path: "/id", Role: access.RoleViewer}, func(ctx context.Context, _ *none) (*statusOutput, error) {
		below = ctx.Value(correlated{})
		return &statusOutput{StatusBody{RequestID(ctx)}}, nil
	})).Handler()
	for id, kept := range map[string]bool{
		"a": true, "abc-123:~!": true, strings.Repeat("x", 128): true,
		"": false, strings.Repeat("x", 129): false, "with space": false, "line\nbreak": false, "ümlaut": false, "tab\t": false, "\x7f": false,
	} {
		res := ask(t, h, "GET", "/id", "", "X-API-Key: "+viewerKey, "X-Trace: "+id)
		got := res.Header.Get("X-Trace")
		if (got == id) != kept || !usableID(got) || below != got {
			t.Errorf("%q: answered with %q, handed down %v", id, got, below)
		}
	}
}

func FuzzUsableID(f *testing.F) {
	for _, s := range []string{"", "a", "a b", "\x00", strings.Repeat("~", 129)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if usableID(s) && (len(s) == 0 || len(s) > 128 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })) {
			t.Errorf("%q accepted", s)
		}
	})
}

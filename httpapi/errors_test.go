package httpapi

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/wire"
)

// What NO_LEADER says fits the voters it counts.
func TestNoLeaderFitsItsDetails(t *testing.T) {
	for _, tt := range []struct {
		alive int
		want  string
		next  string
	}{{1, "no leader is known: most voters cannot be reached", "which nodes are missing"}, {3, "no leader answers", "in some seconds"}} {
		cfg := testConfig(io.Discard)
		cfg.NoLeader = func() map[string]any { return map[string]any{"voters_alive": tt.alive, "voters_needed": 2} }
		e := mustBuild(t, cfg).asError(t.Context(), fmt.Errorf("reading: %w", consensus.ErrNoLeader))
		next, _ := e.Details["next"].(string)
		if e.Sentence != tt.want || !strings.Contains(next, tt.next) || e.Details["voters_alive"] != tt.alive {
			t.Errorf("%d alive: %q %v", tt.alive, e.Sentence, e.Details)
		}
	}
}

func TestErrorsOfBelow(t *testing.T) {
	var logs lockedBuffer
	cfg := testConfig(&logs)
	cfg.NoLeader = func() map[string]any {
		return map[string]any{"voters_alive": 1, "voters_needed": 2, "unreachable": []string{"node3"}}
	}
	var fail error
	h := mustBuild(t, cfg, Op(Route{Method: "GET", Path: "/fail", Role: access.RoleViewer},
		func(context.Context, *none) (*statusOutput, error) { return nil, fail })).Handler()
	tests := []struct {
		err    error
		status int
		code   string
		retry  string
	}{
		{consensus.ErrNoLeader, 503, "NO_LEADER", "1"},
		{consensus.ErrOverloaded, 503, "OVERLOADED", "1"},
		{consensus.ErrTooLarge, 413, "TOO_LARGE", ""},
		{consensus.ErrUnknown, 503, "OUTCOME_UNKNOWN", ""},
		{fmt.Errorf("%w: %w", consensus.ErrUnknown, context.DeadlineExceeded), 503, "OUTCOME_UNKNOWN", ""},
		{fmt.Errorf("%w: %w", consensus.ErrNoLeader, consensus.ErrUnknown), 503, "OUTCOME_UNKNOWN", ""},
		{consensus.ErrBehind, 503, "BEHIND", "1"},
		{consensus.ErrAhead, 400, "AHEAD", ""},
		{consensus.ErrStateFault, 503, "STATE_FAULT", "5"},
		{consensus.ErrDiskFull, 507, "DISK_FULL", ""},
		{consensus.ErrClosed, 503, "CLOSING", "1"},
		{context.DeadlineExceeded, 504, "TIMEOUT", ""},
		{context.Canceled, 499, "CLIENT_CLOSED", ""},
		{access.ErrBadCredential, 401, "UNAUTHORIZED", ""},
		{&wire.DialError{}, 503, "NODE_UNREACHABLE", "1"},
		{fmt.Errorf("%w: %w", wire.ErrLost, wire.ErrTimeout), 503, "OUTCOME_UNKNOWN", ""},
		{&wire.RemoteError{Code: "AGENT_GONE", Sentence: "it left"}, 410, "AGENT_GONE", ""},
		{consensus.Refuse("UNKNOWN_ADDRESS", "no agent of that name"), 404, "UNKNOWN_ADDRESS", ""},
		{consensus.Refuse("AGENT_GONE", "it left"), 410, "AGENT_GONE", ""},
		{consensus.Refuse("IDEMPOTENCY_IN_FLIGHT", "at work"), 409, "IDEMPOTENCY_IN_FLIGHT", "1"},
		{consensus.Refuse("NEVER_HEARD_OF", "no"), 409, "CONFLICT", ""},
		{fmt.Errorf("asking: %w", Fail(CodePreconditionFailed, "")), 412, "PRECONDITION_FAILED", ""},
		{Fail(CodeOverloaded, "").RetryAfter(1500 * time.Millisecond), 503, "OVERLOADED", "2"},
		{errBroken, 500, "INTERNAL", ""},
	}
	for _, tt := range tests {
		fail = fmt.Errorf("reading: %w", tt.err)
		res := ask(t, h, "GET", "/fail", "", "Authorization: Bearer "+viewerKey)
		e := refusal(t, res)
		if res.StatusCode != tt.status || e.Code != tt.code || res.Header.Get("Retry-After") != tt.retry {
			t.Errorf("%v: %d %s Retry-After %q, want %d %s %q", tt.err, res.StatusCode, e.Code, res.Header.Get("Retry-After"), tt.status, tt.code, tt.retry)
		}
		var r *consensus.Refusal
		if errors.As(tt.err, &r) && e.Sentence != r.Sentence {
			t.Errorf("the refusal's sentence %q became %q", r.Sentence, e.Sentence)
		}
		switch tt.code {
		case "NO_LEADER":
			if e.Details["voters_needed"] != 2.0 {
				t.Errorf("details of NO_LEADER are %v", e.Details)
			}
		case "CONFLICT":
			if e.Details["reason"] != "NEVER_HEARD_OF" {
				t.Errorf("details of an unknown refusal are %v", e.Details)
			}
		case "INTERNAL":
			if strings.Contains(e.Sentence, "broken") {
				t.Errorf("an internal error told its reason: %q", e.Sentence)
			}
			if !strings.Contains(logs.String(), errBroken.Error()) {
				t.Error("an internal error was not logged")
			}
		}
	}
}

func TestCatalogueIsWellFormed(t *testing.T) {
	shape := regexp.MustCompile(`^[A-Z]+(_[A-Z]+)*$`)
	for code, m := range catalogue {
		if !shape.MatchString(code) || m.text == "" || m.status < 400 || m.status > 599 || m.status == 422 {
			t.Errorf("%s: %+v", code, m)
		}
		if (m.status == http.StatusTooManyRequests) && m.retry == 0 {
			t.Errorf("%s lacks a Retry-After", code)
		}
	}
	for status := 400; status < 600; status++ {
		if _, ok := catalogue[codeOf(status)]; !ok {
			t.Errorf("status %d has the code %s, which is not in the catalogue", status, codeOf(status))
		}
	}
}

// Every code that a part refuses with must have its line in the catalogue, or
// clients cannot rely on it.
func TestRefusalsAreInTheCatalogue(t *testing.T) {
	for _, dir := range []string{"../consensus", "../graphsync", "../node", "."} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			src, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, src, parser.SkipObjectResolution)
			if err != nil {
				return nil // the compiler will say it better
			}
			ast.Inspect(file, func(n ast.Node) bool {
				for _, code := range codesIn(n) {
					if _, ok := catalogue[code]; !ok {
						t.Errorf("%s: %s has no line in catalogue.go", path, code)
					}
				}
				return true
			})
			return nil
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

// codesIn finds `CodeX = "…"`, consensus.Refuse("…", …) and Refusal{Code: "…"}.
func codesIn(n ast.Node) (codes []string) {
	add := func(e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				codes = append(codes, s)
			}
		}
	}
	switch n := n.(type) {
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if strings.HasPrefix(name.Name, "Code") && i < len(n.Values) {
				add(n.Values[i])
			}
		}
	case *ast.CallExpr:
		if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Refuse" && len(n.Args) == 2 {
			add(n.Args[0])
		}
	case *ast.CompositeLit:
		typ := n.Type
		if sel, ok := typ.(*ast.SelectorExpr); ok {
			typ = sel.Sel
		}
		if id, ok := typ.(*ast.Ident); !ok || id.Name != "Refusal" {
			return nil
		}
		for _, e := range n.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				if k, ok := kv.Key.(*ast.Ident); ok && k.Name == "Code" {
					add(kv.Value)
				}
			}
		}
	}
	return codes
}

func TestBodiesAreRefusedByName(t *testing.T) {
	h := mustBuild(t, testConfig(io.Discard)).Handler()
	tests := []struct {
		name, target, body string
		code, field        string
	}{
		{"not JSON", "/echo/1", `{"text":`, "MALFORMED", "body"},
		{"two values", "/echo/1", `{"text":"a"} {}`, "MALFORMED", "body"},
		{"not an object", "/echo/1", `[1]`, "INVALID", "body"},
		{"unknown field", "/echo/1", `{"text":"a","txet":"b"}`, "UNKNOWN_FIELD", "body.txet"},
		{"unknown field below", "/echo/1", `{"text":"a","deep":{"cuont":1}}`, "UNKNOWN_FIELD", "body.deep.cuont"},
		{"missing field", "/echo/1", `{}`, "INVALID", "body.text"},
		{"wrong type", "/echo/1", `{"text":5}`, "INVALID", "body.text"},
		{"too long", "/echo/1", `{"text":"` + strings.Repeat("x", 101) + `"}`, "INVALID", "body.text"},
		{"wrong path", "/echo/none", `{"text":"a"}`, "INVALID", "path.id"},
		{"path below minimum", "/echo/0", `{"text":"a"}`, "INVALID", "path.id"},
		{"unknown parameter", "/echo/1?lood=true", `{"text":"a"}`, "UNKNOWN_PARAMETER", "query.lood"},
		{"wrong parameter", "/echo/1?loud=perhaps", `{"text":"a"}`, "INVALID", "query.loud"},
		{"endless name", "/echo/1", `{"text":"a","` + strings.Repeat("n", 5000) + `":1}`, "UNKNOWN_FIELD", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := ask(t, h, "POST", tt.target, tt.body, "X-API-Key: "+userKey)
			if res.StatusCode != http.StatusBadRequest {
				t.Errorf("status %d", res.StatusCode)
			}
			e := refusal(t, res)
			if e.Code != tt.code || (tt.field != "" && e.Details["field"] != tt.field) {
				t.Errorf("%s %v: %s", e.Code, e.Details["field"], e.Sentence)
			}
			if len(e.Sentence) > 400 {
				t.Errorf("a sentence of %d bytes", len(e.Sentence))
			}
		})
	}
	if res := ask(t, h, "POST", "/echo/1", "", "X-API-Key: "+userKey); refusal(t, res).Code != CodeInvalid {
		t.Error("a missing body was taken")
	}
	if res := ask(t, h, "POST", "/echo/7?loud=true", `{"text":"a"}`, "X-API-Key: "+userKey, "X-Request-Id: me-1"); res.StatusCode != 200 {
		t.Errorf("a good request got %d", res.StatusCode)
	} else if body, _ := io.ReadAll(res.Body); !strings.Contains(string(body), `"request":"me-1"`) {
		t.Errorf("the request id did not reach the handler: %s", body)
	}
}

// A sentence that says what to do is not followed by the catalogue's word for it.
func TestNextStepIsSaidOnce(t *testing.T) {
	for _, c := range []struct {
		refusal *consensus.Refusal
		next    bool
	}{
		{&consensus.Refusal{Code: "TOKEN_EXPIRED", Sentence: "join token x expired; make a new one with `meshd token create` on a member"}, false},
		{&consensus.Refusal{Code: "NODE_REMOVED", Sentence: "removed for ever: `meshd reset` makes it a new node"}, false},
		{&consensus.Refusal{Code: "UNREACHABLE_BACK", Sentence: "a cannot dial b: name another address with --advertise HOST:PORT"}, false},
		{&consensus.Refusal{Code: "KEY_EXISTS", Sentence: `the key "ada" belongs to node 12`}, true},
		{&consensus.Refusal{Code: "NODE_REMOVED", Sentence: "node b was removed from this mesh"}, true},
	} {
		if _, ok := fromRefusal(c.refusal).Details["next"]; ok != c.next {
			t.Errorf("%s: details.next is there: %t", c.refusal.Sentence, ok)
		}
	}
	if next := fmt.Sprint(Fail("KEY_EXISTS", "").Details["next"]); !strings.Contains(next, "meshd graph get") {
		t.Error(next)
	}
}

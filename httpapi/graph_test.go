package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/graphsync"
)

// onceState keeps the promise of idempotency keys that the state in memory
// does not.
type onceState struct {
	consensus.State
	mu   sync.Mutex
	seen map[string]onceAnswer
}

type onceAnswer struct {
	hash [32]byte
	out  consensus.Outcome
	err  error
}

func (s *onceState) Propose(ctx context.Context, p consensus.Proposal) (consensus.Outcome, error) {
	if p.Idempotency == nil {
		return s.State.Propose(ctx, p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := p.Idempotency.Scope + " " + p.Idempotency.Key
	if was, ok := s.seen[name]; ok {
		if was.hash != p.Idempotency.BodyHash {
			return consensus.Outcome{}, consensus.Refuse("IDEMPOTENCY_MISMATCH", "the key was used with another request")
		}
		was.out.Replayed = true
		return was.out, was.err
	}
	out, err := s.State.Propose(ctx, p)
	s.seen[name] = onceAnswer{p.Idempotency.BodyHash, out, err}
	return out, err
}

// graphAPI is the whole middleware over a graph in memory.
func graphAPI(t testing.TB, change ...func(*Config)) *API {
	t.Helper()
	cfg := testConfig(io.Discard)
	cfg.Graph = graphsync.NewService(&onceState{State: consensustest.New(graphsync.NewPart()), seen: map[string]onceAnswer{}})
	for _, c := range change {
		c(&cfg)
	}
	return mustBuild(t, cfg)
}

// answer is what came back, decoded.
type answer struct {
	*http.Response
	text string
	body map[string]any
}

func (a answer) number(t testing.TB, name string) uint64 {
	t.Helper()
	n, ok := a.body[name].(json.Number)
	if !ok {
		t.Fatalf("%s is %v in %s", name, a.body[name], a.text)
	}
	var out uint64
	if _, err := fmt.Sscan(n.String(), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// call asks as a user unless a header says otherwise, and checks the status.
func call(t testing.TB, a *API, want int, method, target, body string, header ...string) answer {
	t.Helper()
	res := ask(t, a.Handler(), method, target, body, append([]string{"X-API-Key: " + userKey}, header...)...)
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := answer{res, string(data), nil}
	if res.StatusCode != want {
		t.Fatalf("%s %s: %d, want %d: %s", method, target, res.StatusCode, want, clip(out.text, 600))
	}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		d := json.NewDecoder(strings.NewReader(out.text))
		d.UseNumber()
		if err := d.Decode(&out.body); err != nil {
			t.Fatalf("%s %s: %v in %s", method, target, err, clip(out.text, 600))
		}
	}
	return out
}

func makeNode(t testing.TB, a *API, label, key string) uint64 {
	t.Helper()
	body := fmt.Sprintf(`{"session_id":"s","node_type":"concept","label":%q,"properties":{}}`, label)
	if key != "" {
		body = fmt.Sprintf(`{"session_id":"s","node_type":"concept","label":%q,"key":%q,"properties":{}}`, label, key)
	}
	return call(t, a, 201, "POST", "/graph/nodes", body).number(t, "id")
}

func makeEdge(t testing.TB, a *API, source, target uint64, typ string) uint64 {
	t.Helper()
	return call(t, a, 201, "POST", "/graph/edges", fmt.Sprintf(
		`{"session_id":"s","source_id":%d,"target_id":%d,"edge_type":%q}`, source, target, typ)).number(t, "id")
}

// The node routes give the shapes that their clients know.
func TestNodeLife(t *testing.T) {
	a := graphAPI(t)
	made := call(t, a, 201, "POST", "/graph/nodes/", `{"session_id":"s","node_type":"concept","label":"Ada","key":"ada","properties":{"born":1815}}`)
	id := made.number(t, "id")
	path := fmt.Sprintf("/graph/nodes/%d", id)
	if made.Header.Get("Location") != path || made.Header.Get("ETag") != `"1"` || made.Header.Get("X-Mesh-Revision") != "1" {
		t.Errorf("%v", made.Header)
	}
	for name, want := range map[string]string{"session_id": "s", "node_type": "concept", "label": "Ada", "key": "ada", "created_by": "user"} {
		if made.body[name] != want {
			t.Errorf("%s is %v, want %s", name, made.body[name], want)
		}
	}
	for _, name := range []string{"created_at", "updated_at", "properties"} {
		if made.body[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}

	got := call(t, a, 200, "GET", path, "", "X-API-Key: "+viewerKey)
	if strings.TrimSpace(got.text) != strings.TrimSpace(made.text) || got.Header.Get("ETag") != `"1"` ||
		got.Header.Get("X-Mesh-Revision") != "1" || got.Header.Get("X-Mesh-Age-Ms") != "0" {
		t.Errorf("%v %s", got.Header, got.text)
	}
	if head := call(t, a, 200, "HEAD", path, ""); head.Header.Get("ETag") != `"1"` {
		t.Errorf("%v", head.Header)
	}
	call(t, a, 200, "GET", path+"?session_id=s", "")
	call(t, a, 404, "GET", path+"?session_id=other", "")

	put := call(t, a, 200, "PUT", path, `{"properties":{"died":1852}}`, `If-Match: "1"`)
	if put.Header.Get("ETag") != `"2"` || !strings.Contains(put.text, `"properties":{"died":1852}`) || put.body["updated_by"] != "user" {
		t.Errorf("%s", put.text)
	}
	merged := call(t, a, 200, "PUT", path, `{"properties":{"born":1815},"merge":true,"label":"Ada L","node_type":"entity"}`)
	if !strings.Contains(merged.text, `"properties":{"born":1815,"died":1852}`) || merged.body["label"] != "Ada L" || merged.body["node_type"] != "entity" {
		t.Errorf("%s", merged.text)
	}
	if gone := call(t, a, 204, "DELETE", path, ""); gone.text != "" || gone.Header.Get("X-Mesh-Revision") != "4" {
		t.Errorf("%q %v", gone.text, gone.Header)
	}
	call(t, a, 204, "DELETE", path, "")
	if missing := call(t, a, 404, "GET", path, ""); missing.body["code"] != "NOT_FOUND" || missing.Header.Get("X-Mesh-Revision") != "4" {
		t.Errorf("%v %s", missing.Header, missing.text)
	}
}

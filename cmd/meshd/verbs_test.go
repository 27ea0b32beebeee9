package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/node/socket"
)

// standIn is a node's HTTP surface with answers written down beforehand, on
// the socket of a data directory.
type standIn struct {
	t    *testing.T
	data string
	// answers by "METHOD /path"; a status other than 200 comes first.
	answers map[string]string
	// got is what was asked: "METHOD /path?query body".
	got []string
}

func newStandIn(t *testing.T, answers map[string]string) *standIn {
	t.Helper()
	data, err := os.MkdirTemp("", "mv") // short: a socket's path is bounded
	if err != nil {
		t.Fatal(err)
	}
	s := &standIn{t: t, data: data, answers: answers}
	l, err := socket.Listen(data, "")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(s)
	server.Listener.Close()
	server.Listener = l
	server.Start()
	t.Cleanup(func() {
		server.Close()
		os.RemoveAll(data)
	})
	return s
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	line := r.Method + " " + r.URL.Path
	asked := line
	if r.URL.RawQuery != "" {
		asked += "?" + r.URL.RawQuery
	}
	s.got = append(s.got, strings.TrimSpace(asked+" "+string(body)))
	answer, ok := s.answers[line]
	status := 200
	if !ok {
		status, answer = 404, `{"error":"no such route here","code":"NOT_FOUND"}`
	}
	if code, rest, cut := strings.Cut(answer, " "); cut && len(code) == 3 {
		if n, err := strconv.Atoi(code); err == nil {
			status, answer = n, rest
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, answer)
}

// meshd runs one command against the stand-in.
func (s *standIn) meshd(stdin string, args ...string) (code int, out, errOut string) {
	s.t.Helper()
	s.got = nil
	var o, e bytes.Buffer
	sys := config.System{UID: 1000, Home: s.t.TempDir(), Environ: []string{"MESHD_DATA=" + s.data}}
	code = run(args, strings.NewReader(stdin), &o, &e, sys)
	return code, o.String(), e.String()
}

const (
	membersJSON = `[{"id":"AAAAA-BBBBB","name":"box","address":"10.0.0.1:7443","role":"voter","status":"alive","leader":true,"version":"v1","pin":"p","last_seen":null,"revision":7},
		{"id":"AAAAA-CCCCC","name":"lab","address":"10.0.0.2:7443","role":"nonvoter","status":"failed","leader":false,"version":"v1","pin":"q","last_seen":"2026-01-01T00:00:00Z","revision":0}]`
	adaJSON = `{"id":12,"session_id":"default","node_type":"person","label":"Ada","key":"ada","properties":{"born":1815},"version":1,"created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z"}`
)

func TestVerbs(t *testing.T) {
	s := newStandIn(t, map[string]string{
		"GET /status": `{"mesh_id":"m","mesh_name":"home","state":"degraded","node":{"id":"A","name":"box","address":"10.0.0.1:7443","role":"voter"},"leader":null,
			"revision":7,"failures_tolerated":0,"copies":1,"command_level":4,"command_levels":[{"id":"A","name":"box","version":"v2","level":5},{"id":"B","name":"lab","version":"v1","level":4}],"problems":[{"code":"ALONE","text":"one copy only","next":"join another node"}],"paths":{"data":"/d"}}`,
		"GET /members":                membersJSON,
		"DELETE /members/AAAAA-CCCCC": `{"id":"AAAAA-CCCCC","name":"lab"}`,
		"POST /leave":                 `{"left":true}`,
		"POST /ping":                  `{"node":"lab","id":"x","address":"10.0.0.2:7443","rtt_ms":[3,1,2],"path":"direct"}`,
		"POST /tokens":                `{"id":"t1","token":"mesh1.x","role":"member","expires_at":"2026-01-01T00:00:00Z","uses":2,"join_command":"meshd join mesh1.x"}`,
		"GET /tokens":                 `[{"id":"t1","role":"member","uses":2,"used":1,"status":"valid","created_at":"2026-01-01T00:00:00Z","expires_at":"2026-01-02T00:00:00Z"}]`,
		"DELETE /tokens/t1":           `{"id":"t1"}`,
		"POST /apikeys":               `{"id":"k1","key":"mk_k1_x","name":"laptop","role":"viewer"}`,
		"GET /apikeys":                `[]`,
		"DELETE /apikeys/k1":          `{"id":"k1","last_admin":true}`,
		"GET /doctor":                 `{"checks":[{"name":"disk","ok":true,"text":"fine"},{"name":"clock","ok":false,"text":"off by a minute","next":"set it"},{"name":"no_spare","ok":true,"note":true,"text":"one disk only","next":"add a node"}]}`,
		"GET /health":                 `{"status":"healthy","version":"v1","uptime_seconds":61,"active_sessions":0}`,
		"GET /cert":                   `{"fingerprint":"AA:BB","spki_sha256":"p=","subject":"CN=box","san":["box"]}`,
		"GET /agents":                 `{"agents":[{"name":"librarian","description":"knows","hosts":[{"node":"box"},{"node":"lab"}]}]}`,
		"POST /messages":              `{"id":"m1","status":"delivered","reply":{"text":"two packages\nand \u001b[31mmore"}}`,
		"POST /graph/nodes":           adaJSON,
		"GET /graph/nodes":            `{"nodes":[` + adaJSON + `],"count":1}`,
		"GET /graph/nodes/12":         adaJSON,
		"POST /graph/edges":           `{"id":3,"edge_type":"KNOWS","weight":1}`,
		"GET /graph/neighbors":        `{"start":` + adaJSON + `,"nodes":[],"edges":[{"id":3,"source_id":12,"target_id":12,"edge_type":"KNOWS","weight":1}],"count":0}`,
		"GET /graph/path":             `{"found":true,"length":1,"nodes":[` + adaJSON + `,{"id":13,"label":"Notes"},{"id":14,"label":"Book"}],"edges":[{"source_id":12,"target_id":13,"edge_type":"WROTE"},{"source_id":14,"target_id":13,"edge_type":"CITES"}]}`,
		"POST /graph/import":          `{"nodes":1,"edges":0,"errors":0}` + "\n" + `{"line":4,"error":"label must not be blank"}` + "\n" + `{"nodes":1,"edges":2,"errors":1,"done":true}` + "\n",
		"GET /graph/export":           "{\"node\":{}}\n",
	})
	for _, c := range []struct {
		name  string
		args  string
		stdin string
		code  int
		asked string // the last request
		out   []string
		err   string
	}{
		{"status", "status", "", 0, "GET /status", []string{"The mesh is degraded", "none is known", "! one copy only", "join another node", "one disk only", "level 4 until every node knows more: box 5, lab 4"}, ""},
		{"members", "members", "", 0, "GET /members", []string{"box   10.0.0.1:7443  alive   voter, leader", "lab"}, ""},
		{"remove", "remove lab --yes", "", 0, "DELETE /members/AAAAA-CCCCC", []string{"lab is removed for ever"}, ""},
		{"remove nobody", "remove den --yes", "", 4, "GET /members", nil, "the mesh has no node den"},
		{"remove by half an id that fits two", "remove aaaaa --yes", "", 4, "GET /members", nil, "more than one node"},
		{"remove unasked", "remove lab", "", 2, "GET /members", nil, "--yes"},
		{"leave", "leave --yes", "", 0, "POST /leave {}", []string{"has left"}, ""},
		{"ping", "ping lab --count 3", "", 0, `POST /ping {"count":3,"node":"lab"}`, []string{"1.00 ms fastest, 2.00 ms in the middle, 3.00 ms slowest of 3"}, ""},
		{"token create", "token create --uses 2 --ttl 30m", "", 0, `POST /tokens {"name":"","role":"member","ttl":"30m0s","uses":2}`, []string{"meshd join mesh1.x\n"}, "2 in all"},
		{"token list", "token list", "", 0, "GET /tokens", []string{"1 of 2", "valid"}, ""},
		{"token revoke", "token revoke t1", "", 0, "DELETE /tokens/t1", []string{"nobody can join"}, ""},
		{"apikey create", "apikey create --name laptop --role viewer --scope graph:read", "", 0, `POST /apikeys {"name":"laptop","role":"viewer","scopes":["graph:read"]}`, []string{"mk_k1_x\n"}, "shown once"},
		{"apikey list", "apikey list", "", 0, "GET /apikeys", []string{"there are no API keys"}, ""},
		{"apikey revoke", "apikey revoke k1", "", 0, "DELETE /apikeys/k1", []string{"opens nothing"}, "No administrator's key is left"},
		{"doctor", "doctor", "", 1, "GET /doctor", []string{"BAD  clock: off by a minute", "set it", "ok   disk", "--   no_spare: one disk only"}, "not everything is in order"},
		{"health", "health", "", 0, "GET /health", []string{"healthy, up for 1 min"}, ""},
		{"cert", "cert", "", 0, "GET /cert", []string{"AA:BB"}, ""},
		{"agents", "agents", "", 0, "GET /agents", []string{"librarian", "box, lab"}, ""},
		{"ask", "ask librarian what is it", "", 0, `POST /messages {"body":"what is it","timeout":"30s","to":"librarian","wait":true}`, []string{"two packages\nand \uFFFD[31mmore\n"}, ""},
		{"send JSON", `send a@lab {"n":7}`, "", 0, `POST /messages {"body":{"n":7},"timeout":"30s","to":"a@lab","wait":false}`, nil, ""},
		{"send a number as text", `send a 7`, "", 0, `POST /messages {"body":"7","timeout":"30s","to":"a","wait":false}`, nil, ""},
		{"send standard input", `send a - --timeout 1s --wait`, "hello\n", 0, `POST /messages {"body":"hello\n","timeout":"1s","to":"a","wait":true}`, nil, ""},
		{"send a file that is not there", `send a @/no/such`, "", 2, "", nil, "the body cannot be read"},
		{"add node", "graph add node person Ada key=ada born=1815 title=Countess", "", 0,
			`POST /graph/nodes {"key":"ada","label":"Ada","node_type":"person","properties":{"born":1815,"title":"Countess"},"session_id":"default"}`, []string{"12\n"}, ""},
		{"add edge by key and id", "graph add edge ada KNOWS 13", "", 0,
			`POST /graph/edges {"edge_type":"KNOWS","session_id":"default","source_id":12,"target_id":13,"weight":1}`, []string{"3 KNOWS"}, ""},
		{"get by id", "graph get 12", "", 0, "GET /graph/nodes/12", []string{`{"born":1815}`}, ""},
		{"get by key", "graph get key:12 -n people", "", 0, "GET /graph/nodes?key=12&session_id=people", []string{"Ada"}, ""},
		{"neighbors", "graph neighbors ada --depth 2", "", 0, "GET /graph/neighbors?depth=2&direction=both&key=ada&limit=100&session_id=default", []string{"Ada   KNOWS  Ada  12       12"}, ""},
		{"path", "graph path 12 book", "", 0, "GET /graph/path?direction=both&from=12&max_depth=10&session_id=default&to_key=book", []string{"Ada -WROTE-> Notes <-CITES- Book\n"}, ""},
		{"import", "graph import -", "{}\n", 1, "POST /graph/import?format=auto&session_id=default {}", []string{"1 nodes and 2 edges are loaded"}, "line 4: label must not be blank\nmeshd: 1 lines were refused"},
		{"export", "graph export", "", 0, "GET /graph/export?format=jsonl&session_id=default", []string{"{\"node\":{}}\n"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errOut := s.meshd(c.stdin, strings.Fields(c.args)...)
			if code != c.code {
				t.Fatalf("exit %d, want %d; %s", code, c.code, errOut)
			}
			last := ""
			if len(s.got) > 0 {
				last = s.got[len(s.got)-1]
			}
			if last != c.asked {
				t.Errorf("asked %s\nwant  %s", last, c.asked)
			}
			for _, want := range c.out {
				if !strings.Contains(out, want) {
					t.Errorf("printed\n%s\nwithout %q", out, want)
				}
			}
			if !strings.Contains(errOut, c.err) || c.err == "" && errOut != "" {
				t.Errorf("standard error is %q, want %q", errOut, c.err)
			}
		})
	}
}

func TestLevelWords(t *testing.T) {
	known := func(levels ...uint32) (out []commandLevel) {
		for i, l := range levels {
			out = append(out, commandLevel{Name: string(rune('a' + i)), Level: l})
		}
		return out
	}
	for _, c := range []struct {
		mesh  uint32
		nodes []commandLevel
		want  string
	}{
		{5, known(5, 5, 5), "level 5, as every node"},
		{4, known(5, 4, 5), "level 4 until every node knows more: a 5, b 4, c 5"},
		{4, known(5, 5), "level 4, about to rise: every node knows 5"},
		{4, known(5, 6), "level 4, about to rise: every node knows 5"},
		{5, nil, "level 5"},
		{0, nil, "the node does not say which level"},
	} {
		if got := levelWords(c.mesh, c.nodes); got != c.want {
			t.Errorf("%d %v: %q, want %q", c.mesh, c.nodes, got, c.want)
		}
	}
}

// TestJSONFields holds the field names that scripts rely on.
func TestJSONFields(t *testing.T) {
	s := newStandIn(t, map[string]string{
		"GET /status": `{"state":"ok","unknown_field":1}`, "GET /members": `[{}]`, "POST /tokens": `{}`, "POST /apikeys": `{}`,
		"POST /messages": `{"id":"m","status":"delivered","reply":1}`, "GET /agents": `{"agents":null}`, "GET /tokens": `[]`, "POST /ping": `{}`,
	})
	for args, want := range map[string]string{
		"status":          "mesh_id state node leader term commit_index applied_index revision state_hash failures_tolerated copies command_level command_levels problems paths",
		"members":         "id name address role status leader version pin last_seen revision",
		"token create":    "id token role expires_at uses join_command",
		"apikey create":   "id key name role",
		"send a b --wait": "id status reply",
		"ping x":          "node address rtt_ms path",
	} {
		code, out, errOut := s.meshd("", append(strings.Fields(args), "--json")...)
		if code != 0 || errOut != "" {
			t.Errorf("%s --json: exit %d, %s", args, code, errOut)
			continue
		}
		out = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(out), "["), "]")
		var got map[string]json.RawMessage
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Errorf("%s --json prints %q: %v", args, out, err)
		}
		for _, field := range strings.Fields(want) {
			if _, ok := got[field]; !ok {
				t.Errorf("%s --json lacks %q: %s", args, field, out)
			}
		}
	}
	for _, args := range []string{"agents", "token list"} {
		if code, out, _ := s.meshd("", append(strings.Fields(args), "--json")...); code != 0 || out != "[]\n" {
			t.Errorf("%s --json of nothing is %q, exit %d; want an empty array", args, out, code)
		}
	}
}

// TestFates are the exit codes of messages that did not arrive.
func TestFates(t *testing.T) {
	for answer, want := range map[string]int{
		`{"id":"m","status":"delivered"}`:                                    0,
		`{"id":"m","status":"refused"}`:                                      4,
		`{"id":"m","status":"unknown"}`:                                      5,
		`404 {"error":"no agent has that address","code":"UNKNOWN_ADDRESS"}`: 4,
		`504 {"error":"no answer came in time","code":"REPLY_TIMEOUT"}`:      5,
	} {
		s := newStandIn(t, map[string]string{"POST /messages": answer})
		if code, _, errOut := s.meshd("", "send", "a", "b"); code != want {
			t.Errorf("%s: exit %d, want %d; %s", answer, code, want, errOut)
		}
	}
}

// TestImportsThatDoNotEnd must not look like those that did.
func TestImportsThatDoNotEnd(t *testing.T) {
	for answer, want := range map[string]int{
		"": 5, `{"nodes":3}`: 5, `{"nodes":3}` + "\n" + `{"error":"no leader is known","code":"NO_LEADER"}`: 1, "not JSON": 1,
		`{"nodes":3,"done":true}`: 0, `400 {"error":"session_id must be given","code":"INVALID"}`: 2,
	} {
		s := newStandIn(t, map[string]string{"POST /graph/import": answer})
		if code, out, errOut := s.meshd("{}\n", "graph", "import", "-"); code != want {
			t.Errorf("answer %q: exit %d, want %d; %s%s", answer, code, want, out, errOut)
		}
	}
}

// What an import that ended early has stored is told as the line to go on from.
func TestImportSaysWhereToGoOn(t *testing.T) {
	s := newStandIn(t, map[string]string{"POST /graph/import": `{"nodes":3,"stored":41}` + "\n" + `{"error":"no leader is known","code":"NO_LEADER","stored":77}`})
	code, _, errOut := s.meshd("{}\n", "graph", "import", "-")
	if code != 1 || !strings.Contains(errOut, "no leader is known; lines 1 to 77 are loaded; go on with --from-line 78") {
		t.Errorf("exit %d, %s", code, errOut)
	}
	s.answers["POST /graph/import"] = `{"nodes":3,"done":true}`
	if code, _, errOut := s.meshd("{}\n", "graph", "import", "-", "--from-line", "78", "--dry-run"); code != 0 || !strings.Contains(s.got[len(s.got)-1], "dry_run=true&format=auto&from_line=78") {
		t.Errorf("exit %d, %s, %v", code, errOut, s.got)
	}
}

func TestExportToAFileIsAllOrNothing(t *testing.T) {
	s := newStandIn(t, map[string]string{"GET /graph/export": "{}\n"})
	path := filepath.Join(t.TempDir(), "out.jsonl")
	if code, out, errOut := s.meshd("", "graph", "export", "-o", path); code != 0 || out != "" {
		t.Fatalf("exit %d, printed %q, %s", code, out, errOut)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "{}\n" {
		t.Fatalf("the file has %q, %v", data, err)
	}
	if code, _, errOut := s.meshd("", "graph", "export", "-o", path); code != 4 || !strings.Contains(errOut, "is there already") || len(s.got) != 0 {
		t.Fatalf("over a file that is there: exit %d, %s", code, errOut)
	}
	s.answers["GET /graph/export"] = `503 {"error":"no leader is known","code":"NO_LEADER"}`
	if code, _, _ := s.meshd("", "graph", "export", "-o", path, "--force"); code != 1 {
		t.Fatalf("a refused export exits %d", code)
	}
	if data, _ := os.ReadFile(path); string(data) != "{}\n" {
		t.Fatalf("a refused export left %q", data)
	}
}

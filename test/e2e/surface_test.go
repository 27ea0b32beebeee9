package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// formed is a mesh of three as soon as it is formed; who votes may change yet.
func formed(t testing.TB) []*realmesh.Node {
	t.Helper()
	nodes := []*realmesh.Node{realmesh.New(t, "alpha"), realmesh.New(t, "beta"), realmesh.New(t, "gamma")}
	nodes[0].Found()
	nodes[1].Join(nodes[0])
	nodes[2].Join(nodes[0])
	realmesh.Formed(t, 20*time.Second, nodes...)
	return nodes
}

var public = []string{"/health", "/api/health", "/livez", "/readyz", "/cert", "/openapi.json", "/auth/token", "/auth/refresh", "/auth/hash",
	"/api/auth/login", "/api/auth/refresh", "/v1/auth/login", "/v1/auth/signup"}

var braces = regexp.MustCompile(`\{[^}]*\}`)

// Every route of the node's own description answers a stranger 401, unless it
// is public, whatever is wrong with the request besides.
func TestStrangersHear401OnEveryRoute(t *testing.T) {
	t.Parallel()
	n := realmesh.New(t, "solo")
	n.Found()
	stranger := n.Client("")
	var doc struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	stranger.Want(http.StatusOK, &doc, http.MethodGet, "/openapi.json", nil)
	if len(doc.Paths) < 20 {
		t.Fatalf("only %d paths are described", len(doc.Paths))
	}
	routes := 0
	asking := []*realmesh.Client{stranger, n.Client("mk_000000000000_" + strings.Repeat("A", 43)), n.Client("x")}
	for path, methods := range doc.Paths {
		if slices.Contains(public, path) {
			continue
		}
		for method := range methods {
			routes++
			method = strings.ToUpper(method)
			for _, ask := range asking {
				var a realmesh.Answer
				// Strangers may ask so often a second, and no more.
				realmesh.Eventually(t, 10*time.Second, "an answer to "+method+" "+path, func() (err error) {
					a, err = ask.Ask(method, braces.ReplaceAllString(path, "1"), map[string]any{"wrong": true})
					if err == nil && a.Status == http.StatusTooManyRequests {
						if a.Header.Get("Retry-After") == "" {
							t.Error("429 without Retry-After")
						}
						err = fmt.Errorf("%s", a)
					}
					return err
				})
				if a.Status != http.StatusUnauthorized || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer") || a.Code() != "UNAUTHORIZED" {
					t.Errorf("%s %s with key %.3q: %s, WWW-Authenticate %q", method, path, ask.Key, a, a.Header.Get("WWW-Authenticate"))
				}
			}
		}
	}
	t.Logf("%d routes on %d paths", routes, len(doc.Paths))
	for _, path := range []string{"/health", "/api/health", "/livez", "/readyz", "/cert", "/openapi.json"} {
		realmesh.Eventually(t, 10*time.Second, path+" answers strangers", func() error {
			a, err := stranger.Ask(http.MethodGet, path, nil)
			if err == nil && a.Status != http.StatusOK {
				err = fmt.Errorf("%s", a)
			}
			return err
		})
	}
	// A fresh start has a fresh account of strangers.
	stop(t, n)
	n.Start("serve")
	n.WaitServing()
	if a := stranger.Want(http.StatusOK, nil, http.MethodGet, "/health", nil, "Accept", "text/plain"); strings.TrimSpace(string(a.Body)) != "ok" {
		t.Errorf("text/plain at /health: %s", a)
	}
	// What is not there does not tell strangers so.
	stranger.Want(http.StatusUnauthorized, nil, http.MethodGet, "/no/such/path", nil)
}

func TestRolesAndRevocationOnAllNodes(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	var ids []string
	keys := map[string]string{}
	for _, role := range []string{"viewer", "user", "agent", "admin"} {
		id, key := nodes[0].APIKey(role)
		ids, keys[role] = append(ids, id), key
	}
	note := func(i int) map[string]any {
		return map[string]any{"session_id": "roles", "node_type": "note", "label": "n" + strconv.Itoa(i)}
	}
	for i, c := range []struct {
		method, path string
		body         any
		may          map[string]int
	}{
		{http.MethodGet, "/status", nil, map[string]int{"viewer": 200, "user": 200, "admin": 200}},
		{http.MethodGet, "/graph/nodes?session_id=roles", nil, map[string]int{"viewer": 200, "user": 200, "admin": 200}},
		{http.MethodPost, "/graph/nodes", note(1), map[string]int{"viewer": 403, "user": 201, "agent": 403, "admin": 201}},
		{http.MethodGet, "/apikeys", nil, map[string]int{"viewer": 403, "user": 403, "agent": 403, "admin": 200}},
		{http.MethodPost, "/tokens", map[string]any{"ttl": "1m"}, map[string]int{"viewer": 403, "user": 403, "agent": 403, "admin": 201}},
		{http.MethodDelete, "/members/nobody", nil, map[string]int{"viewer": 403, "user": 403, "agent": 403, "admin": 404}},
	} {
		n := nodes[i%3]
		for role, want := range c.may {
			client := n.Client(keys[role])
			realmesh.Eventually(t, 5*time.Second, role+" "+c.method+" "+c.path, func() error {
				a, err := client.Ask(c.method, c.path, c.body)
				if err == nil && a.Status != want {
					err = fmt.Errorf("want %d, got %s", want, a)
				}
				return err
			})
		}
	}
	for _, header := range []string{"Authorization", "X-API-Key", "X-API-Token"} {
		value := keys["viewer"]
		if header == "Authorization" {
			value = "Bearer " + value
		}
		nodes[2].Client("").Want(http.StatusOK, nil, http.MethodGet, "/status", nil, header, value)
	}

	viewers := make([]*realmesh.Client, 3)
	for i, n := range nodes {
		viewers[i] = n.Client(keys["viewer"])
		viewers[i].Want(http.StatusOK, nil, http.MethodGet, "/status", nil)
	}
	nodes[1].Must("apikey", "revoke", ids[0])
	for i, v := range viewers {
		realmesh.Eventually(t, 5*time.Second, "the revoked key opens nothing at "+nodes[i].Name, func() error {
			a, err := v.Ask(http.MethodGet, "/status", nil)
			if err == nil && a.Status != http.StatusUnauthorized {
				err = fmt.Errorf("%s", a)
			}
			return err
		})
	}
}

func TestKeyFromTheEnvironment(t *testing.T) {
	n := realmesh.New(t, "solo")
	key := "environment-" + strings.Repeat("k", 40)
	n.Env = []string{"MESHD_API_KEY=" + key}
	n.Found()
	n.Client(key).Want(http.StatusOK, nil, http.MethodGet, "/apikeys", nil)
	n.Client(key[:len(key)-1]).Want(http.StatusUnauthorized, nil, http.MethodGet, "/apikeys", nil)

	short := realmesh.New(t, "short")
	short.Env = []string{"MESHD_API_KEY=short"}
	short.Start("init")
	if code := short.WaitExit(10 * time.Second); code == done {
		t.Error("a key of five bytes is taken")
	}
	says(t, short.Log(), "32")
	if strings.Contains(short.Log(), "short\n") && strings.Contains(short.Log(), "=short") {
		t.Error("the key is in the log")
	}
}

// No secret lies in clear in a data directory or in anything that was printed,
// but for the first key where init says that it keeps it.
func TestNoSecretIsLeftInClear(t *testing.T) {
	nodes := []*realmesh.Node{realmesh.New(t, "alpha"), realmesh.New(t, "beta")}
	env := "environment-" + strings.Repeat("s", 40)
	for _, n := range nodes {
		n.Env = []string{"MESHD_API_KEY=" + env, "MESHD_LOG_LEVEL=debug"}
	}
	nodes[0].Found()
	joined := nodes[0].Token()
	nodes[1].Start("join", joined)
	nodes[1].WaitServing()
	realmesh.Formed(t, 20*time.Second, nodes...)
	_, made := nodes[1].APIKey("user")
	secrets := map[string]string{
		"the admin key": nodes[0].AdminKey(), "an API key": made, "the key of the environment": env,
		"a used token": joined, "a fresh token": nodes[1].Token("--uses", "2"),
	}
	for _, n := range nodes {
		for _, key := range []string{made, env} {
			n.Client(key).Want(http.StatusOK, nil, http.MethodGet, "/status", nil)
			n.Client(key+"x").Want(http.StatusUnauthorized, nil, http.MethodGet, "/status", nil)
		}
		stop(t, n)
	}
	for _, n := range nodes {
		for what, s := range secrets {
			if strings.Contains(n.Log(), secretPart(s)) {
				t.Errorf("%s is in the log of %s", what, n.Name)
			}
		}
		err := filepath.WalkDir(n.Data, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			if info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s may be read by others: %s", path, info.Mode())
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for what, s := range secrets {
				if bytes.Contains(raw, []byte(secretPart(s))) && filepath.Base(path) != "admin.key" {
					t.Errorf("%s is in %s", what, path)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// secretPart is the end of a secret, which is secret in each of its forms.
func secretPart(s string) string { return s[len(s)-30:] }

// An external instance registers at one node, is kept alive at another and is
// ended at the third; without heartbeats its lease runs out.
func TestRegistryAcrossNodes(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	_, key := nodes[0].APIKey("agent")
	_, viewer := nodes[0].APIKey("viewer")
	var clients, viewers []*realmesh.Client
	for _, n := range nodes {
		clients, viewers = append(clients, n.Client(key)), append(viewers, n.Client(viewer))
	}
	register := func(at int, id string) {
		t.Helper()
		var out struct {
			Success    bool   `json:"success"`
			InstanceID string `json:"instance_id"`
			LeaderID   string `json:"leader_id"`
			Peers      []any  `json:"peers"`
		}
		clients[at].Want(http.StatusOK, &out, http.MethodPost, "/registry/register",
			map[string]any{"instance_id": id, "hostname": "box", "port": 3000, "capabilities": []string{"chat"}, "agent_profiles": []string{"coder"}})
		if !out.Success || out.InstanceID != id || out.Peers == nil {
			t.Errorf("%+v", out)
		}
	}
	listed := func(id string, want bool) func() error {
		return func() error {
			for i, v := range viewers {
				var out struct {
					Instances []struct {
						ID       string `json:"instance_id"`
						IsLeader bool   `json:"is_leader"`
					} `json:"instances"`
					Agents []any `json:"agents"`
				}
				v.Want(http.StatusOK, &out, http.MethodGet, "/registry/agents", nil)
				there := false
				for _, in := range out.Instances {
					there = there || in.ID == id
				}
				if there != want {
					return fmt.Errorf("%s lists it: %t", nodes[i].Name, there)
				}
			}
			return nil
		}
	}
	register(0, "kept")
	begun := time.Now()
	register(1, "dropped")
	realmesh.Eventually(t, 5*time.Second, "listed everywhere", listed("kept", true))
	realmesh.Eventually(t, 5*time.Second, "listed everywhere", listed("dropped", true))

	// Heartbeats at a node that does not hold the lease, until the other
	// instance, which has none, is gone.
	beat := 0
	gone := listed("dropped", false)
	realmesh.Eventually(t, 40*time.Second, "the lease without heartbeats ends", func() error {
		if time.Since(begun) > time.Duration(beat)*2*time.Second {
			beat++
			var out struct {
				Acknowledged bool `json:"acknowledged"`
			}
			clients[1+beat%2].Want(http.StatusOK, &out, http.MethodPost, "/registry/heartbeat/kept", map[string]any{"status": "healthy"})
			if !out.Acknowledged {
				t.Error("a heartbeat is not acknowledged")
			}
		}
		return gone()
	})
	if took := time.Since(begun); took < 14*time.Second {
		t.Errorf("a lease of 15 s ended after %s", took)
	}
	realmesh.Eventually(t, time.Second, "the other is kept", listed("kept", true))
	clients[2].Want(http.StatusNotFound, nil, http.MethodPost, "/registry/heartbeat/dropped", map[string]any{})

	clients[2].Want(http.StatusNoContent, nil, http.MethodDelete, "/registry/deregister/kept", nil)
	realmesh.Eventually(t, 5*time.Second, "gone everywhere", listed("kept", false))

	var out struct {
		Nodes []struct {
			ID     string `json:"id"`
			NodeID string `json:"node_id"`
			Name   string `json:"name"`
		} `json:"nodes"`
	}
	viewers[1].Want(http.StatusOK, &out, http.MethodGet, "/registry/nodes", nil)
	if len(out.Nodes) != 3 {
		t.Errorf("%+v", out)
	}
}

// What an idle node takes: printed, and bounded generously.
func TestIdleMemory(t *testing.T) {
	nodes := formed(t)
	leader := leaderOf(t, nodes...)
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", leader.PID()))
	if err != nil {
		t.Skip(err)
	}
	kib := map[string]int{}
	for line := range strings.Lines(string(raw)) {
		f := strings.Fields(line)
		if len(f) >= 2 {
			kib[strings.TrimSuffix(f[0], ":")], _ = strconv.Atoi(f[1])
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", leader.PID()))
	if err != nil {
		t.Skip(err)
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) >= 2 && (f[0] == "RssAnon:" || f[0] == "RssFile:") {
			kib[strings.TrimSuffix(f[0], ":")], _ = strconv.Atoi(f[1])
		}
	}
	t.Logf("an idle leader of three: %d MiB anonymous, %d MiB of files mapped, %d MiB resident in all", kib["RssAnon"]>>10, kib["RssFile"]>>10, kib["Rss"]>>10)
	if kib["RssAnon"] > 60<<10 {
		t.Errorf("%d KiB of anonymous memory", kib["RssAnon"])
	}
}

// Every verb that asks prints one JSON value with the promised fields.
func TestEveryVerbPrintsJSON(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	n := nodes[1]
	n.Must("graph", "add", "node", "person", "Ada", "key=ada")
	n.Must("graph", "add", "node", "note", "Notes", "key=notes")
	for _, c := range []struct {
		fields string // of the object, or of each object of the list
		args   []string
	}{
		{"mesh_id state node.id node.name node.address node.role leader.id leader.name leader.address term commit_index applied_index revision state_hash failures_tolerated copies command_level command_levels problems paths", []string{"status"}},
		{"[] id name address role status leader version pin last_seen revision", []string{"members"}},
		{"node id address rtt_ms path", []string{"ping", nodes[2].Name}},
		{"id token role expires_at uses join_command", []string{"token", "create"}},
		{"[] id role uses used expires_at status", []string{"token", "list"}},
		{"id key name role", []string{"apikey", "create", "--name", "json"}},
		{"[] id name role", []string{"apikey", "list"}},
		{"status version uptime_seconds active_sessions", []string{"health"}},
		{"fingerprint spki_sha256 certificate_pem subject san not_before not_after", []string{"cert"}},
		{"version", []string{"version"}},
		{"[] name hosts", []string{"agents"}},
		{"id session_id node_type label properties created_at updated_at", []string{"graph", "add", "node", "person", "Bob", "key=bob"}},
		{"id session_id source_id target_id edge_type weight created_at", []string{"graph", "add", "edge", "ada", "WROTE", "notes"}},
		{"id session_id node_type label key", []string{"graph", "get", "ada"}},
		{"nodes edges", []string{"graph", "neighbors", "ada"}},
		{"found length nodes edges", []string{"graph", "path", "ada", "notes"}},
		{"id status reply", []string{"ask", "librarian", "describe", "ada"}},
		{"id status reply", []string{"send", "librarian", "describe ada", "--wait"}},
	} {
		name := strings.Join(c.args[:min(2, len(c.args))], " ")
		r := n.Run(append(c.args, "--json")...)
		if r.Code != done {
			t.Errorf("%s: exit %d: %s", name, r.Code, r.Stderr)
			continue
		}
		if msg := hasFields(r.Stdout, c.fields); msg != "" {
			t.Errorf("%s: %s in %s", name, msg, lastLines(r.Stdout, 20))
		}
	}
	// That a mesh was made on loopback is a note of the doctor and no fault.
	r := n.Run("doctor", "--json")
	if msg := hasFields(r.Stdout, "checks"); msg != "" || r.Code != done || !strings.Contains(r.Stdout, `"note": true`) {
		t.Errorf("doctor: exit %d, %s: %s", r.Code, msg, r.Stdout)
	}
	r = realmesh.Command(t, "", "init", "--json", "--no-serve", "--data", filepath.Join(t.TempDir(), "new"), "--listen", realmesh.FreeAddress(t))
	if msg := hasFields(r.Stdout, "mesh_id node.id node.name node.address url api_key token join_command"); msg != "" || r.Code != done {
		t.Errorf("init: exit %d, %s: %s", r.Code, msg, r.Stderr)
	}
	// Errors stay one line on standard error, and nothing is on standard output.
	for _, args := range [][]string{{"ping", "nobody"}, {"graph", "get", "nobody"}, {"token", "revoke", "nobody"}, {"send", "nobody", "hi", "--wait"}, {"statsu"}} {
		r := n.Run(append(args, "--json")...)
		if r.Code == done || strings.Count(strings.TrimSpace(r.Stderr), "\n") != 0 || r.Stderr == "" || r.Stdout != "" {
			t.Errorf("%v: exit %d, says %q and prints %q", args, r.Code, r.Stderr, r.Stdout)
		}
	}
	none := filepath.Join(t.TempDir(), "none")
	if r := realmesh.Command(t, "", "status", "--data", none, "--json"); r.Code != unreachable {
		t.Errorf("no node there: exit %d: %s", r.Code, r.Stderr)
	}
}

// hasFields says which of the promised fields text does not have.
func hasFields(text, fields string) string {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return "no JSON: " + err.Error()
	}
	want, list := strings.CutPrefix(fields, "[] ")
	things := []any{v}
	if list {
		var ok bool
		if things, ok = v.([]any); !ok || len(things) == 0 {
			return "it is not a list with something in it"
		}
	}
	for _, thing := range things {
		for _, path := range strings.Fields(want) {
			at := thing
			for _, name := range strings.Split(path, ".") {
				m, _ := at.(map[string]any)
				var there bool
				if at, there = m[name]; !there {
					return "there is no " + path
				}
			}
		}
	}
	return ""
}

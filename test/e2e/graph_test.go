package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

type node struct {
	ID         uint64         `json:"id"`
	Label      string         `json:"label"`
	Key        string         `json:"key"`
	NodeType   string         `json:"node_type"`
	Properties map[string]any `json:"properties"`
	Version    uint64         `json:"version"`
}

// What one node wrote the others read, at once where the client says which
// revision it has seen.
func TestGraphWrittenAtOneNodeIsReadAtOthers(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	key := nodes[0].AdminKey()
	var c []*realmesh.Client
	for _, n := range nodes {
		c = append(c, n.Client(key))
	}
	var last node
	for i := range 20 {
		w := c[i%3]
		a := w.Want(http.StatusCreated, &last, http.MethodPost, "/graph/nodes",
			map[string]any{"session_id": "g", "node_type": "note", "label": "n" + strconv.Itoa(i), "properties": map[string]any{"i": i}})
		if a.Revision() == 0 || a.Header.Get("ETag") == "" {
			t.Fatalf("a write is answered without revision or version: %v", a.Header)
		}
		for j, r := range c {
			var got node
			path := "/graph/nodes/" + strconv.FormatUint(last.ID, 10)
			var b realmesh.Answer
			switch j {
			case 0:
				b = r.Want(http.StatusOK, &got, http.MethodGet, path, nil, "X-Mesh-Min-Revision", strconv.FormatUint(a.Revision(), 10))
			case 1:
				b = r.Want(http.StatusOK, &got, http.MethodGet, path+"?min_revision="+strconv.FormatUint(a.Revision(), 10), nil)
			default:
				b = r.Want(http.StatusOK, &got, http.MethodGet, path+"?consistency=linearizable", nil)
			}
			if got.Label != last.Label || b.Revision() < a.Revision() || b.Header.Get("X-Mesh-Age-Ms") == "" {
				t.Errorf("written %q at revision %d, read %q at %d with age %q", last.Label, a.Revision(), got.Label, b.Revision(), b.Header.Get("X-Mesh-Age-Ms"))
			}
		}
	}
	// A revision nobody has made is a mistake, not a wait.
	if a := c[1].Want(http.StatusBadRequest, nil, http.MethodGet, "/graph/nodes?session_id=g&min_revision=99999999", nil); a.Code() != "AHEAD" {
		t.Errorf("%s", a)
	}

	// Versions: what has changed meanwhile is not overwritten.
	path := "/graph/nodes/" + strconv.FormatUint(last.ID, 10)
	var changed node
	a := c[1].Want(http.StatusOK, &changed, http.MethodPut, path, map[string]any{"properties": map[string]any{"v": 2}}, "If-Match", strconv.FormatUint(last.Version, 10))
	if changed.Version <= last.Version || changed.Properties["v"] != 2.0 {
		t.Errorf("%+v", changed)
	}
	c[2].Want(http.StatusPreconditionFailed, nil, http.MethodPut, path, map[string]any{"label": "late"}, "If-Match", `"`+strconv.FormatUint(last.Version, 10)+`"`)
	c[2].Want(http.StatusPreconditionFailed, nil, http.MethodDelete, path, nil, "If-Match", strconv.FormatUint(last.Version, 10))
	a = c[2].Want(http.StatusNoContent, nil, http.MethodDelete, path, nil, "If-Match", a.Header.Get("ETag"))
	c[0].Want(http.StatusNotFound, nil, http.MethodGet, path+"?min_revision="+strconv.FormatUint(a.Revision(), 10), nil)
	c[0].Want(http.StatusNoContent, nil, http.MethodDelete, path, nil)

	// Bad input is 400 and names what is wrong.
	for body, word := range map[string]string{
		`{"session_id":"g","node_type":"note","label":"x","colour":1}`: "colour",
		`{"session_id":"g","node_type":"no spaces","label":"x"}`:       "node_type",
		`{"session_id":"g","node_type":"note"}`:                        "label",
		`{"session_id":`:                                               "JSON",
	} {
		a := c[0].Want(http.StatusBadRequest, nil, http.MethodPost, "/graph/nodes", body)
		says(t, string(a.Body), word)
	}
	c[0].Want(http.StatusConflict, nil, http.MethodPost, "/graph/nodes", twice(t, c[1], "taken"))
	c[0].Want(http.StatusUnsupportedMediaType, nil, http.MethodPost, "/graph/nodes", "<xml/>", "Content-Type", "text/xml")
	c[0].Want(http.StatusNotAcceptable, nil, http.MethodGet, "/graph/nodes?session_id=g", nil, "Accept", "image/png")
	c[0].Want(http.StatusMethodNotAllowed, nil, http.MethodPatch, "/graph/nodes", "{}")
	c[0].Want(http.StatusOK, nil, http.MethodGet, "/graph/nodes/?session_id=g", nil)
	c[0].Want(http.StatusRequestEntityTooLarge, nil, http.MethodPost, "/graph/nodes",
		`{"session_id":"g","node_type":"note","label":"`+strings.Repeat("x", 9<<20)+`"}`)
}

// twice makes a node with a key and returns the body that would make another.
func twice(t testing.TB, c *realmesh.Client, key string) map[string]any {
	t.Helper()
	body := map[string]any{"session_id": "g", "node_type": "note", "label": key, "key": key}
	c.Want(http.StatusCreated, nil, http.MethodPost, "/graph/nodes", body)
	return body
}

// A file loaded at one node is exported at another as the same graph, and its
// ways are found at the third.
func TestGraphImportedAtOneNodeIsExportedAtAnother(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	const count = 500
	var file strings.Builder
	for i := range count {
		fmt.Fprintf(&file, `{"node":{"key":"k%d","type":"step","label":"Step %d","properties":{"i":%d,"even":%t}}}`+"\n", i, i, i, i%2 == 0)
	}
	for i := range count - 1 {
		fmt.Fprintf(&file, `{"edge":{"source":"k%d","target":"k%d","type":"NEXT","weight":%d}}`+"\n", i, i+1, i%7)
	}
	path := filepath.Join(t.TempDir(), "chain.jsonl")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, nodes[0].Must("graph", "import", path), strconv.Itoa(count)+" nodes", strconv.Itoa(count-1)+" edges")
	realmesh.Eventually(t, 10*time.Second, "all have it", func() error { return realmesh.Same(nodes...) })
	export := func(n *realmesh.Node) []string {
		lines := strings.Split(strings.TrimSpace(n.Must("graph", "export")), "\n")
		slices.Sort(lines)
		return lines
	}
	first := export(nodes[0])
	if len(first) != 2*count-1 {
		t.Fatalf("%d lines of %d came out", len(first), 2*count-1)
	}
	for _, n := range nodes[1:] {
		if got := export(n); !slices.Equal(got, first) {
			t.Errorf("%s exports %d lines, not the %d of alpha", n.Name, len(got), len(first))
		}
	}

	// The same file again changes nothing; what was exported can be loaded into
	// another mesh and comes out the same.
	nodes[1].Must("graph", "import", path)
	if got := export(nodes[2]); !slices.Equal(got, first) {
		t.Error("loading the file again changed the graph")
	}
	out := filepath.Join(t.TempDir(), "out.jsonl")
	nodes[2].Must("graph", "export", "--output", out)
	solo := realmesh.New(t, "solo")
	solo.Found()
	solo.Must("graph", "import", out)
	if got := export(solo); !slices.Equal(got, first) {
		t.Error("another mesh does not export what it was given")
	}

	c := nodes[2].Client(nodes[0].AdminKey())
	var way struct {
		Found  bool
		Length int
		Nodes  []node
		Edges  []any
	}
	c.Want(http.StatusOK, &way, http.MethodGet, "/graph/path?session_id=default&from=k10&to=k25&max_depth=20", nil)
	if !way.Found || way.Length != 15 || len(way.Nodes) != 16 || way.Nodes[15].Key != "k25" {
		t.Errorf("the way is %d long, with %d nodes", way.Length, len(way.Nodes))
	}
	c.Want(http.StatusOK, &way, http.MethodGet, "/graph/path?session_id=default&from=k10&to=k25&max_depth=14", nil)
	if way.Found {
		t.Error("a way longer than asked for")
	}
	var around struct {
		Nodes []node
		Edges []any
	}
	c.Want(http.StatusOK, &around, http.MethodGet, "/graph/neighbors?session_id=default&key=k100&direction=outgoing&depth=3&type=NEXT", nil)
	if len(around.Nodes) != 3 || len(around.Edges) != 3 {
		t.Errorf("%d nodes and %d edges lie behind k100", len(around.Nodes), len(around.Edges))
	}

	// A faulty line is told with its number, the rest is loaded.
	bad := `{"node":{"key":"good1","type":"step","label":"g"}}` + "\n" + `{"node":{"key":"bad","type":"no type","label":"b"}}` + "\n" +
		"rubbish\n" + `{"node":{"key":"good2","type":"step","label":"g"}}` + "\n"
	r := nodes[1].RunInput(bad, "graph", "import", "-")
	if r.Code != failed {
		t.Errorf("an import with faulty lines: exit %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	says(t, r.Stderr, "line 2", "line 3", "2 lines were refused")
	nodes[1].Must("graph", "get", "good1")
	nodes[1].Must("graph", "get", "good2")
}

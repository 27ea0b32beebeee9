package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// fact is an edge, an observation or a version, as far as these tests look.
type fact struct {
	ID         uint64  `json:"id"`
	Text       string  `json:"text"`
	What       string  `json:"what"`
	EdgeType   string  `json:"edge_type"`
	ValidTo    string  `json:"valid_to"`
	Provenance string  `json:"provenance"`
	Confidence float64 `json:"confidence"`
}

// reads asks a node for what includes a revision, as a client that has seen it.
func reads(c *realmesh.Client, out any, revision uint64, format string, args ...any) realmesh.Answer {
	return c.Want(http.StatusOK, out, http.MethodGet, fmt.Sprintf(format, args...), nil, "X-Mesh-Min-Revision", strconv.FormatUint(revision, 10))
}

// Whatever one node is told of the world, another shows, now and as it was.
func TestFactsToldAtOneNodeAreReadAtAnother(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	key := nodes[0].AdminKey()
	a, b, c := nodes[0].Client(key), nodes[1].Client(key), nodes[2].Client(key)
	person := func(label, key string) uint64 {
		var n node
		a.Want(http.StatusCreated, &n, http.MethodPost, "/graph/nodes", map[string]any{"session_id": "f", "node_type": "person", "label": label, "key": key})
		return n.ID
	}
	ada, augusta, london, paris := person("Ada Lovelace", "ada"), person("Lovelace, Ada", "augusta"), person("London", "london"), person("Paris", "paris")

	// Observations: told at one, told again at the next, read at the third.
	path := fmt.Sprintf("/graph/nodes/%d/observations", ada)
	var said, again fact
	a.Want(http.StatusCreated, &said, http.MethodPost, path, map[string]any{"text": "wrote notes", "provenance": "a letter", "confidence": 0.5})
	w := b.Want(http.StatusOK, &again, http.MethodPost, path, map[string]any{"text": "wrote notes"})
	if said.ID != again.ID {
		t.Errorf("said twice: %d and %d", said.ID, again.ID)
	}
	var page struct {
		Observations, Edges, Versions []fact
		Nodes, Hubs                   []node
		Count                         int
	}
	reads(c, &page, w.Revision(), "%s", path)
	if page.Count != 1 || page.Observations[0].Provenance != "a letter" || page.Observations[0].Confidence != 0.5 {
		t.Errorf("%+v", page)
	}

	// A fact that has one value at a time ends the one before it.
	b.Want(http.StatusOK, nil, http.MethodPut, "/graph/schema?session_id=f", map[string]any{"edge_types": map[string]any{"LIVES_IN": map[string]any{"single": true}}})
	lives := func(at *realmesh.Client, where uint64, since string) (fact, realmesh.Answer) {
		var f fact
		ans := at.Want(http.StatusCreated, &f, http.MethodPost, "/graph/edges",
			map[string]any{"source_id": ada, "target_id": where, "edge_type": "LIVES_IN", "valid_from": since})
		return f, ans
	}
	first, _ := lives(b, london, "1815-12-10T00:00:00Z")
	_, w = lives(c, paris, "1840-01-01T00:00:00Z")
	var ended fact
	reads(a, &ended, w.Revision(), "/graph/edges/%d", first.ID)
	if ended.ValidTo != "1840-01-01T00:00:00Z" {
		t.Errorf("the old fact is so until %q", ended.ValidTo)
	}
	for validAt, want := range map[string]string{"1820-01-01T00:00:00Z": "London", "2000-01-01T00:00:00Z": "Paris"} {
		reads(a, &page, w.Revision(), "/graph/neighbors?session_id=f&key=ada&type=LIVES_IN,KNOWS&valid_at=%s", validAt)
		if len(page.Nodes) != 1 || page.Nodes[0].Label != want {
			t.Errorf("at %s she lived in %+v", validAt, page.Nodes)
		}
	}

	// Aliases and vectors, with a slash in their names.
	b.Want(http.StatusOK, nil, http.MethodPut, fmt.Sprintf("/graph/nodes/%d/aliases/%s", ada, url.PathEscape("Countess of/Lovelace")), nil)
	w = b.Want(http.StatusCreated, nil, http.MethodPut, fmt.Sprintf("/graph/nodes/%d/vectors/%s", ada, url.PathEscape("org/model")), map[string]any{"vector": []float64{1, 0.5}})
	var named struct{ Nodes []node }
	reads(c, &named, w.Revision(), "/graph/nodes?session_id=f&key=%s&detail=ids", url.QueryEscape("countess of/lovelace"))
	if len(named.Nodes) != 1 || named.Nodes[0].ID != ada || named.Nodes[0].Label != "" {
		t.Errorf("by an alias: %+v", named.Nodes)
	}
	reads(c, nil, w.Revision(), "/graph/nodes/%d/vectors/%s", ada, url.PathEscape("org/model"))

	// Two that are one are suggested, merged, and parted again.
	var pairs struct{ Pairs []any }
	reads(b, &pairs, w.Revision(), "/graph/duplicates?session_id=f&node_type=person")
	if len(pairs.Pairs) == 0 {
		t.Error("nobody sees that both are Ada")
	}
	before := w.Revision()
	var merged struct{ Merge struct{ ID uint64 } }
	w = b.Want(http.StatusOK, &merged, http.MethodPost, "/graph/merge", map[string]any{"session_id": "f", "source": "augusta", "target": "ada"})
	c.Want(http.StatusNotFound, nil, http.MethodGet, fmt.Sprintf("/graph/nodes/%d?min_revision=%d", augusta, w.Revision()), nil)
	var then node
	reads(c, &then, w.Revision(), "/graph/nodes/%d?as_of=%d", augusta, before)
	if then.Label != "Lovelace, Ada" {
		t.Errorf("as of revision %d it is %+v", before, then)
	}
	w = c.Want(http.StatusOK, &then, http.MethodPost, fmt.Sprintf("/graph/merge/%d/undo", merged.Merge.ID), nil)
	reads(a, &then, w.Revision(), "/graph/nodes/%d", augusta)

	// Ways, hubs, degrees and history.
	var ways struct{ Paths []struct{ Length int } }
	reads(b, &ways, w.Revision(), "/graph/paths?session_id=f&from=london&to=paris&valid_at=any&k=5")
	if len(ways.Paths) != 1 || ways.Paths[0].Length != 2 {
		t.Errorf("%+v", ways)
	}
	reads(b, &page, w.Revision(), "/graph/hubs?session_id=f&valid_at=any")
	if len(page.Hubs) == 0 || page.Hubs[0].ID != ada {
		t.Errorf("%+v", page.Hubs)
	}
	var degree struct{ Out, In uint64 }
	reads(b, &degree, w.Revision(), "/graph/degree?session_id=f&key=ada&direction=out&valid_at=any")
	if degree.Out != 2 || degree.In != 0 {
		t.Errorf("%+v", degree)
	}
	reads(b, &page, w.Revision(), "/graph/history?id=%d", augusta)
	var what []string
	for _, v := range page.Versions {
		what = append(what, v.What)
	}
	if !slices.Contains(what, "restored") || !slices.Contains(what, "merged") || !slices.Contains(what, "created") {
		t.Errorf("its history is %v", what)
	}

	// Filters and bytes.
	a.Want(http.StatusOK, nil, http.MethodPost, "/graph/batch", map[string]any{"session_id": "f", "ops": []any{
		map[string]any{"op": "update_node", "key": "ada", "properties": map[string]any{"born": 1815}},
		map[string]any{"op": "add_observation", "key": "augusta", "text": "is a second name"}}})
	reads(a, &page, 0, "/graph/nodes?session_id=f&where%%5Bborn%%5D=1815&prefix=ada&updated_since=2020-01-01T00:00:00Z&budget=1024&detail=summary")
	if page.Count != 1 {
		t.Errorf("%+v", page.Nodes)
	}

	// An erasure reaches every copy, the past too; who may not, may not.
	user := nodes[1].Client(apiKey(t, nodes[0], "user"))
	user.Want(http.StatusForbidden, nil, http.MethodPost, "/graph/erase", map[string]any{"node_id": augusta, "reason": "asked"})
	user.Want(http.StatusForbidden, nil, http.MethodPut, "/graph/retention", map[string]any{"days": 1})
	w = c.Want(http.StatusOK, nil, http.MethodPost, "/graph/erase", map[string]any{"node_id": augusta, "reason": "asked"})
	for _, n := range []*realmesh.Client{a, b, c} {
		n.Want(http.StatusNotFound, nil, http.MethodGet, fmt.Sprintf("/graph/nodes/%d?as_of=%d&min_revision=%d", augusta, before, w.Revision()), nil)
	}
	var erased struct{ Erasures []struct{ Reason string } }
	reads(a, &erased, w.Revision(), "/graph/erasures?session_id=f")
	if len(erased.Erasures) != 1 || erased.Erasures[0].Reason != "asked" {
		t.Errorf("%+v", erased)
	}
	w = b.Want(http.StatusOK, nil, http.MethodPut, "/graph/retention", map[string]any{"days": 30})
	var kept struct{ Days uint64 }
	if reads(c, &kept, w.Revision(), "/graph/retention"); kept.Days != 30 {
		t.Errorf("%+v", kept)
	}
	realmesh.Eventually(t, 10*time.Second, "all copies are the same", func() error { return realmesh.Same(nodes...) })
}

// apiKey makes a key with a role.
func apiKey(t testing.TB, n *realmesh.Node, role string) string {
	t.Helper()
	var out struct {
		Key string `json:"key"`
	}
	decode(t, n.Must("apikey", "create", "--role", role, "--json"), &out)
	return out.Key
}

// The same by the command line, one node writing and another reading.
func TestFactsByTheCommandLine(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	w, r := nodes[0], nodes[1]
	same := func() {
		t.Helper()
		realmesh.Eventually(t, 10*time.Second, "both have it", func() error { return realmesh.Same(w, r) })
	}
	ada := strings.TrimSpace(w.Must("graph", "add", "node", "person", "Ada", "key=ada"))
	w.Must("graph", "add", "node", "person", "Augusta", "key=augusta")
	w.Must("graph", "add", "node", "city", "London", "key=london")
	edge, _, _ := strings.Cut(w.Must("graph", "add", "edge", "ada", "LIVES_IN", "london", "--valid-from", "1835-07-08", "--provenance", "a letter", "--confidence", "0.9"), " ")
	w.Must("graph", "observe", "ada", "wrote notes", "--provenance", "a letter")
	w.Must("graph", "alias", "add", "ada", "Countess/Lovelace")
	same()
	says(t, r.Must("graph", "get", "Countess/Lovelace"), "Ada", "ada")
	says(t, r.Must("graph", "get", "--edge", edge), "since 1835-07-08", "90 %", "a letter")
	says(t, r.Must("graph", "observations", "ada"), "wrote notes", "a letter")
	says(t, r.Must("graph", "degree", "ada"), "LIVES_IN")
	says(t, r.Must("graph", "hubs"), "Ada", "London")
	says(t, r.Must("graph", "paths", "ada", "london"), "Ada -LIVES_IN-> London")

	undo := mergeNumber(t, w.Must("graph", "merge", "augusta", "ada", "--json"))
	same()
	says(t, r.Must("graph", "get", "augusta"), "Ada")
	says(t, r.Must("graph", "merge", "--list"), "Augusta")
	w.Must("graph", "merge", "--undo", undo)
	same()
	says(t, r.Must("graph", "get", "augusta"), "Augusta")
	says(t, r.Must("graph", "history", "augusta"), "merged", "restored", "created")
	r.Must("graph", "duplicates")

	file := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(file, []byte(`{"closed":true,"node_types":{"person":{},"city":{}},"edge_types":{"LIVES_IN":{"single":true}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	w.Must("graph", "schema", "set", file)
	same()
	says(t, r.Must("graph", "schema", "get"), `"single": true`)
	wantExit(t, r.Run("graph", "add", "node", "dragon", "Smaug"), refused, "dragon")
	w.Must("graph", "retention", "--days", "30")
	same()
	says(t, r.Must("graph", "retention"), "30 days")

	wantExit(t, w.Run("graph", "erase", "ada", "--reason", "asked"), usage, "--yes")
	w.Must("graph", "erase", "ada", "--reason", "asked", "--yes")
	same()
	wantExit(t, r.Run("graph", "get", ada), refused)
	wantExit(t, r.Run("graph", "get", ada, "--as-of", "5"), refused)
	says(t, r.Must("graph", "erase", "--list"), "asked")
}

func mergeNumber(t testing.TB, text string) string {
	t.Helper()
	var out struct {
		Merge struct {
			ID uint64 `json:"id"`
		} `json:"merge"`
	}
	decode(t, text, &out)
	return strconv.FormatUint(out.Merge.ID, 10)
}

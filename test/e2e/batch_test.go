package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/meshd/meshd/test/realmesh"
)

// Ten thousand operations are one command, larger than an entry of the log: all
// of them are there at every node, under one revision, or none is.
func TestBatchOfTenThousand(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	key := nodes[0].AdminKey()
	const count = 10_000
	ops := make([]map[string]any, 0, count)
	for i := range count / 2 {
		ops = append(ops, map[string]any{"op": "upsert_node", "type": "thing", "key": fmt.Sprint("k", i), "label": fmt.Sprint("thing ", i),
			"properties": map[string]any{"text": strings.Repeat("x", 80)}})
	}
	for i := range count / 2 {
		ops = append(ops, map[string]any{"op": "create_edge", "type": "NEXT", "source": fmt.Sprint("k", i), "target": fmt.Sprint("k", (i+1)%(count/2))})
	}
	var last realmesh.Answer
	for i, n := range nodes { // the leader among them
		space := fmt.Sprint("batch", i)
		var out struct {
			Results []struct {
				Status string `json:"status"`
			} `json:"results"`
		}
		last = n.Client(key).Want(http.StatusOK, &out, http.MethodPost, "/graph/batch", map[string]any{"session_id": space, "ops": ops})
		if len(out.Results) != count || out.Results[count-1].Status != "created" {
			t.Fatalf("%s answered %d results", n.Name, len(out.Results))
		}
		bad := append(ops[:count-1:count-1], map[string]any{"op": "create_edge", "type": "NEXT", "source": "k0", "target": "nobody"})
		n.Client(key).Want(http.StatusNotFound, nil, http.MethodPost, "/graph/batch", map[string]any{"session_id": space + "-bad", "ops": bad})
	}
	for _, n := range nodes {
		for i := range nodes {
			for space, want := range map[string]int{fmt.Sprint("batch", i): count / 2, fmt.Sprint("batch", i, "-bad"): 0} {
				var stats struct {
					Nodes, Edges int
				}
				n.Client(key).Want(http.StatusOK, &stats, http.MethodGet, "/graph/stats?session_id="+space, nil, "X-Mesh-Min-Revision", fmt.Sprint(last.Revision()))
				if stats.Nodes != want || stats.Edges != want {
					t.Errorf("%s has %d nodes and %d edges in %s, want %d of each", n.Name, stats.Nodes, stats.Edges, space, want)
				}
			}
		}
	}
}

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// What was written at one node is asked for in openCypher at every other, over
// HTTPS and from a shell, and what is wrong is told with its place.
func TestQueriesAtEveryNode(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	key := nodes[0].AdminKey()
	a := nodes[0].Client(key)
	var ops []map[string]any
	for i := range 50 {
		ops = append(ops, map[string]any{"op": "create_node", "type": "stop", "label": fmt.Sprint("stop ", i), "key": fmt.Sprint("s", i), "properties": map[string]any{"zone": i / 10}})
		if i > 0 {
			ops = append(ops, map[string]any{"op": "create_edge", "source": fmt.Sprint("s", i-1), "target": fmt.Sprint("s", i), "type": "next"})
		}
	}
	w := a.Want(http.StatusOK, nil, http.MethodPost, "/graph/batch", map[string]any{"session_id": "q", "ops": ops})
	_, viewer := nodes[0].APIKey("viewer")
	for _, n := range nodes {
		c := n.Client(viewer)
		query := func(status int, out any, text string, more map[string]any) {
			t.Helper()
			body := map[string]any{"session_id": "q", "query": text}
			for k, v := range more {
				body[k] = v
			}
			c.Want(status, out, http.MethodPost, "/graph/query", body, "X-Mesh-Min-Revision", strconv.FormatUint(w.Revision(), 10))
		}
		var got struct {
			Columns []string
			Rows    json.RawMessage
			Plan    string
		}
		query(200, &got, "MATCH (n:stop) RETURN n.zone AS zone, count(*) AS stops ORDER BY zone DESC LIMIT 2", nil)
		if string(got.Rows) != "[[4,10],[3,10]]" || strings.Join(got.Columns, " ") != "zone stops" {
			t.Errorf("%s", got.Rows)
		}
		query(200, &got, "MATCH p = shortestPath((a {key: $from})-[:next*..60]->(b {key: 's49'})) RETURN length(p)", map[string]any{"parameters": map[string]any{"from": "s0"}})
		if string(got.Rows) != "[[49]]" {
			t.Errorf("%s", got.Rows)
		}
		query(200, &got, "EXPLAIN MATCH (n {key: 's1'}) RETURN n", nil)
		if !strings.Contains(got.Plan, "key") {
			t.Errorf("plan %q", got.Plan)
		}
		var refused struct {
			Code    string
			Details map[string]any
		}
		query(400, &refused, "MATCH (n:stop)\nRETURN m", nil)
		if refused.Code != "QUERY" || refused.Details["line"] != "2" || refused.Details["detail"] != "UndefinedVariable" {
			t.Errorf("%+v", refused)
		}
		query(400, &refused, "MATCH (a), (b), (c), (d), (e), (f) RETURN count(*)", map[string]any{"timeout": "100ms"})
		if refused.Code != "QUERY_LIMIT" {
			t.Errorf("%+v", refused)
		}
		out := n.Must("graph", "query", "MATCH (n {key: $k})-[:next]->(m) RETURN n, m.label", "-n", "q", "-p", "k=s7")
		if !strings.Contains(out, "stop 7 (stop)") || !strings.Contains(out, "stop 8") {
			t.Errorf("%s", out)
		}
		if out = n.Must("graph", "query", "MATCH (n:stop) WHERE n.zone = 4 RETURN n.label ORDER BY n.label LIMIT 2", "-n", "q", "--format", "csv"); out != "n.label\nstop 40\nstop 41\n" {
			t.Errorf("%q", out)
		}
	}
}

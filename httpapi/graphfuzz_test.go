package httpapi

import (
	"net/url"
	"testing"
)

// Whatever is sent, the answer is a result or a refusal, never a fault.
func FuzzGraphWrites(f *testing.F) {
	for _, body := range []string{
		`{"session_id":"s","node_type":"n","label":"x","key":"k","properties":{"a":[1,null,"é"]}}`,
		`{"session_id":"s","source":"k","target":"k","edge_type":"T","weight":-0.5,"predicate":null}`,
		`{"session_id":"s","ops":[{"op":"upsert_node","type":"n","label":"x","key":"k"},{"op":"delete_node","id":1}]}`,
		`{"properties":{"a":null},"merge":true}`,
		`{"session_id":"s","ops":[{"op":"update_edge","id":18446744073709551615,"if_version":18446744073709551615}]}`,
	} {
		f.Add([]byte(body), `"1"`)
	}
	a := graphAPI(f)
	makeNode(f, a, "x", "k")
	f.Fuzz(func(t *testing.T, body []byte, match string) {
		for _, route := range [][2]string{
			{"POST", "/graph/nodes"}, {"PUT", "/graph/nodes/1"}, {"POST", "/graph/edges"}, {"PUT", "/graph/edges/2"},
			{"POST", "/graph/batch"}, {"POST", "/graph/import?session_id=s"},
		} {
			header := []string{"X-API-Key: " + userKey, "If-Match: " + match}
			if route[1] == "/graph/import?session_id=s" {
				header = append(header, asLines)
			}
			if res := ask(t, a.Handler(), route[0], route[1], string(body), header...); res.StatusCode >= 500 {
				t.Errorf("%v: %d", route, res.StatusCode)
			}
		}
	})
}

func FuzzGraphQueries(f *testing.F) {
	f.Add("s", "a", "AQAAAA")
	f.Add("s", "1", "BAAAAAAAAAA")
	a := graphAPI(f)
	makeEdge(f, a, makeNode(f, a, "x", "k"), makeNode(f, a, "y", "a"), "T")
	f.Fuzz(func(t *testing.T, session, word, cursor string) {
		if len(session)+len(word)+len(cursor) > 4096 {
			return
		}
		for _, target := range targets(session, word, cursor) {
			if res := ask(t, a.Handler(), "GET", target, "", "X-API-Key: "+userKey); res.StatusCode >= 500 {
				t.Errorf("%s: %d", target, res.StatusCode)
			}
		}
	})
}

func targets(session, word, cursor string) (out []string) {
	for path, names := range map[string][]string{
		"nodes": {"node_type"}, "edges": {"edge_type"}, "find": {"prefix"}, "search": {"q"}, "neighbors": {"key"}, "path": {"from", "to"}, "stats": {}, "namespaces": {},
	} {
		q := url.Values{}
		if path != "namespaces" {
			q.Set("session_id", session)
		}
		for _, name := range names {
			q.Set(name, word)
		}
		if path != "neighbors" && path != "path" && path != "stats" {
			q.Set("cursor", cursor)
		}
		out = append(out, "/graph/"+path+"?"+q.Encode())
	}
	return out
}

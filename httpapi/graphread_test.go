package httpapi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// labels lists the labels of an answer's nodes.
func labels(a answer) string {
	var out []string
	for _, n := range a.body["nodes"].([]any) {
		out = append(out, fmt.Sprint(n.(map[string]any)["label"]))
	}
	return strings.Join(out, " ")
}

// Following cursors shows everything once.
func TestGraphPages(t *testing.T) {
	a := graphAPI(t)
	hub := makeNode(t, a, "hub", "")
	for i := range 7 {
		makeEdge(t, a, hub, makeNode(t, a, fmt.Sprintf("leaf%d", i), ""), "HAS")
		call(t, a, 201, "POST", "/graph/nodes", fmt.Sprintf(`{"session_id":"ns%d","node_type":"n","label":"x"}`, i))
	}
	for _, c := range []struct {
		path, list string
		want       int
	}{
		{"/graph/nodes?session_id=s", "nodes", 8},
		{"/graph/nodes?session_id=s&node_type=concept", "nodes", 8},
		{"/graph/edges?session_id=s", "edges", 7},
		{fmt.Sprintf("/graph/edges?session_id=s&source_id=%d", hub), "edges", 7},
		{"/graph/find?session_id=s&prefix=leaf", "nodes", 7},
		{"/graph/search?session_id=s&q=eaf", "nodes", 7},
		{"/graph/namespaces?", "namespaces", 8},
	} {
		t.Run(c.path, func(t *testing.T) {
			seen, cursor := map[string]bool{}, ""
			for pages := 0; ; pages++ {
				if pages > 5 {
					t.Fatal("the cursor leads nowhere")
				}
				got := call(t, a, 200, "GET", c.path+"&limit=3&cursor="+url.QueryEscape(cursor), "")
				items := got.body[c.list].([]any)
				if len(items) > 3 {
					t.Fatalf("a page of %d", len(items))
				}
				for _, item := range items {
					text, err := json.Marshal(item)
					if err != nil || seen[string(text)] {
						t.Fatalf("%s came twice, %v", text, err)
					}
					seen[string(text)] = true
				}
				cursor, _ = got.body["cursor"].(string)
				if cursor == "" {
					break
				}
			}
			if len(seen) != c.want {
				t.Errorf("saw %d, want %d", len(seen), c.want)
			}
		})
	}
}

func TestGraphFind(t *testing.T) {
	a := graphAPI(t)
	makeNode(t, a, "Ada Lovelace", "ada")
	makeNode(t, a, "Adam Smith", "adam")
	makeNode(t, a, "Notes by Ada", "12")
	call(t, a, 201, "POST", "/graph/nodes", `{"session_id":"s","node_type":"person","label":"Ada Byron"}`)
	for query, want := range map[string]string{
		"/graph/nodes?session_id=s":                                         "Ada Byron Notes by Ada Adam Smith Ada Lovelace",
		"/graph/nodes?session_id=s&limit=1":                                 "Ada Byron",
		"/graph/nodes?session_id=s&node_type=person":                        "Ada Byron",
		"/graph/nodes?session_id=s&node_type=nothing":                       "",
		"/graph/nodes?session_id=s&key=ADA":                                 "Ada Lovelace",
		"/graph/nodes?session_id=s&key=12":                                  "Notes by Ada",
		"/graph/nodes?session_id=s&key=nobody":                              "",
		"/graph/nodes?session_id=t":                                         "",
		"/graph/find?session_id=s&key=ada":                                  "Ada Lovelace",
		"/graph/find?session_id=s&key=ada&node_type=person":                 "",
		"/graph/find?session_id=s&label=ada+lovelace":                       "Ada Lovelace",
		"/graph/find?session_id=s&label=ada":                                "",
		"/graph/find?session_id=s&prefix=ada":                               "Ada Byron Ada Lovelace Adam Smith",
		"/graph/find?session_id=s&prefix=ada&node_type=person":              "Ada Byron",
		"/graph/find?session_id=s&contains=ada":                             "Ada Byron Ada Lovelace Adam Smith Notes by Ada",
		"/graph/search?session_id=s&q=love":                                 "Ada Lovelace",
		"/graph/search?session_id=s&q=ada&limit=2":                          "Ada Byron Ada Lovelace",
		"/graph/search?session_id=s&q=ada&match=prefix&node_type=person":    "Ada Byron",
		"/graph/search?session_id=s&q=ada+byron&match=exact":                "Ada Byron",
		"/graph/search?session_id=s&q=ada&consistency=linearizable&limit=1": "Ada Byron",
	} {
		got := call(t, a, 200, "GET", query, "")
		if labels(got) != want || int(got.number(t, "count")) != len(got.body["nodes"].([]any)) {
			t.Errorf("%s: %q, want %q", query, labels(got), want)
		}
		if got.Header.Get("X-Mesh-Revision") != "4" {
			t.Errorf("%s: %v", query, got.Header)
		}
	}
}

func TestGraphWalks(t *testing.T) {
	a := graphAPI(t)
	ids := map[string]uint64{}
	for _, key := range []string{"a", "b", "c", "d", "12"} {
		ids[key] = makeNode(t, a, key, key)
	}
	makeEdge(t, a, ids["a"], ids["b"], "T")
	makeEdge(t, a, ids["b"], ids["c"], "T")
	makeEdge(t, a, ids["d"], ids["c"], "U")
	makeEdge(t, a, ids["d"], ids["12"], "T")
	idOf := strings.NewReplacer("{a}", fmt.Sprint(ids["a"]), "{d}", fmt.Sprint(ids["d"]))
	for query, want := range map[string]string{
		"/graph/neighbors?session_id=s&key=a":                              "b",
		"/graph/neighbors?session_id=s&id={a}&depth=2":                     "b c",
		"/graph/neighbors?session_id=s&id={a}&depth=10":                    "b c d 12",
		"/graph/neighbors?session_id=s&id={a}&depth=10&limit=2":            "b c",
		"/graph/neighbors?session_id=s&id={a}&depth=10&direction=outgoing": "b c",
		"/graph/neighbors?session_id=s&key=c&direction=in":                 "b d",
		"/graph/neighbors?session_id=s&key=c&direction=out":                "",
		"/graph/neighbors?session_id=s&key=c&type=U":                       "d",
		"/graph/neighbors?session_id=s&key=12&direction=incoming":          "d",
		"/graph/path?session_id=s&from=a&to=d":                             "a b c d",
		"/graph/path?session_id=s&from={a}&to_key=d":                       "a b c d",
		"/graph/path?session_id=s&from_key=a&to={d}":                       "a b c d",
		"/graph/path?session_id=s&from=a&to_key=12":                        "a b c d 12",
		"/graph/path?session_id=s&from=a&to=a":                             "a",
		"/graph/path?session_id=s&from=a&to=d&max_depth=2":                 "",
		"/graph/path?session_id=s&from=a&to=d&direction=outgoing":          "",
		"/graph/path?session_id=s&from=a&to=d&type=T":                      "",
		"/graph/path?session_id=s&from=c&to=a&direction=incoming":          "c b a",
	} {
		got := call(t, a, 200, "GET", idOf.Replace(query), "")
		if labels(got) != want {
			t.Errorf("%s: %q, want %q", query, labels(got), want)
		}
		found, isPath := got.body["found"].(bool)
		if isPath && found != (want != "") || isPath && found && int(got.number(t, "length")) != strings.Count(want, " ") {
			t.Errorf("%s: %s", query, got.text)
		}
	}
	if got := call(t, a, 200, "GET", "/graph/neighbors?session_id=s&key=a", ""); !strings.Contains(got.text, `"depth":1`) || got.body["start"] == nil || len(got.body["edges"].([]any)) != 1 {
		t.Errorf("%s", got.text)
	}
}

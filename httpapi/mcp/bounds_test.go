package mcp

import (
	"fmt"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/meshd/meshd/graphsync"
)

// fill makes n entities with three observations each, every one related to the
// first.
func fill(t testing.TB, s *sdk.ClientSession, n int) {
	t.Helper()
	for from := 0; from < n; from += 500 {
		var entities, relations []args
		for i := from; i < min(from+500, n); i++ {
			name := fmt.Sprintf("entity %05d", i)
			entities = append(entities, entity(name, "thing", "needle in "+name, strings.Repeat("hay ", 1+i%50), "\"quoted\" "+name))
			relations = append(relations, args{"from": name, "to": "entity 00000", "relationType": "points at"})
		}
		want(t, s, nil, "create_entities", args{"entities": entities})
		want(t, s, nil, "create_relations", args{"relations": relations})
	}
}

// pages asks until there is no more, and checks that no answer is too large.
func pages(t testing.TB, s *sdk.ClientSession, tool string, in args, bound int) (entities, observations map[string]int, relations map[Relation]int, count int) {
	t.Helper()
	entities, observations, relations = map[string]int{}, map[string]int{}, map[Relation]int{}
	for {
		var p Page
		a := want(t, s, &p, tool, in)
		count++
		if size := len(a.Text) + len(a.Structured) + len(strings.Join(a.Notes, "")); size > bound {
			t.Fatalf("page %d of %s has %d bytes", count, tool, size)
		}
		for _, e := range p.Entities {
			entities[e.Name]++
			for _, o := range e.Observations {
				observations[e.Name+": "+o]++
			}
		}
		for _, r := range p.Relations {
			relations[r]++
		}
		if (p.NextCursor == "") != (len(a.Notes) == 0) && p.Note == "" {
			t.Fatalf("page %d does not say how to go on: %q", count, a.Notes)
		}
		if p.NextCursor == "" {
			return entities, observations, relations, count
		}
		if count > 1000 {
			t.Fatal("there is no end")
		}
		in["cursor"] = p.NextCursor
	}
}

func TestLargeGraphsComeInPages(t *testing.T) {
	_, url := serve(t, Call{})
	s := connect(t, url)
	const n = 600
	fill(t, s, n)
	for _, bound := range []int{defaultBytes, minBytes * 2, maxBytes} {
		entities, observations, relations, count := pages(t, s, "read_graph", args{"max_bytes": bound}, bound)
		if len(entities) != n || len(relations) != n || len(observations) != 3*n || bound == defaultBytes && count < 4 {
			t.Errorf("%d entities, %d relations, %d observations in %d pages of %d", len(entities), len(relations), len(observations), count, bound)
		}
		for name, times := range entities {
			if times != 1 {
				t.Errorf("%s is shown %d times", name, times)
			}
		}
	}
	entities, _, relations, count := pages(t, s, "open_nodes", args{"names": []string{"ENTITY 00000", "entity 00007"}}, defaultBytes)
	if len(entities) != 2 || len(relations) != n || count < 2 {
		t.Errorf("the hub shows %d entities and %d relations in %d pages", len(entities), len(relations), count)
	}
	entities, _, _, _ = pages(t, s, "search_nodes", args{"query": "NEEDLE in entity 001"}, defaultBytes)
	if len(entities) != 100 {
		t.Errorf("%d entities are found", len(entities))
	}
}

// An entity that is larger than an answer is shown in parts.
func TestLargeEntity(t *testing.T) {
	_, url := serve(t, Call{})
	s := connect(t, url)
	for i := range 4 {
		var texts []string
		for j := range 10 {
			texts = append(texts, fmt.Sprintf("%d.%d %s", i, j, strings.Repeat("x", 15<<10)))
		}
		if i == 0 {
			want(t, s, nil, "create_entities", args{"entities": []args{entity("big", "t", texts...), entity("small", "t")}})
			continue
		}
		want(t, s, nil, "add_observations", args{"observations": []args{{"entityName": "big", "contents": texts}}})
	}
	for tool, in := range map[string]args{"read_graph": {}, "open_nodes": {"names": []string{"big", "small"}}, "search_nodes": {"query": ""}} {
		entities, observations, _, _ := pages(t, s, tool, in, defaultBytes)
		if len(entities) != 2 || len(observations) != 40 {
			t.Errorf("%s shows %d entities and %d observations", tool, len(entities), len(observations))
		}
	}
	var node Whole
	if a := want(t, s, &node, "get_node", args{"name": "big"}); !node.Truncated || len(a.Text)+len(a.Structured) > defaultBytes {
		t.Errorf("%d bytes", len(a.Text)+len(a.Structured))
	}
}

// News come in parts too, and one revision that is too large is cut with a word.
func TestManyChanges(t *testing.T) {
	_, url := serve(t, Call{})
	s := connect(t, url)
	fill(t, s, 600)
	seen, revision, cut := map[uint64]bool{}, uint64(0), false
	for range 20 {
		var news News
		a := want(t, s, &news, "changes_since", args{"revision": revision, "limit": 1000})
		if size := len(a.Text) + len(a.Structured) + len(a.Notes[0]); size > defaultBytes {
			t.Fatalf("%d bytes", size)
		}
		for _, c := range news.Changes {
			seen[c.ID] = true
		}
		cut = cut || strings.Contains(news.Note, "Not all changes")
		if revision = news.Revision; !news.More {
			break
		}
	}
	if len(seen) < 500 || !cut || revision != 4 {
		t.Errorf("%d things of four revisions up to %d, cut: %t", len(seen), revision, cut)
	}
	var news News
	if want(t, s, &news, "changes_since", args{"revision": revision}); len(news.Changes) != 0 || news.Revision != revision {
		t.Errorf("%+v", news)
	}
}

func TestCursorOfAnotherQuestion(t *testing.T) {
	_, url := serve(t, Call{})
	s := connect(t, url)
	fill(t, s, 400)
	var p Page
	want(t, s, &p, "search_nodes", args{"query": "needle"})
	for _, cursor := range []string{p.NextCursor, "x", "e30", strings.Repeat("A", 5000)} {
		if a := ask(t, s, "search_nodes", args{"query": "hay", "cursor": cursor}); !a.IsError || !strings.Contains(a.Text, "cursor") {
			t.Errorf("%.40q: %.100s", cursor, a.Text)
		}
	}
}

// What the graph cannot hold is refused in words that name the place.
func TestTooLarge(t *testing.T) {
	_, url := serve(t, Call{})
	s := connect(t, url)
	long := strings.Repeat("n", graphsync.MaxKey+1)
	for _, c := range []struct {
		tool string
		in   args
		says string
	}{
		{"create_entities", args{"entities": []args{entity("ok", "t"), entity(long, "t")}}, "entities[1].name has 513 bytes"},
		{"create_entities", args{"entities": []args{entity(" ", "t")}}, "entities[0].name must not be blank"},
		{"create_entities", args{"entities": []args{entity("a", "t"), entity("b", "t", "fine", strings.Repeat("o", graphsync.MaxText+1))}}, "entities[1]: text has 16385 bytes"},
		{"create_relations", args{"relations": []args{{"from": "a", "to": long, "relationType": "r"}}}, "relations[0].to has 513 bytes"},
		{"create_relations", args{"relations": []args{{"from": "a", "to": "b", "relationType": strings.Repeat("r", 2000)}}}, "relations[0].relationType has 2000 bytes"},
		{"add_observations", args{"observations": []args{{"entityName": long, "contents": []string{"x"}}}}, "not found"},
		{"create_entities", args{"entities": []args{entity("nul\x00", "t")}}, "NUL"},
	} {
		if a := ask(t, s, c.tool, c.in); !a.IsError || !strings.Contains(a.Text, c.says) {
			t.Errorf("%s: %.200s\nwant %s", c.tool, a.Text, c.says)
		}
	}
	var p Page
	if want(t, s, &p, "read_graph", nil); len(p.Entities) != 0 {
		t.Errorf("%+v", p)
	}
}

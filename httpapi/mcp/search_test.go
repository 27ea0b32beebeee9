package mcp

import (
	"slices"
	"testing"

	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/graphsync"
)

func TestSearch(t *testing.T) {
	_, url := serve(t, Call{})
	s := connect(t, url)
	want(t, s, nil, "create_entities", args{"entities": []args{
		entity("Ada Lovelace", "person", "wrote the first program for the Analytical Engine"),
		entity("Analytical Engine", "calculating machine", "was never built"), entity("Babbage", "person", "designed engines"),
	}})
	want(t, s, nil, "create_relations", args{"relations": []args{{"from": "Babbage", "to": "Analytical Society", "relationType": "founded"}}})
	for _, c := range []struct {
		in    args
		first string
		count int
	}{
		{args{"query": "programs"}, "Ada Lovelace", 1}, // the index knows forms of words
		{args{"query": "analytical engine"}, "Analytical Engine", 4},
		{args{"query": "analytical", "entityTypes": []string{"calculating machine"}}, "Analytical Engine", 1},
		{args{"query": "babage~"}, "Babbage", 1},
		{args{"query": "LOVE", "mode": "substring"}, "Ada Lovelace", 1},
		{args{"query": "+engine -built", "near": "Babbage"}, "Babbage", 2},
		{args{"query": "nothing"}, "", 0},
	} {
		var got Hits
		want(t, s, &got, "search", c.in)
		if len(got.Hits) != c.count || c.count > 0 && got.Hits[0].Name != c.first || c.count == 0 && got.Note == "" {
			t.Errorf("%v finds %+v", c.in, got)
		}
		for _, h := range got.Hits {
			if h.Name == "Analytical Society" && (!h.Mentioned || h.EntityType != "") {
				t.Errorf("%+v", h)
			}
		}
	}
	var first, second Hits
	want(t, s, &first, "search", args{"query": "engine", "limit": 1})
	want(t, s, &second, "search", args{"query": "engine", "limit": 1, "cursor": first.NextCursor})
	if first.NextCursor == "" || len(second.Hits) != 1 || first.Hits[0].ID == second.Hits[0].ID {
		t.Errorf("%+v then %+v", first, second)
	}
	for says, in := range map[string]args{
		"vector": {"query": "x", "mode": "vector"}, "Entity with name nobody not found": {"query": "x", "near": "nobody"}, "cursor": {"query": "x", "cursor": "!"},
	} {
		if a := ask(t, s, "search", in); !a.IsError {
			t.Errorf("%s: %s", says, a.Text)
		}
	}
}

// Before the index is built, and without words to look up, search_nodes looks at
// all.
func TestSearchWithoutIndex(t *testing.T) {
	graph := graphsync.NewService(consensustest.New(graphsync.NewPart()))
	s := connect(t, serveGraph(t, graph, Call{}))
	fill(t, s, 300)
	entities, _, relations, count := pages(t, s, "search_nodes", args{"query": "NEEDLE in entity 000"}, defaultBytes)
	if len(entities) != 100 || len(relations) < 100 || count < 2 {
		t.Errorf("%d entities and %d relations in %d pages", len(entities), len(relations), count)
	}
	var got Page
	want(t, s, &got, "search_nodes", args{"query": "entity 00007"})
	if len(got.Entities) != 1 || !slices.Equal(got.Relations, []Relation{{"entity 00007", "entity 00000", "points at"}}) {
		t.Errorf("%+v", got)
	}
	if a := ask(t, s, "search", args{"query": "x"}); !a.IsError {
		t.Error(a.Text)
	}
}

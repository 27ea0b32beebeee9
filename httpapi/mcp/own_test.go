package mcp

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestRemember(t *testing.T) {
	_, url := serve(t, Call{})
	s := connect(t, url)
	var got remembered
	want(t, s, &got, "remember", args{"name": "Ada", "entityType": "person", "observations": []string{"wrote a program", "wrote a program"},
		"relations": []args{{"relationType": "knows", "to": "Babbage"}, {"relationType": "daughter of", "from": "Clara"}, {"relationType": "is", "to": "ada"}},
		"source":    "a letter", "confidence": 0.9, "valid_from": "1840-01-01T00:00:00Z"})
	if !got.Created || len(got.Observations) != 1 || len(got.Relations) != 3 || !slices.Equal(got.Mentioned, []string{"Babbage", "Clara"}) || got.Revision == 0 {
		t.Fatalf("%+v", got)
	}
	first := got.Revision
	want(t, s, &got, "remember", args{"name": "ADA", "observations": []string{"wrote a program", "liked maths"}, "relations": []args{{"relationType": "knows", "to": "Babbage"}}})
	if got.Created || got.Retyped || !slices.Equal(got.Observations, []string{"liked maths"}) || len(got.Relations) != 0 {
		t.Fatalf("%+v", got)
	}
	want(t, s, &got, "remember", args{"name": "Babbage", "entityType": "mathe matician"})
	if !got.Created || got.Retyped {
		t.Fatalf("%+v", got)
	}
	want(t, s, &got, "remember", args{"name": "Babbage", "entityType": "inventor"})
	if got.Created || !got.Retyped {
		t.Fatalf("%+v", got)
	}

	var node Whole
	want(t, s, &node, "get_node", args{"name": "ada"})
	if node.Entity.Name != "Ada" || node.Entity.EntityType != "person" || len(node.Entity.Observations) != 2 || len(node.Relations) != 3 || node.Entity.Properties != nil {
		t.Fatalf("%+v", node)
	}
	if o := node.Entity.Observations[0]; o.Provenance.Provenance != "a letter" || *o.Confidence != 0.9 || o.ValidFrom.Year() != 1840 || o.By != "tester" {
		t.Errorf("%+v", o)
	}
	want(t, s, &node, "get_node", args{"id": node.Entity.ID, "as_of": fmt.Sprint(first)})
	if len(node.Entity.Observations) != 1 {
		t.Errorf("at revision %d there are %d observations", first, len(node.Entity.Observations))
	}
	want(t, s, &node, "get_node", args{"name": "ada", "valid_at": "1830-01-01T00:00:00Z"})
	if len(node.Relations) != 0 {
		t.Errorf("%d relations were true before they began to be", len(node.Relations))
	}
	want(t, s, &node, "get_node", args{"name": "Babbage"})
	if node.Entity.EntityType != "inventor" || node.Entity.Properties != nil {
		t.Errorf("%+v", node.Entity)
	}

	var past Past
	want(t, s, &past, "history", args{"name": "Babbage"})
	if len(past.Versions) != 3 || past.Versions[2].What != "created" || past.Versions[1].Entity.EntityType != "mathe matician" || past.Versions[0].By != "tester" {
		t.Errorf("%+v", past)
	}
	var news News
	want(t, s, &news, "changes_since", args{"revision": first})
	var lines []string
	for _, c := range news.Changes {
		lines = append(lines, strings.Join([]string{c.What, c.Kind, c.Name, c.Text}, " "))
	}
	if !slices.Equal(lines, []string{"created observation Ada liked maths", "updated entity Babbage ", "updated entity Babbage "}) || news.More || news.Revision < got.Revision {
		t.Errorf("%q up to %d", lines, news.Revision)
	}
}

func TestWalks(t *testing.T) {
	_, url := serve(t, Call{})
	s := connect(t, url)
	var relations []args
	for i := range 9 {
		relations = append(relations, args{"from": fmt.Sprint("n", i), "to": fmt.Sprint("n", i+1), "relationType": "leads to"})
	}
	want(t, s, nil, "create_relations", args{"relations": relations})
	var got Surroundings
	want(t, s, &got, "neighbors", args{"name": "n3", "depth": 2, "relationType": "leads to"})
	if len(got.Entities) != 4 || len(got.Relations) != 4 || got.Entities[0].Distance != 1 || got.Relations[0].RelationType != "leads to" {
		t.Errorf("%+v", got)
	}
	want(t, s, &got, "neighbors", args{"name": "n3", "direction": "outgoing"})
	if len(got.Entities) != 1 || got.Entities[0].Name != "n4" || got.Relations[0].From != "n3" {
		t.Errorf("%+v", got)
	}
	want(t, s, &got, "path", args{"from": "n0", "to": "n9"})
	if !*got.Found || *got.Length != 9 || got.Entities[9].Name != "n9" {
		t.Errorf("%+v", got)
	}
	want(t, s, &got, "path", args{"from": "n0", "to": "n9", "max_depth": 5})
	if *got.Found {
		t.Errorf("%+v", got)
	}
	for tool, in := range map[string]args{
		"neighbors": {"name": "nobody"}, "path": {"from": "n0", "to": "nobody"}, "get_node": {"name": "nobody"}, "history": {"name": "nobody"},
	} {
		if a := ask(t, s, tool, in); !a.IsError || a.Text != "Entity with name nobody not found" {
			t.Errorf("%s: %s", tool, a.Text)
		}
	}
}

func TestQueryTool(t *testing.T) {
	_, url := serve(t, Call{})
	s := connect(t, url)
	want(t, s, nil, "remember", args{"name": "Ada", "entityType": "person", "observations": []string{"wrote notes"}, "relations": []args{{"relationType": "knows", "to": "Babbage"}}})
	var got Answers
	want(t, s, &got, "query", args{"query": "MATCH (p:person {label: $n})-[r]->(q) RETURN type(r), q.label, p.observations", "parameters": args{"n": "Ada"}})
	if got.Count != 1 || !strings.Contains(string(got.Rows), `"Babbage",["wrote notes"]`) {
		t.Errorf("%+v %s", got, got.Rows)
	}
	for text, says := range map[string]string{
		"MATCH (p RETURN p":                   "line 1, column 10",
		"CREATE (p)":                          "only read",
		"UNWIND range(1,10000) AS x RETURN x": "use LIMIT",
	} {
		if a := ask(t, s, "query", args{"query": text, "max_bytes": 4096}); !a.IsError || !strings.Contains(a.Text, says) {
			t.Errorf("%s: %s", text, a.Text)
		}
	}
}

// What arguments a tool of ours does not take, it says, with those it takes.
func TestOwnToolsRefuseWhatTheyDoNotKnow(t *testing.T) {
	_, url := serve(t, Call{})
	s := connect(t, url)
	for tool, c := range map[string]struct {
		in   args
		says string
	}{
		"get_node":      {args{"name": "x", "asof": "1"}, `Unrecognized key: "asof"; known here are name, id, as_of`},
		"neighbors":     {args{"name": "x", "depth": 99}, "expected 1 to 10 at depth"},
		"path":          {args{"from": "x"}, "expected string, received undefined at to"},
		"history":       {args{}, "give name, or id"},
		"changes_since": {args{"revision": "x"}, "expected integer, received string at revision"},
		"remember":      {args{"name": "x", "relations": []args{{"relationType": "r"}}}, "needs the name of its other end"},
	} {
		if a := ask(t, s, tool, c.in); !a.IsError || !strings.Contains(a.Text, c.says) {
			t.Errorf("%s: %s", tool, a.Text)
		}
	}
}

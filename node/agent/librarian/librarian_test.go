package librarian

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/agent"
	"github.com/meshd/meshd/node/message"
)

var _ agent.Handler = (*Librarian)(nil)
var _ Graph = (*graphsync.Service)(nil)

// library is a small graph of packages, modules and people.
func library(t testing.TB) *Librarian {
	t.Helper()
	s := graphsync.NewService(consensustest.New(graphsync.NewPart()))
	ids := map[string]uint64{}
	for _, n := range []struct{ typ, label, props string }{
		{"package", "example.com/app", `{"version":"v1.2.0","licence":"MIT"}`},
		{"package", "example.com/app/store", `{}`},
		{"package", "example.com/app/web", `{}`},
		{"package", "example.com/raft", `{}`},
		{"module", "example.com/raft", `{}`},
		{"person", "Ada Lovelace", `{"born":1815}`},
		{"package", "example.com/alone", `{}`},
	} {
		got, _, err := s.CreateNode(context.Background(), graphsync.WriteOptions{}, graphsync.NewNode{
			SessionID: "default", NodeType: n.typ, Label: n.label, Properties: json.RawMessage(n.props),
		})
		if err != nil {
			t.Fatal(err)
		}
		ids[n.typ+" "+n.label] = got.ID
	}
	for _, e := range [][3]string{
		{"package example.com/app", "imports", "package example.com/app/store"},
		{"package example.com/app", "imports", "package example.com/app/web"},
		{"package example.com/app/web", "imports", "package example.com/app/store"},
		{"package example.com/app/store", "imports", "package example.com/raft"},
		{"module example.com/raft", "contains", "package example.com/raft"},
		{"person Ada Lovelace", "WORKS_ON", "package example.com/app"},
	} {
		if _, _, err := s.CreateEdge(context.Background(), graphsync.WriteOptions{}, graphsync.NewEdge{
			SessionID: "default", SourceID: ids[e[0]], EdgeType: e[1], TargetID: ids[e[2]],
		}); err != nil {
			t.Fatal(err)
		}
	}
	return New(s)
}

func TestQuestions(t *testing.T) {
	l := library(t)
	for _, c := range []struct{ question, op, answer string }{
		{"What is web?", "describe", "example.com/app/web is a package (#3). Edges out of it: 1 imports. Edges to it: 1 imports."},
		{"tell me about example.com/app", "describe", "example.com/app is a package (#1) with licence MIT, version v1.2.0. Edges out of it: 2 imports. Edges to it: 1 WORKS_ON."},
		{"who is ada lovelace", "describe", "Ada Lovelace is a person (#6) with born 1815. Edges out of it: 1 WORKS_ON; none lead to it."},
		{"describe #7", "describe", "example.com/alone is a package (#7). It has no edges."},
		{"what is the module raft", "describe", "example.com/raft is a module (#5). Edges out of it: 1 contains; none lead to it."},
		{"what is the license of app", "describe", "The licence of example.com/app (package #1) is MIT."},
		{"which version does app have?", "describe", "The version of example.com/app (package #1) is v1.2.0."},
		{"what version is app", "describe", "The version of example.com/app (package #1) is v1.2.0."},
		{"what is the colour of app", "describe", "example.com/app (package #1) has no property \"colour\"; it has licence, version."},
		{"What depends on store?", "neighbors", "2 packages depend on example.com/app/store (package #2): example.com/app, example.com/app/web."},
		{"who imports web", "neighbors", "1 package imports example.com/app/web (package #3): example.com/app."},
		{"which packages import store", "neighbors", "2 packages import example.com/app/store (package #2): example.com/app, example.com/app/web."},
		{"packages that import store", "neighbors", "2 packages import example.com/app/store (package #2): example.com/app, example.com/app/web."},
		{"Please, what does app import?", "neighbors", "example.com/app (package #1) imports 2 packages: example.com/app/store, example.com/app/web."},
		{"what packages does app depend on", "neighbors", "example.com/app (package #1) depends on 2 packages: example.com/app/store, example.com/app/web."},
		{"what does app depend on transitively", "neighbors", "example.com/app (package #1) depends on 3 packages within 10 steps: example.com/app/store, example.com/app/web, example.com/raft."},
		{"what does alone import", "neighbors", "example.com/alone (package #7) imports nothing."},
		{"what imports alone", "neighbors", "Nothing imports example.com/alone (package #7)."},
		{"dependents of store", "neighbors", "2 packages depend on example.com/app/store (package #2): example.com/app, example.com/app/web."},
		{"the imports of web", "neighbors", "example.com/app/web (package #3) imports 1 package: example.com/app/store."},
		{"importers of web", "neighbors", "1 package imports example.com/app/web (package #3): example.com/app."},
		{"what works on app", "neighbors", "1 person works on example.com/app (package #1): Ada Lovelace."},
		{"what does Ada Lovelace work on?", "neighbors", "Ada Lovelace (person #6) works on 1 package: example.com/app."},
		{"what does raft contain", "neighbors", "example.com/raft (module #5) contains 1 package: example.com/raft. (2 nodes are named so; this is #5.)"},
		{"what is in the module raft", "neighbors", "1 package is in example.com/raft (module #5): example.com/raft."},
		{"neighbours of web", "neighbors", "example.com/app/web (package #3) is joined to 2 packages: example.com/app/store, example.com/app."},
		{"how many packages import store", "neighbors", "2 packages import example.com/app/store (package #2): example.com/app, example.com/app/web."},
		{"how many packages does app import", "neighbors", "example.com/app (package #1) imports 2 packages: example.com/app/store, example.com/app/web."},
		{"how many dependents does store have", "neighbors", "2 packages depend on example.com/app/store (package #2): example.com/app, example.com/app/web."},
		{"path from app to raft", "path", "2 steps: example.com/app -imports-> example.com/app/store -imports-> example.com/raft."},
		{"how is Ada Lovelace connected to web", "path", "2 steps: Ada Lovelace -WORKS_ON-> example.com/app -imports-> example.com/app/web."},
		{"path from raft to app", "path", "2 steps: example.com/raft <-imports- example.com/app/store <-imports- example.com/app."},
		{"which persons import store", "neighbors", "No person imports example.com/app/store (package #2)."},
		{"does app depend on raft?", "path", "Yes. 2 steps: example.com/app -imports-> example.com/app/store -imports-> example.com/raft."},
		{"does raft depend on app?", "path", "No: example.com/raft is not joined to example.com/app (package #1) by edges of the type imports."},
		{"why does app depend on raft", "path", "2 steps: example.com/app -imports-> example.com/app/store -imports-> example.com/raft."},
		{"how many packages are there?", "count", "There are 5 packages."},
		{"how many nodes", "count", "The graph has 7 nodes and 6 edges."},
		{"count imports", "count", "There are 4 edges of the type imports."},
		{"list types", "types", "Node types: module (1), package (5), person (1). Edge types: WORKS_ON (1), contains (1), imports (4)."},
		{"find raft", "find", `2 nodes match "raft": example.com/raft (package #4), example.com/raft (module #5).`},
		{"list modules", "find", "There is 1 module: example.com/raft."},
		{"find packages named raft", "find", `1 node matches "raft": example.com/raft.`},
		{"what is stroe", "describe", `Nothing in the graph is named "stroe". Near it: example.com/app/store.`},
		{"what mentions app", "unknown", "I did not understand the question."},
		{"sing me a song", "unknown", "I did not understand the question."},
	} {
		a, err := l.Ask(context.Background(), Question{Question: c.question})
		if err != nil {
			t.Errorf("%s: %v", c.question, err)
			continue
		}
		if a.Op != c.op || a.Text != c.answer && !(c.op == "unknown" && strings.HasPrefix(a.Text, c.answer)) {
			t.Errorf("%s:\n got %s: %s\nwant %s: %s", c.question, a.Op, a.Text, c.op, c.answer)
		}
		if a.Revision != 13 {
			t.Errorf("%s: revision %d", c.question, a.Revision)
		}
	}
}

// The sentences in the documentation are the ones that are read.
func TestTheDocumentHasEveryPattern(t *testing.T) {
	doc, err := os.ReadFile("../LIBRARIAN.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range patterns {
		if !strings.Contains(string(doc), "`"+p.example+"`") {
			t.Errorf("LIBRARIAN.md lacks %q", p.example)
		}
	}
}

func TestStructuredQuestions(t *testing.T) {
	l := library(t)
	for _, c := range []struct {
		body string
		ids  []uint64
		code string
	}{
		{`"what is web"`, []uint64{3}, ""},
		{`{"question":"what is web","limit":5}`, []uint64{3}, ""},
		{`{"op":"describe","node":3}`, []uint64{3}, ""},
		{`{"op":"describe","node":"web"}`, []uint64{3}, ""},
		{`{"op":"describe","node":"app","property":"version"}`, []uint64{1}, ""},
		{`{"op":"find","text":"store"}`, []uint64{2}, ""},
		{`{"op":"find","type":"module"}`, []uint64{5}, ""},
		{`{"op":"neighbors","node":1,"direction":"out","edge_types":["IMPORTS"]}`, []uint64{1, 2, 3}, ""},
		{`{"op":"neighbors","node":1,"direction":"out","edge_types":["imports","contains"],"depth":3}`, []uint64{1, 2, 3, 4}, ""},
		{`{"op":"neighbors","node":1,"limit":1}`, []uint64{1, 2}, ""},
		{`{"op":"path","from":1,"to":4}`, []uint64{1, 2, 4}, ""},
		{`{"op":"path","from":4,"to":1,"direction":"in","edge_types":["imports","contains"]}`, []uint64{4, 2, 1}, ""},
		{`{"op":"path","from":5,"to":1,"edge_types":["imports","contains"]}`, []uint64{5, 4, 2, 1}, ""},
		{`{"op":"path","from":1,"to":7,"edge_types":["imports","contains"]}`, []uint64{1, 7}, ""},
		{`{"op":"count","type":"package"}`, []uint64{}, ""},
		{`{"op":"types"}`, []uint64{}, ""},
		{`{"op":"help"}`, []uint64{}, ""},
		{`{"op":"describe","node":99}`, []uint64{}, ""},
		{`{"op":"describe","node":3,"namespace":"other"}`, []uint64{}, ""},
		{`{"op":"dance"}`, nil, message.CodeInvalid},
		{`{"op":"path","from":1}`, nil, message.CodeInvalid},
		{`{"op":"describe","node":true}`, nil, message.CodeInvalid},
		{`{"op":"find"}`, nil, message.CodeInvalid},
		{`{"op":"find","text":"x","limit":100000}`, nil, message.CodeInvalid},
		{`{"op":"help","question":"help"}`, nil, message.CodeInvalid},
		{`{"op":"help","colour":1}`, nil, message.CodeInvalid},
		{`{} {}`, nil, message.CodeInvalid},
		{`12`, nil, message.CodeInvalid},
		{`""`, nil, message.CodeInvalid},
	} {
		reply, err := l.Handle(context.Background(), message.Message{Body: json.RawMessage(c.body)})
		if c.code != "" {
			var r *consensus.Refusal
			if !errors.As(err, &r) || r.Code != c.code {
				t.Errorf("%s: %v", c.body, err)
			}
			continue
		}
		var a Answer
		if err != nil || json.Unmarshal(reply, &a) != nil || !slices.Equal(a.IDs, c.ids) || a.Text == "" {
			t.Errorf("%s: %s, %v; want ids %v", c.body, reply, err, c.ids)
		}
	}
}

func TestAnEmptyGraphSaysSo(t *testing.T) {
	l := New(graphsync.NewService(consensustest.New(graphsync.NewPart())))
	for _, q := range []string{"what is x", "what depends on x", "path from a to b", "find x", "list types", "how many nodes", "help", "what?"} {
		a, err := l.Ask(context.Background(), Question{Question: q})
		if err != nil || a.Text == "" || a.IDs == nil || a.Nodes == nil {
			t.Errorf("%s: %+v, %v", q, a, err)
		}
	}
}

// Whatever is asked is answered or refused, by one who has an id for each node
// it names.
func FuzzAsk(f *testing.F) {
	l := library(f)
	for _, p := range patterns {
		b, _ := json.Marshal(p.example)
		f.Add(b)
	}
	f.Add([]byte(`{"op":"path","from":1,"to":"web","depth":3}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		reply, err := l.Handle(context.Background(), message.Message{Body: body})
		var r *consensus.Refusal
		if err != nil && !errors.As(err, &r) {
			t.Fatalf("%s: %v", body, err)
		}
		var a Answer
		if err == nil {
			if json.Unmarshal(reply, &a) != nil || a.Text == "" {
				t.Fatalf("%s: %s", body, reply)
			}
			for _, n := range a.Nodes {
				if !slices.Contains(a.IDs, n.ID) {
					t.Fatalf("%s: %s", body, reply)
				}
			}
		}
	})
}

func BenchmarkAsk(b *testing.B) {
	l := library(b)
	for b.Loop() {
		if _, err := l.Ask(context.Background(), Question{Question: "what depends on store"}); err != nil {
			b.Fatal(err)
		}
	}
}

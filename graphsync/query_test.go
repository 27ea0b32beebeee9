package graphsync

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/graphsync/cypher"
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// asked runs a query and gives its rows, each as JSON.
func asked(t testing.TB, s *Service, when When, format QueryFormat, text string, params string) []string {
	t.Helper()
	a, _, err := s.Query(bg, stale, Query{Namespace: "s", Text: text, Parameters: []byte(params), When: when, Format: format})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(a.Rows, &rows); err != nil || len(rows) != a.Count {
		t.Fatalf("%s: %d rows, %v in %s", text, a.Count, err, a.Rows)
	}
	out := make([]string, len(rows))
	for i, r := range rows {
		out[i] = string(r)
	}
	return out
}

func rowsAre(t testing.TB, text string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s\n got  %s\n want %s", text, strings.Join(got, "\n      "), strings.Join(want, "\n      "))
	}
}

func peopled(t testing.TB) *Service {
	t.Helper()
	s := newService(t)
	if _, _, err := s.Batch(bg, alice, "s", []Op{
		{Op: OpCreateNode, Type: "person:author", Label: ptr("Ada Lovelace"), Key: "ada", Properties: json.RawMessage(`{"born":1815,"h":1.0,"tags":["a","b"],"label":"hidden"}`)},
		{Op: OpCreateNode, Type: "person", Label: ptr("Charles Babbage"), Key: "babbage", Properties: json.RawMessage(`{"born":1791}`)},
		{Op: OpCreateNode, Type: Untyped, Label: ptr("It"), Key: "it"},
		{Op: OpCreateEdge, Source: "ada", Target: "babbage", Type: "knows", Weight: ptr(0.5), Properties: json.RawMessage(`{"since":1833}`)},
		{Op: OpCreateEdge, Source: "babbage", Target: "it", Type: "made"},
		{Op: OpAddAlias, Key: "ada", Alias: "augusta"},
		{Op: OpAddObservation, Key: "ada", Text: "wrote notes"},
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

// A namespace is a graph of labels, properties and relationships.
func TestQueryReadsTheGraph(t *testing.T) {
	s := peopled(t)
	for _, c := range []struct {
		text, params string
		want         []string
	}{
		{"MATCH (n) RETURN labels(n), n.key, n.label ORDER BY n.key", "", []string{
			`[["person","author"],"ada","Ada Lovelace"]`, `[["person"],"babbage","Charles Babbage"]`, `[[],"it","It"]`}},
		{"MATCH (n:person) RETURN count(*)", "", []string{"[2]"}},
		{"MATCH (n:author) RETURN n.born, n.h, n.tags[1], n.none", "", []string{`[1815,1.0,"b",null]`}},
		{"MATCH (n {key: $k}) RETURN n.label", `{"k":"ada"}`, []string{`["Ada Lovelace"]`}},
		{"MATCH (n {key: 'augusta'}) RETURN n.label", "", nil}, // an alias is no key
		{"MATCH (n {label: 'It'}) RETURN n.key", "", []string{`["it"]`}},
		{"MATCH (n {key: 'ada'}) RETURN keys(n), n.aliases, n.observations, n.created_by, n.version > 0", "", []string{
			`[["born","h","label","tags"],["augusta"],["wrote notes"],"alice",true]`}},
		{"MATCH (a)-[r:knows]->(b) RETURN a.key, type(r), r.since, r.weight, b.key, keys(r)", "", []string{`["ada","knows",1833,0.5,"babbage",["since"]]`}},
		{"MATCH (a {key:'ada'})-[*1..3]->(b) RETURN b.key ORDER BY b.key", "", []string{`["babbage"]`, `["it"]`}},
		{"MATCH p = shortestPath((a {key:'ada'})-[*]-(b {key:'it'})) RETURN length(p)", "", []string{"[2]"}},
		{"MATCH (n:nothing) RETURN n", "", nil},
		{"MATCH ()-[r:nothing]->() RETURN r", "", nil},
	} {
		rowsAre(t, c.text, asked(t, s, When{}, QueryJSON, c.text, c.params), c.want...)
	}
	rowsAre(t, "literal", asked(t, s, When{}, QueryLiteral, "MATCH (n {key:'babbage'})-[r]->(m) RETURN n, r, m, 1.0, date('2020-01-02')", ""),
		`["(:person {born: 1791})","[:made]","()","1.0","'2020-01-02'"]`)
	rowsAre(t, "json", asked(t, s, When{}, QueryJSON, "MATCH p = (n {key:'babbage'})-[r]->(m) RETURN p, [1.5, {a: null}], 0.0/0.0", ""),
		`[{"nodes":[{"id":2,"labels":["person"],"label":"Charles Babbage","key":"babbage","properties":{"born":1791}},{"id":3,"labels":[],"label":"It","key":"it","properties":{}}],`+
			`"relationships":[{"id":5,"type":"made","source_id":2,"target_id":3,"properties":{}}]},[1.5,{"a":null}],"NaN"]`)
}

// A query sees one namespace, whatever its text or an id says.
func TestQueryStaysInItsNamespace(t *testing.T) {
	s := peopled(t)
	other := mustCreate(t, s, NewNode{SessionID: "t", NodeType: "person", Label: "Secret", Key: "secret"})
	for _, text := range []string{
		"MATCH (n {key:'secret'}) RETURN n", "MATCH (n {label:'Secret'}) RETURN n", "MATCH (n:person) WHERE n.label = 'Secret' RETURN n",
		fmt.Sprintf("MATCH (n) WHERE id(n) = %d RETURN n", other.ID),
	} {
		rowsAre(t, text, asked(t, s, When{}, QueryJSON, text, ""))
	}
	a, _, err := s.Query(bg, stale, Query{Namespace: "never written", Text: "MATCH (n) RETURN count(n)"})
	if err != nil || string(a.Rows) != "[[0]]" {
		t.Errorf("%s, %v", a.Rows, err)
	}
}

// A query as of a revision sees what was, and facts when they were true.
func TestQueryAsOf(t *testing.T) {
	s := peopled(t)
	before, _, err := s.GetNodeByKey(bg, stale, "s", "ada")
	if err != nil {
		t.Fatal(err)
	}
	_, out, err := s.UpdateNode(bg, alice, "s", before.ID, NodePatch{Properties: json.RawMessage(`{"born":1}`)})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.DeleteNode(bg, alice, "s", 2, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.CreateEdge(bg, alice, NewEdge{SessionID: "s", Source: "ada", Target: "it", EdgeType: "had", Provenance: Provenance{ValidTo: ptr(time.Unix(0, 0))}}); err != nil {
		t.Fatal(err)
	}
	was := When{Revision: out.Revision - 1}
	for text, want := range map[string][2]string{
		"MATCH (n:person) RETURN count(*)":                   {"[1]", "[2]"},
		"MATCH (n {key:'ada'}) RETURN n.born":                {"[1]", "[1815]"},
		"MATCH (n {key:'ada'})-[r]->(m) RETURN count(r)":     {"[0]", "[1]"},
		"MATCH (n {label:'Ada Lovelace'}) RETURN n.born":     {"[1]", "[1815]"},
		"MATCH ()-[r]->() RETURN count(r)":                   {"[0]", "[2]"},
		"MATCH (a)-[*2]->(b {key:'it'}) RETURN count(a.key)": {"[0]", "[1]"},
	} {
		rowsAre(t, text, asked(t, s, When{}, QueryJSON, text, ""), want[0])
		rowsAre(t, text+" as it was", asked(t, s, was, QueryJSON, text, ""), want[1])
	}
	rowsAre(t, "valid then", asked(t, s, When{ValidAt: time.Unix(-1, 0)}, QueryJSON, "MATCH ()-[r:had]->() RETURN count(r)", ""), "[1]")
	rowsAre(t, "valid ever", asked(t, s, When{AnyValid: true}, QueryJSON, "MATCH ()-[r:had]->() RETURN count(r)", ""), "[1]")
}

// What cannot be answered says why, where, and by which class.
func TestQueryRefusals(t *testing.T) {
	s := peopled(t)
	long := strings.Repeat("x", MaxQuery+1)
	for _, c := range []struct {
		q              Query
		code, name, is string
	}{
		{Query{Text: "MATCH (n) RETURN m"}, CodeQuery, "detail", "UndefinedVariable"},
		{Query{Text: "MATCH (n)\nRETURN n.x +"}, CodeQuery, "line", "2"},
		{Query{Text: "CREATE (n) RETURN n"}, CodeQuery, "phase", "compile time"},
		{Query{Text: "MATCH (n) SET n.x = 1"}, CodeQuery, "class", "Unsupported"},
		{Query{Text: "RETURN 1/0"}, CodeQuery, "phase", "runtime"},
		{Query{Text: "RETURN $missing"}, CodeQuery, "detail", "MissingParameter"},
		{Query{Text: "UNWIND range(1, 100) AS x RETURN x", MaxRows: 10}, CodeQueryLimit, "limit", "rows"},
		{Query{Text: "UNWIND range(1, 1000) AS x RETURN 'abcdefghijklmnop' + x", Budget: MinBudget}, CodeQueryLimit, "limit", "bytes"},
		{Query{Text: "UNWIND range(1, 100000) AS x UNWIND range(1, 100000) AS y RETURN count(*)", Time: 20 * time.Millisecond}, CodeQueryLimit, "limit", "time"},
		{Query{Text: "RETURN " + strings.Repeat("(", 10_000) + "1" + strings.Repeat(")", 10_000)}, CodeQueryLimit, "limit", "depth"},
		{Query{Text: long}, CodeInvalid, "field", "query"},
		{Query{Text: ""}, CodeInvalid, "field", "query"},
		{Query{Text: "RETURN 1", Parameters: []byte("[1]")}, CodeInvalid, "field", "parameters"},
		{Query{Text: "RETURN 1", Format: "xml"}, CodeInvalid, "field", "format"},
		{Query{Text: "RETURN 1", Time: time.Hour}, CodeInvalid, "field", "timeout"},
		{Query{Text: "RETURN 1", MaxRows: -1}, CodeInvalid, "field", "max_rows"},
	} {
		c.q.Namespace = "s"
		_, _, err := s.Query(bg, stale, c.q)
		if code(err) != c.code || details(err)[c.name] != c.is {
			t.Errorf("%.60q: %v %v, want %s and %s %s", c.q.Text, err, details(err), c.code, c.name, c.is)
		}
	}
}

// The store answers every query as the graph in memory does.
func TestQueryOfTheStoreIsThatOfMemory(t *testing.T) {
	queries := []string{
		"MATCH (n) RETURN labels(n), properties(n)",
		"MATCH (n:A) RETURN n.x",
		"MATCH (n:B {x: 1}) RETURN n.x",
		"MATCH (a)-[r]->(b) RETURN a.x, type(r), r.y, b.x",
		"MATCH (a:A)-[r:T|U]-(b) RETURN a.x, type(r), b.x",
		"MATCH (a)-[:T*1..3]->(b) RETURN a.x, b.x",
		"MATCH p = (a:A)-[*0..2]-(b:B) RETURN length(p), [n IN nodes(p) | n.x]",
		"MATCH (a) OPTIONAL MATCH (a)-[r:U]->(b) RETURN a.x, r.y, b.x",
		"MATCH (a) WHERE NOT (a)-->() RETURN a.x",
		"MATCH (a)-[r]->(a) RETURN count(r)",
		"MATCH (a:A), (b:B) MATCH p = shortestPath((a)-[*..4]-(b)) WHERE a <> b RETURN a.x, b.x, length(p)",
		"MATCH (n) RETURN n.x AS x, count(*) AS c, sum(size([(n)--(m) | m])) AS d ORDER BY c, x, d LIMIT 3",
	}
	types := []string{"A", "B", "A:B", Untyped}
	rapid.Check(t, func(rt *rapid.T) {
		s, m := newService(t), graph.NewMemory()
		var ops []Op
		n := rapid.IntRange(1, 6).Draw(rt, "nodes")
		for i := range n {
			typ, x := rapid.SampledFrom(types).Draw(rt, "type"), rapid.IntRange(0, 2).Draw(rt, "x")
			ops = append(ops, Op{Op: OpCreateNode, Type: typ, Label: ptr("n"), Key: fmt.Sprint("k", i), Properties: json.RawMessage(fmt.Sprintf(`{"x":%d}`, x))})
			m.AddNode(labelsIn(typ), value.Map{"x": value.Int(int64(x))})
		}
		for range rapid.IntRange(0, 8).Draw(rt, "edges") {
			from, to, typ := rapid.IntRange(0, n-1).Draw(rt, "from"), rapid.IntRange(0, n-1).Draw(rt, "to"), rapid.SampledFrom([]string{"T", "U"}).Draw(rt, "edge")
			y := rapid.IntRange(0, 2).Draw(rt, "y")
			ops = append(ops, Op{Op: OpCreateEdge, Source: fmt.Sprint("k", from), Target: fmt.Sprint("k", to), Type: typ, Properties: json.RawMessage(fmt.Sprintf(`{"y":%d}`, y))})
			m.AddRel(typ, uint64(from), uint64(to), value.Map{"y": value.Int(int64(y))})
		}
		if _, _, err := s.Batch(bg, alice, "s", ops); err != nil {
			rt.Fatal(err)
		}
		for _, text := range queries {
			got := asked(t, s, When{}, QueryLiteral, text, "")
			want := inMemory(rt, m, text)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				rt.Fatalf("%s\n store  %s\n memory %s", text, got, want)
			}
		}
	})
}

func inMemory(rt *rapid.T, m *graph.Memory, text string) []string {
	res, err := cypher.Run(context.Background(), text, nil, m, cypher.Limits{})
	if err != nil {
		rt.Fatalf("%s: %v", text, err)
	}
	var out []string
	for _, row := range res.Rows {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = value.Format(v, cypher.Resolver(context.Background(), m))
		}
		text, _ := json.Marshal(cells) // strings
		out = append(out, string(text))
	}
	return out
}

// A record's JSON is read without a panic, whatever it holds.
func FuzzQueryProperties(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[true,null,"x\n"],"c":{"d":-1.5e3}}`), "b")
	f.Add([]byte(`{"a`), "a")
	f.Fuzz(func(t *testing.T, in []byte, name string) {
		all, err := queryMap(in)
		one, err2 := queryMember(in, name, nil)
		if canonical, bad := canonicalObject(in); bad != nil || string(canonical) != string(in) {
			return
		}
		if err != nil || err2 != nil {
			t.Fatalf("%q: %v, %v", in, err, err2)
		}
		if want := all[name]; value.Format(want, nil) != value.Format(one, nil) {
			t.Fatalf("%q: %s is %s or %s", in, name, value.Format(want, nil), value.Format(one, nil))
		}
	})
}

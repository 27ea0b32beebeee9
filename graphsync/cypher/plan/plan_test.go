package plan_test

import (
	"strings"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/parse"
	"github.com/meshd/meshd/graphsync/cypher/plan"
)

// counts are the statistics of a graph that there need not be: a thousand nodes,
// most of them people, few of them cities.
type counts struct{}

func (counts) CountNodes(label string) (uint64, bool) {
	return map[string]uint64{"": 1000, "Thing": 1000, "Person": 900, "City": 10, "Mayor": 5}[label], true
}

func (counts) CountRels(typ string) (uint64, bool) {
	return map[string]uint64{"": 5000, "KNOWS": 4000, "LIVES_IN": 900, "RULES": 5}[typ], true
}

func (counts) Lookup(label, property string) (graph.Lookup, bool) {
	return graph.Lookup{Nodes: 1}, label == "Person" && property == "name" || property == "key"
}

func TestPlans(t *testing.T) {
	for _, c := range []struct {
		name, query string
		want        []string
	}{
		{"from an index", `MATCH (a:Person {name: 'x'})-[:KNOWS]->(b) RETURN b`, []string{
			"NodeByIndex (a:Person) name = 'x'", "Filter a.name = 'x'", "Expand (a)-[:KNOWS]->(b)", "Project b"}},
		{"from the far end", `MATCH (a:Person)-[:KNOWS]->(b:Person {name: 'x'}) RETURN a`, []string{
			"NodeByIndex (b:Person) name = 'x'", "Filter b.name = 'x'", "Expand (b)<-[:KNOWS]-(a:Person)", "Project a"}},
		{"from where", `MATCH (a)-->(b) WHERE b.key IN ['x', 'y'] RETURN a`, []string{
			"NodeByIndex (b) key IN ['x', 'y']", "Filter (b.key IN ['x', 'y'])", "Expand (b)<--(a)", "Project a"}},
		{"from either of two", `MATCH (a)-->(b) WHERE b.key = 'x' OR 'y' = b.key RETURN a`, []string{
			"NodeByIndex (b) key IN ['x', 'y']", "Filter (b.key = 'x' OR 'y' = b.key)", "Expand (b)<--(a)", "Project a"}},
		{"from an id", `MATCH (a)-->(b) WHERE id(b) = $id RETURN a`, []string{
			"NodeByID (b) id = $id", "Filter id(b) = $id", "Expand (b)<--(a)", "Project a"}},
		{"from the rarest label", `MATCH (a:Person)-[:LIVES_IN]->(c:City) RETURN a`, []string{
			"NodesByLabel (c:City)", "Expand (c)<-[:LIVES_IN]-(a:Person)", "Project a"}},
		{"from the rarest of labels", `MATCH (a:Person:Mayor) RETURN a`, []string{"NodesByLabel (a:Mayor:Person)", "Project a"}},
		{"what every node is", `MATCH (a:City:Thing)-->(b:Thing) RETURN b`, []string{"NodesByLabel (a:City)", "Expand (a)-->(b)", "Project b"}},
		{"from the relationships", `MATCH (a)-[r:RULES]->(b) RETURN a`, []string{"AllRelationships (a)-[r:RULES]->(b)", "Project a"}},
		{"a case with its test and its else", `MATCH (a:City) RETURN CASE a.x WHEN 1 THEN 'one' ELSE 'more' END AS n`, []string{
			"NodesByLabel (a:City)", "Project CASE a.x WHEN 1 THEN 'one' ELSE 'more' END AS n"}},
		{"from a relationship's id", `MATCH (a)-[r]->(b) WHERE id(r) = $id RETURN a, b`, []string{
			"RelationshipByID = $id (a)-[r]->(b) where id(r) = $id", "Project a, b"}},
		{"both ends by index", `MATCH (a:Person {name: 'x'})-[:KNOWS]->(b:Person {name: 'y'}) RETURN count(*)`, []string{
			"NodeByIndex (a:Person) name = 'x'", "Filter a.name = 'x'", "NodeByIndex (b:Person) name = 'y'", "Filter b.name = 'y'",
			"ExpandInto (a)-[:KNOWS]->(b)", "Aggregate count(*)", "Project count(*)"}},
		{"index by another variable", `MATCH (a:Person {name: 'x'}), (b:Person) WHERE b.name = a.boss RETURN b`, []string{
			"NodeByIndex (a:Person) name = 'x'", "Filter a.name = 'x'", "NodeByIndex (b:Person) name = a.boss", "Filter b.name = a.boss", "Project b"}},
		{"hash by another variable", `MATCH (a:Person), (b:Person) WHERE b.boss = a.nick RETURN b`, []string{
			"NodesByLabel (a:Person)", "NodeByHash (b:Person) boss = a.nick", "Filter b.boss = a.nick", "Project b"}},
		{"hash by a row", `UNWIND $rows AS row MATCH (a:Person {nick: row.nick}) RETURN a`, []string{
			"Unwind $rows AS row", "NodeByHash (a:Person) nick = row.nick", "Filter a.nick = row.nick", "Project a"}},
		{"index by a row", `UNWIND $rows AS row MATCH (a:Person {name: row.name}) RETURN a`, []string{
			"Unwind $rows AS row", "NodeByIndex (a:Person) name = row.name", "Filter a.name = row.name", "Project a"}},
		{"conditions early", `MATCH (a:City)<-[r:LIVES_IN]-(b)-[:KNOWS]->(c) WHERE b.x > 1 AND r.y = 2 AND c.z = a.z RETURN c`, []string{
			"NodesByLabel (a:City)", "Expand (a)<-[r:LIVES_IN]-(b) where r.y = 2", "Filter b.x > 1", "Expand (b)-[:KNOWS]->(c)", "Filter c.z = a.z", "Project c"}},
		{"conditions that fail", `MATCH (a:City)<-[:LIVES_IN]-(b) WHERE 10 / a.x > 1 AND b.y + 1 = 2 RETURN b`, []string{
			"NodesByLabel (a:City)", "Filter (10 / a.x) > 1?", "Expand (a)<-[:LIVES_IN]-(b)", "Filter (10 / a.x) > 1 AND (b.y + 1) = 2", "Project b"}},
		{"optional", `MATCH (a:City) OPTIONAL MATCH (a)<-[:LIVES_IN]-(b) WHERE b.x = 1 RETURN a, b`, []string{
			"NodesByLabel (a:City)", "Optional", "  Given (a)", "  Expand (a)<-[:LIVES_IN]-(b)", "  Filter b.x = 1", "Project a, b"}},
		{"counted", `MATCH (a:City) RETURN count(a)`, []string{"Counted nodes:City", "Project _1 AS count(a)"}},
		{"not counted", `MATCH (a:City) RETURN count(DISTINCT a)`, []string{"NodesByLabel (a:City)", "Aggregate count(DISTINCT a)", "Project count(DISTINCT a)"}},
		{"ring", `MATCH (a:City)-[:RULES]->(b)-[:RULES]->(a) RETURN a`, []string{
			"NodesByLabel (a:City)", "Expand (a)-[:RULES]->(b)", "ExpandInto (b)-[:RULES]->(a)", "Project a"}},
		{"a rare type is no beginning beside an index", `MATCH (a {key: 'x'})-[:RULES]->(b) RETURN b`, []string{
			"NodeByIndex (a) key = 'x'", "Filter a.key = 'x'", "Expand (a)-[:RULES]->(b)", "Project b"}},
		{"walk", `MATCH (a:City)-[rs:KNOWS*1..3]->(b) RETURN rs`, []string{"NodesByLabel (a:City)", "Walk (a)-[rs:KNOWS*1..3]->(b)", "Project rs"}},
		{"reach", `MATCH (a:City)-[:KNOWS*1..3]->(b) RETURN DISTINCT b`, []string{"NodesByLabel (a:City)", "Reach (a)-[:KNOWS*1..3]->(b)", "Project b", "Distinct b"}},
		{"no reach beside another", `MATCH (a:City)-[:KNOWS*1..3]->(b)-[:KNOWS]->(c) RETURN DISTINCT c`, []string{
			"NodesByLabel (a:City)", "Walk (a)-[:KNOWS*1..3]->(b)", "Expand (b)-[:KNOWS]->(c)", "Project c", "Distinct c"}},
		{"shortest", `MATCH (a:City), (b:Mayor), p = shortestPath((a)-[*]->(b)) WHERE all(r IN relationships(p) WHERE r.x = 1) AND length(p) > a.n RETURN p`, []string{
			"NodesByLabel (b:Mayor)", "NodesByLabel (a:City)", "ShortestPath (a)-[*1..]->(b) each r.x = 1 where length(p) > a.n", "Project p"}},
		{"top", `MATCH (a:City) RETURN a.n AS n ORDER BY n SKIP 1 LIMIT 2`, []string{
			"NodesByLabel (a:City)", "Project a.n AS n", "Top n", "Slice skip 1 limit 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, err := parse.Parse(c.query)
			if err != nil {
				t.Fatal(err)
			}
			p, err := plan.New(counts{}).Query(q)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, line := range strings.Split(strings.TrimSpace(p.Explain()), "\n") {
				line, _, _ = strings.Cut(line, "  ~")
				if !strings.HasPrefix(line, "Answer") {
					got = append(got, line)
				}
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("%s\n%s\nwant\n%s", c.query, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

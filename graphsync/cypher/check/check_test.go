package check_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/check"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/parse"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// mark stands in the queries of the tables where the error is to be.
const mark = "¦"

// checked gives the error of a query, without its mark.
func checked(t *testing.T, marked string, opt check.Options) *fault.Error {
	t.Helper()
	src := strings.Replace(marked, mark, "", 1)
	q, err := parse.Parse(src)
	if err == nil {
		_, err = check.Check(q, opt)
	}
	if err == nil {
		return nil
	}
	var e *fault.Error
	if !errors.As(err, &e) {
		t.Fatalf("%s: %T is no fault", marked, err)
	}
	return e
}

// refused runs a table of query, name of the error.
func refused(t *testing.T, opt check.Options, table [][2]string) {
	t.Helper()
	for _, row := range table {
		src, detail := row[0], row[1]
		e := checked(t, src, opt)
		if e == nil {
			t.Errorf("%s: passed, want %s", src, detail)
			continue
		}
		if e.Detail != detail || e.Class != fault.Syntax || !e.Compile {
			t.Errorf("%s: %s %s: %v, want %s", src, e.Class, e.Detail, e, detail)
			continue
		}
		if at := strings.Index(src, mark); at >= 0 && int(e.Pos.Offset) != at {
			t.Errorf("%s: %v", src, e)
		}
	}
}

func passes(t *testing.T, opt check.Options, table []string) {
	t.Helper()
	for _, src := range table {
		if e := checked(t, src, opt); e != nil {
			t.Errorf("%s: %s: %v", src, e.Detail, e)
		}
	}
}

func TestComposition(t *testing.T) {
	refused(t, check.Options{}, [][2]string{
		{"¦MATCH (n)", "InvalidClauseComposition"},
		{"UNWIND [1] AS x ¦WITH x", "InvalidClauseComposition"},
		{"¦UNWIND [1] AS x", "InvalidClauseComposition"},
		{"RETURN 1 ¦MATCH (n) RETURN n", "InvalidClauseComposition"},
		{"RETURN 1 AS x ¦RETURN 2 AS x", "InvalidClauseComposition"},
		{"RETURN 1 AS x UNION RETURN 2 AS x UNION ALL ¦RETURN 3 AS x", "InvalidClauseComposition"},
		{"RETURN 1 AS x UNION ALL RETURN 2 AS x UNION ¦RETURN 3 AS x", "InvalidClauseComposition"},
		{"RETURN 1 AS x UNION ¦MATCH (n)", "InvalidClauseComposition"},
		{"MATCH (n) WHERE EXISTS { MATCH (n) ¦SET n.x = 1 } RETURN n", "InvalidClauseComposition"},
		{"MATCH (n) WHERE EXISTS { ¦CREATE (m) } RETURN n", "InvalidClauseComposition"},
		{"RETURN 1 AS a UNION ¦RETURN 2 AS b", "DifferentColumnsInUnion"},
		{"RETURN 1 AS a UNION ¦RETURN 1 AS a, 2 AS b", "DifferentColumnsInUnion"},
		{"MATCH (n ¦$p) RETURN n", "InvalidParameterUse"},
		{"MATCH ()-[r:T ¦$p]->() RETURN r", "InvalidParameterUse"},
		{"MATCH (n) WHERE (n)-->(¦$p) RETURN n", "InvalidParameterUse"},
		{"MATCH ¦shortestPath((a)-->()-->(b)) RETURN a", "InvalidRelationshipPattern"},
		{"MATCH p = shortestPath((a)) RETURN p", "InvalidRelationshipPattern"},
	})
	passes(t, check.Options{}, []string{
		"RETURN 1 AS x UNION RETURN 2 AS x UNION MATCH (n) RETURN n.x AS x",
		"MATCH (n) RETURN * UNION MATCH (n) RETURN *",
		"MATCH p = shortestPath((a)-[*0..3]-(b)), q = allShortestPaths((a)-->(b)) RETURN p, q",
	})
}

func TestCreate(t *testing.T) {
	if e := checked(t, "CREATE (n)", check.Options{}); e == nil || e.Class != fault.Unsupported {
		t.Errorf("CREATE passed: %v", e)
	}
	opt := check.Options{AllowCreate: true}
	refused(t, opt, [][2]string{
		{"MATCH (n) CREATE (¦n)", "VariableAlreadyBound"},
		{"CREATE (n) CREATE (¦n:A)-[:T]->()", "VariableAlreadyBound"},
		{"CREATE ()-[r:T]->() CREATE ()-[¦r:T]->()", "VariableAlreadyBound"},
		{"CREATE (a)¦-[:T]-(b)", "RequiresDirectedRelationship"},
		{"CREATE (a)¦-->(b)", "NoSingleRelationshipType"},
		{"CREATE (a)¦-[:T|U]->(b)", "NoSingleRelationshipType"},
		{"CREATE (a)¦-[:T*2]->(b)", "CreatingVarLength"},
		{"CREATE (a {x: ¦b})", "UndefinedVariable"},
	})
	passes(t, opt, []string{
		"CREATE (a:A {x: 1})-[:T {y: 2}]->(b), (b)-[:T]->(a), (:C $p)",
		"UNWIND range(1, 3) AS i CREATE (n {x: i})",
		"CREATE (a) WITH a MATCH (b) CREATE p = (a)-[:T]->(b) RETURN p",
		"MATCH (a) CREATE (a)-[:T]->(b {x: a.x})",
	})
}

func TestParameters(t *testing.T) {
	opt := check.Options{Params: value.Map{"a": value.Int(1)}}
	passes(t, opt, []string{"RETURN $a", "RETURN 1 LIMIT $a"})
	for _, src := range []string{"RETURN ¦$b", "MATCH (n) WHERE EXISTS { (n {x: ¦$b}) } RETURN n", "RETURN 1 LIMIT ¦$b"} {
		e := checked(t, src, opt)
		if e == nil || e.Class != fault.Parameter || e.Detail != "MissingParameter" || int(e.Pos.Offset) != strings.Index(src, mark) {
			t.Errorf("%s: %v", src, e)
		}
	}
}

func TestColumns(t *testing.T) {
	for src, want := range map[string][]string{
		"RETURN 1 +  2 , 'x' AS y":               {"1 +  2", "y"},
		"MATCH (b)-[r]->(a) RETURN *, a.x /* */": {"a", "b", "r", "a.x"},
		"RETURN 1 AS x UNION RETURN 2 AS x":      {"x"},
		"MATCH (`a b`) RETURN `a b`, count( * )": {"a b", "count( * )"},
	} {
		q, err := parse.Parse(src)
		if err != nil {
			t.Fatal(err)
		}
		info, err := check.Check(q, check.Options{})
		if err != nil || !slices.Equal(info.Columns, want) {
			t.Errorf("%s: %q, %v", src, info, err)
		}
	}
}

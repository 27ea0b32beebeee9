package parse_test

import (
	"strings"
	"testing"

	"github.com/meshd/meshd/graphsync/cypher/parse"
)

func BenchmarkParse(b *testing.B) {
	for name, src := range map[string]string{
		"usual": "MATCH (a:Person {name: $name})-[r:KNOWS*1..3]->(b) WHERE b.age > 30 AND NOT (b)-->(a) RETURN b.name AS name, count(*) AS n ORDER BY n DESC LIMIT 10",
		"256k":  "RETURN [1" + strings.Repeat(", 1+1", 50000) + "]",
		"match": strings.Repeat("MATCH (a) ", 20000) + "RETURN 1",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if _, err := parse.Parse(src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

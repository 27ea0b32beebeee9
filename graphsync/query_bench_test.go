package graphsync

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"

	"github.com/meshd/meshd/consensus"
)

// BenchmarkQuery is queries of a graph of 20,000 packages with 80,000
// dependencies on the real state, in process; ns/expansion is what looking at one
// more node or relationship takes.
func BenchmarkQuery(b *testing.B) {
	dir := b.TempDir()
	if err := consensus.Bootstrap(dir); err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	g, err := consensus.Open(consensus.Config{Dir: dir, Parts: []consensus.Part{NewPart()}, Listener: l, Peers: noPeers{},
		Dial: func(context.Context, string) (net.Conn, error) { return nil, errors.New("there are no others") }})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	s := NewService(g)
	if _, err := Import(bg, s, bytes.NewReader(lines(20_000, 80_000)), ImportOptions{Namespace: "b"}); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct{ name, text string }{
		{"key", "MATCH (a {key:'pkg/77'}) RETURN a.label"},
		{"hop", "MATCH (a {key:'pkg/77'})-[:DEPENDS_ON]->(b) RETURN b.key"},
		{"chain", "MATCH (a)-[:DEPENDS_ON]->(b)-[:DEPENDS_ON]->(c) RETURN count(*)"},
		{"labelled", "MATCH (a:package)-[:DEPENDS_ON]->(b:package)-[:DEPENDS_ON]->(c:package) RETURN count(*)"},
		{"not", "MATCH (a)-[:DEPENDS_ON]->(b)-[:DEPENDS_ON]->(c) WHERE NOT (a)-[:DEPENDS_ON]->(c) RETURN count(*)"},
		{"reach", "MATCH (a {key:'pkg/77'})-[:DEPENDS_ON*]->(b) RETURN count(DISTINCT b)"},
		{"property", "MATCH (n:package) WHERE n.section = 'net' RETURN count(*)"},
		{"group", "MATCH (n:package) RETURN n.section, count(*)"},
		{"shortest", "MATCH p = shortestPath((a {key:'pkg/77'})-[*..20]-(b {key:'pkg/12345'})) RETURN length(p)"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			expansions := 0
			for b.Loop() {
				a, _, err := s.Query(bg, stale, Query{Namespace: "b", Text: c.text})
				if err != nil {
					b.Fatal(err)
				}
				expansions += a.Expansions
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(expansions), "ns/expansion")
			b.ReportMetric(float64(expansions)/float64(b.N), "expansions/op")
		})
	}
}

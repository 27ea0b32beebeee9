package graphsync

import (
	"encoding/json"
	"fmt"
	"testing"
)

// BenchmarkPush is what a mutation costs where it is applied, on bbolt without
// Raft and fsync, beside BenchmarkBatch and BenchmarkSetProperty: pushes of so
// many mutations, which make nodes, change ones that nobody else has, or ones
// that others have changed too. Each operation is one mutation.
func BenchmarkPush(b *testing.B) {
	const nodes = 10_000
	for _, size := range []int{1, 100, MaxPush} {
		for _, what := range []string{"create", "update", "rebase"} {
			b.Run(fmt.Sprintf("%s/%d", what, size), func(b *testing.B) {
				s := newBolt(b)
				y := s.Sync("mesh")
				ops := make([]Op, nodes)
				for i := range ops {
					ops[i] = upsert(fmt.Sprint("n", i), `{"a":1}`)
				}
				_, out, err := s.Batch(bg, alice, "s", ops)
				if err != nil {
					b.Fatal(err)
				}
				if what == "rebase" {
					for i := range ops {
						ops[i] = set(fmt.Sprint("n", i), `{"b":1}`)
					}
					if _, _, err := s.Batch(bg, alice, "s", ops); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportAllocs()
				seq := uint64(0)
				for b.Loop() {
					if seq%uint64(size) != 0 {
						seq++
						continue
					}
					list := make([]Mutation, size)
					for i := range list {
						list[i] = Mutation{Seq: seq + uint64(i) + 1}
						if what == "create" {
							list[i].Op = Op{Op: OpCreateNode, Type: "t", Label: ptr("a label"), Properties: json.RawMessage(`{"a":1}`)}
						} else {
							list[i].Op = set(fmt.Sprint("n", (int(seq)+i)*7%nodes), fmt.Sprintf(`{"a":%d}`, seq+uint64(i)))
						}
					}
					a, _, err := y.Push(bg, alice, Push{Namespace: "s", ClientID: "c", BaseRevision: out.Revision, Mutations: list})
					if err != nil || a.Results[0].Status != PushApplied && what != "rebase" {
						b.Fatal(a.Results, err)
					}
					seq++
				}
			})
		}
	}
}

package consensus

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
)

// BenchmarkApply measures the state machine alone: entries of 22 commands that
// overwrite 256 bytes each under 100,000 keys, without log or network.
func BenchmarkApply(b *testing.B) {
	m, err := newMachine(b.TempDir(), []Part{&kv{}}, slog.New(slog.DiscardHandler), newMetrics(nil))
	if err != nil {
		b.Fatal(err)
	}
	f, err := m.build(nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := m.use(f); err != nil {
		b.Fatal(err)
	}
	defer m.close(false)
	const per = 22
	value := strings.Repeat("v", 256)
	index, seq := uint64(0), uint64(0)
	apply := func(n int, key func(i int) int) {
		for done := 0; done < n; done += per {
			var list [][]byte
			for i := range per {
				seq++
				list = append(list, (&envelope{origin: origin{1}, seq: seq, part: "kv", body: fmt.Appendf(nil, "set k%d %s", key(done+i), value)}).encode())
			}
			index++
			m.ApplyBatch([]*raft.Log{{Index: index, Term: 1, Type: raft.LogCommand, Data: (&entry{stamp: int64(index), level: 1, acks: []ack{{origin{1}, seq - per}}, envelopes: list}).encode()}})
			if err := m.broken(); err != nil {
				b.Fatal(err)
			}
		}
	}
	apply(100_000, func(i int) int { return i })
	x := uint32(1)
	b.ResetTimer()
	apply(b.N, func(int) int { x = x*1664525 + 1013904223; return int(x>>8) % 100_000 })
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commands/s")
}

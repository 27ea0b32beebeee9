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

// Applier is a state machine alone, for benchmarks of parts.
type Applier struct {
	tb         testing.TB
	m          *machine
	index, seq uint64
	settle     uint64
}

// NewApplier makes one whose transactions end after every settle entries.
func NewApplier(tb testing.TB, p Part, settle int) *Applier {
	m, err := newMachine(tb.TempDir(), []Part{p}, slog.New(slog.DiscardHandler), newMetrics(nil))
	if err != nil {
		tb.Fatal(err)
	}
	f, err := m.build(nil)
	if err != nil {
		tb.Fatal(err)
	}
	if err := m.use(f); err != nil {
		tb.Fatal(err)
	}
	m.cur.Level = Level
	tb.Cleanup(func() { m.close(false) })
	return &Applier{tb: tb, m: m, settle: uint64(settle)}
}

// Apply applies one entry.
func (a *Applier) Apply(part string, bodies [][]byte) {
	acked := a.seq - min(a.seq, uint64(len(bodies)))
	list := make([][]byte, 0, len(bodies))
	for _, body := range bodies {
		a.seq++
		list = append(list, (&envelope{origin: origin{1}, seq: a.seq, part: part, body: body}).encode())
	}
	a.index++
	e := entry{stamp: int64(a.index), level: Level, acks: []ack{{origin{1}, acked}}, envelopes: list}
	a.m.ApplyBatch([]*raft.Log{{Index: a.index, Term: 1, Type: raft.LogCommand, Data: e.encode()}})
	if a.index%a.settle == 0 {
		if err := a.m.settle(); err != nil {
			a.tb.Fatal(err)
		}
	}
	if err := a.m.broken(); err != nil {
		a.tb.Fatal(err)
	}
}

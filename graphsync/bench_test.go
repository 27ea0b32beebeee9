package graphsync

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/meshd/meshd/consensus/consensustest"
)

// lines makes an import of n nodes and m edges between them, as from a package
// graph: short keys, some properties, edges in no order of their targets.
func lines(n, m int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `{"node":{"key":"pkg/%d","type":"package","label":"Package %d","properties":{"version":"1.%d","section":"net"}}}`+"\n", i, i, i)
	}
	for i := range m {
		fmt.Fprintf(&b, `{"edge":{"source":"pkg/%d","target":"pkg/%d","type":"DEPENDS_ON","weight":1}}`+"\n", i%n, (i*7919+i/n)%n)
	}
	return b.Bytes()
}

func stores() map[string]func(testing.TB) *Service {
	return map[string]func(testing.TB) *Service{
		"bolt":  newBolt,
		"local": func(testing.TB) *Service { return NewService(consensustest.New(NewPart())) },
	}
}

// BenchmarkCreateNode is one command a node, in process, no Raft, no fsync.
func BenchmarkCreateNode(b *testing.B) {
	for name, store := range stores() {
		b.Run(name, func(b *testing.B) {
			s := store(b)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, _, err := s.CreateNode(bg, alice, NewNode{SessionID: "b", NodeType: "n", Label: fmt.Sprint("node ", i), Key: fmt.Sprint("k", i)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSetProperty replaces 256 bytes of properties of one of 1,000 nodes, a
// command each, in process, no Raft, no fsync.
func BenchmarkSetProperty(b *testing.B) {
	for name, store := range stores() {
		b.Run(name, func(b *testing.B) {
			s := store(b)
			ops := make([]Op, 1000)
			for i := range ops {
				ops[i] = Op{Op: OpCreateNode, Type: "n", Label: ptr(fmt.Sprint("node ", i)), Key: fmt.Sprint("k", i)}
			}
			made, _, err := s.Batch(bg, alice, "b", ops)
			if err != nil {
				b.Fatal(err)
			}
			pad := bytes.Repeat([]byte("x"), 240)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				props := fmt.Appendf(nil, `{"v":"%08d%s"}`, i, pad)
				if _, _, err := s.UpdateNode(bg, alice, "b", made[i%1000].ID, NodePatch{Properties: props}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBatch is batches of 4,000 operations applied, half nodes and half
// edges, in process, no Raft, no fsync; ops/s is operations.
func BenchmarkBatch(b *testing.B) {
	for name, store := range stores() {
		b.Run(name, func(b *testing.B) {
			s := store(b)
			ops := 0
			b.ReportAllocs()
			for round := 0; b.Loop(); round++ {
				batch := make([]Op, 0, 4000)
				for i := range 2000 {
					batch = append(batch, Op{Op: OpCreateNode, Type: "n", Label: ptr(fmt.Sprint("node ", i)), Key: fmt.Sprint("k", round, "-", i)})
				}
				for i := range 2000 {
					batch = append(batch, Op{Op: OpCreateEdge, Type: "T", Source: fmt.Sprint("k", round, "-", i), Target: fmt.Sprint("k", round, "-", i*7919%2000)})
				}
				if _, _, err := s.Batch(bg, alice, "b", batch); err != nil {
					b.Fatal(err)
				}
				ops += len(batch)
			}
			b.ReportMetric(float64(ops)/b.Elapsed().Seconds(), "ops/s")
		})
	}
}

// BenchmarkImport is 20,000 nodes and 100,000 edges from JSON lines.
func BenchmarkImport(b *testing.B) {
	in := lines(20_000, 100_000)
	for name, store := range stores() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				rep, err := Import(bg, store(b), bytes.NewReader(in), ImportOptions{Namespace: "b"})
				if err != nil || rep.Edges != 100_000 || rep.Created != 120_000 {
					b.Fatal(rep, err)
				}
			}
			b.ReportMetric(120_000*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	s := newBolt(b)
	if _, err := Import(bg, s, bytes.NewReader(lines(20_000, 100_000)), ImportOptions{Namespace: "b"}); err != nil {
		b.Fatal(err)
	}
	key := func(i int) string { return fmt.Sprintf("pkg/%d", i*31%20_000) }
	b.Run("point", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, _, err := s.GetNodeByKey(bg, stale, "b", key(i)); err != nil {
				b.Fatal(err)
			}
		}
	})
	for depth := 1; depth <= 3; depth++ {
		b.Run(fmt.Sprintf("neighbors-%d", depth), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, _, err := s.Neighbors(bg, stale, NeighborQuery{Namespace: "b", Key: key(i), Direction: Out, Depth: depth}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("path", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, _, err := s.Path(bg, stale, PathQuery{Namespace: "b", FromKey: key(i), ToKey: key(i + 77)}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("export", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Export(bg, stale, ExportQuery{Namespace: "b"}, io.Discard); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(120_000*float64(b.N)/b.Elapsed().Seconds(), "records/s")
	})
}

// BenchmarkAsOf reads the graph of BenchmarkRead as it was before a third of its
// nodes and edges were changed, and a few deleted.
func BenchmarkAsOf(b *testing.B) {
	s := newBolt(b)
	if _, err := Import(bg, s, bytes.NewReader(lines(20_000, 100_000)), ImportOptions{Namespace: "b"}); err != nil {
		b.Fatal(err)
	}
	info, err := s.read(bg, stale, func(*view) error { return nil })
	if err != nil {
		b.Fatal(err)
	}
	when := When{Revision: info.Revision}
	for i := 0; i < 40_000; i += 4000 {
		ops := make([]Op, 0, 4000)
		for k := i; k < i+4000; k++ {
			o := Op{Op: OpUpdateNode, ID: uint64(k + 1), Label: ptr("changed")}
			if k >= 20_000 {
				o = Op{Op: OpUpdateEdge, ID: uint64(k + 1), Weight: ptr(0.5)}
			} else if k%100 == 0 {
				o = Op{Op: OpDeleteNode, ID: uint64(k + 1)}
			}
			ops = append(ops, o)
		}
		if _, _, _, err := s.ApplyEach(bg, alice, "b", ops); err != nil {
			b.Fatal(err)
		}
	}
	key := func(i int) string { return fmt.Sprintf("pkg/%d", i*31%20_000) }
	b.Run("point", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, _, err := s.GetNodeByKeyAt(bg, stale, when, "b", key(i)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("neighbors-1", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, _, err := s.Neighbors(bg, stale, NeighborQuery{Namespace: "b", Key: key(i), Direction: Out, When: when}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("path", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, _, err := s.Path(bg, stale, PathQuery{Namespace: "b", FromKey: key(i), ToKey: key(i + 77), When: when}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("page", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: "b", When: when}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

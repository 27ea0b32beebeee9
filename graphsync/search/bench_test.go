package search

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// BenchmarkApply puts documents in place of others: 1,000 of 10,000, as a round
// under random writes does.
func BenchmarkApply(b *testing.B) {
	random := rand.NewChaCha8([32]byte{1})
	for name, text := range map[string]func() string{
		"hex": func() string {
			var raw [128]byte
			_, _ = random.Read(raw[:])
			return hex.EncodeToString(raw[:])
		},
		"words": func() string {
			return strings.Repeat(fmt.Sprintf("item %d of the quick brown fox ", random.Uint64()%100_000), 8)
		},
		"same": func() string { return strings.Repeat("nothing of this changes ", 10) },
	} {
		b.Run(name, func(b *testing.B) {
			x := New(nil)
			change := func(id uint64) Change {
				return Change{Document: Document{ID: id, Type: "n", Updated: int64(random.Uint64() >> 1), Texts: []Text{{Label, "", fmt.Sprint("node ", id)}, {Property, "v", text()}}}}
			}
			batch := make([]Change, 0, 1000)
			for id := range uint64(10_000) {
				if batch = append(batch, change(id+1)); len(batch) == cap(batch) {
					x.Apply("ns", batch)
					batch = batch[:0]
				}
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				batch = batch[:0]
				for range cap(batch) {
					batch = append(batch, change(random.Uint64()%10_000+1))
				}
				x.Apply("ns", batch)
				for x.Compact() {
				}
				n += len(batch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/doc")
		})
	}
}

package agent

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/meshd/meshd/node/message"
	"pgregory.net/rapid"
)

// kept against a list of all frames.
func TestKeptFramesModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k kept
		var all atomic.Int64
		var sent []string
		var waiting []uint64
		confirmed := uint64(0)
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				text := fmt.Sprint(len(sent)) + strings.Repeat("x", rapid.SampledFrom([]int{0, 10, 1000, 60 << 10}).Draw(t, "size"))
				var d *message.Delivery
				if rapid.Bool().Draw(t, "awaited") {
					d = new(message.Delivery)
					waiting = append(waiting, uint64(len(sent))+1)
				}
				k.add([]byte(text), d, &all)
				sent = append(sent, text)
			},
			"confirm": func(t *rapid.T) {
				n := rapid.Uint64Range(0, uint64(len(sent))+1).Draw(t, "seen")
				done, ok := k.confirm(n, &all)
				if ok != (n <= uint64(len(sent))) {
					t.Fatalf("confirming %d of %d: %t", n, len(sent), ok)
				}
				if !ok {
					return
				}
				confirmed = max(confirmed, n)
				for _, a := range done {
					if a.frame != waiting[0] || a.frame > n {
						t.Fatalf("frame %d is delivered, want %d", a.frame, waiting[0])
					}
					waiting = waiting[1:]
				}
				if len(waiting) > 0 && waiting[0] <= n {
					t.Fatalf("frame %d is not delivered", waiting[0])
				}
			},
			"since": func(t *rapid.T) {
				n := rapid.Uint64Range(0, uint64(len(sent))+1).Draw(t, "seen")
				var got []string
				whole := k.since(n, func(f []byte) { got = append(got, string(f)) })
				size := 0
				for _, f := range sent[min(n, uint64(len(sent))):] {
					size += len(f)
				}
				if want := n <= uint64(len(sent)) && n >= confirmed && size <= maxKept; want && !whole {
					t.Fatalf("after %d of %d (%d bytes, %d confirmed) there is a gap", n, len(sent), size, confirmed)
				}
				if whole && strings.Join(got, "|") != strings.Join(sent[n:], "|") {
					t.Fatalf("after %d of %d: %d frames", n, len(sent), len(got))
				}
			},
			"": func(t *rapid.T) {
				if int64(k.size()) != all.Load() || k.size() > maxKept {
					t.Fatalf("%d bytes kept, %d counted", k.size(), all.Load())
				}
			},
		})
		k.release(&all)
		if all.Load() != 0 {
			t.Fatalf("%d bytes are left", all.Load())
		}
	})
}

package roster

import (
	"fmt"
	"strings"
	"testing"
)

// What one change of the roster costs the applying goroutine: reading the
// roster from the state, and merging, checking and writing the trust file.
// Beside a command of another part, which costs none of it.
func BenchmarkChange(b *testing.B) {
	for _, n := range []int{3, 100, 10_000} {
		b.Run(fmt.Sprintf("members=%d", n), func(b *testing.B) {
			r := &Roster{MeshID: strings.Repeat("a", 32), MeshName: "home"}
			for i := range n {
				m := rosterAt(0, []int{i + 1}, nil).Members[0]
				m.ID = nid(100_000 + i)
				m.Recipient = strings.Repeat("r", 1959)
				r.Members = append(r.Members, m)
			}
			trust, err := OpenTrust(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				again, err := DecodeRoster(r.Encode())
				if err != nil {
					b.Fatal(err)
				}
				r = again
				r.Revision++
				if err := trust.Accept(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

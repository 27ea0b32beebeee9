package message

import (
	"context"
	"strings"
	"testing"
)

// What routing itself costs: one request and its answer, without a network.
// "local" stays on a node; "peer" is encoded, crosses a channel to another
// router's reader and comes back.
func BenchmarkSend(b *testing.B) {
	for _, c := range []struct{ name, node string }{{"local", "b"}, {"peer", "a"}} {
		for _, size := range []int{256, 64 << 10} {
			b.Run(c.name+map[int]string{256: "-256B", 64 << 10: "-64KiB"}[size], func(b *testing.B) {
				m := newMesh(b, "a", "b")
				m.attach(b, "b", "worker", ReceiverFunc(func(d *Delivery) error {
					d.Sent()
					return d.Reply(d.Message.Body)
				}))
				body := text(strings.Repeat("x", size))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := m.routers[c.node].Send(context.Background(), Message{To: "worker", Body: body}, true); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

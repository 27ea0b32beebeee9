package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

type noPeers struct{}

func (noPeers) Call(context.Context, string, string, []byte) ([]byte, error) {
	return nil, net.ErrClosed
}

// openOn is a Service on the state in a directory, of one node with its log
// fsynced.
func openOn(t testing.TB, dir string) (*Service, *consensus.Group, *Part) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	part := NewPart()
	g, err := consensus.Open(consensus.Config{
		Dir: dir, Parts: []consensus.Part{part}, Listener: l, Peers: noPeers{},
		Dial: func(context.Context, string) (net.Conn, error) { return nil, net.ErrClosed },
	})
	if err != nil {
		t.Fatal(err)
	}
	// An answer by the leader: the level is in force.
	for rev := uint64(0); g.Status().Level < Level; rev++ {
		select {
		case <-g.Changed(t.Context(), rev):
		case <-time.After(20 * time.Millisecond):
		}
		if t.Context().Err() != nil {
			t.Fatal("no leader")
		}
	}
	return NewService(Config{State: g, Part: part}), g, part
}

func onDisk(t testing.TB) (*Service, *consensus.Group) {
	dir := t.TempDir()
	if err := consensus.Bootstrap(dir); err != nil {
		t.Fatal(err)
	}
	s, g, _ := openOn(t, dir)
	t.Cleanup(func() {
		s.Close()
		g.Close()
	})
	return s, g
}

// BenchmarkAcceptAck measures messages of 256 bytes that are accepted and then
// acknowledged, by clients that wait for each, on one node with an fsynced log.
func BenchmarkAcceptAck(b *testing.B) {
	body := json.RawMessage(`"` + strings.Repeat("v", 254) + `"`)
	for _, clients := range []int{1, 64, 256, 1024} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			s, g := onDisk(b)
			var left atomic.Int64
			left.Store(int64(b.N))
			done := make(chan struct{}, clients)
			before := g.Status().AppliedIndex
			b.ReportAllocs()
			b.ResetTimer()
			for i := range clients {
				name := fmt.Sprint("agent", i%16)
				m := Outgoing{From: message.Sender{Principal: fmt.Sprint("key:", i), Node: "abcdef-abcdef-abcdef-abcdef-abcdef-abcdef"}, To: []Recipient{{Agent: name}}, Body: body, Type: "Query"}
				var next func()
				next = func() {
					if left.Add(-1) < 0 {
						done <- struct{}{}
						return
					}
					s.Submit(context.Background(), m, func(a Accepted, err error) {
						if err != nil {
							b.Error(err)
						}
						s.SubmitAck(name, []uint64{a.Seq}, func(n int, err error) {
							if n != 1 || err != nil {
								b.Error(n, err)
							}
							next()
						})
					})
				}
				go next()
			}
			for range clients {
				<-done
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			b.ReportMetric(float64(b.N)/float64(g.Status().AppliedIndex-before+1), "messages/entry")
		})
	}
}

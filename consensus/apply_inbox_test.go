package consensus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
)

// noted keeps the bodies of the commands that are proposed.
type noted struct {
	*consensustest.Local
	mu     sync.Mutex
	bodies [][]byte
}

func (n *noted) Propose(ctx context.Context, p consensus.Proposal) (consensus.Outcome, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.bodies = append(n.bodies, bytes.Clone(p.Body))
	return n.Local.Propose(ctx, p)
}

// BenchmarkApplyInbox measures what a durable message of 256 bytes costs each
// node when it is accepted and acknowledged: the batches of clients that wait for
// each answer, to 16 inboxes, each committed, without log or network.
func BenchmarkApplyInbox(b *testing.B) {
	body := json.RawMessage(`"` + strings.Repeat("v", 254) + `"`)
	for _, clients := range []int{1, 64, 512} {
		for _, given := range []bool{false, true} {
			b.Run(fmt.Sprintf("clients=%d/id=%v", clients, given), func(b *testing.B) {
				part := inbox.NewPart()
				state := &noted{Local: consensustest.New(part)}
				s := inbox.NewService(inbox.Config{State: state, Part: part})
				defer s.Close()
				var wg sync.WaitGroup
				for i := range clients {
					wg.Go(func() {
						name := fmt.Sprint("agent", i%16)
						for range (b.N + clients - 1) / clients {
							m := inbox.Outgoing{From: message.Sender{Principal: fmt.Sprint("key:", i), Node: strings.Repeat("abcdef-", 6)}, To: []inbox.Recipient{{Agent: name}}, Body: body}
							if given {
								m.ID = uuid.Must(uuid.NewV7()).String()
							}
							a, err := s.Accept(context.Background(), m)
							if err != nil {
								b.Error(err)
								return
							}
							if n, err := s.Acknowledge(context.Background(), name, []uint64{a.Seq}); n != 1 || err != nil {
								b.Error(n, err)
								return
							}
						}
					})
				}
				wg.Wait()
				a := consensus.NewApplier(b, inbox.NewPart(), 1)
				b.ReportAllocs()
				b.ResetTimer()
				for _, body := range state.bodies {
					a.Apply(inbox.PartName, [][]byte{body})
				}
				b.ReportMetric(float64(len(state.bodies))/float64(b.N), "commands/op")
			})
		}
	}
}

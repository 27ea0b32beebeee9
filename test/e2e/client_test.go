package e2e_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/httpapi/client"
	"github.com/meshd/meshd/httpapi/client/agenttest"
	"github.com/meshd/meshd/test/realmesh"
)

// Durable messages between programs whose connections break all the time, and
// whose node is killed in between: each is accepted, done once, and gone.
func TestDurableOverBrokenConnections(t *testing.T) {
	if os.Getenv("MESHD_TEST_LONG") == "" {
		t.Skip("it waits for redeliveries: set MESHD_TEST_LONG=1")
	}
	const count = 600
	n := realmesh.New(t, "alpha")
	n.Found()
	pin, key := n.Pin(), n.AdminKey()
	front, back := agenttest.NewProxy(t, "https://"+n.Address), agenttest.NewProxy(t, "https://"+n.Address)
	front.Every(40 << 10)
	back.Every(40 << 10)
	attach := func(p *agenttest.Proxy, cfg client.AgentConfig) *client.Agent {
		c, err := client.New(client.Config{Nodes: []client.Node{{URL: p.URL, Pin: pin}}, Key: key, Patience: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return agenttest.Attach(t, c, cfg)
	}

	var mu sync.Mutex
	done, accepted, half := map[string]int{}, map[string]error{}, make(chan struct{})
	all := make(chan struct{})
	receiver := attach(back, client.AgentConfig{Name: "packer", Concurrency: 8, Handler: func(_ context.Context, m *client.Message) error {
		mu.Lock()
		defer mu.Unlock()
		if done[m.ID]++; len(done) == count && done[m.ID] == 1 {
			close(all)
		}
		return nil
	}})
	sender := attach(front, client.AgentConfig{Name: "shop"})
	var wg sync.WaitGroup
	for i := range count {
		id := fmt.Sprintf("order-%d", i)
		wg.Add(1)
		err := sender.Submit(t.Context(), client.Outgoing{ID: id, To: "packer", Body: i, Durable: true}, func(r client.Receipt, err error) {
			mu.Lock()
			accepted[id] = err
			if len(accepted) == count/2 {
				close(half)
			}
			mu.Unlock()
			wg.Done()
		})
		if err != nil {
			t.Fatal(err)
		}
		if i == count/2 {
			<-half
			n.Kill()
			n.Start("serve")
		}
	}
	wg.Wait()
	for id, err := range accepted {
		if err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	select {
	case <-all:
	case <-time.After(90 * time.Second):
		t.Errorf("%d of %d were done", len(done), count)
	}
	realmesh.Eventually(t, 60*time.Second, "the inbox is empty", func() error {
		var left []struct{ Seq uint64 }
		n.JSON(&left, "inbox", "packer")
		if len(left) > 0 {
			return fmt.Errorf("%d are left", len(left))
		}
		return nil
	})
	mu.Lock()
	defer mu.Unlock()
	for id, times := range done {
		if times != 1 {
			t.Errorf("%s was done %d times", id, times)
		}
	}
	t.Logf("cuts: %d and %d; sender %+v; receiver %+v", front.Cuts.Load(), back.Cuts.Load(), sender.Figures(), receiver.Figures())
}

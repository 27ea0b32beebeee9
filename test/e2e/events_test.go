package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/httpapi/client"
	"github.com/meshd/meshd/test/realmesh"
)

// A listener at one node hears of the agents of all: those that attach, that
// are killed, and that go with their node.
func TestEventsOfEveryNodeReachAListener(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	_, key := nodes[0].APIKey("agent")
	c, err := client.New(client.Config{Nodes: []client.Node{{URL: "https://" + nodes[0].Address, Pin: nodes[0].Pin()}}, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	var mu sync.Mutex
	heard := map[string]int{}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	a, err := c.Attach(ctx, client.AgentConfig{Events: []string{"agent.*", "node.*"}, OnEvent: func(e client.Event) {
		var d struct{ Agent, Node string }
		if json.Unmarshal(e.Data, &d) == nil {
			mu.Lock()
			heard[e.Kind+" "+d.Agent+" "+d.Node]++
			mu.Unlock()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	hears := func(what string) {
		t.Helper()
		realmesh.Eventually(t, 30*time.Second, "it hears "+what, func() error {
			mu.Lock()
			defer mu.Unlock()
			if heard[what] == 0 {
				return fmt.Errorf("it heard %v", heard)
			}
			return nil
		})
	}
	echo := attach(t, nodes[1], "echo", key)
	attach(t, nodes[2], "other", key)
	hears("agent.started echo beta")
	hears("agent.started other gamma")
	echo.kill()
	hears("agent.failed echo beta")
	nodes[2].Kill()
	hears("node.failed  gamma")
	hears("agent.failed other gamma")
	nodes[2].Start("serve")
	nodes[2].WaitServing()
	hears("node.alive  gamma")
	mu.Lock()
	defer mu.Unlock()
	for what, n := range heard {
		if n > 1 && what != "agent.started other gamma" { // it attaches again
			t.Errorf("%s was told %d times", what, n)
		}
	}
}

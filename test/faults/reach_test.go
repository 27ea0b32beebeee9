package faults

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// Nodes join all at once, and again and again some are killed and come back all at
// once, on a busy machine: connections cross each other, are greeted before a node
// is ready, and end while they begin. Whatever came of that, within seconds each
// node reaches an agent on each other one live, and knows who subscribes.
func TestEveryNodeReachesEveryOther(t *testing.T) {
	count, rounds, busy := 3, 1, 0
	if long() {
		count, rounds, busy = 6, 12, runtime.NumCPU()
	}
	nodes := []*realmesh.Node{realmesh.New(t, "n0")}
	nodes[0].Found()
	key := nodes[0].AdminKey()
	tokens := make([]string, count)
	for i := 1; i < count; i++ {
		nodes = append(nodes, realmesh.New(t, fmt.Sprint("n", i)))
		tokens[i] = nodes[0].Token()
	}
	var idle atomic.Bool
	t.Cleanup(func() { idle.Store(true) })
	for range busy {
		go func() {
			for !idle.Load() {
			}
		}()
	}
	for i, n := range nodes[1:] {
		n.Start("join", tokens[i+1])
	}
	for _, n := range nodes {
		n.WaitServing()
	}
	agents := make([]socket, count)
	attach := func(i int) {
		realmesh.Eventually(t, 30*time.Second, "an agent of "+nodes[i].Name+" is attached", func() error {
			s, err := dialSocket(t.Context(), nodes[i], fmt.Sprintf("/agents/at-%s/ws", nodes[i].Name), key)
			if err != nil {
				return err
			}
			if err := s.subscribe("news/>"); err != nil {
				_ = s.UnderlyingConn().Close()
				return err
			}
			go s.listen()
			agents[i] = s
			return nil
		})
	}
	for i := range nodes {
		attach(i)
	}
	t.Cleanup(func() {
		for _, s := range agents {
			_ = s.UnderlyingConn().Close()
		}
	})
	slowest := allReached(t, nodes, key)
	for range rounds {
		down := rand.Perm(count)[:1+rand.N(count-1)]
		for _, i := range down {
			_ = agents[i].UnderlyingConn().Close()
			nodes[i].Kill()
		}
		for _, i := range down {
			nodes[i].Start("serve")
		}
		for _, i := range down {
			nodes[i].WaitServing()
		}
		for _, i := range down {
			attach(i)
		}
		slowest = max(slowest, allReached(t, nodes, key))
	}
	t.Logf("%d nodes, %d rounds: each reached each other within %s of its agents' being there", count, rounds, slowest.Round(time.Millisecond))
}

// allReached waits until a message from each node to the agent of each is
// delivered, and a publication of each is delivered to all.
func allReached(t *testing.T, nodes []*realmesh.Node, key string) time.Duration {
	t.Helper()
	began := time.Now()
	for _, from := range nodes {
		c := from.Client(key)
		delivered := func(to string, want int) error {
			a, err := c.Ask(http.MethodPost, "/messages", map[string]any{"to": to, "body": 1})
			if err != nil {
				return err
			}
			var got frame
			if err := json.Unmarshal(a.Body, &got); err != nil {
				return err
			}
			if got.Status != "delivered" || got.Counts.Delivered != want {
				return fmt.Errorf("%s", a)
			}
			return nil
		}
		for _, to := range nodes {
			realmesh.Eventually(t, 20*time.Second, from.Name+" reaches the agent of "+to.Name, func() error {
				return delivered(fmt.Sprintf("at-%s@%[1]s", to.Name), 0)
			})
		}
		realmesh.Eventually(t, 20*time.Second, from.Name+" publishes to all", func() error {
			return delivered("topic/news/today", len(nodes))
		})
	}
	return time.Since(began)
}

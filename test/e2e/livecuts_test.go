package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshd/meshd/httpapi/client"
	"github.com/meshd/meshd/httpapi/client/agenttest"
	"github.com/meshd/meshd/test/realmesh"
)

// talker is one of two agents that send each other numbers.
type talker struct {
	agent *client.Agent
	front *agenttest.Proxy

	mu    sync.Mutex
	times map[string]int // how often a message came
	order []int
	ends  map[string]error // what its own came to
}

// Two agents at two nodes, both behind connections that break all the time in the
// middle of whatever is carried, send each other live messages: each comes once and
// in order, or its sender hears that it did not come. Nothing is unknown, since every
// session is resumed.
func TestLiveBothWaysOverBrokenConnections(t *testing.T) {
	count := 1500
	if os.Getenv("MESHD_TEST_LONG") != "" {
		count = 20000
	}
	t.Parallel()
	nodes := realmesh.Three(t)
	key := nodes[0].AdminKey()
	names := []string{"ann", "bob"}
	var pair [2]*talker
	for i, name := range names {
		n := nodes[i+1]
		k := &talker{front: agenttest.NewProxy(t, "https://"+n.Address), times: map[string]int{}, ends: map[string]error{}}
		k.front.Every(64 << 10)
		c, err := client.New(client.Config{Nodes: []client.Node{{URL: k.front.URL, Pin: n.Pin()}}, Key: key, Patience: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		k.agent = agenttest.Attach(t, c, client.AgentConfig{Name: name, Handler: k.hear})
		pair[i] = k
	}
	var talking sync.WaitGroup
	for i, k := range pair {
		talking.Go(func() { k.talk(t, names[1-i], count) })
	}
	talking.Wait()
	for i, k := range pair {
		k.judge(t, names[i], pair[1-i], count)
	}
}

func (k *talker) hear(_ context.Context, m *client.Message) error {
	i := -1
	if err := m.Decode(&i); err != nil || i < 0 {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.times[m.ID]++
	k.order = append(k.order, i)
	return nil
}

// talk sends the numbers below count, and returns when all have come to something.
func (k *talker) talk(t *testing.T, to string, count int) {
	var under sync.WaitGroup
	var away atomic.Bool // while the other is, senders at other nodes are refused
	away.Store(true)
	for i := range count {
		if away.Load() {
			under.Wait()
			realmesh.Eventually(t, 30*time.Second, to+" is reached", func() error {
				_, err := k.agent.Send(t.Context(), client.Outgoing{To: to, Body: -1})
				return err
			})
			away.Store(false)
		}
		id := fmt.Sprintf("%s-%d", to, i)
		under.Add(1)
		err := k.agent.Submit(t.Context(), client.Outgoing{ID: id, To: to, Body: i}, func(_ client.Receipt, err error) {
			k.mu.Lock()
			k.ends[id] = err
			k.mu.Unlock()
			if err != nil {
				away.Store(true)
			}
			under.Done()
		})
		if err != nil {
			t.Errorf("%s: %v", id, err)
			under.Done()
			break
		}
	}
	under.Wait()
}

// judge holds what k was told of its messages against what the other heard.
func (k *talker) judge(t *testing.T, name string, other *talker, count int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	other.mu.Lock()
	defer other.mu.Unlock()
	var delivered, refused, unknown int
	for id, err := range k.ends {
		times := other.times[id]
		switch {
		case times > 1:
			t.Errorf("%s came %d times", id, times)
		case err == nil && times == 0:
			t.Errorf("%s is delivered and did not come", id)
		case errors.Is(err, client.ErrRefused) && times > 0:
			t.Errorf("%s was refused and came: %v", id, err)
		}
		switch {
		case err == nil:
			delivered++
		case errors.Is(err, client.ErrRefused):
			refused++
		case errors.Is(err, client.ErrUnknown):
			unknown++
		default:
			t.Errorf("%s came to %v, which is no known end", id, err)
		}
	}
	for i := 1; i < len(other.order); i++ {
		if other.order[i] <= other.order[i-1] {
			t.Errorf("of %s %d came after %d", name, other.order[i], other.order[i-1])
		}
	}
	f := k.agent.Figures()
	t.Logf("%s: %d delivered, %d refused, %d unknown; %d cuts, %+v", name, delivered, refused, unknown, k.front.Cuts.Load(), f)
	if len(k.ends) != count {
		t.Errorf("%s heard of %d of %d", name, len(k.ends), count)
	}
	if k.front.Cuts.Load() == 0 || f.Resumed == 0 || delivered == 0 {
		t.Errorf("%s: nothing was cut, resumed or delivered", name)
	}
	resumed := func(f client.AgentFigures) bool { return f.Connections == f.Resumed+1 }
	if unknown > 0 && resumed(f) && resumed(other.agent.Figures()) {
		t.Errorf("%s: %d are unknown though every session was resumed", name, unknown)
	}
}

package client_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	. "github.com/meshd/meshd/httpapi/client"
	"github.com/meshd/meshd/httpapi/client/agenttest"
)

// through is a client of nodes behind proxies.
func through(t testing.TB, nodes []*agenttest.Node, proxies []*agenttest.Proxy) *Client {
	t.Helper()
	cfg := Config{Key: "k", Patience: time.Minute}
	for i, n := range nodes {
		cfg.Nodes = append(cfg.Nodes, Node{URL: proxies[i].URL, Pin: n.Pin})
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Live messages over connections that break all the time: each comes once, or
// its sender hears that this is not known, or that it did not come.
func TestLiveOverBrokenConnections(t *testing.T) {
	const count = 3000
	n := agenttest.New(t, "n1")
	front, back := agenttest.NewProxy(t, n.URL), agenttest.NewProxy(t, n.URL)
	front.Every(80 << 10)
	back.Every(80 << 10)
	var mu sync.Mutex
	got := map[string]int{}
	var order []int
	receiver := agenttest.Attach(t, through(t, []*agenttest.Node{n}, []*agenttest.Proxy{back}), AgentConfig{Name: "sink", Handler: func(_ context.Context, m *Message) error {
		mu.Lock()
		defer mu.Unlock()
		got[m.ID]++
		i := 0
		_ = m.Decode(&i)
		order = append(order, i)
		return nil
	}})
	sender := agenttest.Attach(t, through(t, []*agenttest.Node{n}, []*agenttest.Proxy{front}), AgentConfig{})

	ends := make(map[string]error, count)
	var wg sync.WaitGroup
	for i := range count {
		id := fmt.Sprintf("m%d", i)
		wg.Add(1)
		err := sender.Submit(context.Background(), Outgoing{ID: id, To: "sink", Body: i}, func(_ Receipt, err error) {
			mu.Lock()
			ends[id] = err
			mu.Unlock()
			wg.Done()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	front.Every(0)
	back.Every(0)
	mu.Lock()
	defer mu.Unlock()
	var delivered, refused, unknown int
	for id, err := range ends {
		times := got[id]
		switch {
		case times > 1:
			t.Errorf("%s came %d times", id, times)
		case err == nil && times == 0:
			t.Errorf("%s is delivered and did not come", id)
		case errors.Is(err, ErrRefused) && times > 0:
			t.Errorf("%s was refused and came: %v", id, err)
		}
		switch {
		case err == nil:
			delivered++
		case errors.Is(err, ErrUnknown):
			unknown++
		default:
			refused++
		}
	}
	for i := 1; i < len(order); i++ {
		if order[i] <= order[i-1] {
			t.Fatalf("%d came after %d", order[i], order[i-1])
		}
	}
	t.Logf("%d delivered, %d refused, %d unknown; cuts: %d and %d; sender %+v, receiver %+v",
		delivered, refused, unknown, front.Cuts.Load(), back.Cuts.Load(), sender.Figures(), receiver.Figures())
	if front.Cuts.Load() == 0 || back.Cuts.Load() == 0 || sender.Figures().Resumed == 0 || receiver.Figures().Resumed == 0 {
		t.Error("nothing was cut or resumed")
	}
	if delivered < count/2 {
		t.Error("hardly anything came through")
	}
}

// When a node is gone, what was under way there is unknown, and the rest goes by
// another.
func TestAnotherNode(t *testing.T) {
	nodes := []*agenttest.Node{agenttest.New(t, "n1"), agenttest.New(t, "n2")}
	proxies := []*agenttest.Proxy{agenttest.NewProxy(t, nodes[0].URL), agenttest.NewProxy(t, nodes[1].URL)}
	for i, n := range nodes {
		agenttest.Attach(t, agenttest.Client(t, n), AgentConfig{Name: "slow", Credit: 16, Concurrency: 16, Handler: func(ctx context.Context, m *Message) error {
			if i == 0 {
				<-ctx.Done() // the first node's never answers
			}
			return m.Reply(i)
		}})
	}
	states := make(chan State, 16)
	a := agenttest.Attach(t, through(t, nodes, proxies), AgentConfig{OnState: func(s State) { states <- s }})
	if s := <-states; !s.Connected || s.Node != "n1" {
		t.Fatalf("%+v", s)
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	go func() {
		_, err := a.Request(ctx, Outgoing{To: "slow", Body: 1})
		ended <- err
	}()
	nodes[0].Until(t, "busy", busy("slow"))
	proxies[0].Gone()
	if err := <-ended; !errors.Is(err, ErrUnknown) {
		t.Fatal(err)
	}
	r, err := a.Request(ctx, Outgoing{To: "slow", Body: 2})
	if err != nil || string(r.Reply) != "1" {
		t.Fatalf("%+v, %v", r, err)
	}
	if a.Node() != "n2" {
		t.Fatal(a.Node())
	}
}

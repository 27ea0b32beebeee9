package client_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	. "github.com/meshd/meshd/httpapi/client"
	"github.com/meshd/meshd/httpapi/client/agenttest"
)

// However often and from wherever an Agent is closed, it ends once, and what is
// under way or comes later is told.
func TestClosedAgain(t *testing.T) {
	n := agenttest.New(t, "n1")
	c := agenttest.Client(t, n)
	handled := make(chan error, 1)
	var worker *Agent
	ready := make(chan struct{})
	worker = agenttest.Attach(t, c, AgentConfig{Name: "worker", Handler: func(ctx context.Context, _ *Message) error {
		<-ready
		err := worker.Close() // by a handler
		<-ctx.Done()
		handled <- err
		return nil
	}})
	a := agenttest.Attach(t, c, AgentConfig{})
	ended := make(chan error, 1)
	if err := a.SubmitRequest(t.Context(), Outgoing{To: "worker", Body: 1}, func(_ Receipt, err error) { ended <- err }); err != nil {
		t.Fatal(err)
	}
	n.Until(t, "at work", busy("worker"))
	var closing sync.WaitGroup
	for range 4 {
		closing.Go(func() {
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	closing.Go(func() {
		if err := a.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})
	closing.Wait()
	if err := <-ended; !errors.Is(err, ErrUnknown) || !errors.Is(err, ErrClosed) {
		t.Errorf("what was under way came to %v", err)
	}
	var told *SendError
	if _, err := a.Send(t.Context(), Outgoing{To: "worker", Body: 1}); !errors.As(err, &told) || told.Status != Refused || !errors.Is(err, ErrClosed) {
		t.Errorf("what is sent after the end comes to %v", err)
	}
	if err := a.Err(); err != nil {
		t.Errorf("it ended for %v", err)
	}
	close(ready)
	if err := <-handled; err != nil {
		t.Errorf("a handler closes: %v", err)
	}
	<-worker.Done()
}

// A context that has ended sends nothing, and one that ends while too much is under
// way lets go of who waits.
func TestContextsOfSends(t *testing.T) {
	n := agenttest.New(t, "n1")
	front := agenttest.NewProxy(t, n.URL)
	a := agenttest.Attach(t, through(t, []*agenttest.Node{n}, []*agenttest.Proxy{front}), AgentConfig{})
	over, cancel := context.WithCancel(t.Context())
	cancel()
	var told *SendError
	if _, err := a.Send(over, Outgoing{To: "nobody", Body: 1}); !errors.As(err, &told) || told.Status != Refused || !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
	if s := a.Figures().Sent; s != 0 {
		t.Errorf("%d were sent", s)
	}
	front.Shut(true) // now all that is sent waits
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	var under sync.WaitGroup
	for i := 0; ; i++ {
		under.Add(1)
		err := a.Submit(ctx, Outgoing{To: "nobody", Body: i}, func(Receipt, error) { under.Done() })
		if err == nil {
			continue
		}
		under.Done()
		if !errors.As(err, &told) || told.Status != Refused || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no room: %v", err)
		}
		if i > 1<<16 {
			t.Errorf("%d were taken in while nothing was sent", i)
		}
		break
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	under.Wait() // each is told, once
}

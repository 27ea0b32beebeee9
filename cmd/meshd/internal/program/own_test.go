package program

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/httpapi/client"
)

// listener attaches an agent that hears numbers.
func (m *mesh) listener(t *testing.T) <-chan int {
	heard := make(chan int, 100)
	other, err := m.client.Attach(context.Background(), client.AgentConfig{Name: "other", Handler: func(_ context.Context, m *client.Message) error {
		var n int
		err := json.Unmarshal(m.Body, &n)
		heard <- n
		return err
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	return heard
}

func expectAll(t *testing.T, heard <-chan int) {
	t.Helper()
	for want := range 60 {
		select {
		case n := <-heard:
			if n != want {
				t.Fatalf("message %d came where %d was due", n, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("message %d did not come", want)
		}
	}
}

// What a child prints in one order comes in that order.
func TestMessagesOfAChildKeepTheirOrder(t *testing.T) {
	m := run(t, nil)
	m.attached(1)
	heard := m.listener(t)
	if got := m.ask("burst"); got != `"said"` {
		t.Fatal(got)
	}
	expectAll(t, heard)
	m.end(nil)
}

// What a child printed before it ended is sent.
func TestLastWordsOfAChildAreSent(t *testing.T) {
	m := run(t, nil)
	m.attached(1)
	heard := m.listener(t)
	if got := m.ask("last words"); !strings.Contains(got, "ended before it answered") {
		t.Fatal(got)
	}
	expectAll(t, heard)
	m.end(nil)
}

// A child that sends and never reads what came of it costs no more than one that
// does.
func TestAChildThatOnlyTalksIsBounded(t *testing.T) {
	m := run(t, func(c *Config) { c.Grace, c.term = 0, time.Millisecond })
	m.attached(1)
	if got := m.ask("only talk"); got != `"said"` {
		t.Fatal(got)
	}
	m.logged("does not read what became of its messages")
	if n := runtime.NumGoroutine(); n > 4*maxOwn {
		t.Errorf("%d goroutines wait for a child that does not read", n)
	}
	m.stop()
	<-m.ended
}

// A name that is refused ends the run: to start the program again helps nobody.
func TestARefusedNameEndsTheRun(t *testing.T) {
	m := run(t, func(c *Config) { c.Agent.Name = "Not A Name" })
	var refused *client.Error
	select {
	case err := <-m.ended:
		if !errors.As(err, &refused) {
			t.Fatalf("it ended with %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it goes on")
	}
}

package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/meshd/meshd/httpapi/client"
	"github.com/meshd/meshd/httpapi/client/agenttest"
	"github.com/meshd/meshd/node/message"
)

func TestRequestAndReply(t *testing.T) {
	c := agenttest.Client(t, agenttest.New(t, "n1"))
	agenttest.Attach(t, c, AgentConfig{Name: "adder", Handler: func(_ context.Context, m *Message) error {
		var xs []int
		if err := m.Decode(&xs); err != nil {
			return &Error{Code: "NOT_NUMBERS", Sentence: "I add numbers"}
		}
		sum := 0
		for _, x := range xs {
			sum += x
		}
		return m.Reply(sum)
	}})
	a := agenttest.Attach(t, c, AgentConfig{})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := a.Request(ctx, Outgoing{To: "adder", Body: []int{2, 3}})
	if err != nil || string(r.Reply) != "5" {
		t.Fatalf("%+v, %v", r, err)
	}
	_, err = a.Request(ctx, Outgoing{To: "adder", Body: "two"})
	var e *Error
	if !errors.Is(err, ErrAgent) || !errors.As(err, &e) || e.AgentCode() != "NOT_NUMBERS" {
		t.Fatal(err)
	}
	if r, err = a.Send(ctx, Outgoing{To: "adder", Body: json.RawMessage(`[1]`)}); err != nil || r.Status != Delivered {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err = a.Send(ctx, Outgoing{To: "nobody", Body: 1}); !errors.Is(err, ErrRefused) || !IsCode(err, CodeUnknownAddress) {
		t.Fatal(err)
	}
}

// An error whose code is not spelled as the mesh spells codes reaches the asker
// all the same, who would otherwise wait in vain.
func TestAnErrorCodeOfAnyShapeReachesTheAsker(t *testing.T) {
	c := agenttest.Client(t, agenttest.New(t, "n1"))
	agenttest.Attach(t, c, AgentConfig{Name: "printer", Handler: func(context.Context, *Message) error {
		return &Error{Code: "no paper (é)" + strings.Repeat("!", 100), Sentence: "there is no paper"}
	}})
	a := agenttest.Attach(t, c, AgentConfig{})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := a.Request(ctx, Outgoing{To: "printer", Body: 1})
	var e *Error
	if !errors.Is(err, ErrAgent) || !errors.As(err, &e) || !strings.HasPrefix(e.AgentCode(), "NO_PAPER____") || len(e.AgentCode()) != 64 {
		t.Fatal(err)
	}
}

func BenchmarkSubmit(b *testing.B) {
	c := agenttest.Client(b, agenttest.New(b, "n1"))
	var got atomic.Int64
	agenttest.Attach(b, c, AgentConfig{Name: "sink", Credit: 4096, Handler: func(context.Context, *Message) error { got.Add(1); return nil }})
	a := agenttest.Attach(b, c, AgentConfig{})
	body := json.RawMessage(fmt.Sprintf(`"%0254d"`, 1))
	var bad atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	ended := make(chan struct{})
	left := atomic.Int64{}
	left.Store(int64(b.N))
	for range b.N {
		err := a.Submit(context.Background(), Outgoing{To: "sink", Body: body}, func(_ Receipt, err error) {
			if err != nil {
				bad.Add(1)
			}
			if left.Add(-1) == 0 {
				close(ended)
			}
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	<-ended
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
	b.ReportMetric(float64(bad.Load()), "refused")
}

// busy says that an agent has a request in hand.
func busy(name string) func([]message.Local) bool {
	return func(l []message.Local) bool {
		return slices.ContainsFunc(l, func(l message.Local) bool { return l.Name == name && l.Busy > 0 })
	}
}

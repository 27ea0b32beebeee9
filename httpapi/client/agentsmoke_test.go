package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/meshd/meshd/node/agent"
	"github.com/meshd/meshd/node/message"
)

// lone is the directory and the links of a node that is alone.
type lone struct{}

func (lone) Lookup(string) []message.Host                       { return nil }
func (lone) ResolveNode(s string) (string, error)               { return s, nil }
func (lone) Announce([]message.Local)                           {}
func (lone) Send(_ string, _ []byte, reply func([]byte, error)) { reply(nil, message.ErrNotSent) }

// liveNode is the real router and the real sessions behind TLS.
type liveNode struct {
	url, pin string
	router   *message.Router
	server   *agent.Server
	http     *httptest.Server
}

func newLiveNode(t testing.TB) *liveNode {
	t.Helper()
	n := &liveNode{}
	n.router = message.New(message.Config{NodeID: "n1", Directory: lone{}, Link: lone{}})
	n.server = agent.NewServer(agent.Config{Router: n.router})
	n.http = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		name := ""
		fmt.Sscanf(r.URL.Path, "/agents/%s", &name)
		if len(name) > 3 {
			name = name[:len(name)-3]
		}
		_ = n.server.Serve(context.Background(), conn, agent.Client{Principal: "p", Name: name})
	}))
	n.http.StartTLS()
	n.url, n.pin = n.http.URL, pinOf(n.http)
	t.Cleanup(func() {
		n.server.Close()
		n.router.Close()
		n.http.Close()
	})
	return n
}

func (n *liveNode) client(t testing.TB) *Client {
	c, err := New(Config{Nodes: []Node{{n.url, n.pin}}, Key: "k", Patience: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func attach(t testing.TB, c *Client, cfg AgentConfig) *Agent {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	a, err := c.Attach(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func TestRequestAndReply(t *testing.T) {
	n := newLiveNode(t)
	c := n.client(t)
	attach(t, c, AgentConfig{Name: "adder", Handler: func(_ context.Context, m *Message) error {
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
	a := attach(t, c, AgentConfig{})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
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

func BenchmarkSubmit(b *testing.B) {
	n := newLiveNode(b)
	c := n.client(b)
	var got atomic.Int64
	attach(b, c, AgentConfig{Name: "sink", Credit: 4096, Handler: func(context.Context, *Message) error { got.Add(1); return nil }})
	a := attach(b, c, AgentConfig{})
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

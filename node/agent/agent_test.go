package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// alone is the directory of a node without peers.
type alone struct{}

func (alone) Lookup(string) []message.Host         { return nil }
func (alone) ResolveNode(s string) (string, error) { return s, nil }
func (alone) Announce([]message.Local)             {}

// node is one node's router and server behind a real WebSocket listener. The
// path is the agent's name; with ?auth the first message must authenticate.
type node struct {
	router *message.Router
	server *Server
	http   *httptest.Server
	ended  chan error

	requests Requests
}

// corking gives each WebSocket a Transport.
type corking struct{ http.ResponseWriter }

func (w corking) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	return Transport(c), rw, err
}

func newNode(t *testing.T) *node {
	n := &node{ended: make(chan error, 64)}
	n.router = message.New(message.Config{NodeID: "n1", Directory: alone{}})
	n.server = NewServer(Config{Router: n.router})
	up := websocket.Upgrader{ReadBufferSize: 512, WriteBufferPool: &sync.Pool{}}
	n.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := up.Upgrade(corking{w}, r, nil)
		if err != nil {
			return
		}
		principal := "key-1"
		if r.URL.Query().Has("auth") {
			principal, err = Authenticate(context.Background(), conn, func(_ context.Context, token string) (string, error) {
				if token != "good" {
					return "", errors.New("no such key")
				}
				return "key-2", nil
			})
			if err != nil {
				n.ended <- err
				return
			}
		}
		n.ended <- n.server.Serve(context.Background(), conn, Client{
			Principal: principal, Name: strings.Trim(r.URL.Path, "/"), Resumes: r.URL.Query().Has("resume"), Requests: n.requests,
		})
	}))
	t.Cleanup(func() {
		n.server.Close()
		n.router.Close()
		n.http.Close()
	})
	return n
}

// peer is the client's end.
type peer struct {
	*websocket.Conn
	t *testing.T
}

func (n *node) dial(t *testing.T, path string) peer {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(n.http.URL, "http")+"/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	return peer{conn, t}
}

func (p peer) write(frame string) {
	p.t.Helper()
	if err := p.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		p.t.Fatal(err)
	}
}

func (p peer) read() outbound {
	p.t.Helper()
	var f outbound
	if err := p.ReadJSON(&f); err != nil {
		p.t.Fatal(err)
	}
	return f
}

// expect reads a frame of a type.
func (p peer) expect(kind string) outbound {
	p.t.Helper()
	f := p.read()
	if f.Type != kind {
		p.t.Fatalf("got %+v, want %s", f, kind)
	}
	return f
}

// closedWith reads until the connection is closed and returns the code.
func (p peer) closedWith() int {
	p.t.Helper()
	for {
		if _, _, err := p.ReadMessage(); err != nil {
			var c *websocket.CloseError
			if errors.As(err, &c) {
				return c.Code
			}
			p.t.Fatal(err)
		}
	}
}

func TestAnAgentAnswersARequest(t *testing.T) {
	n := newNode(t)
	a := n.dial(t, "worker")
	hello := a.expect("hello")
	if hello.Agent != "worker" || hello.Node != "n1" || hello.Limits.BodyBytes != message.MaxBody {
		t.Fatalf("%+v", hello)
	}
	a.write(`{"type":"hello","description":"works","capabilities":["work"]}`)
	a.write(`{"type":"ping","id":"p"}`)
	if f := a.expect("pong"); f.ID != "p" {
		t.Fatalf("%+v", f)
	}
	if l := n.router.Local(); len(l) != 1 || l[0].Description != "works" || l[0].Capabilities[0] != "work" {
		t.Fatalf("%+v", l)
	}
	type end struct {
		r   message.Receipt
		err error
	}
	done := make(chan end, 1)
	for _, reply := range []struct{ frame, body, code string }{
		{`{"type":"reply","in_reply_to":"ID","body":{"ok":"<&>"}}`, `{"ok":"<&>"}`, ""},
		{`{"type":"send","in_reply_to":"ID","body":null}`, `null`, ""},
		{`{"type":"reply","in_reply_to":"ID","error":"cannot","code":"NO"}`, ``, CodeAgentError},
	} {
		n.router.Submit(context.Background(), message.Message{
			ID: "m1", To: "worker", Type: "Query", Body: json.RawMessage(`{"q":1}`), From: message.Sender{Principal: "someone"}, Conversation: "c",
		}, true, func(r message.Receipt, err error) { done <- end{r, err} })
		f := a.expect("receive")
		if f.MessageID != "m1" || f.From.Principal != "someone" || f.From.Node != "n1" || !f.Wait || f.MessageType != "Query" ||
			string(f.Body) != `{"q":1}` || f.Conversation != "c" || f.DeadlineMs <= 0 {
			t.Fatalf("%+v", f)
		}
		a.write(strings.Replace(reply.frame, "ID", f.ID, 1))
		e := <-done
		if e.r.Status != message.Delivered || string(e.r.Reply) != reply.body || code(e.err) != reply.code {
			t.Fatalf("%s: %+v, %v", reply.frame, e.r, e.err)
		}
	}
}

func code(err error) string {
	var r *consensus.Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return ""
}

func TestTwoAgentsTalk(t *testing.T) {
	n := newNode(t)
	a, b := n.dial(t, "a"), n.dial(t, "b")
	a.expect("hello")
	b.expect("hello")
	a.write(`{"type":"send","id":"1","to":"b","body":"one way"}`)
	if f := b.expect("receive"); f.From.Agent != "a" || f.From.Principal != "key-1" || f.Wait {
		t.Fatalf("%+v", f)
	}
	if f := a.expect("ack"); f.ID != "1" || f.Status != message.Delivered || f.MessageID == "" {
		t.Fatalf("%+v", f)
	}
	a.write(`{"type":"send","id":"2","to":"b","body":"ask","wait":true,"timeout":"5s"}`)
	b.write(`{"type":"reply","in_reply_to":"` + b.expect("receive").ID + `","body":42}`)
	if f := a.expect("reply"); f.ID != "2" || string(f.Body) != "42" {
		t.Fatalf("%+v", f)
	}
	a.write(`{"type":"send","id":"3","to":"nobody","body":1}`)
	if f := a.expect("error"); f.ID != "3" || f.Code != message.CodeUnknownAddress || f.Status != message.Refused {
		t.Fatalf("%+v", f)
	}
	a.write(`{"type":"send","id":"4","to":"b","body":1,"wait":true,"timeout":"1ms"}`)
	if f := a.expect("error"); f.ID != "4" || f.Code != message.CodeReplyTimeout {
		t.Fatalf("%+v", f)
	}
}

func TestAnAgentThatLeavesIsGone(t *testing.T) {
	n := newNode(t)
	a, b := n.dial(t, ""), n.dial(t, "b")
	a.expect("hello")
	b.expect("hello")
	a.write(`{"type":"send","id":"1","to":"b","body":1,"wait":true}`)
	b.expect("receive")
	_ = b.Close()
	if f := a.expect("error"); f.ID != "1" || f.Code != message.CodeAgentGone || f.Status != message.Delivered {
		t.Fatalf("%+v", f)
	}
	a.write(`{"type":"send","id":"2","to":"b","body":1}`)
	if f := a.expect("error"); f.Code != message.CodeAgentGone || f.Status != message.Refused {
		t.Fatalf("%+v", f)
	}
}

func TestDeliveredWaitsForTheAckWhereTheClientPromisesOne(t *testing.T) {
	n := newNode(t)
	a, b := n.dial(t, ""), n.dial(t, "b")
	a.expect("hello")
	b.expect("hello")
	b.write(`{"type":"hello","acks":true}`)
	b.write(`{"type":"ping"}`)
	b.expect("pong")
	a.write(`{"type":"send","id":"1","to":"b","body":1}`)
	a.write(`{"type":"send","id":"2","to":"b","body":2,"timeout":"50ms"}`)
	first := b.expect("receive")
	b.expect("receive")
	if f := a.expect("ack"); f.ID != "2" || f.Status != message.Unknown {
		t.Fatalf("%+v", f)
	}
	b.write(`{"type":"ack","id":"` + first.ID + `"}`)
	if f := a.expect("ack"); f.ID != "1" || f.Status != message.Delivered {
		t.Fatalf("%+v", f)
	}
}

func TestBadFrames(t *testing.T) {
	n := newNode(t)
	for _, c := range []struct{ frame, field string }{
		{`{`, ""},
		{`[]`, ""},
		{`{"type":"send"} {}`, ""},
		{`{"type":"dance"}`, "type"},
		{`{"type":"send","to":"b","colour":1}`, "colour"},
		{`{"type":"send","to":"b"}`, "id"},
		{`{"type":"send","id":"two words","to":"b"}`, "id"},
		{`{"type":"send","id":"1","to":"b","timeout":"soon"}`, "timeout"},
		{`{"type":"send","id":"1","to":"b","timeout":"99h"}`, "timeout"},
		{`{"type":"ping","to":"b"}`, "to"},
		{`{"type":"reply","body":1}`, "in_reply_to"},
		{`{"type":"reply","in_reply_to":"1"}`, "body"},
		{`{"type":"reply","in_reply_to":"1","body":1,"error":"x"}`, "body"},
		{`{"type":"ack"}`, "ids"},
		{`{"type":"hello","capabilities":[""]}`, "capabilities"},
	} {
		p := n.dial(t, "")
		p.expect("hello")
		p.write(c.frame)
		f := p.expect("error")
		if f.Code != message.CodeInvalid || f.Details["field"] != c.field {
			t.Errorf("%s: %+v", c.frame, f)
		}
		p.write(`{"type":"ping"}`)
		p.expect("pong")
		_ = p.Close()
	}
}

func TestRepeatedBadFramesCloseTheConnection(t *testing.T) {
	n := newNode(t)
	p := n.dial(t, "worker")
	for range maxBadFrames {
		p.write(`nonsense`)
	}
	if code := p.closedWith(); code != websocket.ClosePolicyViolation {
		t.Fatal(code)
	}
	<-n.ended
	if l := n.router.Local(); len(l) != 0 {
		t.Fatalf("still attached: %+v", l)
	}
}

func TestAFrameOverTheLimitClosesTheConnection(t *testing.T) {
	n := newNode(t)
	p := n.dial(t, "worker")
	p.expect("hello")
	go func() { _ = p.WriteMessage(websocket.TextMessage, make([]byte, maxFrame+1<<20)) }()
	if f := p.expect("error"); f.Code != message.CodeTooLarge || !strings.Contains(f.Error, "over the limit of 1114112 bytes") {
		t.Error(f)
	}
	if code := p.closedWith(); code != websocket.CloseMessageTooBig {
		t.Fatal(code)
	}
}

func TestAClientThatDoesNotReadIsRefusedMoreAndBounded(t *testing.T) {
	n := newNode(t)
	n.dial(t, "worker")
	waitFor(t, func() bool { return len(n.router.Local()) == 1 })
	body, _ := json.Marshal(strings.Repeat("x", 512<<10))
	refused := make(chan struct{}, 1)
	for range 64 {
		n.router.Submit(context.Background(), message.Message{To: "worker", Body: body}, false, func(_ message.Receipt, err error) {
			if code(err) == message.CodeOverloaded {
				select {
				case refused <- struct{}{}:
				default:
				}
			}
		})
	}
	select {
	case <-refused:
	case <-time.After(time.Minute):
		t.Fatal("32 MiB were taken for a client that reads nothing")
	}
}

func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for tick := time.Tick(time.Millisecond); !cond(); {
		select {
		case <-tick:
		case <-deadline:
			t.Fatal("it did not come about")
		}
	}
}

func TestCloseAsksClientsToGo(t *testing.T) {
	n := newNode(t)
	p := n.dial(t, "worker")
	p.expect("hello")
	done := make(chan struct{})
	go func() { n.server.Close(); close(done) }()
	if code := p.closedWith(); code != websocket.CloseGoingAway {
		t.Fatal(code)
	}
	<-done
	if err := <-n.ended; err != nil {
		t.Fatal(err)
	}
	late := n.dial(t, "worker")
	if f := late.expect("error"); f.Code != message.CodeOverloaded {
		t.Fatalf("%+v", f)
	}
}

func TestARefusedNameIsTold(t *testing.T) {
	n := newNode(t)
	for _, name := range []string{"Worker", "send"} {
		p := n.dial(t, name)
		if f := p.expect("error"); f.Code != message.CodeInvalid {
			t.Fatalf("%+v", f)
		}
		if code := p.closedWith(); code != websocket.ClosePolicyViolation {
			t.Fatal(code)
		}
		if code(<-n.ended) != message.CodeInvalid {
			t.Fatal("Serve did not say so")
		}
	}
}

func TestFirstMessageAuth(t *testing.T) {
	n := newNode(t)
	p := n.dial(t, "worker?auth")
	p.write(`{"type":"auth","token":"good"}`)
	p.expect("hello")
	p.write(`{"type":"send","id":"1","to":"worker","body":1}`)
	if f := p.expect("receive"); f.From.Principal != "key-2" {
		t.Fatalf("%+v", f)
	}
	for _, first := range []string{
		`{"type":"auth","token":"bad"}`, `{"type":"auth"}`, `{"type":"ping"}`, `{"type":"auth","token":"good","more":1}`,
		`{"type":"auth","token":"good"} {"type":"ping"}`, strings.Repeat("x", maxAuthBytes+1),
	} {
		p := n.dial(t, "worker?auth")
		p.write(first)
		if len(first) <= maxAuthBytes {
			if f := p.expect("error"); f.Code != CodeUnauthorized {
				t.Fatalf("%q: %+v", first, f)
			}
		}
		if err := <-n.ended; !errors.Is(err, ErrUnauthenticated) || strings.Contains(err.Error(), "bad") {
			t.Fatalf("%q: %v", first, err)
		}
	}
}

func FuzzDecodeFrame(f *testing.F) {
	for _, s := range []string{
		`{"type":"hello","description":"x","capabilities":["a"]}`, `{"type":"send","id":"1","to":"b","body":{},"timeout":"1s"}`,
		`{"type":"reply","in_reply_to":"1","body":1}`, `{"type":"ack","ids":["1"]}`, `{"type":"ping"}`, `{}`, `null`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := decodeFrame(data)
		if err == nil && allowed[in.Type] == nil {
			t.Fatalf("accepted %q", in.Type)
		}
		if err != nil && code(err) != message.CodeInvalid {
			t.Fatal(err)
		}
		out := errorFrame(in.ID, err)
		if _, err := out.encode(); err != nil {
			t.Fatal(err)
		}
		_, _ = decodeToken(data)
	})
}

package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/meshd/meshd/node/message"
)

// Subscribers that read nothing bound what they hold, hear what they missed
// when they read again, and hold up neither the publisher nor who reads.
func TestSlowSubscribers(t *testing.T) {
	const slow, messages = 20, 24
	n, dial := tlsNode(t)
	var conns []*websocket.Conn
	for range slow + 1 {
		c := dial("")
		conns = append(conns, c)
		expectText(t, c, `"hello"`)
		_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello","credit":65536}`))
		_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"subscribe","id":"s","topics":["news"]}`))
		expectText(t, c, `"result"`)
	}
	for _, c := range conns[1:] { // these take nothing
		_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello","credit":0}`))
		_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`))
		expectText(t, c, `"pong"`)
	}
	body, _ := json.Marshal(strings.Repeat("x", 256<<10))
	for range messages {
		n.router.Submit(context.Background(), message.Message{To: "topic/news", Body: body, From: message.Sender{Principal: "p"}}, false, func(message.Receipt, error) {})
		expectText(t, conns[0], `"receive"`)
		if held := n.server.held.Load(); held > maxHeld+slow*fairShare {
			t.Fatalf("%d bytes wait for who reads nothing", held)
		}
	}
	dropped := uint64(0)
	for _, c := range n.server.sessions() {
		c.mu.Lock()
		dropped += c.queue.dropped
		c.mu.Unlock()
	}
	if dropped == 0 {
		t.Error("all of it was held for who reads nothing")
	}
	for _, c := range conns {
		_ = c.Close()
	}
	waitFor(t, func() bool { return n.server.held.Load() == 0 && n.server.Connections() == 0 })
}

// idleSubscriber is a client that subscribes to the topic news and takes no
// message, and its node.
func idleSubscriber(t *testing.T) (*node, *websocket.Conn) {
	n, dial := tlsNode(t)
	c := dial("")
	expectText(t, c, `"hello"`)
	_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello","credit":0}`))
	_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"subscribe","id":"s","topics":["news"]}`))
	expectText(t, c, `"result"`)
	return n, c
}

// A subscriber that reads again hears how much it has missed.
func TestDroppedIsTold(t *testing.T) {
	n, c := idleSubscriber(t)
	body, _ := json.Marshal(strings.Repeat("x", 900<<10))
	var refused atomic.Int64
	var done sync.WaitGroup
	for range 8 {
		done.Add(1)
		n.router.Submit(context.Background(), message.Message{To: "topic/news", Body: body, From: message.Sender{Principal: "p"}}, false, func(r message.Receipt, _ error) {
			if r.Counts == nil || r.Counts.Refused > 0 {
				refused.Add(1)
			}
			done.Done()
		})
	}
	waitFor(t, func() bool { return refused.Load() > 0 })
	for received := int64(0); received < 8-refused.Load(); {
		_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"credit","add":1}`))
		_, data, err := c.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(data), `{"type":"dropped"`) {
			if want := fmt.Sprintf(`{"type":"dropped","count":%d,"total":%[1]d}`, refused.Load()); string(data) != want {
				t.Fatalf("%s, want %s", data, want)
			}
			done.Wait()
			return
		}
		received++
	}
	expectText(t, c, `"dropped"`)
	done.Wait()
}

// Clients that all come back at once, and leave again without a word, leave
// nothing behind, and others are served meanwhile.
func TestReconnectStorm(t *testing.T) {
	const clients = 150
	n, dial := tlsNode(t)
	steady, echo := dial(""), dial("echo")
	expectText(t, steady, `"hello"`)
	expectText(t, echo, `"hello"`)
	go func() {
		for {
			var f struct{ ID string }
			if echo.ReadJSON(&f) != nil {
				return
			}
			_ = echo.WriteMessage(websocket.TextMessage, []byte(`{"type":"reply","in_reply_to":"`+f.ID+`","body":1}`))
		}
	}()
	secrets := make([]string, clients)
	for round := range 2 {
		var all sync.WaitGroup
		for i := range clients {
			all.Go(func() {
				path := fmt.Sprintf("a%d", i)
				if round > 0 {
					path += "?resume=1"
				}
				c := dial(path)
				defer c.NetConn().Close()
				if round > 0 {
					_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"resume","session":"`+secrets[i]+`","seen":0}`))
				}
				var hello outbound
				if err := c.ReadJSON(&hello); err != nil || hello.Resumed != (round > 0) {
					t.Errorf("client %d, round %d: %+v %v", i, round, hello, err)
					return
				}
				secrets[i] = hello.Session
				if round == 0 {
					_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello","resume":true}`))
					_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`))
					expectText(t, c, `"pong"`)
				}
			})
		}
		served := make(chan struct{})
		go func() {
			defer close(served)
			for i := range 20 {
				_ = steady.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"type":"send","id":"%d","to":"echo","body":1,"wait":true}`, i))
				expectText(t, steady, `"delivered"`)
			}
		}()
		all.Wait()
		<-served
		waitFor(t, func() bool { return n.server.Connections() == 2 && n.server.aways.taken() == clients })
	}
	now := n.server.clock.Add(int64(resumeWindow/time.Second) + 1)
	for _, c := range n.server.sessions() {
		if c.link.Load() == nil {
			c.tick(now)
		}
	}
	waitFor(t, func() bool {
		n.server.mu.Lock()
		defer n.server.mu.Unlock()
		return n.server.aways.taken() == 0 && len(n.server.byName) == 0
	})
	if l := n.router.Local(); len(l) != 1 {
		t.Errorf("%d agents are left", len(l))
	}
}

func expectText(t testing.TB, c *websocket.Conn, part string) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	_, data, err := c.ReadMessage()
	if err != nil || !strings.Contains(string(data), part) {
		t.Errorf("%.200s %v, want %s", data, err, part)
	}
}

func TestTransportReadsAllInOrder(t *testing.T) {
	n, dial := tlsNode(t)
	a, b := dial("a"), dial("b")
	expectText(t, a, `"hello"`)
	expectText(t, b, `"hello"`)
	for _, size := range []int{1, 400, 511, 512, 513, 5000, 16 << 10, 17 << 10, 200 << 10, message.MaxBody - 2} {
		body := strings.Repeat("y", size)
		_ = a.WriteMessage(websocket.TextMessage, []byte(`{"type":"send","id":"1","to":"b","body":"`+body+`"}`))
		_, data, err := b.ReadMessage()
		if err != nil || !strings.HasSuffix(string(data), `"body":"`+body+`"}`) {
			t.Fatalf("%d bytes: %.200s %v", size, data, err)
		}
		expectText(t, a, `"delivered"`)
	}
	waitFor(t, func() bool {
		n.server.large.mu.Lock()
		defer n.server.large.mu.Unlock()
		return n.server.large.all == 0 && len(n.server.large.owned) == 0
	})
}

// Who only listens is there as long as it answers pings, or sends its own.
func TestAClientThatOnlyAnswersPingsStays(t *testing.T) {
	n, dial := tlsNode(t)
	conn := dial("")
	expectText(t, conn, `"hello"`)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _, _ = conn.ReadMessage() // answers pings meanwhile
	}()
	c := n.server.sessions()[0]
	l := c.link.Load()
	silent := func() int64 {
		now := n.server.clock.Load() + 1
		l.heard.Store(now - int64(idleTimeout/time.Second) + 1)
		return now
	}
	c.tick(silent())
	waitFor(t, func() bool { return l.heard.Load() >= 0 })
	silent()
	if err := conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return l.heard.Load() >= 0 })
	_ = conn.Close()
	<-done
}

// What waits for a subscriber until its time is over is told as dropped, as what
// found no room is: it vanished without a word to who reads late.
func TestWhatWaitsTooLongIsToldAsDropped(t *testing.T) {
	n, c := idleSubscriber(t)
	receipt, err := n.router.Send(context.Background(), message.Message{To: "topic/news", From: message.Sender{Principal: "p"}, Deadline: time.Now().Add(50 * time.Millisecond)}, false)
	if receipt.Status == message.Delivered {
		t.Fatalf("%+v, %v", receipt, err)
	}
	n.server.sessions()[0].Missed() // as the router does where the session has its share
	_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"credit","add":1}`))
	expectDropped(t, c, 2)
}

// expectDropped reads that so many messages were dropped, in one frame or several.
func expectDropped(t *testing.T, c *websocket.Conn, want int) {
	t.Helper()
	for total := 0; total < want; {
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		var f struct {
			Type         string
			Count, Total int
		}
		if err := c.ReadJSON(&f); err != nil || f.Type != "dropped" || f.Total != total+f.Count {
			t.Fatalf("%+v, %v; told of %d", f, err, total)
		}
		total = f.Total
	}
}

// What waits for who takes nothing holds no room once its time is over: it was held
// as long as its client stayed, and what came later found none.
func TestWhatWaitsTooLongHoldsNoRoom(t *testing.T) {
	n, c := idleSubscriber(t)
	for range 3 {
		receipt, _ := n.router.Send(context.Background(), message.Message{To: "topic/news", Body: []byte(`"x"`), From: message.Sender{Principal: "p"}, Deadline: time.Now().Add(30 * time.Millisecond)}, false)
		if receipt.Status == message.Delivered {
			t.Error("it was delivered")
		}
	}
	n.router.Submit(context.Background(), message.Message{To: "topic/news", Body: []byte(`"y"`), From: message.Sender{Principal: "p"}, Deadline: time.Now().Add(message.MaxTimeout)}, false, func(message.Receipt, error) {})
	session := n.server.sessions()[0]
	session.tick(n.server.clock.Load())
	expectDropped(t, c, 3)
	if held := n.server.held.Load(); held != perMessage+3 {
		t.Errorf("%d bytes are held for one message", held)
	}
	_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"credit","add":2}`))
	expectText(t, c, `"body":"y"`)
	if held := n.server.held.Load(); held != 0 {
		t.Errorf("%d bytes are held for nothing", held)
	}
}

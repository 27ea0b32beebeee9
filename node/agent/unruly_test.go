package agent

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/meshd/meshd/node/message"
)

// Of several connections that resume one session at once, one has it; the
// others are closed, and none stays open without a session.
func TestConnectionsThatResumeAtOnceLeaveNoneDeaf(t *testing.T) {
	n := newNode(t)
	for range 8 {
		p := n.dial(t, "worker")
		secret := p.expect("hello").Session
		p.write(`{"type":"hello","resume":true}`)
		p.write(`{"type":"ping","id":"1"}`)
		p.expect("pong")
		peers := make([]peer, 4)
		for i := range peers {
			peers[i] = n.dial(t, "worker?resume=1")
		}
		start := make(chan struct{})
		var ended sync.WaitGroup
		for _, q := range peers {
			ended.Go(func() { // each hears something: the end, or the answer to its ping
				<-start
				_ = q.WriteMessage(websocket.TextMessage, []byte(`{"type":"resume","session":"`+secret+`","seen":0}`))
				_ = q.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping","id":"2"}`))
				for {
					_, text, err := q.ReadMessage()
					switch {
					case err != nil && strings.Contains(err.Error(), "timeout"):
						t.Error("a connection was left open and deaf")
						return
					case err != nil, strings.Contains(string(text), "pong"):
						return
					}
				}
			})
		}
		close(start)
		ended.Wait()
		for _, q := range append(peers, p) {
			_ = q.Conn.Close()
		}
	}
}

// What follows a subscribe at once takes effect after it.
func TestSubscriptionsChangeInTheOrderOfTheirFrames(t *testing.T) {
	n := newNode(t)
	p := n.dial(t, "")
	p.expect("hello")
	for round := range 20 {
		for i := range 10 {
			p.write(fmt.Sprintf(`{"type":"subscribe","id":"s%d","topics":["a/b"]}`, i))
			p.write(fmt.Sprintf(`{"type":"unsubscribe","id":"u%d","topics":["a/b"]}`, i))
		}
		for i := range 10 {
			if s, u := p.expect("result"), p.expect("result"); s.ID != fmt.Sprint("s", i) || u.ID != fmt.Sprint("u", i) {
				t.Fatalf("round %d: %s and %s", round, s.ID, u.ID)
			}
		}
		p.write(`{"type":"send","id":"m","to":"topic/a/b","body":1}`)
		if f := p.expect("error"); f.Code != message.CodeNoSubscribers {
			t.Fatalf("round %d: %+v", round, f)
		}
	}
}

// What a client never gives its word for does not pile up once it has ended.
func TestDeliveriesThatEndedAreNotKeptForASilentClient(t *testing.T) {
	for _, hello := range []string{`{"type":"hello","acks":true}`, `{"type":"hello","resume":true}`} {
		n := newNode(t)
		p := n.dial(t, "mute")
		p.expect("hello")
		p.write(hello)
		p.write(`{"type":"ping"}`)
		p.expect("pong")
		body := []byte(`"` + strings.Repeat("x", 256<<10) + `"`)
		for range 8 { // 16 MiB in all, 4 MiB of them may stay
			done := make(chan message.Receipt, 8)
			for range 8 {
				m := message.Message{To: "mute", Body: body, Deadline: time.Now().Add(50 * time.Millisecond)}
				n.router.Submit(context.Background(), m, false, func(r message.Receipt, _ error) { done <- r })
				p.expect("receive")
			}
			for range 8 {
				if r := <-done; r.Status != message.Unknown {
					t.Fatal(r.Status)
				}
			}
		}
		for _, c := range n.server.sessions() {
			c.mu.Lock()
			unsure := len(c.unsure)
			c.mu.Unlock()
			c.writing.Lock()
			await := len(c.kept.await)
			c.writing.Unlock()
			if unsure > 32 || await > 32 {
				t.Errorf("%s: %d and %d deliveries are kept", hello, unsure, await)
			}
		}
	}
}

// A hello has no number, before and after the client said resume.
func TestAHelloOfAResumableSessionNeedsNoNumber(t *testing.T) {
	n := newNode(t)
	p := n.dial(t, "worker")
	p.expect("hello")
	p.write(`{"type":"hello","resume":true}`)
	p.write(`{"type":"hello","resume":true,"description":"again"}`)
	p.write(`{"type":"send","id":"1","frame":1,"to":"nobody","body":1}`)
	p.expect("seen")
	if f := p.expect("error"); f.ID != "1" || f.Code != message.CodeUnknownAddress {
		t.Fatalf("got %+v", f)
	}
}

// A send that cannot be read ends in a frame with its id, and was not sent.
func TestASendThatCannotBeReadIsRefusedByItsID(t *testing.T) {
	n := newNode(t)
	p := n.dial(t, "")
	p.expect("hello")
	for _, frame := range []string{
		`{"type":"send","id":"7","to":"x","body":1,"newer":true}`,
		`{"type":"send","id":"7","to":5,"body":1}`,
		`{"type":"send","id":"7","to":"x","timeout":"long"}`,
	} {
		p.write(frame)
		if f := p.expect("error"); f.ID != "7" || f.Status != message.Refused || f.Code != message.CodeInvalid {
			t.Errorf("%s: %+v", frame, f)
		}
		p.write(`{"type":"ping"}`) // so that they are not in a row
		p.expect("pong")
	}
}

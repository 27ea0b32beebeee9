package agent

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
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
	n := newNode(t)
	ended := make(chan *message.Delivery, 1)
	session, err := n.router.Attach(context.Background(), "mute", "key-1", message.Profile{}, message.ReceiverFunc(func(d *message.Delivery) error {
		d.Delivered()
		ended <- d
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	c, k, all := n.server.newClient(Client{}), kept{}, atomic.Int64{}
	defer c.cancel()
	body := []byte(`"` + strings.Repeat("x", 256<<10) + `"`)
	for i := range uint64(64) { // 16 MiB in all, 4 MiB of them may stay
		n.router.Submit(context.Background(), message.Message{To: "mute", Body: body, Deadline: time.Now().Add(time.Minute)}, false, func(message.Receipt, error) {})
		d := <-ended
		c.mu.Lock()
		c.owe(i, d)
		c.mu.Unlock()
		k.add(body, d, &all)
	}
	if len(c.unsure) > 32 || len(k.await) > 32 {
		t.Errorf("%d and %d deliveries that have ended are kept", len(c.unsure), len(k.await))
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

// A frame that breaks the protocol is answered with one close frame: what comes
// behind it is an error to a client that keeps to RFC 6455.
func TestABrokenFrameIsAnsweredWithOneClose(t *testing.T) {
	n := newNode(t)
	p := n.dial(t, "worker")
	p.expect("hello")
	if _, err := p.NetConn().Write([]byte{0x83, 0x80, 1, 2, 3, 4}); err != nil { // no such opcode
		t.Fatal(err)
	}
	rest, err := io.ReadAll(p.NetConn())
	if err != nil || len(rest) < 4 || rest[0] != 0x88 || len(rest) != 2+int(rest[1]) || binary.BigEndian.Uint16(rest[2:]) != websocket.CloseProtocolError {
		t.Fatalf("%q %v", rest, err)
	}
}

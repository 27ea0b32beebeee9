package agent

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// A connection whose end is found out while another takes its session over ends
// alone: the session goes on.
func TestASessionTakenOverOutlivesItsOldConnection(t *testing.T) {
	n := newNode(t)
	first := n.dial(t, "worker")
	secret := first.expect("hello").Session
	first.write(`{"type":"hello","resume":true}`)
	first.write(`{"type":"ping","id":"1"}`)
	first.expect("pong")
	c := n.server.session(secret)
	old := c.link.Load()
	second := n.dial(t, "worker?resume=1")
	second.write(`{"type":"resume","session":"` + secret + `","seen":0}`)
	if hello := second.expect("hello"); !hello.Resumed {
		t.Fatal("the session was not resumed")
	}
	// The old connection's reader has looked who has the session just before.
	if !c.leave(old) {
		t.Error("the session would end with a connection that it has no more")
	}
	second.write(`{"type":"ping","id":"2"}`)
	second.expect("pong")
	if local := n.router.Local(); len(local) != 1 {
		t.Errorf("the agent is not listed: %v", local)
	}
}

// A session that is resumed before its old connection's end was told is present.
func TestAnAgentBackBeforeItWasCalledAwayIsListed(t *testing.T) {
	told := make(chan struct{})
	n, dial := tlsNode(t, func(cfg *Config) { cfg.Lost = func(string) { <-told } })
	first := dial("worker")
	var hello outbound
	if err := first.ReadJSON(&hello); err != nil {
		t.Fatal(err)
	}
	_ = first.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello","resume":true}`))
	_ = first.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping","id":"1"}`))
	expectText(t, first, `"pong"`)
	c := n.server.session(hello.Session)
	_ = first.NetConn().Close()
	waitFor(t, func() bool { return c.link.Load() == nil })
	second := dial("worker?resume=1")
	_ = second.WriteMessage(websocket.TextMessage, []byte(`{"type":"resume","session":"`+hello.Session+`","seen":0}`))
	expectText(t, second, `"resumed":true`)
	_ = second.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping","id":"2"}`))
	expectText(t, second, `"pong"`)
	close(told) // only now does the old connection's end go on
	waitFor(t, func() bool { return n.server.Connections() == 1 })
	if local := n.router.Local(); len(local) != 1 {
		t.Error("the agent is attached, and not listed")
	}
}

// What is queued while a write to a broken connection fails goes out over the one
// that took the session over meanwhile: its reader had found somebody at work, who
// then gave up.
func TestAWriteThatFailsLeavesNothingToTheConnectionThatCame(t *testing.T) {
	n := newNode(t)
	p := n.dial(t, "worker")
	p.expect("hello")
	p.write(`{"type":"ping","id":"1"}`)
	p.expect("pong")
	c := n.server.sessions()[0]
	fresh := c.link.Load()
	broken := &link{client: c}
	broken.net = failing{meanwhile: func() {
		c.link.Store(fresh)
		c.tell(outbound{Type: "pong", ID: "3"}) // somebody is at work, and is left to it
	}}
	c.link.Store(broken)
	c.scheduled.Store(true)
	c.mu.Lock()
	c.put(&outbound{Type: "pong", ID: "2"})
	c.mu.Unlock()
	c.flush()
	if f := p.expect("pong"); f.ID != "3" {
		t.Errorf("%+v", f)
	}
}

// failing is a connection to which nothing can be written.
type failing struct {
	net.Conn
	meanwhile func()
}

func (failing) SetDeadline(time.Time) error      { return nil }
func (failing) SetWriteDeadline(time.Time) error { return nil }

func (f failing) Write([]byte) (int, error) {
	f.meanwhile()
	return 0, net.ErrClosed
}

// A connection that was given up is not written to, even by who was about to: the
// write took ten seconds where the client took nothing, and whoever resumed its
// session waited for it.
func TestNothingIsWrittenToAConnectionThatWasGivenUp(t *testing.T) {
	var l link
	l.net = failing{meanwhile: func() { t.Error("it was written to") }}
	l.fail("the client has another connection")
	if err := l.write([]byte("late")); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

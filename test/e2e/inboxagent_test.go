package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/meshd/meshd/test/realmesh"
)

// received is a message as an agent hears it.
type received struct {
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	MessageID string          `json:"message_id"`
	To        string          `json:"to"`
	Durable   bool            `json:"durable"`
	Seq       uint64          `json:"seq"`
	Attempt   int             `json:"attempt"`
	Size      int64           `json:"size"`
	Body      json.RawMessage `json:"body"`
	From      struct{ Agent, Principal, Node string }
	Code      string `json:"code"`
	Error     string `json:"error"`
}

// inboxAgent is an agent on one WebSocket that does with its messages what a
// test says, and whose connection can break.
type inboxAgent struct {
	t    testing.TB
	name string
	conn *websocket.Conn
	mu   sync.Mutex
	got  []received // that came
	over chan struct{}
	// act is done with each message.
	act func(a *inboxAgent, m received)
}

// inboxOf attaches an agent that takes the messages of its inbox.
func inboxOf(t testing.TB, n *realmesh.Node, key, name string, act func(*inboxAgent, received)) *inboxAgent {
	t.Helper()
	d := websocket.Dialer{TLSClientConfig: realmesh.PinnedTLS(pinOf(n)), HandshakeTimeout: time.Minute}
	n.Client(key) // which waits until the key is known there
	conn, res, err := d.Dial("wss://"+n.Address+"/agents/"+name+"/ws", http.Header{"Authorization": {"Bearer " + key}})
	if err != nil {
		t.Fatalf("%s cannot attach at %s: %v (%+v)", name, n.Name, err, res)
	}
	a := &inboxAgent{t: t, name: name, conn: conn, over: make(chan struct{}), act: act}
	t.Cleanup(a.cut)
	a.say(map[string]any{"type": "hello", "acks": true})
	go a.read()
	return a
}

var pins sync.Map // by data directory

// pinOf is the node's pin, asked for once.
func pinOf(n *realmesh.Node) string {
	if pin, ok := pins.Load(n.Data); ok {
		return pin.(string)
	}
	pin := n.Pin()
	pins.Store(n.Data, pin)
	return pin
}

func (a *inboxAgent) say(frame any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = a.conn.WriteJSON(frame) // a connection that broke is the test's own doing
}

func (a *inboxAgent) read() {
	defer close(a.over)
	for {
		var m received
		if err := a.conn.ReadJSON(&m); err != nil {
			return
		}
		if m.Type != "receive" && m.Type != "error" {
			continue
		}
		a.mu.Lock()
		a.got = append(a.got, m)
		a.mu.Unlock()
		if m.Type == "receive" && a.act != nil {
			a.act(a, m)
		}
	}
}

// cut breaks the connection without a word, as a killed process does.
func (a *inboxAgent) cut() {
	_ = a.conn.NetConn().Close()
	<-a.over
}

func (a *inboxAgent) heard() []received {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.got)
}

// waits until n messages have come, and returns them.
func (a *inboxAgent) waits(n int) []received {
	a.t.Helper()
	realmesh.Eventually(a.t, 20*time.Second, fmt.Sprintf("%s hears %d messages", a.name, n), func() error {
		if got := len(a.heard()); got < n {
			return fmt.Errorf("it heard %d", got)
		}
		return nil
	})
	return a.heard()
}

func ackIt(a *inboxAgent, m received) { a.say(map[string]any{"type": "ack", "id": m.ID}) }

// keepIt neither acknowledges nor returns.
func keepIt(*inboxAgent, received) {}

// bodies are what came, as text.
func bodies(list []received) string {
	var out []string
	for _, m := range list {
		out = append(out, string(m.Body))
	}
	return strings.Join(out, " ")
}

// accepted is the answer to a durable message.
type accepted struct {
	ID         string
	Status     string
	Known      *bool
	Duplicate  bool
	Recipients []string
}

// durably sends a message that is to be accepted; fields are name, value.
func durably(t testing.TB, c *realmesh.Client, to string, body any, fields ...any) accepted {
	t.Helper()
	in := map[string]any{"to": to, "body": body, "durable": true}
	for i := 0; i+1 < len(fields); i += 2 {
		in[fields[i].(string)] = fields[i+1]
	}
	var got accepted
	c.Want(http.StatusOK, &got, http.MethodPost, "/messages", in)
	if got.Status != "accepted" || got.ID == "" {
		t.Fatalf("a durable message to %s: %+v", to, got)
	}
	return got
}

// inboxState is what the mesh knows of an inbox.
type inboxState struct {
	Node                                          string
	Messages, Dead, Accepted, Acknowledged, Bytes int
}

func stateOf(c *realmesh.Client, name string) (inboxState, error) {
	a, err := c.Ask(http.MethodGet, "/agents/"+name, nil)
	if err != nil {
		return inboxState{}, err
	}
	if a.Status != http.StatusOK {
		return inboxState{}, errors.New(a.String())
	}
	var rec struct{ Inbox *inboxState }
	if err := json.Unmarshal(a.Body, &rec); err != nil {
		return inboxState{}, fmt.Errorf("%s: %w", a, err)
	}
	if rec.Inbox == nil {
		return inboxState{}, fmt.Errorf("no inbox is told of: %s", a)
	}
	return *rec.Inbox, nil
}

// empties waits until nothing is left in an inbox.
func empties(t testing.TB, c *realmesh.Client, name string) {
	t.Helper()
	realmesh.Eventually(t, 15*time.Second, "the inbox of "+name+" is empty", func() error {
		s, err := stateOf(c, name)
		if err == nil && s.Messages > 0 {
			err = fmt.Errorf("%+v", s)
		}
		return err
	})
}

// dispatches waits until a node pushes an agent's inbox, and returns it.
func dispatches(t testing.TB, c *realmesh.Client, name string, nodes ...*realmesh.Node) *realmesh.Node {
	t.Helper()
	ids := map[string]*realmesh.Node{}
	for _, n := range nodes {
		if s, err := n.Status(); err == nil {
			ids[s.Node.ID] = n
		}
	}
	var found *realmesh.Node
	realmesh.Eventually(t, 20*time.Second, "one of the nodes dispatches "+name, func() error {
		s, err := stateOf(c, name)
		if err == nil && ids[s.Node] == nil {
			err = fmt.Errorf("%q does", s.Node)
		}
		found = ids[s.Node]
		return err
	})
	return found
}

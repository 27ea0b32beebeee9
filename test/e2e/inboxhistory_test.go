package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/meshd/meshd/test/realmesh"
)

// history is what happened to the messages of a run: what was accepted, and in
// which order each agent first heard of each sender's.
type history struct {
	mu        sync.Mutex
	accepted  map[string]bool  // sender/number/agent
	heard     map[string]int   // how often, by the same
	last      map[string]heard // by sender/agent: the highest that was heard first
	first     map[string]heard
	again     []string // heard before
	overtaken []string // heard for the first time after a later one
	problems  []string
	began     time.Time
}

// heard is how a message came.
type heard struct {
	n, attempt int
	at         string // which node, and when
}

func newHistory() *history {
	return &history{accepted: map[string]bool{}, heard: map[string]int{}, last: map[string]heard{}, first: map[string]heard{}, began: time.Now()}
}

func (h *history) accept(sender string, n int, agent string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accepted[fmt.Sprint(sender, "/", n, "/", agent)] = true
}

func (h *history) hear(agent, node string, m received) {
	label := strings.Trim(string(m.Body), `"`)
	sender, number, _ := strings.Cut(label, "/")
	n, err := strconv.Atoi(number)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.problems = append(h.problems, agent+" heard "+label)
		return
	}
	key, pair := fmt.Sprint(sender, "/", n, "/", agent), sender+"/"+agent
	now := heard{n, m.Attempt, fmt.Sprintf("%s after %s", node, time.Since(h.began).Round(time.Millisecond))}
	if h.heard[key]++; h.heard[key] > 1 {
		h.again = append(h.again, fmt.Sprintf("%s: %+v, first %+v", key, now, h.first[key]))
		return
	}
	h.first[key] = now
	switch last := h.last[pair]; {
	case n < last.n:
		h.overtaken = append(h.overtaken, fmt.Sprintf("%s: attempt %d at %s, behind %+v", key, now.attempt, now.at, last))
	default:
		h.last[pair] = now
	}
}

// Senders send and agents acknowledge, while nodes are killed and paused and
// connections break: everything that was accepted is heard, and in the end
// nothing is left. Each sender's messages are heard in order the first time, but
// for some that went to a node that was dead, or for what a paused one has had out,
// and had not been given up yet.
func TestPushedWhileNodesDie(t *testing.T) {
	t.Run("killed", func(t *testing.T) { pushedWhileNodesDie(t, false) })
	t.Run("killed and paused", func(t *testing.T) { pushedWhileNodesDie(t, true) })
}

func pushedWhileNodesDie(t *testing.T, pauses bool) {
	if os.Getenv("MESHD_TEST_LONG") == "" {
		t.Skip("kills nodes for half a minute: set MESHD_TEST_LONG=1")
	}
	nodes := formed(t)
	_, key := nodes[0].APIKey("agent")
	admin := nodes[0].AdminKey()
	pin := map[*realmesh.Node]string{}
	for _, n := range nodes {
		pin[n] = n.Pin()
	}
	h := newHistory()
	const agents, senders = 4, 4
	sending, hearing := make(chan struct{}), make(chan struct{})
	var sent, served sync.WaitGroup
	for i := range agents {
		name := fmt.Sprint("box-", i)
		served.Go(func() { serveWhileNodesDie(h, name, key, nodes, pin, hearing) })
	}
	for i := range senders {
		sender := fmt.Sprint("s", i)
		sent.Go(func() {
			at := nodes[i%len(nodes)]
			c := realmesh.NewClient(t, at.Address, pin[at], key)
			for n := 1; ; n++ {
				to := fmt.Sprint("box-", rand.IntN(agents))
				body := map[string]any{"id": fmt.Sprint(sender, "-", n), "to": to, "from": sender, "body": fmt.Sprint(sender, "/", n), "durable": true}
				for ok := false; !ok; {
					a, err := c.Ask(http.MethodPost, "/messages", body)
					if ok = err == nil && a.Status == http.StatusOK; ok {
						break
					}
					if err == nil && a.Status < 500 && a.Status != http.StatusTooManyRequests {
						t.Errorf("%s: %s", sender, a)
						return
					}
					at = nodes[rand.IntN(len(nodes))]
					c = realmesh.NewClient(t, at.Address, pin[at], key)
					select {
					case <-sending:
						return // whether this one was accepted is not known
					case <-time.After(50 * time.Millisecond):
					}
				}
				h.accept(sender, n, to)
				select {
				case <-sending:
					return
				case <-time.After(time.Duration(rand.IntN(10)) * time.Millisecond):
				}
			}
		})
	}
	paused := 0
	for i, end := 0, time.Now().Add(30*time.Second); time.Now().Before(end); i++ {
		n := nodes[rand.IntN(len(nodes))]
		if pauses && i%3 == 2 {
			paused++
			n.Pause()
			time.Sleep(3 * time.Second) // the length of the pause is what is tested
			n.Resume()
		} else {
			t.Logf("%s is killed after %s", n.Name, time.Since(h.began).Round(time.Millisecond))
			n.Kill()
			time.Sleep(time.Duration(rand.IntN(2000)) * time.Millisecond)
			n.Start("serve")
			n.WaitServing()
		}
		realmesh.Alive(t, 30*time.Second, nodes...)
	}
	close(sending)
	sent.Wait()
	c := nodes[0].Client(admin)
	for i := range agents {
		realmesh.Eventually(t, 60*time.Second, "the inboxes are empty", func() error {
			s, err := stateOf(c, fmt.Sprint("box-", i))
			if err == nil && s.Messages > 0 {
				left, _ := c.Ask(http.MethodGet, fmt.Sprint("/messages/box-", i), nil)
				err = fmt.Errorf("%+v: %s", s, left.Body)
			}
			return err
		})
	}
	close(hearing)
	served.Wait()

	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.problems[:min(len(h.problems), 10)] {
		t.Error(p)
	}
	lost, again := 0, 0
	for key := range h.accepted {
		if h.heard[key] == 0 {
			lost++
			t.Errorf("%s was accepted and is lost", key)
		}
		again += max(h.heard[key]-1, 0)
	}
	var dead int
	for i := range agents {
		if s, err := stateOf(c, fmt.Sprint("box-", i)); err == nil {
			dead += s.Dead
		}
	}
	t.Logf("%d messages were accepted, %d lost, %d dead letters, %d deliveries were repetitions, %d were overtaken", len(h.accepted), lost, dead, again, len(h.overtaken))
	for _, o := range h.again[:min(len(h.again), 10)] {
		t.Log("again: ", o)
	}
	for _, o := range h.overtaken[:min(len(h.overtaken), 20)] {
		t.Log("overtaken: ", o)
	}
	const outAtANode = 250 // of an inbox
	if len(h.overtaken) > len(h.accepted)/500+paused*agents*outAtANode {
		t.Error("more were overtaken than may have gone to dead nodes and to paused ones")
	}
}

// serveWhileNodesDie is an agent that acknowledges, attaches anew wherever it
// can when its connection breaks, and breaks it at times itself.
func serveWhileNodesDie(h *history, name, key string, nodes []*realmesh.Node, pin map[*realmesh.Node]string, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		case <-time.After(500 * time.Millisecond):
		}
		n := nodes[rand.IntN(len(nodes))]
		d := websocket.Dialer{TLSClientConfig: realmesh.PinnedTLS(pin[n]), HandshakeTimeout: 2 * time.Second}
		conn, _, err := d.Dial("wss://"+n.Address+"/agents/"+name+"/ws", http.Header{"Authorization": {"Bearer " + key}})
		if err != nil {
			continue
		}
		_ = conn.WriteJSON(map[string]any{"type": "hello", "acks": true, "credit": 50})
		life := time.Now().Add(time.Duration(1+rand.IntN(8)) * time.Second)
		for conn.SetReadDeadline(life) == nil {
			var m received
			if conn.ReadJSON(&m) != nil {
				break
			}
			if m.Type != "receive" {
				continue
			}
			h.hear(name, n.Name, m)
			if conn.WriteJSON(map[string]any{"type": "ack", "id": m.ID}) != nil || conn.WriteJSON(map[string]any{"type": "credit", "add": 1}) != nil {
				break
			}
		}
		_ = conn.NetConn().Close()
	}
}

package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/httpapi/client"
	"github.com/meshd/meshd/test/realmesh"
)

const levelRises = "the command level of the mesh rises"

// A mesh of an older meshd is upgraded node by node, the leader last, while
// clients write, agents take durable messages and tasks are done: nothing that
// was acknowledged is lost or there twice, the command level rises once the last
// node is new and no sooner, and the way back is refused in words. It needs an
// older program: MESHD_OLD_BINARY=path.
func TestRollingUpgrade(t *testing.T) {
	old := os.Getenv("MESHD_OLD_BINARY")
	if old == "" {
		t.Skip("MESHD_OLD_BINARY names no older meshd to begin with")
	}
	nodes := []*realmesh.Node{realmesh.New(t, "alpha"), realmesh.New(t, "beta"), realmesh.New(t, "gamma")}
	for _, n := range nodes {
		n.Program = old
	}
	nodes[0].Found()
	nodes[1].Join(nodes[0])
	nodes[2].Join(nodes[0])
	realmesh.Formed(t, 60*time.Second, nodes...)
	realmesh.Eventually(t, 60*time.Second, "three voters", func() error { return voters(nodes[0], 3) })
	graph := newLedger(t, "upgrade", nodes...)
	graph.start(2, 5)
	post := newPostings(t, nodes)
	post.start()

	leader := leaderOf(t, nodes...)
	for i, n := range append(others(nodes, leader), leader) {
		if i == 2 {
			n.Run("seat", "hand-over") // who leads by now need not be this one
		}
		stop(t, n)
		graph.more(20, 30*time.Second)
		n.Program = ""
		n.Start("serve")
		n.WaitServing()
		realmesh.Alive(t, 60*time.Second, nodes...)
		realmesh.Eventually(t, 60*time.Second, n.Name+" has caught up", func() error {
			s, err := n.Status()
			if err == nil && (s.Leader == nil || s.State != "ok") {
				err = fmt.Errorf("%s, leader %v, %v", s.State, s.Leader, s.Problems)
			}
			return err
		})
		graph.more(50, 30*time.Second)
		if post.known || i == 2 {
			post.more(t)
		}
		for _, from := range nodes {
			for _, to := range nodes {
				// Nodes without a word for messages in common say so.
				r := from.Run("ask", "librarian@"+to.Name, "how", "many", "nodes")
				if post.known || from.Program == to.Program {
					wantExit(t, r, done)
				} else if r.Code != refused || r.Stderr == "" {
					t.Errorf("asking %s at %s: exit %d, %q", to.Name, from.Name, r.Code, r.Stderr)
				}
			}
		}
		if i < 2 {
			tells(t, n, " until every node knows more: ")
		}
		for _, new := range nodes {
			if i < 2 && new.Program == "" && strings.Contains(new.LastLog(), levelRises) {
				t.Errorf("%s raised the level while there was an older node:\n%s", new.Name, lastLines(new.LastLog(), 5))
			}
		}
	}
	realmesh.Eventually(t, 30*time.Second, "the level rises", func() error {
		for _, n := range nodes {
			if strings.Contains(n.LastLog(), levelRises) {
				return nil
			}
		}
		return fmt.Errorf("no node says so")
	})
	for _, n := range nodes {
		tells(t, n, ", as every node")
	}
	graph.more(50, 30*time.Second)
	post.more(t)
	post.finish(t)
	graph.finish(nodes...)

	// An older program is told what it is, and harms nothing.
	back := others(nodes, leaderOf(t, nodes...))[0]
	stop(t, back)
	back.Program = old
	back.Start("serve")
	realmesh.Eventually(t, 30*time.Second, "the older program says what to do", func() error {
		if !strings.Contains(strings.ToLower(back.LastLog()), "upgrade") {
			return fmt.Errorf("it says:\n%s", lastLines(back.LastLog(), 5))
		}
		return nil
	})
	back.Kill()
	back.Program = ""
	back.Start("serve")
	back.WaitServing()
	realmesh.Formed(t, 30*time.Second, nodes...)
	stranger := realmesh.New(t, "delta")
	stranger.Program = old
	stranger.Start("join", nodes[0].Token())
	ends(t, stranger, refused, "upgrade")
	for _, n := range nodes {
		graph.check(n)
	}
}

// tells waits until the status of a node says something of the command level.
func tells(t *testing.T, n *realmesh.Node, words string) {
	t.Helper()
	realmesh.Eventually(t, time.Minute, "the status of "+n.Name+" says"+words, func() error {
		if s := n.Run("status").Stdout; !strings.Contains(s, words) {
			return fmt.Errorf("it says %s", s)
		}
		return nil
	})
}

// postings are durable messages and tasks on their way while nodes are
// exchanged. A program from before them has neither: then they begin when all
// nodes know them.
type postings struct {
	known   bool // to the older program
	clients []*realmesh.Client
	over    chan struct{}
	work    sync.WaitGroup

	mu    sync.Mutex
	sent  map[string]bool // accepted by the mesh
	heard map[string]int
	tasks map[string]int // by id, what is to come of it
	words []string       // other answers
}

func newPostings(t *testing.T, nodes []*realmesh.Node) *postings {
	t.Helper()
	p := &postings{over: make(chan struct{}), sent: map[string]bool{}, heard: map[string]int{}, tasks: map[string]int{}}
	key := nodes[0].AdminKey()
	var ends []client.Node
	for _, n := range nodes {
		p.clients = append(p.clients, n.Client(key))
		ends = append(ends, client.Node{URL: "https://" + n.Address, Pin: n.Pin()})
	}
	answer, err := p.clients[0].Ask(http.MethodGet, "/tasks", nil)
	if err != nil {
		t.Fatal(err)
	}
	p.known = answer.Status != http.StatusNotFound
	// An instance at each node: others are attached while one's node is exchanged.
	for i := range nodes {
		c, err := client.New(client.Config{Key: key, Nodes: slices.Concat(ends[i:], ends[:i])})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		a, err := c.Attach(t.Context(), client.AgentConfig{Name: "keeper", Capabilities: []string{"adding"}, Handler: p.take})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { a.Close() })
	}
	return p
}

func (p *postings) take(ctx context.Context, m *client.Message) error {
	if given := m.Task(); given != nil {
		var x int
		if err := json.Unmarshal(given.Body, &x); err != nil {
			return err
		}
		return given.Complete(ctx, x+1)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var id string
	if err := json.Unmarshal(m.Body, &id); err != nil {
		return err
	}
	p.heard[id]++
	return nil
}

// start sends a message and posts a task again and again, each until it is
// accepted, at whichever node answers.
func (p *postings) start() {
	post := func(way func(c *realmesh.Client, i int) bool) {
		p.work.Go(func() {
			pace := time.NewTicker(25 * time.Millisecond)
			defer pace.Stop()
			for i, at := 0, 0; ; {
				select {
				case <-p.over:
					return
				case <-pace.C:
				}
				if way(p.clients[at%len(p.clients)], i) {
					i++
				}
				at++
			}
		})
	}
	post(func(c *realmesh.Client, i int) bool {
		id := fmt.Sprintf("note-%d", i)
		answer, err := c.Ask(http.MethodPost, "/messages", map[string]any{"to": "keeper", "body": id, "id": id, "durable": true})
		var got accepted
		ok := err == nil && json.Unmarshal(answer.Body, &got) == nil && got.Status == "accepted"
		p.note(ok, id, answer, p.sent)
		return ok
	})
	post(func(c *realmesh.Client, i int) bool {
		request := map[string]any{"needs": []string{"adding"}, "type": "sum", "body": i, "deadline": "2m", "max_attempts": 9}
		answer, err := c.Ask(http.MethodPost, "/tasks", request, "Idempotency-Key", fmt.Sprintf("upgrade-%d", i))
		if err != nil || answer.Status != http.StatusCreated {
			p.note(false, "", answer, nil)
			return false
		}
		var made struct{ ID json.Number }
		_ = json.Unmarshal(answer.Body, &made)
		p.mu.Lock()
		p.tasks[made.ID.String()] = i + 1
		p.mu.Unlock()
		return true
	})
}

func (p *postings) note(ok bool, id string, a realmesh.Answer, in map[string]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ok {
		in[id] = true
	} else if words := fmt.Sprint(a.Status, " ", a.Code()); !slices.Contains(p.words, words) {
		p.words = append(p.words, words)
	}
}

// more waits until messages and tasks of now are accepted, where the mesh knows
// of them.
func (p *postings) more(t *testing.T) {
	t.Helper()
	count := func() (int, int, int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.sent), len(p.tasks), len(p.heard)
	}
	sent, tasks, heard := count()
	realmesh.Eventually(t, 60*time.Second, "messages and tasks are accepted", func() error {
		s, k, h := count()
		if s < sent+20 || k < tasks+10 || h < heard+20 {
			return fmt.Errorf("%d, %d, %d after %d, %d, %d; answers %q", s, k, h, sent, tasks, heard, p.words)
		}
		return nil
	})
}

// finish ends the work and looks at what came of it.
func (p *postings) finish(t *testing.T) {
	t.Helper()
	close(p.over)
	p.work.Wait()
	realmesh.Eventually(t, 60*time.Second, "all that was accepted is heard", func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		for id := range p.sent {
			if p.heard[id] == 0 {
				return fmt.Errorf("%s of %d is not", id, len(p.sent))
			}
		}
		return nil
	})
	for id, want := range p.tasks {
		realmesh.Eventually(t, 60*time.Second, "task "+id+" is done", func() error {
			answer, err := p.clients[0].Ask(http.MethodGet, "/tasks/"+id+"?wait=5s&consistency=leader", nil)
			var done struct {
				State  string
				Result json.RawMessage
			}
			if err == nil && (json.Unmarshal(answer.Body, &done) != nil || done.State != "completed" || string(done.Result) != fmt.Sprint(want)) {
				err = fmt.Errorf("%s", answer)
			}
			return err
		})
	}
	twice := 0
	for _, n := range p.heard {
		if n > 1 {
			twice++
		}
	}
	t.Logf("%d messages (%d came again), %d tasks; other answers: %q", len(p.sent), twice, len(p.tasks), p.words)
}

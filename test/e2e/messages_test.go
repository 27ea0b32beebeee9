package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

var buildEcho = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "echoagent-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "echoagent")
	cmd := exec.Command("go", "build", "-o", bin, "github.com/meshd/meshd/test/echoagent")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the agent: %w\n%s", err, out)
	}
	return bin, nil
})

// agentEvent is one line that the example agent prints.
type agentEvent struct {
	Event string          `json:"event"`
	Body  json.RawMessage `json:"body"`
}

// agent is a running example agent.
type agent struct {
	cmd    *exec.Cmd
	mu     sync.Mutex
	events []agentEvent
	ended  chan struct{}
}

// attach starts the example agent under a name at a node and waits until it is
// attached.
func attach(t testing.TB, n *realmesh.Node, name, key string, args ...string) *agent {
	t.Helper()
	bin, err := buildEcho()
	if err != nil {
		t.Fatal(err)
	}
	n.Client(key) // which waits until the key is known there
	cmd := exec.Command(bin, append([]string{"--name", name}, args...)...)
	cmd.Env = append(os.Environ(), "MESHD_NODE=https://"+n.Address, "MESHD_PIN="+n.Pin(), "MESHD_KEY="+key)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a := &agent{cmd: cmd, ended: make(chan struct{})}
	go func() {
		defer close(a.ended)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 4<<20)
		for lines.Scan() {
			var e agentEvent
			if json.Unmarshal(lines.Bytes(), &e) == nil {
				a.mu.Lock()
				a.events = append(a.events, e)
				a.mu.Unlock()
			}
		}
		_ = cmd.Wait()
	}()
	t.Cleanup(a.kill)
	realmesh.Eventually(t, 15*time.Second, name+" is attached", func() error {
		if len(a.seen("attached")) == 0 {
			return fmt.Errorf("%v", a.seen("lost"))
		}
		return nil
	})
	return a
}

func (a *agent) kill() {
	_ = a.cmd.Process.Kill()
	<-a.ended
}

func (a *agent) seen(event string) []agentEvent {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []agentEvent
	for _, e := range a.events {
		if e.Event == event {
			out = append(out, e)
		}
	}
	return out
}

// knows waits until a node can reach an agent.
func knows(t testing.TB, n *realmesh.Node, name string) {
	t.Helper()
	realmesh.Eventually(t, 10*time.Second, n.Name+" knows "+name, func() error {
		var agents []struct{ Name string }
		n.JSON(&agents, "agents")
		for _, a := range agents {
			if a.Name == name {
				return nil
			}
		}
		return fmt.Errorf("it knows %v", agents)
	})
}

// A client at one node sends to an agent at another and gets its answer; and
// hears the truth where there is none.
func TestMessagesCrossNodes(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	_, key := nodes[0].APIKey("agent")
	echo := attach(t, nodes[2], "echo", key)
	attach(t, nodes[1], "slow", key, "--delay", "30s")
	for _, n := range nodes {
		knows(t, n, "echo")
		knows(t, n, "slow")
	}

	if out := strings.TrimSpace(nodes[0].Must("send", "echo", "hello there", "--wait")); out != "hello there" {
		t.Errorf("the answer is %q", out)
	}
	var receipt struct {
		ID, Status string
		Reply      map[string]any
	}
	nodes[0].JSON(&receipt, "send", "echo@"+nodes[2].Name, `{"task":7}`, "--wait")
	if receipt.ID == "" || receipt.Status != "delivered" || receipt.Reply["task"] != 7.0 {
		t.Errorf("%+v", receipt)
	}

	c := nodes[0].Client(nodes[0].AdminKey())
	if a := c.Want(http.StatusNotFound, nil, http.MethodPost, "/messages", map[string]any{"to": "nobody", "body": 1, "timeout": "2s"}); a.Code() != "UNKNOWN_ADDRESS" {
		t.Errorf("to nobody: %s", a)
	}
	begun := time.Now()
	if a := c.Want(http.StatusGatewayTimeout, nil, http.MethodPost, "/messages", map[string]any{"to": "slow", "body": 1, "timeout": "1s"}); a.Code() != "REPLY_TIMEOUT" {
		t.Errorf("to the slow one: %s", a)
	}
	took := time.Since(begun)
	if took < time.Second {
		t.Errorf("one second of patience took %s", took)
	}
	realmesh.Took(t, 10*time.Second, took, "one second of patience")
	wantExit(t, nodes[1].Run("send", "nobody", "x", "--wait"), refused, "nobody")

	// It dies while it is asked, and stays away. Names are remembered for a
	// while, so that "gone" can be told from "never heard of".
	stuck := attach(t, nodes[2], "stuck", key, "--delay", "60s")
	knows(t, nodes[0], "stuck")
	answered := make(chan realmesh.Answer, 1)
	go func() {
		a, _ := c.Ask(http.MethodPost, "/messages", map[string]any{"to": "stuck", "body": 1, "timeout": "40s"})
		answered <- a
	}()
	realmesh.Eventually(t, 10*time.Second, "it is asked", func() error {
		if len(stuck.seen("received")) == 0 {
			return fmt.Errorf("not yet")
		}
		return nil
	})
	stuck.kill()
	if a := <-answered; a.Status != http.StatusGone || a.Code() != "AGENT_GONE" {
		t.Errorf("killed while it was asked: %s", a)
	}
	echo.kill()
	realmesh.Eventually(t, 10*time.Second, "the killed agent is gone", func() error {
		a, err := c.Ask(http.MethodPost, "/messages", map[string]any{"to": "echo", "body": 1, "timeout": "2s"})
		if err == nil && a.Status != http.StatusGone && a.Status != http.StatusNotFound {
			err = fmt.Errorf("%s", a)
		}
		return err
	})
}

// Every node's own librarian answers about the same graph.
func TestLibrarianAnswersAtEveryNode(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	n := nodes[0]
	n.Must("graph", "add", "node", "package", "store", "key=store")
	n.Must("graph", "add", "node", "package", "api", "key=api")
	n.Must("graph", "add", "edge", "api", "DEPENDS_ON", "store")
	realmesh.Eventually(t, 10*time.Second, "all know it", func() error { return realmesh.Same(nodes...) })
	for _, at := range nodes {
		for _, from := range nodes {
			out := from.Must("ask", "librarian@"+at.Name, "what", "depends", "on", "store")
			says(t, out, "api")
		}
	}
	var reply struct {
		Reply struct {
			Text string   `json:"text"`
			IDs  []uint64 `json:"ids"`
		} `json:"reply"`
	}
	nodes[1].JSON(&reply, "ask", "librarian", "describe", "store")
	if !strings.Contains(reply.Reply.Text, "store") || len(reply.Reply.IDs) == 0 {
		t.Errorf("%+v", reply)
	}
	var answer struct {
		Response  string `json:"response"`
		SessionID string `json:"session_id"`
	}
	nodes[2].Client(nodes[0].AdminKey()).Want(http.StatusOK, &answer, http.MethodPost, "/query", map[string]any{"message": "what depends on store"})
	says(t, answer.Response, "api")
}

// A thousand messages from one sender arrive in the order they were sent,
// across nodes.
func TestOrderOfAThousandMessages(t *testing.T) {
	nodes := formed(t)
	_, key := nodes[0].APIKey("agent")
	a := attach(t, nodes[2], "counter", key)
	knows(t, nodes[0], "counter")
	c := nodes[0].Client(nodes[0].AdminKey())
	const count = 1000
	begun := time.Now()
	for i := range count {
		c.Want(http.StatusOK, nil, http.MethodPost, "/messages", map[string]any{"to": "counter", "body": i})
	}
	t.Logf("%d sent in %s", count, time.Since(begun).Round(time.Millisecond))
	realmesh.Eventually(t, 20*time.Second, "all arrive", func() error {
		if got := len(a.seen("received")); got < count {
			return fmt.Errorf("%d of %d", got, count)
		}
		return nil
	})
	for i, e := range a.seen("received") {
		if string(e.Body) != fmt.Sprint(i) {
			t.Fatalf("the message in place %d is %s", i, e.Body)
		}
	}
}

// The node an agent was attached to dies: it attaches again when the node is
// back, and is found.
func TestAgentComesBackWithItsNode(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	_, key := nodes[0].APIKey("agent")
	attach(t, nodes[2], "echo", key)
	knows(t, nodes[0], "echo")
	nodes[2].Kill()
	realmesh.Eventually(t, 15*time.Second, "the agent is gone with its node", func() error {
		if r := nodes[0].Run("send", "echo", "x", "--wait", "--timeout", "1s"); r.Code == done {
			return fmt.Errorf("it answers")
		}
		return nil
	})
	nodes[2].Start("serve")
	nodes[2].WaitServing()
	realmesh.Eventually(t, 30*time.Second, "it answers again", func() error {
		if r := nodes[0].Run("send", "echo", "again", "--wait", "--timeout", "2s"); r.Code != done {
			return fmt.Errorf("%s", r.Stderr)
		}
		return nil
	})
}

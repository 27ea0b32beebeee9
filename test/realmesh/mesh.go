package realmesh

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/meshd/meshd/node/socket"
)

// Status is the part of GET /status that tests look at.
type Status struct {
	MeshID string `json:"mesh_id"`
	State  string `json:"state"`
	Leader *struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"leader"`
	Node struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		Address string `json:"address"`
		Role    string `json:"role"`
	} `json:"node"`
	Term              uint64 `json:"term"`
	Revision          uint64 `json:"revision"`
	StateHash         string `json:"state_hash"`
	FailuresTolerated int    `json:"failures_tolerated"`
	Copies            int    `json:"copies"`
	Problems          []struct {
		Code string `json:"code"`
		Text string `json:"text"`
		Next string `json:"next"`
	} `json:"problems"`
}

// Member is one line of GET /members.
type Member struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Address  string `json:"address"`
	Role     string `json:"role"`
	Status   string `json:"status"`
	Leader   bool   `json:"leader"`
	Revision uint64 `json:"revision"`
}

// Status asks the node how the mesh stands.
func (n *Node) Status() (s Status, err error) { return s, n.look("/status", &s) }

// Members asks the node who is there.
func (n *Node) Members() (m []Member, err error) { return m, n.look("/members", &m) }

// look asks the node over its local socket, as its verbs do. What is asked many
// times while something is waited for costs no process.
func (n *Node) look(path string, v any) error {
	at, err := socket.Find(n.Data)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", at)
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://meshd"+path, nil)
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("asking %s: %w", n.Name, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("asking %s: %w", n.Name, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s with %d: %s", n.Name, path, resp.StatusCode, tail(string(body), 600))
	}
	return json.Unmarshal(body, v)
}

// Found starts a mesh at n and waits until it serves.
func (n *Node) Found() {
	n.t.Helper()
	n.Start("init")
	n.WaitServing()
}

// WaitServing waits until the node answers its operator.
func (n *Node) WaitServing() {
	n.t.Helper()
	Eventually(n.t, 15*time.Second, n.Name+" serves", func() error {
		if !n.Running() {
			n.t.Fatalf("%s ended:\n%s", n.Name, tail(n.Log(), 4000))
		}
		_, err := n.Status()
		return err
	})
}

// Token makes a join token at n.
func (n *Node) Token(args ...string) string {
	n.t.Helper()
	var made struct {
		Token string `json:"token"`
	}
	n.JSON(&made, append([]string{"token", "create"}, args...)...)
	return made.Token
}

// Join starts n as a member of via's mesh and waits until it serves.
func (n *Node) Join(via *Node) {
	n.t.Helper()
	n.Start("join", via.Token())
	n.WaitServing()
}

// Three makes a mesh of three and waits until it is formed with three voters.
func Three(t testing.TB) []*Node {
	t.Helper()
	nodes := []*Node{New(t, "alpha"), New(t, "beta"), New(t, "gamma")}
	nodes[0].Found()
	nodes[1].Join(nodes[0])
	nodes[2].Join(nodes[0])
	Formed(t, 20*time.Second, nodes...)
	Eventually(t, 20*time.Second, "three voters", func() error { return Voters(nodes[0], 3) })
	return nodes
}

// Voters says whether so many members vote, by the list of one node.
func Voters(at *Node, want int) error {
	members, err := at.Members()
	if err != nil {
		return err
	}
	got := 0
	for _, m := range members {
		if m.Role == "voter" {
			got++
		}
	}
	if got != want {
		return fmt.Errorf("%d voters, want %d", got, want)
	}
	return nil
}

// Leader returns which of the nodes leads, once one of them says so of itself.
func Leader(t testing.TB, nodes ...*Node) *Node {
	t.Helper()
	var leader *Node
	Eventually(t, 30*time.Second, "somebody leads", func() error {
		for _, n := range nodes {
			s, err := n.Status()
			if err == nil && s.Leader != nil && s.Leader.ID == s.Node.ID && s.State != "no_majority" {
				leader = n
				return nil
			}
		}
		return fmt.Errorf("none of %d nodes leads", len(nodes))
	})
	return leader
}

// Formed waits until every node is alive in every node's list and all are at
// the same revision with the same state.
func Formed(t testing.TB, timeout time.Duration, nodes ...*Node) {
	t.Helper()
	Eventually(t, timeout, "the mesh forms", func() error {
		if err := alive(nodes...); err != nil {
			return err
		}
		return Same(nodes...)
	})
}

// Alive waits until every node is alive in every node's list. While a mesh is
// written to, this can be seen and Formed hardly can.
func Alive(t testing.TB, timeout time.Duration, nodes ...*Node) {
	t.Helper()
	Eventually(t, timeout, "all see all alive", func() error { return alive(nodes...) })
}

func alive(nodes ...*Node) error {
	for _, n := range nodes {
		members, err := n.Members()
		if err != nil {
			return err
		}
		alive := 0
		for _, m := range members {
			if m.Status == "alive" {
				alive++
			}
		}
		if alive != len(nodes) {
			return fmt.Errorf("%s sees %d of %d alive", n.Name, alive, len(nodes))
		}
	}
	return nil
}

// Same says whether all nodes hold the same state at the same revision.
func Same(nodes ...*Node) error {
	var first Status
	for i, n := range nodes {
		s, err := n.Status()
		if err != nil {
			return err
		}
		if i == 0 {
			first = s
			continue
		}
		if s.Revision != first.Revision {
			return fmt.Errorf("%s is at revision %d, %s at %d", n.Name, s.Revision, nodes[0].Name, first.Revision)
		}
		if s.StateHash != first.StateHash {
			return fmt.Errorf("%s and %s differ at revision %d", n.Name, nodes[0].Name, s.Revision)
		}
	}
	return nil
}

package faults

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// The id that a client gives its request is in the logs of all nodes that
// worked on it: a write's at the leader that it was forwarded to, a message's at
// the node of the agent.
func TestRequestIDsCrossNodes(t *testing.T) {
	t.Parallel()
	nodes := []*realmesh.Node{realmesh.New(t, "alpha"), realmesh.New(t, "beta"), realmesh.New(t, "gamma")}
	for _, n := range nodes {
		n.Flags = []string{"--log-level", "debug", "--log-format", "json"}
	}
	nodes[0].Found()
	nodes[1].Join(nodes[0])
	nodes[2].Join(nodes[0])
	realmesh.Formed(t, 20*time.Second, nodes...)
	leader := realmesh.Leader(t, nodes...)
	entry := without(nodes, leader)[0]
	other := without(nodes, leader, entry)[0]
	c := entry.Client(nodes[0].AdminKey())
	var all sync.WaitGroup
	for i := range 3 { // such as share a batch
		all.Go(func() {
			a, err := c.Ask(http.MethodPost, "/graph/nodes", map[string]any{"session_id": "t", "node_type": "entry", "label": "x"}, "X-Request-Id", fmt.Sprintf("write-%d", i))
			if err != nil || a.Status != http.StatusCreated || a.Header.Get("X-Request-Id") != fmt.Sprintf("write-%d", i) {
				t.Errorf("%v %s %q", err, a, a.Header.Get("X-Request-Id"))
			}
		})
	}
	all.Wait()
	c.Want(http.StatusOK, nil, http.MethodPost, "/messages",
		map[string]any{"to": "librarian@" + other.Name, "body": "what is there?", "timeout": "10s"}, "X-Request-Id", "message-1")
	for id, at := range map[string]*realmesh.Node{"write-0": leader, "write-1": leader, "write-2": leader, "message-1": other} {
		for _, n := range []*realmesh.Node{entry, at} {
			realmesh.Eventually(t, 5*time.Second, id+" is in the log of "+n.Name, func() error {
				for line := range strings.Lines(n.Log()) {
					if strings.Contains(line, `"request_id":"`) && strings.Contains(line, id) {
						return nil
					}
				}
				return fmt.Errorf("it is not")
			})
		}
	}
}

//go:build linux

package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/meshd/meshd/test/chaos/check"
)

// eventually repeats cond until it says nil.
func eventually(ctx context.Context, patience time.Duration, cond func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := cond()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// status is what the harness reads of GET /status.
type status struct {
	State  string `json:"state"`
	Leader *struct {
		Name string `json:"name"`
	} `json:"leader"`
	Term     uint64 `json:"term"`
	Applied  uint64 `json:"applied_index"`
	Revision uint64 `json:"revision"`
	Hash     string `json:"state_hash"`
}

func (r *runner) status(n *node) (status, error) {
	c := r.newClient(0)
	defer c.close()
	return c.status(n)
}

func (c *client) status(n *node) (status, error) {
	var s status
	return s, c.get(n, "/status", &s)
}

func (c *client) get(n *node, path string, v any) error {
	a := c.askAt(n, 3*time.Second, http.MethodGet, path, nil)
	if a.outcome != check.OK {
		return fmt.Errorf("%s at %s: %d %s", path, a.node, a.status, a.code)
	}
	return json.Unmarshal(a.body, v)
}

// voters are the names of the voters as n knows them.
func (r *runner) voters(n *node) ([]string, error) {
	c := r.newClient(0)
	defer c.close()
	var members []struct{ Name, Role string }
	if err := c.get(n, "/members", &members); err != nil {
		return nil, err
	}
	var out []string
	for _, m := range members {
		if m.Role == "voter" {
			out = append(out, m.Name)
		}
	}
	return out, nil
}

// watch asks a node for its status again and again: who leads, and whether the
// state at a revision is the same as elsewhere.
func (r *runner) watch(ctx context.Context, c *client, n *node) {
	defer c.close()
	for ctx.Err() == nil {
		if n.is() == member && n.running() {
			if s, err := c.status(n); err == nil {
				r.saw(n.Name(), s)
			}
		}
		select {
		case <-time.After(400 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (r *runner) saw(name string, s status) {
	r.mu.Lock()
	p, differs := r.states.Add(check.State{Node: name, Revision: s.Revision, Hash: s.Hash})
	if s.Leader != nil {
		r.leader = s.Leader.Name
		now := r.now()
		if r.ledAt > 0 {
			r.leaderless = max(r.leaderless, now-r.ledAt)
		}
		r.ledAt = now
	}
	r.mu.Unlock()
	if differs {
		r.broken(p)
	}
}

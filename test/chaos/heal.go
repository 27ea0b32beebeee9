//go:build linux

package chaos

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/meshd/meshd/test/chaos/check"
)

// A mesh that is whole again has this long to accept writes at every member,
// and to hold one state.
const mendingTime = 90 * time.Second

// heal mends everything and waits until the mesh is whole.
func (r *runner) heal(ctx context.Context) {
	r.event("heal")
	r.fabric.Calm()
	for _, n := range r.nodes {
		n.resume()
		n.empty()
	}
	var settling sync.WaitGroup
	for _, n := range r.nodes {
		if s := n.is(); s == member || s == leaving {
			r.again(n)
		}
	}
	r.calmed()
	begun := r.now()
	for _, n := range r.nodes {
		if s := n.is(); s == joining || s == leaving || s == removing {
			settling.Go(func() { r.settle(ctx, n, mendingTime) })
		}
	}
	settling.Wait()
	for _, n := range r.nodes {
		if s := n.is(); s != member && s != spare {
			r.problem("stuck", "%s is still %s %s after everything was mended", n.Name(), s, (r.now() - begun).Round(time.Second))
		}
	}
	var alive sync.WaitGroup
	for i, n := range r.members() {
		alive.Go(func() {
			c := r.newClient(600 + i)
			defer c.close()
			if err := eventually(ctx, mendingTime, func() error {
				// A write at this very node.
				a := c.askAt(n, 5*time.Second, http.MethodPost, "/graph/nodes", map[string]any{"session_id": "mended", "node_type": "thing", "label": n.Name()})
				if a.outcome != check.OK {
					return fmt.Errorf("%d %s", a.status, a.code)
				}
				return nil
			}); err != nil {
				r.problem("stuck", "%s accepts no write %s after everything was mended: %v", n.Name(), mendingTime, err)
			}
		})
	}
	alive.Wait()
	r.event("every member accepts writes %s after mending", (r.now() - begun).Round(time.Millisecond))
}

// settled waits until all members are at one revision with one hash.
func (r *runner) settled(ctx context.Context) {
	c := r.newClient(601)
	defer c.close()
	begun := r.now()
	err := eventually(ctx, mendingTime, func() error {
		var first status
		for i, n := range r.members() {
			s, err := c.status(n)
			if err != nil {
				return err
			}
			r.saw(n.Name(), s)
			if i == 0 {
				first = s
			} else if s.Revision != first.Revision || s.Hash != first.Hash {
				return fmt.Errorf("%s is at revision %d (%.8s), %s at %d (%.8s)", r.members()[0].Name(), first.Revision, first.Hash, n.Name(), s.Revision, s.Hash)
			}
		}
		return nil
	})
	if err != nil {
		r.problem("diverged", "the members do not come to one state within %s: %v", mendingTime, err)
		return
	}
	r.event("%d members hold one state, %s after the last write", len(r.members()), (r.now() - begun).Round(time.Millisecond))
}

// last reads every register once more, linearizably, each at another node.
func (r *runner) last() {
	r.board.mu.Lock()
	initial := r.board.initial
	r.board.mu.Unlock()
	ids := map[string]uint64{}
	c := r.newClient(602)
	defer c.close()
	for i, n := range r.members() {
		var nodes []listed
		c.list(n, "nodes", registerSpace, &nodes)
		for _, g := range nodes {
			if _, ok := initial[g.Label]; ok {
				ids[g.Label] = g.ID
			}
		}
		c.id = 602 + i
		c.at = n
		k := 0
		for key, id := range ids {
			if k++; k%len(r.members()) == i {
				c.readAt(check.Read, register{key, id}, 0)
			}
		}
	}
}

type listed struct {
	ID        uint64 `json:"id"`
	Label     string `json:"label"`
	Predicate string `json:"predicate"`
	Source    uint64 `json:"source_id"`
	Target    uint64 `json:"target_id"`
}

// list reads a whole namespace at a node, page by page.
func (c *client) list(n *node, what, space string, into *[]listed) {
	cursor := ""
	for {
		path := "/graph/" + what + "?consistency=linearizable&limit=1000&session_id=" + space + "&cursor=" + url.QueryEscape(cursor)
		var page struct {
			Nodes, Edges []listed
			Cursor       string
		}
		if err := eventually(context.Background(), 20*time.Second, func() error { return c.get(n, path, &page) }); err != nil {
			c.run.problem("stuck", "listing %s at %s: %v", what, n.Name(), err)
			return
		}
		*into = append(append(*into, page.Nodes...), page.Edges...)
		if cursor = page.Cursor; cursor == "" {
			return
		}
	}
}

// listing is all of the elements that a node holds.
func (c *client) listing(n *node) check.Listing {
	l := check.Listing{Node: n.Name(), Nodes: map[string]int{}, IDs: map[uint64]bool{}, Edges: map[string]int{}, Ends: map[string][2]uint64{}}
	var nodes, edges []listed
	c.list(n, "nodes", elementSpace, &nodes)
	c.list(n, "edges", elementSpace, &edges)
	for _, g := range nodes {
		l.IDs[g.ID] = true
		if !strings.HasPrefix(g.Label, hubPrefix) {
			l.Nodes[g.Label]++
		}
	}
	for _, e := range edges {
		l.Edges[e.Predicate]++
		l.Ends[e.Predicate] = [2]uint64{e.Source, e.Target}
	}
	return l
}

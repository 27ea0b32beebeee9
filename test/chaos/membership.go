//go:build linux

package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/meshd/meshd/test/chaos/check"
)

// leastMembers is how many stay whatever leaves.
const leastMembers = 3

// token asks the mesh for a join token, at any member.
func (r *runner) token(ctx context.Context, patience time.Duration) (string, error) {
	c := r.newClient(700)
	defer c.close()
	var made struct{ Token string }
	err := eventually(ctx, patience, func() error {
		c.move()
		a := c.askAt(c.at, 3*time.Second, http.MethodPost, "/tokens", map[string]any{"uses": 5, "ttl": "2h"})
		if a.outcome != check.OK {
			return fmt.Errorf("a token at %s: %s", a.node, a.code)
		}
		return json.Unmarshal(a.body, &made)
	})
	return made.Token, err
}

// join makes a spare node a member, or leaves it joining if that is not known
// after some patience.
func (r *runner) join(ctx context.Context, n *node, patience time.Duration) error {
	if n.is() == spare {
		token, err := r.token(ctx, max(patience, 15*time.Second))
		if err != nil {
			return err
		}
		path := filepath.Join(r.dir, n.Name()+".token")
		if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
			return err
		}
		n.mu.Lock()
		n.token, n.seat = path, joining
		n.mu.Unlock()
	}
	if err := n.start(); err != nil {
		return err
	}
	return r.joined(ctx, n, patience)
}

// joined waits until a joining node serves.
func (r *runner) joined(ctx context.Context, n *node, patience time.Duration) error {
	return eventually(ctx, patience, func() error {
		if !n.running() {
			if err := n.start(); err != nil {
				return err
			}
		}
		s, err := r.status(n)
		if err == nil && s.Revision == 0 {
			err = errors.New("empty")
		}
		if err == nil {
			n.become(member)
		}
		return err
	})
}

// end is a way for a node to end without a word, by chance: killed, or with its
// machine.
func (z *nemesis) end() (how string, do func(*node)) {
	if z.rng.IntN(2) == 0 {
		return "killed", (*node).kill
	}
	return "without power", (*node).cut
}

// join lets a spare node join; one in three is ended on the way.
func (z *nemesis) join() func(context.Context) {
	var n *node
	for _, i := range z.rng.Perm(len(z.r.nodes)) {
		m := z.r.nodes[i]
		m.mu.Lock()
		if n == nil && !m.busy && (m.seat == spare || m.seat == joining) {
			m.busy, n = true, m
		}
		m.mu.Unlock()
	}
	killed := z.rng.IntN(3) == 0
	how, end := z.end()
	after := z.duration(100*time.Millisecond, 3*time.Second)
	if n == nil {
		return nil
	}
	return func(ctx context.Context) {
		defer free([]*node{n})
		if killed {
			z.r.event("join of %s, %s after %s", n.Name(), how, after)
		} else {
			z.r.event("join of %s", n.Name())
		}
		err := z.r.join(ctx, n, after)
		if killed && err != nil {
			end(n)
		}
		if err != nil && n.is() == joining {
			err = z.r.joined(ctx, n, 30*time.Second)
		}
		z.r.event("join of %s: %s (%v)", n.Name(), n.is(), err)
	}
}

// seizeGoing takes a member that may go.
func (z *nemesis) seizeGoing() *node {
	if len(z.r.members()) <= leastMembers {
		return nil
	}
	if nodes := z.seize(1); len(nodes) > 0 {
		return nodes[0]
	}
	return nil
}

// leave takes a member out cleanly. It may be a spare again afterwards, or stay.
func (z *nemesis) leave() func(context.Context) {
	n := z.seizeGoing()
	if n == nil {
		return nil
	}
	return func(ctx context.Context) {
		defer free([]*node{n})
		z.r.event("leave of %s", n.Name())
		n.become(leaving)
		z.r.settle(ctx, n, 40*time.Second)
	}
}

// leaveKilled ends a member while it leaves. Started again it must find out
// what it is: a member as before, or one that has left.
func (z *nemesis) leaveKilled() func(context.Context) {
	n := z.seizeGoing()
	after := z.duration(20*time.Millisecond, 1200*time.Millisecond)
	how, end := z.end()
	if n == nil {
		return nil
	}
	return func(ctx context.Context) {
		defer free([]*node{n})
		z.r.event("leave of %s, %s after %s", n.Name(), how, after)
		n.become(leaving)
		c := z.r.newClient(702)
		defer c.close()
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			c.askAt(n, 5*time.Second, http.MethodPost, "/leave", map[string]any{})
		}()
		z.rest(ctx, after)
		end(n)
		<-asked
		err := z.r.left(ctx, n, 40*time.Second)
		z.r.event("%s is %s (%v)", n.Name(), n.is(), err)
	}
}

// remove bars a member for ever. Its place becomes that of a new machine.
func (z *nemesis) remove() func(context.Context) {
	n := z.seizeGoing()
	dead := z.rng.IntN(2) == 0
	if n == nil {
		return nil
	}
	return func(ctx context.Context) {
		defer free([]*node{n})
		z.r.event("remove %s (dead before: %t)", n.Name(), dead)
		if dead {
			n.kill()
		}
		n.become(removing)
		z.r.settle(ctx, n, 20*time.Second)
	}
}

// settle brings a node whose seat is not certain to a certain one, as far as
// the mesh lets it within the patience.
func (r *runner) settle(ctx context.Context, n *node, patience time.Duration) {
	c := r.newClient(701)
	defer c.close()
	var err error
	switch n.is() {
	case joining:
		err = r.joined(ctx, n, patience)
	case removing:
		err = eventually(ctx, patience, func() error {
			c.move()
			a := c.askAt(c.at, 5*time.Second, http.MethodDelete, "/members/"+n.Name(), nil)
			if a.outcome == check.OK || a.code == "NODE_UNKNOWN" {
				return nil
			}
			return fmt.Errorf("at %s: %s %s", a.node, a.code, a.body)
		})
		if err == nil {
			// It hears of it and stops, unless it is cut off.
			told := eventually(ctx, 10*time.Second, func() error {
				if n.running() {
					return errors.New("it runs on")
				}
				return nil
			})
			r.event("%s is removed (%v)", n.Name(), told)
			n.renew()
		}
	case leaving:
		if n.running() {
			a := c.askAt(n, patience, http.MethodPost, "/leave", map[string]any{})
			r.event("leave of %s: %s %s", n.Name(), a.outcome, a.code)
		}
		err = r.left(ctx, n, 10*time.Second)
	}
	r.event("%s is %s (%v)", n.Name(), n.is(), err)
}

// left finds out whether a leaving node has left. A node that has, ended and
// forgot its mesh; one that has not goes on, and knows who leads.
func (r *runner) left(ctx context.Context, n *node, patience time.Duration) error {
	c := r.newClient(703)
	defer c.close()
	var since time.Time // when it was first seen to work
	return eventually(ctx, patience, func() error {
		if n.running() {
			if err := c.get(n, "/graph/namespaces?consistency=linearizable", new(json.RawMessage)); err != nil {
				since = time.Time{}
				return err
			}
			if since.IsZero() {
				since = time.Now()
			}
			if time.Since(since) < 2*time.Second {
				return errors.New("it may be about to end")
			}
			n.become(member)
			return nil
		}
		if _, err := os.Stat(n.file("trust")); errors.Is(err, os.ErrNotExist) {
			n.become(spare)
			return nil
		}
		if err := n.start(); err != nil {
			return err
		}
		return errors.New("started")
	})
}

package agent

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// claimWait is how long a client waits for its hello where its name has to be
// claimed first. A mesh with a leader has decided by then. In one without, the
// client is let in, and speaks without the name until it is known to be its own.
const claimWait = time.Second

// claiming is a question whose a name is. It may outlive the session.
type claiming struct {
	client atomic.Pointer[client]
	done   chan struct{}

	mu      sync.Mutex
	settled bool
	late    bool // nobody waits for it any more
	err     error
}

// claim asks whose the agent's name is, and waits a moment for the answer. Its
// error is that the name belongs to another.
func (c *client) claim() error {
	ask := c.server.cfg.Claim
	if ask == nil {
		c.named.Store(true)
		return nil
	}
	w := &claiming{done: make(chan struct{})}
	w.client.Store(c)
	c.claiming.Store(w)
	if err := ask(c.who, w.settle); err != nil {
		return err
	}
	wait := time.NewTimer(c.server.claimWait)
	defer wait.Stop()
	select {
	case <-w.done:
	case <-wait.C:
	case <-c.ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late = true
	return w.err
}

// settle takes the answer.
func (w *claiming) settle(err error) {
	c := w.client.Load()
	w.mu.Lock()
	first, late := !w.settled, w.late
	if first {
		w.settled, w.err = true, err
		close(w.done)
	}
	w.mu.Unlock()
	switch {
	case c == nil || !first:
	case err == nil:
		c.named.Store(true)
	case late:
		c.lost(err)
	}
}

// speaks says whether what the client sends is its agent's: where another may
// own the name, it is its credential's alone.
func (c *client) speaks() bool { return c.who.Name != "" && c.named.Load() }

// errUnconfirmed refuses what the mesh would keep under the agent's name.
func (c *client) errUnconfirmed() error {
	return &consensus.Refusal{
		Code: codeNoLeader, Sentence: "the mesh could not confirm yet that the agent " + c.who.Name + " is this credential's; live messages go out without its name",
		Details: map[string]string{"agent": c.who.Name, "retry_after": "1s"},
	}
}

// codeNoLeader is the catalogue's word for a mesh that can decide nothing now.
const codeNoLeader = "NO_LEADER"

// outboxFor is where a client sends that does not speak as an agent. It needs mu.
func (c *client) outboxFor() *message.Outbox {
	if c.outbox == nil && !c.ended {
		c.outbox = c.server.cfg.Router.Outbox(c.who.Principal)
	}
	return c.outbox
}

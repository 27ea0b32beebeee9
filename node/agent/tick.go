package agent

import (
	"time"

	"github.com/gorilla/websocket"
)

// clockSlots is over how many seconds the sessions are spread to be looked
// after: each comes round every pingEvery. One goroutine does it for all.
const clockSlots = int(pingEvery / time.Second)

// keepTime counts the seconds, and looks after the sessions whose turn it is.
func (s *Server) keepTime() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		now := s.clock.Add(1)
		s.mu.Lock()
		slot := s.slots[int(now)%clockSlots]
		due := make([]*client, 0, len(slot))
		for c := range slot {
			due = append(due, c)
		}
		s.mu.Unlock()
		for _, c := range due {
			c.tick(now)
		}
	}
}

// tick pings the client, and ends what nobody will: a session whose credential
// was revoked or whose time to resume is over, a connection that is silent.
func (c *client) tick(now int64) {
	c.sweep()
	l := c.link.Load()
	if l == nil {
		c.mu.Lock()
		over := c.away > 0 && now-c.away > int64(resumeWindow/time.Second)
		c.mu.Unlock()
		if over {
			c.end(websocket.CloseGoingAway, "the client did not come back")
		}
		return
	}
	if now-l.heard.Load() >= int64(idleTimeout/time.Second) {
		l.fail("nothing was heard of the client")
		return
	}
	if !c.permitted() {
		return
	}
	c.mu.Lock()
	if len(c.queue.control) < fairShare {
		c.queue.control = appendWS(c.queue.control, opPing, nil)
	}
	c.mu.Unlock()
	c.wake()
}

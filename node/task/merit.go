package task

import (
	"time"

	"github.com/meshd/meshd/node/inbox"
)

// LevelFair is the command level from which agents are judged only by tasks of
// others, and by deadlines that left them time.
const LevelFair = 5

const (
	// decentTime is what an agent must have had for a task, since it was handed
	// over or answered, for a deadline to count against it.
	decentTime = time.Minute
	// slack is how much before its deadline a delegation may expire by the clock
	// of a node.
	slack = time.Second
)

// hadTime says whether it counts against the agent of a task that it has not done
// it. early says that there was time left, so that the agent lost it otherwise. A
// deadline is the requester's choice, and must not be a way to make any agent look
// bad: it counts where the agent had a minute for it, and does not wait for an
// answer.
func (s *store) hadTime(r *record, early bool) bool {
	switch {
	case s.c.Level < LevelFair:
		return true
	case !r.Handed || r.state() == InputRequired:
		return false
	case early:
		return true
	}
	return s.now-r.HandedAt >= decentTime.Milliseconds()
}

// ownTask says that a task was asked for by the credential that owns its agent:
// that one would grade its own work.
func (s *store) ownTask(r *record) bool {
	if s.c.Level < LevelFair || r.Requester.Principal == "" {
		return false
	}
	return inbox.OwnerOf(s.w, r.Agent) == r.Requester.Principal
}

package node

import (
	"context"
	"sync"
	"time"

	"github.com/meshd/meshd/node/message"
)

// How long an announcement that failed rests before it is made again.
const (
	firstAnnouncePause = time.Second
	mostAnnouncePause  = time.Minute
)

// announcer tells the mesh of a node's agents. What could not be told, as for
// want of room in the node's record, is told again until it could be: the router
// speaks of changes only, and agents that nobody heard of would not be reached.
type announcer struct {
	life   context.Context // ends it
	tell   func([]message.Local) error
	failed func(agents int, again time.Duration, err error)

	mu     sync.Mutex
	agents []message.Local // the latest
	pause  time.Duration   // before the next try, if this one fails
	again  *time.Timer     // nil: nothing is to be told again
}

func newAnnouncer(life context.Context, tell func([]message.Local) error, failed func(agents int, again time.Duration, err error)) *announcer {
	return &announcer{life: life, tell: tell, failed: failed}
}

// announce tells of the agents that there are now.
func (a *announcer) announce(agents []message.Local) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.again != nil {
		a.again.Stop()
	}
	a.agents, a.pause = agents, firstAnnouncePause
	a.try()
}

// try tells what is the latest. mu is held.
func (a *announcer) try() {
	a.again = nil
	err := a.tell(a.agents)
	if err == nil || a.life.Err() != nil {
		return
	}
	a.failed(len(a.agents), a.pause, err)
	var mine *time.Timer
	mine = time.AfterFunc(a.pause, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.again == mine && a.life.Err() == nil { // and not overtaken by news
			a.try()
		}
	})
	a.again, a.pause = mine, min(2*a.pause, mostAnnouncePause)
}

package client

import (
	"context"
	"net/http"
	"time"
)

const (
	// renewEvery is how often a task is spoken for whose message came by a
	// session that is over: the mesh waits a minute for a word of it.
	renewEvery = 20 * time.Second
	// askPatience bounds one question about a task.
	askPatience = 10 * time.Second
)

// standing is how far the mesh says that a task is.
type standing struct {
	State   string `json:"state"`
	Attempt int    `json:"attempt"`
}

func (s standing) ended() bool {
	return s.State == "completed" || s.State == "failed" || s.State == "cancelled"
}

func (a *Agent) standing(ctx context.Context, t *Task) (s standing, err error) {
	err = a.client.Do(ctx, Request{Method: http.MethodGet, Path: "/tasks/" + t.ID}, &s)
	return s, err
}

// mayBegin says whether a task that was just handed over is to be done here. One
// that has ended is not, and neither is an attempt that somebody has begun: the
// message comes a second time where the node is lost that pushed it, and whoever
// began may be at it all the same. What is given back begins again, as another
// attempt, when nothing is heard of it for a minute.
func (a *Agent) mayBegin(m *Message, t *Task) bool {
	ctx, cancel := context.WithTimeout(a.ctx, askPatience)
	defer cancel()
	s, err := a.standing(ctx, t)
	if err != nil || s.State == "submitted" && s.Attempt == t.Attempt {
		return true // who cannot ask finds out when it reports
	}
	if over := s.ended() || s.Attempt != t.Attempt; over {
		err = m.Ack()
	} else {
		err = m.Return(0, "another instance has begun it")
	}
	a.log.Info("a task is left", "agent", a.cfg.Name, "task", t.ID, "attempt", t.Attempt, "state", s.State, "error", err)
	a.handled(m)
	return false
}

// speakForTasks has somebody tell the mesh, until they are done, of the tasks that
// were begun here and whose messages the mesh takes for lost with the session by
// which they came. It needs the lock.
func (a *Agent) speakForTasks() {
	if a.speaking || len(a.orphans()) == 0 {
		return
	}
	a.speaking = true
	a.speaker.Go(func() {
		every := time.NewTicker(renewEvery)
		defer every.Stop()
		for {
			a.mu.Lock()
			list := a.orphans()
			a.speaking = len(list) > 0
			a.mu.Unlock()
			if len(list) == 0 {
				return
			}
			for _, t := range list {
				a.renew(t)
			}
			select {
			case <-every.C:
			case <-a.ctx.Done():
				return
			}
		}
	})
}

// orphans are the tasks in hand that came by a session that is over. It needs the
// lock.
func (a *Agent) orphans() (list []*Task) {
	for _, m := range a.inbox.hand {
		if m.session == a.session && !m.session.over {
			continue
		}
		if t := m.Task(); t != nil {
			list = append(list, t)
		}
	}
	return list
}

// renew says once more that a task is at work, if it is.
func (a *Agent) renew(t *Task) {
	ctx, cancel := context.WithTimeout(a.ctx, askPatience)
	defer cancel()
	s, err := a.standing(ctx, t)
	if err == nil && s.State == "working" && s.Attempt == t.Attempt {
		err = a.client.Do(ctx, Request{Method: http.MethodPost, Path: "/tasks/" + t.ID + "/status", Body: report{State: "working", Agent: a.cfg.Name, Attempt: t.Attempt}}, nil)
	}
	if err != nil && a.ctx.Err() == nil {
		a.log.Info("a task could not be spoken for", "agent", a.cfg.Name, "task", t.ID, "error", err)
	}
}

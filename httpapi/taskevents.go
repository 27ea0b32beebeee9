package httpapi

import (
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/node/task"
)

// taskEvents tells what has happened to a task and what happens from now on.
// The id of an event is its revision, by which a client goes on after it, at
// any node. The last one is named end: the task has ended.
func (a *API) taskEvents(c *gin.Context) {
	id, err := TaskRef{c.Param("id")}.id()
	if err != nil {
		a.Refuse(c, err)
		return
	}
	field, since := "query.since", c.Query("since")
	if last := c.Request.Header.Get("Last-Event-Id"); last != "" { // a browser's, which knows better
		field, since = "header.Last-Event-ID", last
	}
	after := uint64(0)
	if since != "" {
		if after, err = strconv.ParseUint(since, 10, 64); err != nil {
			a.Refuse(c, invalid(field, "since is the id of an event, which is a revision"))
			return
		}
	}
	ctx := c.Request.Context()
	caller, _ := Principal(ctx)
	if _, err := a.seenTask(ctx, caller, id); err != nil {
		a.Refuse(c, err)
		return
	}
	permit := a.permit(c)
	s := a.openStream(c)
	defer s.end()
	tell := a.beginFeed(c)
	defer a.counted("tasks")()
	a.endedFeed(s, a.followTask(s, tell, id, after, permit))
}

// endedTask is why a task's feed ends by itself.
const endedTask = "TASK_ENDED"

// taskEnd is the last event of a task's feed.
type taskEnd struct {
	State task.State `json:"state"`
}

func (a *API) followTask(s *stream, tell feedTeller, id task.ID, after uint64, permit func() error) (ended string) {
	b := []byte(nil)
	if tell.media() == mediaSSE {
		b = append(b, "retry: 1000\n"...)
	}
	tick := time.NewTicker(feedPing)
	defer tick.Stop()
	for known := false; ; {
		changed, give := a.cfg.Tasks.Changed(id)
		events, is, err := a.cfg.Tasks.Events(s.ctx, id, after)
		switch {
		case err == nil:
			known = true
		case noSuchTask(err) && !known:
			known, err = true, nil // just made: this node is about to hear of it
		}
		if err == nil && permit != nil {
			err = permit()
		}
		if err != nil {
			give()
			return a.cutFeed(s, tell, err)
		}
		for _, e := range events {
			b = tell.event(b, "", strconv.FormatUint(e.Revision, 10), marshal(e))
			after = e.Revision
		}
		if is.Final() {
			b = tell.event(b, "end", strconv.FormatUint(after, 10), marshal(taskEnd{is}))
		}
		if len(b) > 0 {
			if _, err := s.Write(b); err != nil {
				give()
				return s.unwritten(err)
			}
		}
		if b = b[:0]; is.Final() {
			give()
			return endedTask
		}
		select {
		case <-changed:
		case <-tick.C:
			b = tell.ping(b)
		case <-s.ctx.Done():
			give()
			return a.cutFeed(s, tell, s.ctx.Err())
		}
		give()
	}
}

package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/graphsync"
)

const (
	// maxPollBytes ends a poll's answer after the step that reaches it.
	maxPollBytes = 256 << 10
	// maxPolls bounds the polls that wait at once, each of which may come to
	// hold such an answer.
	maxPolls = 1024
)

// pollGraph answers with what has changed since, or waits until something has.
// The answer's since is what the next poll asks for.
func (a *API) pollGraph(c *gin.Context, q graphsync.WatchQuery) {
	wait := pollWait
	if text := c.Query("timeout"); text != "" {
		var err error
		if wait, err = time.ParseDuration(text); err != nil || wait < 0 || wait > maxPollWait {
			a.Refuse(c, invalid("query.timeout", "timeout is a duration of at most "+maxPollWait.String()+", such as 30s"))
			return
		}
	}
	give, err := a.takePoll(c.Request.Context())
	if err != nil {
		a.Refuse(c, err)
		return
	}
	defer give()
	defer a.counted("longpoll")()
	s := a.openStream(c)
	defer s.end()
	w, err := a.cfg.Watches.Watch(s.ctx, q)
	if err != nil {
		a.Refuse(c, s.cause(named(s.ctx, err, "query")))
		return
	}
	defer w.Close()
	body, err := poll(s.ctx, w, q.Detail, wait)
	if err != nil {
		a.Refuse(c, s.cause(err))
		return
	}
	h := c.Writer.Header()
	setRevision(h, w.At().Revision)
	h.Set("Content-Type", mediaJSON)
	h.Set("Cache-Control", "no-store")
	c.Status(http.StatusOK)
	_, _ = s.Write(body) // the client may be gone; there is nobody to tell
}

// poll waits for the first events and takes those that are there with them.
func poll(ctx context.Context, w *graphsync.Watcher, d graphsync.Detail, wait time.Duration) ([]byte, error) {
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	b := []byte(`{"events":[`)
	count := 0
	for len(b) < maxPollBytes {
		step, err := w.Next(waiting)
		if err != nil {
			if waiting.Err() != nil && ctx.Err() == nil {
				break
			}
			return nil, err
		}
		for _, e := range step.Events {
			if count > 0 {
				b = append(b, ',')
			}
			b = append(append(appendID(b, e.After()), ','), e.JSON(d)[1:]...)
			count++
		}
		if count > 0 {
			cancel() // from here on only what is there already
		}
	}
	b = append(b, `],"count":`...)
	b = append(append(b, marshal(count)...), `,"since":"`...)
	return append(append(b, w.At().String()...), "\"}\n"...), nil
}

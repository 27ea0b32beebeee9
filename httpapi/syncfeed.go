package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// feedChanges goes on from a page as server-sent events, until the client or the
// node ends it. What was there is followed by up_to_date, and what happens then
// comes as it happens.
func (a *API) feedChanges(c *gin.Context, s *stream, q *changesAsked, page graphsync.ChangesPage) {
	defer a.counted(feedSSE)()
	h := c.Writer.Header()
	setRevision(h, page.Revision)
	h.Set("Content-Type", mediaSSE)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies must not collect events
	c.Status(http.StatusOK)
	out := &beating{s: s}
	if q.heartbeat > 0 {
		defer out.beat(q.heartbeat, ": heartbeat\n\n")()
	}
	f := changesFeed{a: a, s: s, out: out, q: q, permit: a.permit(c)}
	f.tell.token = func(p graphsync.Position) string {
		token, _ := a.cfg.Sync.Token(q.WatchFilter, p) // the filter was taken before
		return token
	}
	ended := f.run(page)
	exchangeOf(s.ctx).ended = ended
	a.figures.ended.WithLabelValues(ended).Inc()
}

// changesFeed is a feed of changes under way.
type changesFeed struct {
	a      *API
	s      *stream
	out    *beating
	q      *changesAsked
	permit func() error
	tell   syncTeller
}

// run tells what there is and what happens, and returns why it ended.
func (f *changesFeed) run(page graphsync.ChangesPage) (ended string) {
	if _, err := f.out.Write([]byte("retry: 1000\n\n")); err != nil {
		return f.out.unwritten(err)
	}
	for {
		if len(page.Events) > 0 {
			if err := tellStep(f.out, &f.tell, graphsync.Step{Events: page.Events}, f.q.Detail); err != nil {
				return f.out.unwritten(err)
			}
		}
		f.q.Since = page.Token
		if page.UpToDate {
			break
		}
		err := f.permit()
		if err == nil {
			page, _, err = f.a.cfg.Sync.Changes(f.s.ctx, consensus.ReadOptions{MinRevision: page.Revision}, f.q.ChangesQuery)
		}
		if err != nil {
			return f.cut(err, f.q.Since)
		}
	}
	if _, err := f.out.Write(appendSSE(nil, "up_to_date", page.Token, marshal(bookmark{page.Revision}))); err != nil {
		return f.out.unwritten(err)
	}
	w, err := f.a.cfg.Sync.Watch(f.s.ctx, f.q.ChangesQuery, f.permit)
	if err != nil {
		return f.cut(err, page.Token)
	}
	defer w.Close()
	for first := true; ; first = false {
		step, err := w.Next(f.s.ctx)
		if err != nil {
			return f.cut(err, f.tell.token(w.At()))
		}
		if first && len(step.Events) == 0 {
			continue // up_to_date has said so
		}
		if err := tellStep(f.out, &f.tell, step, f.q.Detail); err != nil {
			return f.out.unwritten(err)
		}
	}
}

// cut tells why the feed ends, and returns it.
func (f *changesFeed) cut(err error, token string) (ended string) {
	if f.s.ctx.Err() != nil {
		if err = f.s.cause(nil); err == nil {
			return endedGone
		}
	}
	c := f.a.watchCut(f.s.ctx, graphsync.Position{}, syncError(f.s.ctx, err, "query"))
	c.Since = token
	_, _ = f.out.Write(f.tell.cut(nil, c)) // the client may be gone already
	return c.Code
}

// syncTeller writes server-sent events whose ids are tokens.
type syncTeller struct {
	token func(graphsync.Position) string
}

func (*syncTeller) media() string { return mediaSSE }

func (t *syncTeller) event(b []byte, e *graphsync.Event, d graphsync.Detail) []byte {
	return appendSSE(b, "", t.token(e.After()), e.JSON(d))
}

func (t *syncTeller) bookmark(b []byte, at graphsync.Position) []byte {
	return appendSSE(b, "bookmark", t.token(at), marshal(bookmark{wholeRevision(at)}))
}

func (*syncTeller) cut(b []byte, c *watchCut) []byte {
	return appendSSE(b, "cut", c.Since, marshal(c))
}

// appendSSE adds an event with an id.
func appendSSE(b []byte, name, id string, data []byte) []byte {
	if name != "" {
		b = append(append(append(b, "event: "...), name...), '\n')
	}
	b = append(append(append(b, "id: "...), id...), "\ndata: "...)
	return append(append(b, data...), "\n\n"...)
}

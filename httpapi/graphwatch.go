package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/access"
)

// Watches is what the routes that follow the graph ask. *graphsync.Service
// implements it.
type Watches interface {
	Watch(ctx context.Context, q graphsync.WatchQuery) (*graphsync.Watcher, error)
}

var _ Watches = (*graphsync.Service)(nil)

const (
	mediaSSE   = "text/event-stream"
	mediaLines = "application/x-ndjson"
	mediaJSON  = "application/json"

	// pollWait is how long a poll waits by default, and maxPollWait at most.
	pollWait    = 30 * time.Second
	maxPollWait = 5 * time.Minute
)

func (a *API) watchEntries() []Entry {
	if a.cfg.Watches == nil {
		return nil
	}
	return []Entry{Plain(Route{Method: http.MethodGet, Path: "/graph/stream", Summary: "Changes of the graph as they happen: server-sent events, JSON lines or a long poll",
		Role: access.RoleViewer, Query: watchParameters, Timeout: -1, Produces: []string{mediaSSE, mediaLines, mediaJSON}}, a.watchGraph)}
}

// watchGraph follows the graph. Which way is said by feed, or by Accept.
func (a *API) watchGraph(c *gin.Context) {
	feed := c.Query("feed")
	if feed == "" {
		feed = map[string]string{mediaSSE: "sse", mediaLines: "lines", mediaJSON: "longpoll"}[c.Request.Header.Get("Accept")]
	}
	q, err := watchQuery(c.Request)
	if err != nil {
		a.Refuse(c, err)
		return
	}
	q.Permit = a.permit(c)
	var tell watchTeller
	switch feed {
	case "sse":
		tell = &sseTeller{}
	case "lines":
		tell = &lineTeller{}
	case "longpoll":
		a.pollGraph(c, q)
		return
	default:
		a.Refuse(c, invalid("query.feed", "feed is sse, lines or longpoll"))
		return
	}
	if c.Request.URL.Query().Has("timeout") {
		a.Refuse(c, invalid("query.timeout", "timeout goes with feed=longpoll only"))
		return
	}
	s := a.openStream(c)
	defer s.end()
	w, err := a.cfg.Watches.Watch(s.ctx, q)
	if err != nil {
		a.Refuse(c, s.cause(named(s.ctx, err, "query")))
		return
	}
	defer w.Close()
	h := c.Writer.Header()
	setRevision(h, w.At().Revision)
	h.Set("Content-Type", tell.media())
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies must not collect events
	c.Status(http.StatusOK)
	defer a.counted(feed)()
	ended := a.follow(s, w, tell, q.Detail)
	exchangeOf(s.ctx).ended = ended
	a.figures.ended.WithLabelValues(ended).Inc()
}

// Why a stream ended that was not told: the client left, or took nothing.
const (
	endedGone   = "GONE"
	endedUnread = "READS_NOTHING"
)

// follow tells a watcher's steps until it ends, and returns why.
func (a *API) follow(s *stream, w *graphsync.Watcher, tell watchTeller, d graphsync.Detail) (ended string) {
	for {
		step, err := w.Next(s.ctx)
		if err != nil {
			cut := a.cutOf(s, w, err)
			if cut == nil { // a write that failed ends the request too
				return s.unwritten(err)
			}
			_, _ = s.Write(tell.cut(nil, cut)) // the client may be gone already
			return cut.Code
		}
		if err := tellStep(s, tell, step, d); err != nil {
			return s.unwritten(err)
		}
	}
}

// counted counts a watcher until the function it returns is called.
func (a *API) counted(feed string) (leave func()) {
	g := a.figures.watching.WithLabelValues(feed)
	g.Inc()
	return g.Dec
}

// permit looks at the caller's credential again, so that a stream ends with it.
func (a *API) permit(c *gin.Context) func() error {
	x := exchangeOf(c.Request.Context())
	if x.socket {
		return nil
	}
	route := x.route
	credential, err := credentialOf(c.Request.Header)
	return func() error {
		if err != nil {
			return err
		}
		caller, err := a.cfg.Auth.Authenticate(credential)
		if err != nil {
			return err
		}
		if e := route.allows(caller); e != nil {
			return e
		}
		return nil
	}
}

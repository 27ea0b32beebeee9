package httpapi

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// feedPing is how often a feed that has nothing to say says so.
const feedPing = 15 * time.Second

// feedTeller spells a feed of events that are not of the graph.
type feedTeller interface {
	media() string
	// event spells one event; name "" is what the feed is for.
	event(b []byte, name, id string, data []byte) []byte
	ping(b []byte) []byte
}

// sseFeed writes server-sent events. What the feed is for has no name, so that a
// browser's onmessage has it.
type sseFeed struct{}

func (sseFeed) media() string { return mediaSSE }

func (sseFeed) event(b []byte, name, id string, data []byte) []byte {
	if id != "" {
		return appendSSE(b, name, id, data)
	}
	if name != "" {
		b = append(append(append(b, "event: "...), name...), '\n')
	}
	return append(append(append(b, "data: "...), data...), "\n\n"...)
}

func (sseFeed) ping(b []byte) []byte { return append(b, ": ping\n\n"...) }

// lineFeed writes one JSON object a line.
type lineFeed struct{}

func (lineFeed) media() string { return mediaLines }

func (lineFeed) event(b []byte, name, id string, data []byte) []byte {
	if name == "" {
		name = "message"
	}
	b = append(append(append(b, `{"event":"`...), name...), '"')
	if id != "" {
		b = append(append(append(b, `,"id":"`...), id...), '"')
	}
	b = append(append(b, `,"data":`...), data...)
	return append(b, "}\n"...)
}

func (l lineFeed) ping(b []byte) []byte { return l.event(b, "ping", "", []byte("null")) }

// beginFeed answers with a feed in the way that Accept says.
func (a *API) beginFeed(c *gin.Context) feedTeller {
	var tell feedTeller = sseFeed{}
	if c.Request.Header.Get("Accept") == mediaLines {
		tell = lineFeed{}
	}
	h := c.Writer.Header()
	h.Set("Content-Type", tell.media())
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies must not collect events
	c.Status(http.StatusOK)
	return tell
}

// feedCut is the last event of a feed: why it ends.
type feedCut struct {
	Code     string         `json:"code"`
	Sentence string         `json:"error"`
	Details  map[string]any `json:"details,omitempty"`
}

// cutFeed tells why a feed ends, where somebody listens still, and returns it
// for the log and the figures.
func (a *API) cutFeed(s *stream, tell feedTeller, err error) (ended string) {
	if s.ctx.Err() != nil {
		if err = s.cause(nil); err == nil {
			return endedGone
		}
	}
	e := a.asError(s.ctx, err)
	_, _ = s.Write(tell.event(nil, "cut", "", marshal(feedCut{e.Code, e.Sentence, e.Details}))) // the client may be gone already
	return e.Code
}

// ended notes how a feed ended.
func (a *API) endedFeed(s *stream, ended string) {
	exchangeOf(s.ctx).ended = ended
	a.figures.ended.WithLabelValues(ended).Inc()
}

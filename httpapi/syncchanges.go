package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/graphsync"
)

// changesParameters names the query parameters of the changes; what choose
// among them are those of /graph/stream.
var changesParameters = []string{"ns", "session_id", "since", "types", "kind", "type", "node_type", "edge_type", "node_id", "key", "key[]", "include", "feed", "limit", "timeout", "heartbeat"}

const (
	feedNormal   = "normal"
	feedLongpoll = "longpoll"
	feedSSE      = "sse"

	// Bounds of heartbeat.
	minHeartbeat, maxHeartbeat = 100 * time.Millisecond, 5 * time.Minute
)

// entityKinds are the words of types that are no type names.
var entityKinds = []string{graphsync.EntityNode, graphsync.EntityEdge, graphsync.EntityObservation, graphsync.EntityVector, graphsync.EntitySchema, graphsync.EntityRetention, graphsync.EntityConflict}

// changesAsked is a request for changes as read.
type changesAsked struct {
	graphsync.ChangesQuery
	feed            string
	wait, heartbeat time.Duration
}

// syncFilter reads what chooses among changes.
func syncFilter(v url.Values) (f graphsync.WatchFilter, err error) {
	namespace, err := NamespaceInput{NS: v.Get("ns"), SessionID: v.Get("session_id")}.namespace()
	if err != nil {
		return f, err
	}
	if namespace == "" && (v.Has("ns") || v.Has("session_id")) {
		return f, invalid("query.ns", "ns names a namespace, or is left out for all")
	}
	f = graphsync.WatchFilter{Namespace: namespace, Kinds: words(v, "kind"), Keys: v["key[]"],
		NodeTypes: slices.Concat(words(v, "node_type"), words(v, "type")),
		EdgeTypes: slices.Concat(words(v, "edge_type"), words(v, "type"))}
	// A word of types is a kind of thing, or a type of nodes and edges.
	for _, word := range words(v, "types") {
		if slices.Contains(entityKinds, word) {
			f.Kinds = append(f.Kinds, word)
			continue
		}
		f.NodeTypes, f.EdgeTypes = append(f.NodeTypes, word), append(f.EdgeTypes, word)
	}
	if v.Has("key") {
		f.Keys = append(f.Keys, v.Get("key"))
	}
	for _, word := range words(v, "node_id") {
		id, err := strconv.ParseUint(word, 10, 64)
		if err != nil || id == 0 {
			return f, invalid("query.node_id", "node_id is one or more ids, with commas between them")
		}
		f.Nodes = append(f.Nodes, id)
	}
	return f, nil
}

func changesQuery(r *http.Request) (q changesAsked, err error) {
	v := r.URL.Query()
	if q.WatchFilter, err = syncFilter(v); err != nil {
		return q, err
	}
	var ok bool
	if q.Detail, ok = watchDetail(v.Get("include")); !ok {
		return q, invalid("query.include", "include is ids, values or before")
	}
	q.Since = v.Get("since")
	if last := r.Header.Get("Last-Event-Id"); last != "" { // a browser's, which knows better
		q.Since = last
	}
	if q.Since == "0" { // before everything, as in other feeds
		q.Since = ""
	}
	if q.feed = v.Get("feed"); q.feed == "" {
		q.feed = map[string]string{mediaSSE: feedSSE, mediaJSON: feedNormal}[r.Header.Get("Accept")]
	}
	if q.feed != feedNormal && q.feed != feedLongpoll && q.feed != feedSSE {
		return q, invalid("query.feed", "feed is normal, longpoll or sse")
	}
	if text := v.Get("limit"); text != "" {
		q.Limit, err = strconv.Atoi(text)
		if err != nil || q.Limit < 1 || q.Limit > graphsync.MaxChangesLimit {
			return q, invalid("query.limit", "limit is 1 to "+strconv.Itoa(graphsync.MaxChangesLimit))
		}
		if q.feed == feedSSE {
			return q, invalid("query.limit", "limit goes with feed=normal and longpoll only")
		}
	}
	q.wait = pollWait
	if text := v.Get("timeout"); text != "" {
		if q.wait, err = duration(text); err != nil || q.wait < 0 || q.wait > maxPollWait || q.feed != feedLongpoll {
			return q, invalid("query.timeout", "timeout is a duration of at most "+maxPollWait.String()+", such as 30s, and goes with feed=longpoll only")
		}
	}
	if text := v.Get("heartbeat"); text != "" {
		if q.heartbeat, err = duration(text); err != nil || q.heartbeat < minHeartbeat || q.heartbeat > maxHeartbeat || q.feed == feedNormal {
			return q, invalid("query.heartbeat", "heartbeat is a duration from "+minHeartbeat.String()+" to "+maxHeartbeat.String()+", such as 10s, and goes with feed=sse and longpoll only")
		}
	}
	return q, nil
}

// duration reads 30s, or a whole number of milliseconds.
func duration(text string) (time.Duration, error) {
	if ms, err := strconv.ParseInt(text, 10, 32); err == nil {
		return time.Duration(ms) * time.Millisecond, nil
	}
	return time.ParseDuration(text)
}

// syncChanges answers what changed after a token, in the form asked for.
func (a *API) syncChanges(c *gin.Context) {
	q, err := changesQuery(c.Request)
	if err != nil {
		a.Refuse(c, err)
		return
	}
	ro, err := ReadOptions(c.Request)
	if err != nil {
		a.Refuse(c, err)
		return
	}
	s := a.openStream(c)
	defer s.end()
	asking, cancel := context.WithTimeout(s.ctx, a.cfg.Timeout)
	defer cancel()
	page, info, err := a.cfg.Sync.Changes(asking, ro, q.ChangesQuery)
	if err != nil {
		a.Refuse(c, s.cause(syncError(s.ctx, refusedRead(s.ctx, info, err), "query")))
		return
	}
	q.Since = page.Token
	switch {
	case q.feed == feedSSE:
		a.feedChanges(c, s, &q, page)
		return
	case q.feed == feedLongpoll && len(page.Events) == 0 && page.UpToDate && q.wait > 0:
		a.waitForChanges(c, s, &q, page)
		return
	}
	h := c.Writer.Header()
	SetReadInfo(h, info)
	h.Set("Content-Type", mediaJSON)
	h.Set("Cache-Control", "no-store")
	c.Status(http.StatusOK)
	_, _ = s.Write(changesBody(nil, &page, q.Detail)) // the client may be gone; there is nobody to tell
}

// changesBody spells a page.
func changesBody(b []byte, p *graphsync.ChangesPage, d graphsync.Detail) []byte {
	b = append(b, `{"events":[`...)
	for i, e := range p.Events {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, e.JSON(d)...)
	}
	b = append(b, `],"count":`...)
	b = strconv.AppendInt(b, int64(len(p.Events)), 10)
	b = append(append(b, `,"token":"`...), p.Token...)
	b = append(b, `","up_to_date":`...)
	b = strconv.AppendBool(b, p.UpToDate)
	b = append(b, `,"revision":`...)
	return append(strconv.AppendUint(b, p.Revision, 10), "}\n"...)
}

// waitForChanges is a long poll that has found nothing yet. With a heartbeat
// the answer begins at once, with line breaks, which JSON allows there.
func (a *API) waitForChanges(c *gin.Context, s *stream, q *changesAsked, page graphsync.ChangesPage) {
	give, err := a.takePoll(s.ctx)
	if err != nil {
		a.Refuse(c, err)
		return
	}
	defer give()
	defer a.counted(feedLongpoll)()
	w, err := a.cfg.Sync.Watch(s.ctx, q.ChangesQuery, a.permit(c))
	if err != nil {
		a.Refuse(c, s.cause(syncError(s.ctx, err, "query")))
		return
	}
	defer w.Close()
	h := c.Writer.Header()
	h.Set("Content-Type", mediaJSON)
	h.Set("Cache-Control", "no-store")
	out, begun, still := &beating{s: s}, q.heartbeat > 0, func() {}
	if begun {
		c.Status(http.StatusOK)
		still = out.beat(q.heartbeat, "\n")
		defer still()
	}
	waiting, cancel := context.WithTimeout(s.ctx, q.wait)
	defer cancel()
	limit := q.Limit
	if limit == 0 {
		limit = graphsync.DefaultChanges
	}
	size := 0
	for len(page.Events) < limit && size < maxPollBytes {
		var step graphsync.Step
		if step, err = w.Next(waiting); err != nil {
			if waiting.Err() != nil && s.ctx.Err() == nil {
				err = nil // nothing more came in time
			}
			break
		}
		for _, e := range step.Events {
			size += len(e.JSON(q.Detail))
		}
		if page.Events = append(page.Events, step.Events...); len(page.Events) > 0 {
			cancel() // from here on only what is there already
		}
	}
	still()
	if err == nil {
		page.UpToDate, page.Revision = len(page.Events) < limit && size < maxPollBytes, wholeRevision(w.At())
		page.Token, err = a.cfg.Sync.Token(q.WatchFilter, w.At())
	}
	switch {
	case err != nil && begun:
		a.breakOff(s, err)
	case err != nil:
		a.Refuse(c, s.cause(syncError(s.ctx, err, "query")))
		return
	case !begun:
		setRevision(h, page.Revision)
		c.Status(http.StatusOK)
	}
	_, _ = s.Write(changesBody(nil, &page, q.Detail))
}

// wholeRevision is the last revision all of which lies before a place.
func wholeRevision(p graphsync.Position) uint64 {
	if p.Inside {
		return p.Revision - 1
	}
	return p.Revision
}

// beating writes a stream from two goroutines: the handler's, and one that
// keeps the connection from looking dead.
type beating struct {
	mu sync.Mutex
	s  *stream
}

// Write sends a part of the answer.
func (b *beating) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.s.Write(p)
}

// unwritten is why a write failed.
func (b *beating) unwritten(err error) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.s.unwritten(err)
}

// beat writes a text again and again until the function it returns is called,
// which waits for its goroutine.
func (b *beating) beat(every time.Duration, text string) (end func()) {
	done := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if _, err := b.Write([]byte(text)); err != nil {
					return // the stream's own writes find the same
				}
			case <-done:
				return
			}
		}
	})
	return sync.OnceFunc(func() { close(done); work.Wait() })
}

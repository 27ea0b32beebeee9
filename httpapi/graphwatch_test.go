package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/access"
)

func watchAPI(t testing.TB, change ...func(*Config)) *API {
	return graphAPI(t, append([]func(*Config){func(c *Config) { c.Watches = c.Graph.(*graphsync.Service) }}, change...)...)
}

// sseEvent is one event of a stream as a client sees it.
type sseEvent struct {
	name, id, data string
	body           map[string]any
}

// events reads a stream of server-sent events.
type events struct {
	t     testing.TB
	res   *http.Response
	lines *bufio.Reader
}

func startWatch(t testing.TB, url string, client *http.Client, query string, header ...string) *events {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), until)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", url+"/graph/stream"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", viewerKey)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(res.Body)
		t.Fatalf("%s: %d %s", query, res.StatusCode, text)
	}
	return &events{t, res, bufio.NewReader(res.Body)}
}

// next reads an event of the name given; "" is a change.
func (s *events) next(name string) sseEvent {
	s.t.Helper()
	var e sseEvent
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			s.t.Fatalf("the stream ended: %v", err)
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "data":
			e.data = value
		case "":
			if line == "\n" && e.data != "" {
				if err := json.Unmarshal([]byte(e.data), &e.body); err != nil || e.name != name {
					s.t.Fatalf("%+v %v, want %q", e, err, name)
				}
				return e
			}
		}
	}
}

// A stream says where it begins, then what changes, and can be resumed after
// any event.
func TestWatchSSE(t *testing.T) {
	a := watchAPI(t)
	transports(t, a, func(t *testing.T, url string, client *http.Client) {
		s := startWatch(t, url, client, "?session_id=s")
		begin := s.next("bookmark")
		if h := s.res.Header; h.Get("Content-Type") != "text/event-stream" || h.Get("X-Mesh-Revision") != begin.id || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%v", h)
		}
		id := makeNode(t, a, "one", "")
		made := s.next("")
		data, _ := made.body["data"].(map[string]any)
		if made.body["entity_type"] != "node" || made.body["operation"] != "create" || made.body["entity_id"] != float64(id) || data["label"] != "one" ||
			made.body["timestamp"] == nil || made.body["session_id"] != "s" || made.body["type"] != "concept" || made.body["author"] != "user" {
			t.Errorf("%s", made.data)
		}
		call(t, a, 200, "POST", "/graph/batch", `{"session_id":"s","ops":[{"op":"create_node","type":"x","label":"2"},{"op":"create_node","type":"y","label":"3"}]}`)
		two, three := s.next(""), s.next("")
		if !strings.HasSuffix(two.id, "-0") || three.id+"-0" != two.id {
			t.Errorf("ids %s and %s", two.id, three.id)
		}
		for query, header := range map[string]string{"?since=" + made.id: "X-A: b", "?since=now": "Last-Event-ID: " + made.id} {
			again := startWatch(t, url, client, query, header)
			if b := again.next("bookmark"); b.id != made.id {
				t.Errorf("resumed at %s, not %s", b.id, made.id)
			}
			if e := again.next(""); e.data != two.data {
				t.Errorf("%s after %s", e.data, made.id)
			}
		}
		rest := startWatch(t, url, client, "?type=y", "Last-Event-ID: "+two.id)
		rest.next("bookmark")
		if e := rest.next(""); e.data != three.data {
			t.Errorf("%s, want %s", e.data, three.data)
		}
		call(t, a, 204, "DELETE", fmt.Sprintf("/graph/nodes/%d", id), "")
		gone := s.next("")
		if gone.body["operation"] != "delete" || gone.body["data"] != nil {
			t.Errorf("%s", gone.data)
		}
	})
}

func TestWatchLines(t *testing.T) {
	a := watchAPI(t)
	url, client := serveTLS(t, a)
	s := startWatch(t, url, client, "?include=ids", "Accept: application/x-ndjson")
	line := func() (m map[string]any) {
		t.Helper()
		text, err := s.lines.ReadString('\n')
		if err != nil || json.Unmarshal([]byte(text), &m) != nil {
			t.Fatal(text, err)
		}
		return m
	}
	if m := line(); m["id"] != "0" || m["bookmark"] == nil {
		t.Error(m)
	}
	makeNode(t, a, "one", "")
	if m := line(); m["id"] != "1" || m["operation"] != "create" || m["data"] != nil {
		t.Error(m)
	}
}

// A poll answers with what there is, or waits for the first change.
func TestWatchPoll(t *testing.T) {
	a := watchAPI(t)
	makeNode(t, a, "one", "")
	makeNode(t, a, "two", "")
	got := call(t, a, 200, "GET", "/graph/stream?feed=longpoll&since=0", "")
	if got.number(t, "count") != 2 || got.body["since"] != "2" || got.Header.Get("X-Mesh-Revision") != "2" {
		t.Error(got.text)
	}
	if got = call(t, a, 200, "GET", "/graph/stream?feed=longpoll&since=2&timeout=0s", ""); got.number(t, "count") != 0 || got.body["since"] != "2" {
		t.Error(got.text)
	}
	// What is filtered out does not hold an answer back.
	if got = call(t, a, 200, "GET", "/graph/stream?since=0&type=nothing&timeout=0s", "", "Accept: application/json"); got.number(t, "count") != 0 || got.body["since"] != "2" {
		t.Error(got.text)
	}
	url, client := serveTLS(t, a)
	answered := make(chan string)
	go func() {
		defer close(answered)
		req, err := http.NewRequestWithContext(t.Context(), "GET", url+"/graph/stream?feed=longpoll&since=2", nil)
		if err != nil {
			return
		}
		req.Header.Set("X-API-Key", viewerKey)
		res, err := client.Do(req)
		if err != nil {
			return
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		answered <- string(text)
	}()
	makeNode(t, a, "three", "")
	if text := <-answered; !strings.Contains(text, `"label":"three"`) || !strings.Contains(text, `"since":"3"`) {
		t.Error(text)
	}
}

func TestWatchRefusals(t *testing.T) {
	a := watchAPI(t)
	for query, want := range map[string]string{
		"?since=x":                        "INVALID query.since",
		"?since=01":                       "INVALID query.since",
		"?since=7":                        "AHEAD ",
		"?include=all":                    "INVALID query.include",
		"?feed=smoke":                     "INVALID query.feed",
		"?session_id=":                    "INVALID query.session_id",
		"?session_id=%01":                 "INVALID query.session_id",
		"?kind=person":                    "INVALID query.kind",
		"?type=a+b":                       "INVALID query.node_type",
		"?node_id=0":                      "INVALID query.node_id",
		"?node_id=1,x":                    "INVALID query.node_id",
		"?key=a":                          "INVALID query.session_id",
		"?kind=node&kind=edge":            "INVALID query.kind",
		"?feed=longpoll&timeout=1h":       "INVALID query.timeout",
		"?feed=longpoll&timeout=soon":     "INVALID query.timeout",
		"?timeout=1s":                     "INVALID query.timeout",
		"?surprise=1":                     "UNKNOWN_PARAMETER query.surprise",
		"?since=2020-01-01T00:00:00Z&x=1": "UNKNOWN_PARAMETER query.x",
	} {
		e := refusal(t, ask(t, a.Handler(), "GET", "/graph/stream"+query, "", "X-API-Key: "+viewerKey))
		field, _ := e.Details["field"].(string)
		if got := e.Code + " " + field; got != want {
			t.Errorf("%s: %s, want %s: %s", query, got, want, e.Sentence)
		}
	}
	if e := refusal(t, ask(t, a.Handler(), "GET", "/graph/stream", "", "X-API-Key: "+viewerKey, "Last-Event-ID: x")); e.Details["field"] != "header.Last-Event-ID" {
		t.Error(e)
	}
	if e := refusal(t, ask(t, a.Handler(), "GET", "/graph/stream", "")); e.Code != CodeUnauthorized {
		t.Error(e)
	}
}

// brokenWatches refuse.
type brokenWatches struct{ err error }

func (b brokenWatches) Watch(context.Context, graphsync.WatchQuery) (*graphsync.Watcher, error) {
	return nil, b.err
}

func TestWatchBelowTheLogIsGone(t *testing.T) {
	a := watchAPI(t, func(c *Config) {
		c.Watches = brokenWatches{&consensus.Refusal{Code: graphsync.CodeCompacted, Sentence: "gone", Details: map[string]string{"oldest": "7", "field": "since"}}}
	})
	for _, feed := range []string{"sse", "lines", "longpoll"} {
		res := ask(t, a.Handler(), "GET", "/graph/stream?since=1&feed="+feed, "", "X-API-Key: "+viewerKey)
		if e := refusal(t, res); res.StatusCode != 410 || e.Code != "COMPACTED" || e.Details["oldest"] != "7" || e.Details["field"] != "query.since" {
			t.Errorf("%s: %d %+v", feed, res.StatusCode, e)
		}
	}
	a = watchAPI(t, func(c *Config) { c.Watches = brokenWatches{consensus.Refuse(graphsync.CodeWatchers, "full")} })
	if res := ask(t, a.Handler(), "GET", "/graph/stream", "", "X-API-Key: "+viewerKey); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}

// withdrawable is a viewer's credential until it is taken back.
type withdrawable struct{ gone *atomic.Bool }

func (k withdrawable) Authenticate(string) (access.Principal, error) {
	if k.gone.Load() {
		return access.Principal{}, access.ErrBadCredential
	}
	return access.Principal{ID: "u", Role: access.RoleUser}, nil
}

// A stream ends with its credential, says so, and tells nothing more.
func TestWatchEndsWithTheKey(t *testing.T) {
	gone := &atomic.Bool{}
	a := watchAPI(t, func(c *Config) { c.Auth = withdrawable{gone} })
	url, client := serveTLS(t, a)
	s := startWatch(t, url, client, "")
	s.next("bookmark")
	socket := a.SocketHandler()
	gone.Store(true)
	res := ask(t, socket, "POST", "/graph/nodes", `{"session_id":"s","node_type":"a","label":"b","properties":{}}`)
	if res.StatusCode != 201 {
		t.Fatal(res.StatusCode)
	}
	if cut := s.next("cut"); cut.body["code"] != CodeUnauthorized || cut.body["since"] != "0" {
		t.Errorf("%s", cut.data)
	}
	if _, err := s.lines.ReadByte(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// A node that stops says so, and where to go on.
func TestWatchEndsWithTheNode(t *testing.T) {
	for i := range 2 {
		a := watchAPI(t)
		over(t, a, i, func(t *testing.T, url string, client *http.Client) {
			s := startWatch(t, url, client, "")
			s.next("bookmark")
			makeNode(t, a, "one", "")
			e := s.next("")
			ctx, cancel := context.WithTimeout(t.Context(), until)
			defer cancel()
			if err := a.Close(ctx); err != nil {
				t.Error(err)
			}
			if cut := s.next("cut"); cut.body["code"] != CodeClosing || cut.body["since"] != e.id || cut.id != e.id {
				t.Errorf("%s", cut.data)
			}
		})
	}
}

func FuzzWatchQuery(f *testing.F) {
	for _, s := range []string{"session_id=s&since=now", "since=1-2&kind=node,edge&type=a", "key[]=a&key[]=b&key=c&node_id=1,2", "since=2030-01-02T15:04:05+02:00&include=before", "%zz"} {
		f.Add(s, "17")
	}
	f.Fuzz(func(t *testing.T, query, last string) {
		r := httptest.NewRequest("GET", "/graph/stream", nil)
		r.URL.RawQuery = query
		r.Header["Last-Event-Id"] = []string{last}
		q, err := watchQuery(r)
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Details["field"] == nil) {
			t.Errorf("%v names no field", err)
		}
		if v, _ := url.ParseQuery(query); err == nil && q.After != nil && last == "" && q.After.String() != v.Get("since") {
			t.Errorf("since %q is read as %s", v.Get("since"), q.After)
		}
	})
}

// stuck is the connection of a client that takes the first bookmark and nothing
// more, until the write's deadline passes.
type stuck struct {
	*httptest.ResponseRecorder
	began chan struct{}
	fault error
}

func (s *stuck) Write(p []byte) (int, error) {
	if s.Body.Len() > 0 {
		return 0, s.fault
	}
	defer close(s.began)
	return s.ResponseRecorder.Write(p)
}

// A client that read nothing was dropped without a trace.
func TestWatchOfWhoReadsNothingLeavesATrace(t *testing.T) {
	for want, fault := range map[string]error{"READS_NOTHING": fmt.Errorf("write: %w", os.ErrDeadlineExceeded), "GONE": io.ErrClosedPipe} {
		var log lockedBuffer
		registry := prometheus.NewRegistry()
		a := watchAPI(t, func(c *Config) {
			c.Logger = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			c.Registerer, c.Gatherer = registry, registry
		})
		r := httptest.NewRequest("GET", "/graph/stream", nil)
		r.Host = "node1.lan:7443"
		r.Header.Set("X-API-Key", viewerKey)
		w := &stuck{httptest.NewRecorder(), make(chan struct{}), fault}
		done := make(chan struct{})
		go func() {
			defer close(done)
			a.Handler().ServeHTTP(w, r)
		}()
		<-w.began
		if got := call(t, a, 200, "GET", "/metrics", "", "X-API-Key: "+adminKey); !strings.Contains(got.text, `meshd_graph_watchers{feed="sse"} 1`) {
			t.Error("the watcher is not counted")
		}
		makeNode(t, a, "one", "")
		<-done
		level := map[string]string{"READS_NOTHING": "INFO", "GONE": "DEBUG"}[want]
		found := false
		for line := range strings.Lines(log.String()) {
			found = found || strings.Contains(line, `"route":"/graph/stream"`) && strings.Contains(line, `"ended":"`+want+`"`) && strings.Contains(line, `"level":"`+level+`"`)
		}
		if !found {
			t.Errorf("%s is not in the log: %s", want, log.String())
		}
		got := call(t, a, 200, "GET", "/metrics", "", "X-API-Key: "+adminKey)
		if !strings.Contains(got.text, `meshd_graph_watches_ended_total{reason="`+want+`"} 1`) || !strings.Contains(got.text, `meshd_graph_watchers{feed="sse"} 0`) {
			t.Error(got.text)
		}
	}
}

// Over a real connection it is the flush that waits until the deadline, and the
// request's end that is seen first.
func TestUnwrittenAfterAFlushThatWaited(t *testing.T) {
	s := stream{ctx: t.Context(), waited: writeGrace}
	if got := s.unwritten(context.Canceled); got != endedUnread {
		t.Error(got)
	}
	s.waited = writeGrace / 2
	if got := s.unwritten(context.Canceled); got != endedGone {
		t.Error(got)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(Fail(CodeClosing, ""))
	s = stream{ctx: ctx, waited: writeGrace}
	if got := s.unwritten(context.Canceled); got != CodeClosing {
		t.Error(got)
	}
}

// Polls had no bound of their own: each may come to hold a whole answer.
func TestPollsAreBounded(t *testing.T) {
	a := watchAPI(t)
	for range maxPolls {
		a.polls <- struct{}{}
	}
	poll := func() *http.Response {
		return ask(t, a.Handler(), "GET", "/graph/stream?feed=longpoll&timeout=1ms", "", "X-API-Key: "+viewerKey)
	}
	if res := poll(); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || refusal(t, res).Code != graphsync.CodeWatchers {
		t.Error(res.StatusCode, res.Header)
	}
	<-a.polls
	for range 2 {
		if res := poll(); res.StatusCode != 200 {
			t.Error(res.StatusCode)
		}
	}
}

package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/event"
	"github.com/meshd/meshd/node/message"
)

// openFeed opens a stream as server-sent events, by the key of testKeys.
func openFeed(t testing.TB, url string, client *http.Client, path, key string, header ...string) *events {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), until)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", key)
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
		t.Fatalf("%s: %d %s", path, res.StatusCode, text)
	}
	return &events{t, res, bufio.NewReader(res.Body)}
}

// A stream is the agent: live messages reach it and are answered by POST, what
// waits in the inbox comes with its number and is gone once acknowledged.
func TestInboxStream(t *testing.T) {
	for i := range 2 {
		a, _ := messageAPI(t)
		over(t, a, i, func(t *testing.T, url string, client *http.Client) { streamInbox(t, a, url, client) })
	}
}

func streamInbox(t *testing.T, a *API, url string, client *http.Client) {
	call(t, a, 200, "POST", "/messages", `{"id":"before","to":"reviewer","body":{"n":1},"durable":true}`)
	s := openFeed(t, url, client, "/messages/reviewer/stream", userKey)
	if h := s.res.Header; h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", h)
	}
	s.next("bookmark")
	first := s.next("")
	if first.body["message_id"] != "before" || first.id != fmt.Sprint(first.body["seq"]) || first.body["attempts"] != 1.0 || first.body["live"] != nil {
		t.Errorf("%s", first.data)
	}
	call(t, a, 200, "POST", "/messages", `{"id":"after","to":"reviewer","body":{"n":2},"durable":true}`)
	if e := s.next(""); e.body["message_id"] != "after" {
		t.Errorf("%s", e.data)
	}
	call(t, a, 204, "POST", "/messages/reviewer/ack", `{"message_ids":["before","after"]}`)
	if left := call(t, a, 200, "GET", "/messages/reviewer", ""); len(left.body["messages"].([]any)) != 0 {
		t.Error(left.text)
	}

	// A live message, and one whose sender waits.
	if got := call(t, a, 200, "POST", "/messages", `{"id":"l1","to":"reviewer","type":"query","body":"hi"}`, "X-API-Key: "+otherKey); got.body["status"] != "delivered" {
		t.Error(got.text)
	}
	live := s.next("")
	if live.body["live"] != true || live.body["message_type"] != "Query" || live.body["payload"] != "hi" || live.body["source_instance"] != "other" || live.id != "" || live.body["reply_to"] != nil {
		t.Errorf("%s", live.data)
	}
	for body, want := range map[string]string{`"body":{"ok":true}`: `"reply":{"ok":true}`, `"error":"no time","code":"BUSY"`: `"agent_code":"BUSY"`} {
		asked := make(chan string, 1)
		go func() {
			res := ask(t, a.Handler(), "POST", "/messages", `{"to":"reviewer","body":"how?","timeout":"5s"}`, "X-API-Key: "+otherKey)
			text, _ := io.ReadAll(res.Body)
			asked <- string(text)
		}()
		question := s.next("")
		word, _ := question.body["reply_to"].(string)
		if word == "" || question.body["deadline"] == nil {
			t.Fatalf("%s", question.data)
		}
		answer := fmt.Sprintf(`{"reply_to":%q,%s}`, word, body)
		call(t, a, 409, "POST", "/messages/other/reply", answer, "X-API-Key: "+otherKey)
		call(t, a, 204, "POST", "/messages/reviewer/reply", answer)
		if got := <-asked; !strings.Contains(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
		if e := call(t, a, 409, "POST", "/messages/reviewer/reply", answer); e.body["code"] != message.CodeNotWaiting {
			t.Error(e.text)
		}
	}
	call(t, a, 400, "POST", "/messages/reviewer/reply", `{"reply_to":"x"}`)
}

// A stream has no more unacknowledged than its limit, and goes on when some are.
func TestInboxStreamLimit(t *testing.T) {
	a, _ := messageAPI(t)
	for i := range 3 {
		call(t, a, 200, "POST", "/messages", fmt.Sprintf(`{"id":"m%d","to":"reviewer","body":%d,"durable":true}`, i, i))
	}
	url, client := serveTLS(t, a)
	s := openFeed(t, url, client, "/messages/reviewer/stream?limit=2&only=durable", userKey)
	s.next("bookmark")
	one, two := s.next(""), s.next("")
	if leased := call(t, a, 200, "GET", "/messages/reviewer?bodies=false", ""); strings.Count(leased.text, "lease_until") != 2 {
		t.Error(leased.text)
	}
	call(t, a, 204, "POST", "/messages/reviewer/ack", fmt.Sprintf(`{"seqs":[%s,%s]}`, one.id, two.id))
	if e := s.next(""); e.body["message_id"] != "m2" {
		t.Errorf("%s", e.data)
	}
	// Only durable ones: it is not attached.
	if e := call(t, a, 404, "POST", "/messages", `{"to":"reviewer","body":1}`); e.body["code"] != message.CodeUnknownAddress {
		t.Error(e.text)
	}
}

// Who peeks sees what is due, once, and takes nothing.
func TestInboxStreamPeeks(t *testing.T) {
	a, _ := messageAPI(t)
	url, client := serveTLS(t, a)
	s := openFeed(t, url, client, "/messages/reviewer/stream?peek=true&only=durable", userKey, "Accept: application/x-ndjson")
	line := func() (m struct {
		Event, ID string
		Data      map[string]any
	}) {
		t.Helper()
		text, err := s.lines.ReadString('\n')
		if err != nil || json.Unmarshal([]byte(text), &m) != nil {
			t.Fatal(text, err)
		}
		return m
	}
	if l := line(); l.Event != "bookmark" || s.res.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("%+v", l)
	}
	for i := range 3 {
		call(t, a, 200, "POST", "/messages", fmt.Sprintf(`{"id":"m%d","to":"reviewer","body":%d,"durable":true}`, i, i))
		if l := line(); l.Event != "message" || l.Data["message_id"] != fmt.Sprintf("m%d", i) || l.Data["attempts"] != 0.0 || l.ID != fmt.Sprint(l.Data["seq"]) {
			t.Errorf("%+v", l)
		}
	}
	if got := call(t, a, 200, "GET", "/messages/reviewer", ""); len(got.body["messages"].([]any)) != 3 || strings.Contains(got.text, "lease_until") {
		t.Error(got.text)
	}
	for _, query := range []string{"peek=true", "peek=1&only=durable", "peek=true&only=durable&lease=1s", "only=x", "lease=0", "limit=0", "limit=257", "topics=a//b", "topics=a&only=durable", "more=1"} {
		call(t, a, 400, "GET", "/messages/reviewer/stream?"+query, "")
	}
}

// A stream ends with its credential, and what it had not told stays.
func TestInboxStreamEndsWithItsCredential(t *testing.T) {
	var revoked atomic.Bool
	a, _ := messageAPI(t, func(c *Config) { c.Auth = oneRevoked{&revoked} })
	url, client := serveTLS(t, a)
	s := openFeed(t, url, client, "/messages/reviewer/stream", userKey)
	s.next("bookmark")
	revoked.Store(true)
	call(t, a, 200, "POST", "/messages", `{"to":"reviewer","body":1,"durable":true}`, "X-API-Key: "+otherKey)
	if e := s.next("cut"); e.body["code"] != CodeUnauthorized {
		t.Errorf("%s", e.data)
	}
	if rest, err := io.ReadAll(s.lines); err != nil || len(rest) != 0 {
		t.Errorf("%q %v", rest, err)
	}
	if got := call(t, a, 200, "GET", "/messages/reviewer", "", "X-API-Key: "+adminKey); strings.Contains(got.text, "lease_until") {
		t.Error(got.text)
	}
}

// oneRevoked takes userKey back.
type oneRevoked struct{ revoked *atomic.Bool }

func (r oneRevoked) Authenticate(credential string) (access.Principal, error) {
	if credential == userKey && r.revoked.Load() {
		return access.Principal{}, access.ErrBadCredential
	}
	return messageKeys.Authenticate(credential)
}

// Events come as they happen, of the types asked for, and can be gone on with
// after any of them.
func TestEvents(t *testing.T) {
	hub := event.NewHub(nil)
	a, _ := messageAPI(t, func(c *Config) { c.Events = hub })
	transports(t, a, func(t *testing.T, url string, client *http.Client) {
		s := openFeed(t, url, client, "/events?types=agent.*", viewerKey)
		if b := s.next("bookmark"); b.body["missed"] != false || b.body["since"] != b.id {
			t.Errorf("%s", b.data)
		}
		hub.Publish("node.alive", map[string]string{"node": "n2"})
		hub.Publish("agent.started", map[string]string{"agent": "reviewer"})
		hub.Publish("agent.stopped", map[string]string{"agent": "reviewer"})
		one, two := s.next(""), s.next("")
		if one.body["type"] != "agent.started" || two.body["type"] != "agent.stopped" || one.body["time"] == nil || one.id == two.id {
			t.Errorf("%s %s", one.data, two.data)
		}
		for path, header := range map[string]string{"/events?since=" + one.id: "X-A: b", "/events": "Last-Event-ID: " + one.id} {
			again := openFeed(t, url, client, path, viewerKey, header)
			if b := again.next("bookmark"); b.body["missed"] != false || b.id != one.id {
				t.Errorf("%s", b.data)
			}
			if e := again.next(""); e.data != two.data {
				t.Errorf("%s after %s", e.data, one.id)
			}
		}
		// An id of another node's, or one long gone.
		if b := openFeed(t, url, client, "/events?since=5", viewerKey).next("bookmark"); b.body["missed"] != true {
			t.Errorf("%s", b.data)
		}
	})
	for _, query := range []string{"types=A", "types=" + strings.Repeat("a,", 64) + "a", "since=-1", "since=x", "more=1"} {
		call(t, a, 400, "GET", "/events?"+query, "")
	}
}

// A listener that does not keep up is told so, and where to go on from is known.
func TestEventsFasterThanTaken(t *testing.T) {
	q := newEventQueue()
	for i := range maxEventsWaiting + 1 {
		q.put(event.Event{ID: uint64(i + 1)})
	}
	if list, over := q.take(); len(list) != maxEventsWaiting || !over {
		t.Errorf("%d %v", len(list), over)
	}
}

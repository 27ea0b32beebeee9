package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// An inbox is read, leased, given back, and what died is seen and redriven.
func TestInboxLife(t *testing.T) {
	a, _ := messageAPI(t)
	for i := range 3 {
		call(t, a, 200, "POST", "/messages", fmt.Sprintf(`{"id":"m%d","to":"reviewer","body":{"n":%d},"durable":true,"from":"writer%d"}`, i, i, i))
	}
	seqs := func(got answer) (out []uint64) {
		for _, m := range got.body["messages"].([]any) {
			out = append(out, answer{body: m.(map[string]any)}.number(t, "seq"))
		}
		return out
	}
	leased := call(t, a, 200, "GET", "/messages/reviewer?lease=10m&limit=2", "")
	if got := seqs(leased); !slices.Equal(got, []uint64{1, 2}) {
		t.Fatal(leased.text)
	}
	if got := seqs(call(t, a, 200, "GET", "/messages/reviewer?lease=10m", "")); !slices.Equal(got, []uint64{3}) {
		t.Error(got)
	}
	if all := call(t, a, 200, "GET", "/messages/reviewer", ""); len(seqs(all)) != 3 || !strings.Contains(all.text, `"lease_until"`) {
		t.Error(all.text)
	}
	call(t, a, 204, "POST", "/messages/reviewer/return", `{"seqs":[1]}`)
	if got := seqs(call(t, a, 200, "GET", "/messages/reviewer?lease=1m", "")); !slices.Equal(got, []uint64{1}) {
		t.Error(got)
	}
	call(t, a, 204, "POST", "/messages/reviewer/return", `{"seqs":[1,2],"final":true,"reason":"no such task"}`)
	dead := call(t, a, 200, "GET", "/messages/reviewer/dead", "")
	if got := seqs(dead); !slices.Equal(got, []uint64{1, 2}) || !strings.Contains(dead.text, `"reason":"no such task","death":"returned"`) {
		t.Error(dead.text)
	}
	if body := call(t, a, 200, "GET", "/messages/reviewer/3/body", ""); strings.TrimSpace(body.text) != `{"n":2}` || body.Header.Get("Content-Type") != "application/json" {
		t.Error(body.text, body.Header)
	}
	if e := call(t, a, 404, "GET", "/messages/reviewer/77/body", ""); e.body["code"] != "MESSAGE_UNKNOWN" {
		t.Error(e.text)
	}
	if got := call(t, a, 200, "POST", "/messages/reviewer/dead/redrive", `{"seqs":[2]}`); strings.TrimSpace(got.text) != `{"redriven":1}` {
		t.Error(got.text)
	}
	if got := call(t, a, 200, "POST", "/messages/reviewer/dead/drop", `{"all":true}`); strings.TrimSpace(got.text) != `{"dropped":1}` {
		t.Error(got.text)
	}
	if got := call(t, a, 200, "DELETE", "/messages/reviewer", ""); strings.TrimSpace(got.text) != `{"purged":2}` {
		t.Error(got.text)
	}
	record := call(t, a, 200, "GET", "/agents/reviewer", "")
	if got := record.body["inbox"].(map[string]any); fmt.Sprintf("%v %v %v", got["messages"], got["dead"], record.body["owner"]) != "0 2 user" {
		t.Error(record.text)
	}
	for path, body := range map[string]string{
		"/messages/reviewer/ack": `{}`, "/messages/reviewer/return": `{"seqs":[]}`, "/messages/reviewer/dead/redrive": `{}`,
		"/messages/reviewer/dead/drop": `{"seqs":[1],"all":true}`,
	} {
		call(t, a, 400, "POST", path, body)
	}
	for _, query := range []string{"wait=0s", "wait=6m", "lease=x", "lease=1s&bodies=false", "wait=1s&cursor=x", "limit=0", "limit=1001"} {
		call(t, a, 400, "GET", "/messages/reviewer?"+query, "")
	}
}

// A poll answers at once with what there is, and else when something comes; the
// same with a lease.
func TestInboxLongPoll(t *testing.T) {
	a, _ := messageAPI(t)
	for _, lease := range []string{"", "&lease=1m"} {
		polled := make(chan answer, 1)
		go func() { polled <- call(t, a, 200, "GET", "/messages/reviewer?wait=30s"+lease, "") }()
		waiting(t, a, "reviewer")
		call(t, a, 200, "POST", "/messages", `{"id":"came`+lease+`","to":"reviewer","body":1,"durable":true}`)
		select {
		case got := <-polled:
			if len(got.body["messages"].([]any)) != 1 {
				t.Error(got.text)
			}
		case <-time.After(until):
			t.Fatal("the poll was not woken")
		}
		call(t, a, 204, "POST", "/messages/ack/reviewer", `{"message_ids":["came`+lease+`"]}`)
	}
	if got := call(t, a, 200, "GET", "/messages/reviewer?wait=10ms", ""); strings.TrimSpace(got.text) != `{"messages":[]}` {
		t.Error(got.text)
	}
	// What is delayed wakes by time.
	call(t, a, 200, "POST", "/messages", `{"to":"reviewer","body":1,"durable":true,"delay":"50ms"}`)
	if got := call(t, a, 200, "GET", "/messages/reviewer?wait=30s&lease=1m", ""); len(got.body["messages"].([]any)) != 1 {
		t.Error(got.text)
	}
	a.polls = make(chan struct{}) // none may wait
	if e := call(t, a, 503, "GET", "/messages/reviewer?wait=1s&lease=1s", ""); e.body["code"] != "TOO_MANY_WATCHERS" {
		t.Error(e.text)
	}
}

// waiting returns when a request waits for the inbox.
func waiting(t testing.TB, a *API, agent string) {
	t.Helper()
	for end := time.Now().Add(until); ; {
		a.inboxWaits.mu.Lock()
		n := len(a.inboxWaits.waiting[agent])
		a.inboxWaits.mu.Unlock()
		if n > 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("nobody waits")
		}
		time.Sleep(time.Millisecond)
	}
}

// A node that stops lets its polls go.
func TestPollsEndWithTheNode(t *testing.T) {
	a, _ := messageAPI(t)
	polled := make(chan answer, 1)
	go func() { polled <- call(t, a, 200, "GET", "/messages/reviewer?wait=5m", "") }()
	waiting(t, a, "reviewer")
	ctx, cancel := context.WithTimeout(t.Context(), until)
	defer cancel()
	if err := a.Close(ctx); err != nil {
		t.Error(err)
	}
	<-polled
}

// A stream's parameters are taken or refused, never half.
func FuzzStreamQuery(f *testing.F) {
	for _, s := range []string{"lease=1s&limit=3", "only=durable&peek=true", "topics=a,b/*,c/>", "lease=-1s", "limit=x", "%zz", "only=live&only=live"} {
		f.Add(s)
	}
	a, _ := messageAPI(f)
	f.Fuzz(func(t *testing.T, query string) {
		u := (&url.URL{Path: "/messages/reviewer/stream", RawQuery: query}).String()
		if r, err := http.NewRequest("GET", u, nil); err != nil || strings.ContainsAny(query, " \r\n") || r.URL.Fragment != "" {
			return
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // a stream that is taken ends at once
		r := httptest.NewRequest("GET", u, nil).WithContext(ctx)
		r.Host = "node1.lan"
		r.Header.Set("X-API-Key", userKey)
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != 503 {
			t.Fatalf("%s: %d %s", query, w.Code, w.Body)
		}
	})
}

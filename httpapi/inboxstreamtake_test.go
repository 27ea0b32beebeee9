package httpapi

import (
	"fmt"
	"strings"
	"testing"
)

// Streams that nobody reads leased all of an inbox whenever their leases ended,
// for as long as they stood; who did read got nothing.
func TestStreamThatNobodyReadsLeavesTheInboxToOthers(t *testing.T) {
	t.Parallel()
	a, _ := messageAPI(t)
	url, client := serveTLS(t, a)
	const sent = 20
	for i := range sent {
		call(t, a, 200, "POST", "/messages", fmt.Sprintf(`{"id":"m%d","to":"reviewer","body":%d,"durable":true}`, i, i))
	}
	s := openFeed(t, url, client, "/messages/reviewer/stream?only=durable&lease=1s", userKey)
	s.next("bookmark")
	for range sent {
		s.next("")
	}
	again := s.next("")
	if again.body["attempts"] != 2.0 {
		t.Errorf("%s", again.data)
	}
	if left := call(t, a, 200, "GET", "/messages/reviewer?bodies=false", ""); strings.Count(left.text, `"attempts":2`) > 1 {
		t.Errorf("it took more than one again: %s", left.text)
	}
	others := call(t, a, 200, "GET", "/messages/reviewer?lease=1m&limit=10&wait=30s", "")
	if list := others.body["messages"].([]any); len(list) != 10 {
		t.Errorf("others have %d", len(list))
	}
	// One acknowledgement, and it has as many as before.
	call(t, a, 204, "POST", "/messages/reviewer/ack", `{"seqs":[`+again.id+`]}`)
	seen := map[string]bool{}
	for len(seen) < sent-10-1 {
		e := s.next("")
		seen[e.id] = true
		call(t, a, 204, "POST", "/messages/reviewer/ack", `{"seqs":[`+e.id+`]}`)
	}
}

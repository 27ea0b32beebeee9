package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// sseLine is one event of a feed.
type sseLine struct{ name, id, data string }

// feed reads events until enough says so.
func feed(t testing.TB, url string, client *http.Client, query string, header map[string]string, enough func(sseLine) bool) []sseLine {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", url+"/sync/changes?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+viewerKey)
	req.Header.Set("Accept", "text/event-stream")
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s %v", res.Status, res.Header)
	}
	var out []sseLine
	var now sseLine
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		switch name, value, _ := strings.Cut(lines.Text(), ": "); {
		case lines.Text() == "" && now != (sseLine{}):
			out = append(out, now)
			if enough(now) {
				return out
			}
			now = sseLine{}
		case name == "event":
			now.name = value
		case name == "id":
			now.id = value
		case name == "data":
			now.data = value
		case name == "" && value != "":
			now.name = ":" + value
		}
	}
	t.Fatalf("the feed ended: %v after %+v", lines.Err(), out)
	return nil
}

func TestSyncFeed(t *testing.T) {
	a := syncAPI(t)
	url, client := serveTLS(t, a)
	for i := range 3 {
		addNode(t, a, "s", fmt.Sprintf("n%d", i))
	}
	got := feed(t, url, client, "ns=s", nil, func(e sseLine) bool {
		if e.name == "up_to_date" {
			addNode(t, a, "s", "live")
		}
		return strings.Contains(e.data, `"live"`)
	})
	var names []string
	for _, e := range got {
		if e.id == "" {
			t.Errorf("without an id: %+v", e)
		}
		names = append(names, e.name)
	}
	if strings.Join(names, ",") != ",,,up_to_date," {
		t.Errorf("%q", names)
	}
	// An id is a token, for a feed that goes on and for a page.
	rest := feed(t, url, client, "ns=s&since=now", map[string]string{"Last-Event-ID": got[1].id}, func(e sseLine) bool { return e.name == "up_to_date" })
	if len(rest) != 3 || rest[0].data != got[2].data {
		t.Errorf("%+v", rest)
	}
	var p page
	wants(t, a, viewerKey, 200, &p, "GET", "/sync/changes?ns=s&since="+got[3].id, "")
	if p.Count != 1 || p.Events[0].Data.Label != "live" {
		t.Errorf("%+v", p)
	}
	feed(t, url, client, "ns=s&heartbeat=100ms", nil, func(e sseLine) bool { return e.name == ":heartbeat" })
}

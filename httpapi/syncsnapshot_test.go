package httpapi

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
)

// A snapshot and the changes behind its token are the whole, without gap or
// overlap, in one answer or in pages.
func TestSyncSnapshot(t *testing.T) {
	a := syncAPI(t)
	var ids []uint64
	for i := range 7 {
		ids = append(ids, addNode(t, a, "s", fmt.Sprintf("n%d", i)))
	}
	wants(t, a, userKey, 201, nil, "POST", "/graph/edges", fmt.Sprintf(`{"session_id":"s","source_id":%d,"target_id":%d,"edge_type":"SEES"}`, ids[0], ids[1]))
	wants(t, a, userKey, 201, nil, "POST", fmt.Sprintf("/graph/nodes/%d/observations", ids[0]), `{"text":"seen"}`)
	read := func(query string) (kinds, token, cursor string) {
		t.Helper()
		res := textAt(t, a, "/sync/snapshot?ns=s"+query)
		for _, line := range strings.Split(strings.TrimSpace(res), "\n") {
			var l struct {
				Node, Edge, Observation *struct{ ID uint64 }
				Token, Cursor           string
				Revision                uint64
			}
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			switch {
			case l.Node != nil:
				kinds += "n"
			case l.Edge != nil:
				kinds += "e"
			case l.Observation != nil:
				kinds += "o"
			case l.Revision == 0:
				t.Errorf("%s", line)
			default:
				token, cursor = l.Token, l.Cursor
			}
		}
		return kinds, token, cursor
	}
	whole, token, _ := read("")
	if whole != "nnnnnnneo" || token == "" {
		t.Fatalf("%s %q", whole, token)
	}
	addNode(t, a, "s", "later")
	pages, cursor := "", ""
	for token = ""; token == ""; {
		q := "&limit=2"
		if cursor != "" {
			q += "&cursor=" + cursor
		}
		var part string
		if part, token, cursor = read(q); len(part) > 2 {
			t.Fatalf("a page has %s", part)
		}
		if pages += part; pages == "nn" {
			addNode(t, a, "s", "meanwhile")
		}
	}
	if pages != "nnnnnnnneo" {
		t.Errorf("the pages have %s", pages)
	}
	var p page
	wants(t, a, viewerKey, 200, &p, "GET", "/sync/changes?ns=s&since="+token, "")
	if p.Count != 1 || p.Events[0].Data.Label != "meanwhile" {
		t.Errorf("%+v", p)
	}
	var one struct {
		Items []json.RawMessage
		Token string
	}
	req := ask(t, a.Handler(), "GET", "/sync/snapshot?ns=s&kind=node", "", "Authorization: Bearer "+viewerKey, "Accept: application/json")
	if err := json.NewDecoder(req.Body).Decode(&one); err != nil || len(one.Items) != 9 || one.Token == "" {
		t.Errorf("%v %+v", err, one)
	}
	for _, bad := range []string{"", "?ns=s&at=x", "?ns=s&at=0", "?ns=s&cursor=x", "?ns=s&limit=0", "?ns=s&since=x", "?ns=s&node_id=3"} {
		wants(t, a, viewerKey, 400, nil, "GET", "/sync/snapshot"+bad, "")
	}
	wants(t, a, readsOthers, 403, nil, "GET", "/sync/snapshot?ns=s", "")
}

// textAt is the text of an answer in the first form that the route has.
func textAt(t testing.TB, a *API, target string) string {
	t.Helper()
	res := ask(t, a.Handler(), "GET", target, "", "Authorization: Bearer "+viewerKey)
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%s: %s %s %v", target, res.Status, text, err)
	}
	return string(text)
}

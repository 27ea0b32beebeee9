package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/meshd/meshd/node/socket"
)

// A broken stream is taken up where it ended, whatever ended it, and a change
// is shown once.
func TestGraphWatchGoesOn(t *testing.T) {
	const change = `{"id":"%s","revision":%d,"entity_type":"node","entity_id":%d,"operation":"create","timestamp":"2030-01-02T15:04:05Z","type":"person","data":{"label":"L%d"}}` + "\n"
	streams := []string{
		`{"id":"4","bookmark":{"revision":4}}` + "\n" + fmt.Sprintf(change, "5-0", 5, 1, 1),
		fmt.Sprintf(change, "5", 5, 2, 2) + `{"id":"5","cut":{"code":"TOO_SLOW","error":"too slow"}}` + "\n",
		`{"id":"6","cut":{"code":"CLOSING","error":"the node is stopping"}}` + "\n",
		"503",
		fmt.Sprintf(change, "7", 7, 3, 3) + `{"id":"8"`,
		fmt.Sprintf(change, "9", 9, 4, 4),
	}
	s := newStandIn(t, nil)
	var asked []string
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := len(asked)
		asked = append(asked, r.URL.Query().Get("since"))
		switch {
		case n >= len(streams):
			w.WriteHeader(http.StatusGone)
			_, _ = io.WriteString(w, `{"error":"gone","code":"COMPACTED"}`)
		case streams[n] == "503":
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"error":"not now","code":"OVERLOADED"}`)
		default:
			_, _ = io.WriteString(w, streams[n])
		}
	})
	serveAt(t, s, handler)
	code, out, errOut := s.meshd("", "graph", "watch", "--session", "s", "--since", "3", "--type", "person", "--limit", "4", "--json")
	if code != 0 || errOut != "" {
		t.Errorf("exit %d: %s", code, errOut)
	}
	if want := []string{"3", "5-0", "5", "6", "6", "7"}; !slices.Equal(asked, want) {
		t.Errorf("asked since %v, want %v", asked, want)
	}
	var ids []string
	for l := range strings.Lines(out) {
		ids = append(ids, l[7:strings.Index(l, `",`)])
	}
	if want := []string{"5-0", "5", "7", "9"}; !slices.Equal(ids, want) {
		t.Errorf("shown %v, want %v", ids, want)
	}

	// What is no longer kept ends it.
	if code, _, errOut = s.meshd("", "graph", "watch", "--since", "1"); code != 4 || !strings.Contains(errOut, "gone") {
		t.Errorf("exit %d: %s", code, errOut)
	}
	asked = nil
	code, out, _ = s.meshd("", "graph", "watch", "--all", "--limit", "1")
	if code != 0 || !strings.Contains(out, "create  node 1  person  L1") {
		t.Errorf("exit %d: %s", code, out)
	}
}

// serveAt serves a stand-in's directory by another handler.
func serveAt(t *testing.T, s *standIn, h http.Handler) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Listener.Close()
	s.data = t.TempDir()
	l, err := socket.Listen(s.data, "")
	if err != nil {
		t.Fatal(err)
	}
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
}

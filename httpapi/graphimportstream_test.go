package httpapi

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// transports runs a test over both ways an import can come: HTTP/1.1 must be
// told to read and write at once, HTTP/2 does by itself.
func transports(t *testing.T, a *API, run func(t *testing.T, url string, client *http.Client)) {
	for i := range 2 {
		over(t, a, i, run)
	}
}

func over(t *testing.T, a *API, i int, run func(t *testing.T, url string, client *http.Client)) {
	url, client := serveTLS(t, a)
	name := "HTTP/2"
	if i == 0 {
		name = "HTTP/1.1"
		one := client.Transport.(*http.Transport).Clone()
		one.ForceAttemptHTTP2, one.TLSNextProto = false, map[string]func(string, *tls.Conn) http.RoundTripper{}
		one.TLSClientConfig.NextProtos = []string{"http/1.1"}
		t.Cleanup(one.CloseIdleConnections)
		client = &http.Client{Transport: one}
	}
	t.Run(name, func(t *testing.T) { run(t, url, client) })
}

func startImport(t *testing.T, ctx context.Context, url string, client *http.Client, body io.Reader) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "POST", url+"/graph/import?session_id=s", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", userKey)
	req.Header.Set("Content-Type", "application/x-ndjson")
	req.Header.Set("Accept", "application/x-ndjson")
	return client.Do(req)
}

func batchOf(name string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"node\":{\"key\":\"%s%d\",\"type\":\"n\"}}\n", name, i)
	}
	return b.String()
}

// Progress comes back while the lines are still on their way.
func TestGraphImportStreams(t *testing.T) {
	a := graphAPI(t)
	transports(t, a, func(t *testing.T, url string, client *http.Client) {
		r, w := io.Pipe()
		go func() { _, _ = io.WriteString(w, batchOf("k", 9000)) }() // the rest waits for progress
		ctx, cancel := context.WithTimeout(t.Context(), until)
		defer cancel()
		res, err := startImport(t, ctx, url, client, r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		back := bufio.NewScanner(res.Body)
		if !back.Scan() || strings.Contains(back.Text(), "done") {
			t.Fatalf("%q %v", back.Text(), back.Err())
		}
		if _, err := io.WriteString(w, `{"node":{"key":"last","type":"n"}}`); err != nil {
			t.Fatal(err)
		}
		w.Close()
		var last string
		for back.Scan() {
			last = back.Text()
		}
		if back.Err() != nil || !strings.Contains(last, `"done":true,"lines":9001`) {
			t.Fatalf("%q %v", last, back.Err())
		}
		if res.Trailer.Get("X-Mesh-Revision") == "" {
			t.Errorf("no revision at the end: %v", res.Trailer)
		}
	})
}

// A sender who is refused midway still gets to read why.
func TestGraphImportRefusesSender(t *testing.T) {
	a := graphAPI(t)
	transports(t, a, func(t *testing.T, url string, client *http.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), until)
		defer cancel()
		res, err := startImport(t, ctx, url, client, strings.NewReader(strings.Repeat("[]\n", 1<<20)))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if e := refusal(t, res); e.Code != "TOO_MANY_ERRORS" {
			t.Error(e)
		}
	})
}

// An answer that came before the end of the body is the last of its HTTP/1
// connection: the server read what was left of the body beside the next request,
// and panicked.
func TestTheRestOfABodyWasReadBesideTheNextRequest(t *testing.T) {
	s := httptest.NewUnstartedServer(graphAPI(t).Handler())
	var log lockedBuffer
	s.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(&log, nil), slog.LevelError)
	s.Start()
	t.Cleanup(s.Close)
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(until))
	part := strings.Repeat("[]\n", 64<<10)
	fmt.Fprintf(conn, "POST /graph/import?session_id=s HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: %s\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n%s", userKey, len(part)+3, part)
	back := bufio.NewReader(conn)
	res, err := http.ReadResponse(back, nil)
	if err != nil {
		t.Fatal(err)
	}
	if e := refusal(t, res); e.Code != "TOO_MANY_ERRORS" || !res.Close {
		t.Errorf("%v, the last of its connection: %v", e, res.Close)
	}
	fmt.Fprint(conn, "[]\nGET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
	if rest, _ := io.ReadAll(back); len(rest) != 0 {
		t.Errorf("after the last answer: %q", rest)
	}
	if said := log.String(); said != "" {
		t.Error(said)
	}
}

// heldGraph is a graph whose writes wait until they are let go, or their caller is.
type heldGraph struct {
	Graph
	began chan struct{}
	ended chan error
}

func (h *heldGraph) ApplyEach(ctx context.Context, _ graphsync.WriteOptions, _ string, _ []graphsync.Op) ([]graphsync.OpResult, []graphsync.OpRefusal, consensus.Outcome, error) {
	h.began <- struct{}{}
	<-ctx.Done()
	h.ended <- ctx.Err()
	return nil, nil, consensus.Outcome{}, ctx.Err()
}

func heldAPI(t *testing.T) (*API, *heldGraph) {
	h := &heldGraph{began: make(chan struct{}, 8), ended: make(chan error, 8)}
	return graphAPI(t, func(c *Config) { h.Graph, c.Graph = c.Graph, h }), h
}

// An import ends with its client.
func TestGraphImportDisconnect(t *testing.T) {
	a, h := heldAPI(t)
	transports(t, a, func(t *testing.T, url string, client *http.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), until)
		defer cancel()
		failed := make(chan error, 1)
		go func() {
			res, err := startImport(t, ctx, url, client, strings.NewReader(batchOf("k", 10)))
			if err == nil {
				res.Body.Close()
			}
			failed <- err
		}()
		<-h.began
		cancel()
		if err := <-failed; err == nil {
			t.Error("the client was answered")
		}
		select {
		case <-h.ended:
		case <-time.After(until):
			t.Fatal("the import went on without its client")
		}
	})
}

// A client that vanishes in the middle of a line leaves what it sent before.
func TestGraphImportCut(t *testing.T) {
	a := graphAPI(t)
	transports(t, a, func(t *testing.T, url string, client *http.Client) {
		r, w := io.Pipe()
		ctx, cancel := context.WithTimeout(t.Context(), until)
		defer cancel()
		go func() {
			_, _ = io.WriteString(w, batchOf("cut", 9000)+`{"node":`)
			_ = w.CloseWithError(io.ErrUnexpectedEOF)
		}()
		if res, err := startImport(t, ctx, url, client, r); err == nil {
			_, err = io.ReadAll(res.Body)
			res.Body.Close()
			if err == nil {
				t.Error("the answer looks whole")
			}
		}
	})
	if err := a.Close(t.Context()); err != nil { // no request is left
		t.Fatal(err)
	}
}

// An import that waits for the mesh ends when the node stops.
func TestGraphImportClosingBusy(t *testing.T) {
	for _, i := range []int{0, 1} {
		a, h := heldAPI(t)
		over(t, a, i, func(t *testing.T, url string, client *http.Client) {
			ctx, cancel := context.WithTimeout(t.Context(), until)
			defer cancel()
			r, w := io.Pipe()
			defer w.Close()
			go func() {
				_, _ = io.WriteString(w, batchOf("k", 9000))
				<-h.began
				if err := a.Close(ctx); err != nil {
					t.Error(err)
				}
			}()
			res, err := startImport(t, ctx, url, client, r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if e := refusal(t, res); e.Code != CodeClosing {
				t.Error(e)
			}
		})
	}
}

// An import that waits for lines ends when the node stops, with a last word.
func TestGraphImportClosingIdle(t *testing.T) {
	for _, i := range []int{0, 1} {
		a := graphAPI(t)
		over(t, a, i, func(t *testing.T, url string, client *http.Client) {
			ctx, cancel := context.WithTimeout(t.Context(), until)
			defer cancel()
			r, w := io.Pipe()
			defer w.Close()
			go func() { _, _ = io.WriteString(w, batchOf("k", 9000)) }()
			res, err := startImport(t, ctx, url, client, r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if err := a.Close(ctx); err != nil {
				t.Fatal(err)
			}
			var last string
			back := bufio.NewScanner(res.Body)
			for back.Scan() {
				last = back.Text()
			}
			if back.Err() != nil || !strings.Contains(last, `"code":"CLOSING"`) {
				t.Errorf("%q %v", last, back.Err())
			}
		})
	}
}

// Imports take memory, so few run at once.
func TestGraphImportsAtMost(t *testing.T) {
	a, h := heldAPI(t)
	ctx, cancel := context.WithCancel(t.Context())
	url, client := serveTLS(t, a)
	ended := make(chan struct{}, maxImports)
	for range maxImports {
		go func() {
			if res, err := startImport(t, ctx, url, client, strings.NewReader(batchOf("k", 1))); err == nil {
				res.Body.Close()
			}
			ended <- struct{}{}
		}()
		<-h.began
	}
	full := call(t, a, 503, "POST", "/graph/import?session_id=s", "\n", asLines, wantText)
	if full.body["code"] != CodeOverloaded || full.Header.Get("Retry-After") == "" {
		t.Errorf("%s", full.text)
	}
	cancel()
	for range maxImports {
		<-ended
		<-h.ended
	}
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

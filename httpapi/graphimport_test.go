package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

const (
	asLines  = "Content-Type: application/x-ndjson"
	wantText = "Accept: application/x-ndjson"
)

// lines decodes an answer of JSON lines.
func jsonl(t testing.TB, text string) (out []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out = append(out, v)
	}
	return out
}

// totals is what the last line of an import says.
func totals(v map[string]any) string {
	return fmt.Sprintf("done %v lines %v nodes %v edges %v errors %v", v["done"], v["lines"], v["nodes"], v["edges"], v["errors"])
}

const mixed = `{"node":{"key":"a","type":"n","label":"A","properties":{"x":1}}}
{"edge":{"source":"a","target":"b","type":"T","weight":0.5}}
not JSON

{"node":{"key":"b","type":"n"}}
{"edge":{"source":"a","target":"nobody","type":"T"}}
{"node":{"key":"c","type":"n","colour":"red"}}
`

func TestGraphImport(t *testing.T) {
	a := graphAPI(t)
	got := call(t, a, 200, "POST", "/graph/import?session_id=s", mixed, asLines, wantText)
	if got.Header.Get("Content-Type") != "application/x-ndjson" || got.Header.Get("X-Mesh-Revision") == "" {
		t.Errorf("%v", got.Header)
	}
	told := map[any]string{}
	all := jsonl(t, got.text)
	for _, v := range all {
		if v["line"] != nil {
			told[v["line"]] = v["error"].(string)
		}
	}
	if len(told) != 3 || !strings.Contains(told[3.0], "JSON") || !strings.Contains(told[6.0], "nobody") || !strings.Contains(told[7.0], "colour") {
		t.Errorf("refused lines: %v", told)
	}
	last := all[len(all)-1]
	if totals(last) != "done true lines 7 nodes 2 edges 1 errors 3" || last["bytes"] != float64(len(mixed)) || last["revision"] != 2.0 && last["revision"] != 1.0 {
		t.Errorf("%v", last)
	}
	if n := call(t, a, 200, "GET", "/graph/find?session_id=s&key=a", ""); !strings.Contains(n.text, `"created_by":"user"`) {
		t.Errorf("%s", n.text)
	}

	// Once more, as one object, changes nothing.
	again := call(t, a, 200, "POST", "/graph/import?session_id=s", mixed, asLines, "Accept: application/json")
	if fmt.Sprintf("%v %v %v %v", again.body["done"], again.body["created"], again.body["unchanged"], again.body["errors"]) != "true 0 3 3" || len(again.body["refusals"].([]any)) != 3 {
		t.Errorf("%s", again.text)
	}
}

func TestGraphImportDry(t *testing.T) {
	a := graphAPI(t)
	got := call(t, a, 200, "POST", "/graph/import?session_id=s&dry_run=true", mixed, asLines, wantText)
	all := jsonl(t, got.text)
	last := all[len(all)-1]
	if totals(last) != "done true lines 7 nodes 2 edges 1 errors 3" || last["dry_run"] != true {
		t.Errorf("%v", last)
	}
	if st := call(t, a, 200, "GET", "/graph/stats?session_id=s", ""); st.number(t, "nodes") != 0 {
		t.Errorf("%s", st.text)
	}
}

// An import of nothing is done at once.
func TestGraphImportEmpty(t *testing.T) {
	a := graphAPI(t)
	got := call(t, a, 200, "POST", "/graph/import?session_id=s", "\n", asLines, wantText)
	if all := jsonl(t, got.text); len(all) != 1 || totals(all[0]) != "done true lines 1 nodes 0 edges 0 errors 0" {
		t.Errorf("%s", got.text)
	}
	call(t, a, 200, "POST", "/graph/import?session_id=s", "", wantText)
}

// Too many faults end the import; what it loaded stays and is told.
func TestGraphImportTooManyErrors(t *testing.T) {
	a := graphAPI(t)
	for name, accept := range map[string]string{"lines": wantText, "object": "Accept: application/json"} {
		t.Run(name, func(t *testing.T) {
			got := call(t, a, 400, "POST", "/graph/import?session_id=s", strings.Repeat("{}\n", 200), asLines, accept)
			imported := got.body["details"].(map[string]any)["imported"].(map[string]any)
			if got.body["code"] != "TOO_MANY_ERRORS" || len(imported["refusals"].([]any)) != 100 || fmt.Sprint(imported["errors"]) != "100" {
				t.Errorf("%s", got.text)
			}
		})
	}
}

// What fails midway is told in the last line, since the answer has begun.
func TestGraphImportFailsMidway(t *testing.T) {
	a := graphAPI(t)
	var body bytes.Buffer
	for i := range 12_000 { // more than a few batches
		fmt.Fprintf(&body, "{\"node\":{\"key\":\"k%d\",\"type\":\"n\"}}\n", i)
	}
	body.WriteString(strings.Repeat("{}\n", 200))
	got := call(t, a, 200, "POST", "/graph/import?session_id=s", body.String(), asLines, wantText)
	all := jsonl(t, got.text)
	last := all[len(all)-1]
	if last["code"] != "TOO_MANY_ERRORS" || last["error"] == "" || last["done"] != nil || last["errors"] != 100.0 || last["request_id"] == "" {
		t.Errorf("%v", last)
	}
	refused := 0
	for _, line := range all[:len(all)-1] {
		if line["line"] != nil { // the others say how far it is, as often as it takes
			refused++
		}
	}
	if refused != 100 || len(all) < 102 {
		t.Errorf("%d lines, %d of them refusals: %v", len(all), refused, all[0])
	}
}

// What an export writes, an import reads, and both hold the same.
func TestGraphExportImport(t *testing.T) {
	a, b := graphAPI(t), graphAPI(t)
	ada := makeNode(t, a, "Ada", "ada")
	plain := makeNode(t, a, `no "key" <here>`, "")
	makeEdge(t, a, ada, plain, "WROTE")
	makeEdge(t, a, ada, plain, "WROTE")
	call(t, a, 201, "POST", "/graph/edges", fmt.Sprintf(`{"source_id":%d,"target_id":%d,"edge_type":"T","weight":0.25,"predicate":"p","properties":{"y":[1,"é"]}}`, plain, plain))
	first := call(t, a, 200, "GET", "/graph/export?session_id=s", "", "X-API-Key: "+viewerKey, wantText)
	if first.Header.Get("Content-Type") != "application/x-ndjson" || first.Header.Get("X-Mesh-Revision") != "5" || len(jsonl(t, first.text)) != 5 {
		t.Fatalf("%v %s", first.Header, first.text)
	}
	call(t, b, 200, "POST", "/graph/import?session_id=other", first.text, asLines, wantText)
	if second := call(t, b, 200, "GET", "/graph/export?session_id=other", "", wantText); second.text != first.text {
		t.Errorf("exported\n%s, then\n%s", first.text, second.text)
	}
	if none := call(t, b, 200, "GET", "/graph/export?session_id=empty", "", wantText); none.text != "" {
		t.Errorf("%q", none.text)
	}
}

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

// Progress comes back while the lines are still on their way, and the
// connection serves the next request.
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

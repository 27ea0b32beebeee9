package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// pages is a graph whose export writes pages until fail returns an error.
type pages struct {
	Graph
	fail  func(ctx context.Context, page int) error
	ended chan error
}

func (p *pages) Export(ctx context.Context, _ consensus.ReadOptions, q graphsync.ExportQuery, w io.Writer) (rep graphsync.ExportReport, err error) {
	defer func() { p.ended <- err }()
	for page := 0; ; page++ {
		if err := p.fail(ctx, page); err != nil {
			return rep, err
		}
		if page == 0 {
			q.Begun(consensus.ReadInfo{Revision: 1})
		}
		if _, err := io.WriteString(w, strings.Repeat(`{"node":{}}`+"\n", 1000)); err != nil {
			return rep, err
		}
	}
}

func startExport(t *testing.T, ctx context.Context, url string, client *http.Client) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", url+"/graph/export?session_id=s", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", viewerKey)
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func pagesAPI(t *testing.T, fail func(ctx context.Context, page int) error) (*API, *pages) {
	p := &pages{fail: fail, ended: make(chan error, 8)}
	return graphAPI(t, func(c *Config) { p.Graph, c.Graph = c.Graph, p }), p
}

// What fails before the first page is refused like any request.
func TestGraphExportFailsAtOnce(t *testing.T) {
	a, _ := pagesAPI(t, func(context.Context, int) error { return consensus.ErrBehind })
	e := refusal(t, ask(t, a.Handler(), "GET", "/graph/export?session_id=s", "", "X-API-Key: "+viewerKey))
	if e.Code != CodeBehind {
		t.Error(e)
	}
}

// Half an export never looks like the whole.
func TestGraphExportCut(t *testing.T) {
	a, _ := pagesAPI(t, func(_ context.Context, page int) error {
		if page == 3 {
			return errBroken
		}
		return nil
	})
	transports(t, a, func(t *testing.T, url string, client *http.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), until)
		defer cancel()
		res := startExport(t, ctx, url, client)
		if text, err := io.ReadAll(res.Body); err == nil || res.StatusCode != 200 {
			t.Errorf("%d: %d bytes that look whole", res.StatusCode, len(text))
		}
	})
}

// Why an export broke off was told to the log alone.
func TestGraphExportSaysWhyItBreaksOff(t *testing.T) {
	a, _ := pagesAPI(t, func(_ context.Context, page int) error {
		if page == 3 {
			return &consensus.Refusal{Code: graphsync.CodeCompacted, Sentence: "revision 1 was forgotten", Details: map[string]string{"oldest": "7"}}
		}
		return nil
	})
	transports(t, a, func(t *testing.T, url string, client *http.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), until)
		defer cancel()
		text, err := io.ReadAll(startExport(t, ctx, url, client).Body)
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		var last struct{ Error Error }
		if err == nil || json.Unmarshal([]byte(lines[len(lines)-1]), &last) != nil || last.Error.Code != graphsync.CodeCompacted ||
			last.Error.Details["oldest"] != "7" || last.Error.RequestID == "" {
			t.Errorf("%v after %d lines, the last %s", err, len(lines), lines[len(lines)-1])
		}
	})
}

// An export during writes was of several revisions, and could not be of an
// older one.
func TestGraphExportAsOf(t *testing.T) {
	a := graphAPI(t)
	makeNode(t, a, "one", "one")
	makeNode(t, a, "two", "two")
	now := call(t, a, 200, "GET", "/graph/export?session_id=s", "")
	rev, err := strconv.Atoi(now.Header.Get("X-Mesh-Revision"))
	if err != nil || strings.Count(now.text, "\n") != 2 {
		t.Fatalf("%v %s", now.Header, now.text)
	}
	then := call(t, a, 200, "GET", "/graph/export?session_id=s&valid_at=any&as_of="+strconv.Itoa(rev-1), "")
	if strings.Count(then.text, "\n") != 1 || !strings.Contains(then.text, `"one"`) {
		t.Error(then.text)
	}
	for _, q := range []string{"as_of=" + strconv.Itoa(rev+1), "as_of=yesterday", "as_of=0"} {
		e := call(t, a, 400, "GET", "/graph/export?session_id=s&"+q, "")
		if e.body["details"].(map[string]any)["field"] != "query.as_of" {
			t.Error(e.text)
		}
	}
}

// An export ends with its client, though the graph has more.
func TestGraphExportDisconnect(t *testing.T) {
	a, p := pagesAPI(t, func(context.Context, int) error { return nil })
	transports(t, a, func(t *testing.T, url string, client *http.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), until)
		defer cancel()
		res := startExport(t, ctx, url, client)
		if _, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-p.ended; err == nil {
			t.Error("it ended well")
		}
	})
}

// An export ends with the node, whether its client reads or not.
func TestGraphExportClosing(t *testing.T) {
	for name, reads := range map[string]bool{"client reads": true, "client does not": false} {
		t.Run(name, func(t *testing.T) {
			for _, i := range []int{0, 1} {
				a, p := pagesAPI(t, func(context.Context, int) error { return nil })
				over(t, a, i, func(t *testing.T, url string, client *http.Client) {
					ctx, cancel := context.WithTimeout(t.Context(), until)
					defer cancel()
					res := startExport(t, ctx, url, client)
					read := make(chan error, 1)
					if reads {
						go func() {
							_, err := io.Copy(io.Discard, res.Body)
							read <- err
						}()
					}
					if err := a.Close(ctx); err != nil {
						t.Fatal(err)
					}
					if err := <-p.ended; err == nil {
						t.Error("it ended well")
					}
					if reads {
						if err := <-read; err == nil || errors.Is(err, context.DeadlineExceeded) {
							t.Errorf("the client was left with %v", err)
						}
					}
				})
			}
		})
	}
}

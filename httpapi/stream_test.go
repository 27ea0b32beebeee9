package httpapi

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/gorilla/websocket"

	"github.com/meshd/meshd/node/access"
)

// Events must leave the node when they happen, through every stage.
func TestFlushPasses(t *testing.T) {
	next := make(chan struct{})
	a := mustBuild(t, testConfig(io.Discard), Plain(
		Route{Method: "GET", Path: "/events", Role: access.RoleViewer, Timeout: -1, Produces: []string{"text/event-stream"}},
		func(c *gin.Context) {
			c.Header("Content-Type", "text/event-stream")
			for _, s := range []string{"data: one\n\n", "data: two\n\n"} {
				if _, err := c.Writer.WriteString(s); err != nil {
					return
				}
				c.Writer.Flush()
				<-next
			}
		}))
	url, client := serveTLS(t, a)
	req, err := http.NewRequest("GET", url+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+viewerKey)
	req.Header.Set("Accept", "text/event-stream")
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for _, want := range []string{"data: one\n", "\n", "data: two\n", "\n"} {
		got, err := lines.ReadString('\n')
		if err != nil || got != want {
			t.Fatalf("%q %v, want %q", got, err, want)
		}
		if want == "\n" {
			next <- struct{}{} // only now may the handler go on
		}
	}
	if rest, err := io.ReadAll(lines); err != nil || len(rest) != 0 {
		t.Errorf("%q %v", rest, err)
	}
}

func TestHijackPasses(t *testing.T) {
	var logs lockedBuffer
	upgrader := websocket.Upgrader{}
	a := mustBuild(t, testConfig(&logs), Plain(Route{Method: "GET", Path: "/ws", Role: access.RoleViewer, Timeout: -1}, func(c *gin.Context) {
		conn, err := upgrader.Upgrade(c.Writer, c.Request, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		if kind, p, err := conn.ReadMessage(); err == nil {
			_ = conn.WriteMessage(kind, append([]byte("echo "), p...))
		}
	}))
	url, _ := serveTLS(t, a)
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	address := strings.Replace(url, "https", "wss", 1) + "/ws"

	if _, res, err := dialer.Dial(address, nil); err == nil || res.StatusCode != http.StatusUnauthorized {
		t.Fatalf("a stranger's WebSocket: %v %v", res, err)
	}
	evil := http.Header{"Authorization": {"Bearer " + viewerKey}, "Origin": {"https://evil.example"}}
	if _, res, err := dialer.Dial(address, evil); err == nil || res.StatusCode != http.StatusForbidden {
		t.Fatalf("a foreign page's WebSocket: %v %v", res, err)
	}
	conn, res, err := dialer.Dial(address, http.Header{"Authorization": {"Bearer " + viewerKey}})
	if err != nil {
		t.Fatal(err, res)
	}
	defer conn.Close()
	if err := conn.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, p, err := conn.ReadMessage(); err != nil || string(p) != "echo hello" {
		t.Errorf("%q %v", p, err)
	}
}

// What the frame itself costs, without network and TLS: every stage, routing,
// validation and encoding, for a typed and a plain route of the same work.
func BenchmarkFrame(b *testing.B) {
	cfg := testConfig(io.Discard)
	cfg.Logger = nil
	h := mustBuild(b, cfg, Plain(Route{Method: "GET", Path: "/plain", Role: access.RoleViewer}, func(c *gin.Context) {
		c.Data(http.StatusOK, "application/json", []byte(`{"status":"echo"}`))
	})).Handler()
	for _, path := range []string{"/echo", "/plain"} {
		b.Run(path[1:], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if res := ask(b, h, "GET", path, "", "X-API-Key: "+viewerKey); res.StatusCode != http.StatusOK {
					b.Fatal(res.StatusCode)
				}
			}
		})
	}
}

package caller

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/meshd/meshd/node/socket"
)

// echo answers each line of the request while the rest is still being sent.
func echo(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	_ = control.EnableFullDuplex() // HTTP/2 always is
	w.WriteHeader(http.StatusOK)
	_ = control.Flush()
	for lines := bufio.NewScanner(r.Body); lines.Scan(); {
		fmt.Fprintln(w, lines.Text())
		_ = control.Flush()
	}
}

// TestStreamsBothWays is an import: progress comes back while the file is on
// its way, over both kinds of connection.
func TestStreamsBothWays(t *testing.T) {
	_, remote := over(t, echo)

	dir, err := os.MkdirTemp("", "ms")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := socket.Listen(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(echo))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	defer s.Close()

	for name, o := range map[string]Options{"https": remote, "socket": {Data: dir}} {
		t.Run(name, func(t *testing.T) {
			c := open(t, o)
			r, w := io.Pipe()
			res, err := c.Open(t.Context(), Request{Method: "POST", Path: "/x", Stream: r, ContentType: "application/x-ndjson", Timeout: -1})
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			back := bufio.NewScanner(res.Body)
			for i := range 3 {
				if _, err := fmt.Fprintf(w, "%d\n", i); err != nil {
					t.Fatal(err)
				}
				if !back.Scan() || back.Text() != fmt.Sprint(i) {
					t.Fatalf("line %d came back as %q, %v", i, back.Text(), back.Err())
				}
			}
			w.Close()
			if back.Scan() || back.Err() != nil {
				t.Fatalf("after the end came %q, %v", back.Text(), back.Err())
			}
		})
	}
}

package caller

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/node/socket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// over starts a node's stand-in over TLS and returns it with a client's
// options that fit.
func over(t *testing.T, h http.HandlerFunc) (*httptest.Server, Options) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, Options{Node: s.URL, Pin: spki(s.Certificate()), Key: "mk_key", Cache: t.TempDir(), Version: "test"}
}

func spki(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func open(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func TestPins(t *testing.T) {
	var asked atomic.Int64
	s, o := over(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		answer(w, 200, `{}`)
	})
	cert := sha256.Sum256(s.Certificate().Raw)
	fingerprint := strings.ToUpper(hex.EncodeToString(cert[:]))
	var colons []string
	for i := 0; i < len(fingerprint); i += 2 {
		colons = append(colons, fingerprint[i:i+2])
	}
	other := sha256.Sum256([]byte("another key"))
	wrong := base64.StdEncoding.EncodeToString(other[:])
	for _, c := range []struct {
		name, pin string
		want      exit.Code
	}{
		{"public key", o.Pin, exit.Done},
		{"as curl writes it", "sha256//" + o.Pin, exit.Done},
		{"certificate", strings.Join(colons, ":"), exit.Done},
		{"certificate without colons", strings.ToLower(fingerprint), exit.Done},
		{"one of two", wrong + "," + o.Pin, exit.Done},
		{"wrong key", wrong, exit.Refused},
		{"wrong certificate", hex.EncodeToString(other[:]), exit.Refused},
		{"no authority", "", exit.Refused},
		{"garbage", "not-a-pin", exit.Usage},
		{"only commas", ",,", exit.Usage},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked.Store(0)
			o.Pin = c.pin
			client, err := New(o)
			if err == nil {
				defer client.Close()
				err = client.Do(t.Context(), Request{Method: "POST", Path: "/x"}, nil)
			}
			if got := exit.CodeOf(err); got != c.want {
				t.Fatalf("exit %d (%v), want %d", got, err, c.want)
			}
			if c.want != exit.Done && asked.Load() != 0 {
				t.Fatal("the request reached a node that the pin does not name")
			}
		})
	}
}

func TestErrorsHaveTheirCodes(t *testing.T) {
	for _, c := range []struct {
		method string
		status int
		code   string
		want   exit.Code
	}{
		{"POST", 400, "INVALID", exit.Usage},
		{"GET", 401, "UNAUTHORIZED", exit.Refused},
		{"GET", 403, "FORBIDDEN", exit.Refused},
		{"POST", 404, "UNKNOWN_ADDRESS", exit.Refused},
		{"POST", 409, "CONFLICT", exit.Refused},
		{"POST", 410, "AGENT_GONE", exit.Refused},
		{"GET", 500, "INTERNAL", exit.Failed},
		{"POST", 503, "NO_LEADER", exit.Failed},
		{"POST", 503, "OUTCOME_UNKNOWN", exit.Unknown},
		{"POST", 504, "REPLY_TIMEOUT", exit.Unknown},
		{"POST", 504, "TIMEOUT", exit.Unknown},
		{"GET", 504, "TIMEOUT", exit.Failed},
	} {
		_, o := over(t, func(w http.ResponseWriter, _ *http.Request) {
			answer(w, c.status, `{"error":"it is so","code":"`+c.code+`","details":{"next":"do this"},"request_id":"r-1"}`)
		})
		err := open(t, o).Do(t.Context(), Request{Method: c.method, Path: "/x"}, nil)
		if got := exit.CodeOf(err); got != c.want {
			t.Errorf("%s %d %s: exit %d, want %d", c.method, c.status, c.code, got, c.want)
		}
		says := "it is so; do this"
		if c.status == 401 { // what a program is told helps nobody at a shell
			says = "it is so; give one with --key-file or MESHD_KEY"
		}
		if line := exit.Line(err); !strings.HasPrefix(line, says) || strings.Contains(line, "r-1") != (c.status == 500) {
			t.Errorf("%s %d %s: %q", c.method, c.status, c.code, line)
		}
	}
}

func TestAnswersThatAreNoErrors(t *testing.T) {
	for _, body := range []string{"", "<html>bad gateway</html>", "[]", `{"error":""}`, strings.Repeat("x", maxErrorBody+10)} {
		_, o := over(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 502, body) })
		err := open(t, o).Do(t.Context(), Request{Method: "GET", Path: "/x"}, nil)
		if exit.CodeOf(err) != exit.Failed || !strings.Contains(err.Error(), "502") {
			t.Errorf("body %.20q: %v", body, err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := l.Addr().String()
	l.Close()
	empty, mesh := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(mesh, "trust"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"nobody at the address", Options{Node: free}, "no node answers at " + free},
		{"node stopped", Options{Data: mesh}, `start it with "meshd serve"`},
		{"no node", Options{Data: empty}, "there is no node in " + empty},
		{"no socket", Options{Node: "unix://" + filepath.Join(empty, "x.sock")}, "no node listens on"},
	} {
		err := open(t, c.o).Do(t.Context(), Request{Method: "POST", Path: "/x"}, nil)
		if exit.CodeOf(err) != exit.Unreachable || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: exit %d, %v", c.name, exit.CodeOf(err), err)
		}
	}
}

func TestNodeAddresses(t *testing.T) {
	for _, c := range []struct{ node, base string }{
		{"https://box.lan:7443", "https://box.lan:7443"}, {"box.lan:1", "https://box.lan:1"}, {"box.lan", "https://box.lan:7443"},
		{"https://[::1]:1/", "https://[::1]:1"}, {"https://[::1]", "https://[::1]:7443"},
		{"http://box.lan", ""}, {"https://", ""}, {"https://user@box.lan", ""}, {"https://box.lan/path", ""}, {"ftp://x", ""},
	} {
		client, err := New(Options{Node: c.node})
		switch {
		case c.base == "" && exit.CodeOf(err) != exit.Usage:
			t.Errorf("%s: %v, want a usage error", c.node, err)
		case c.base != "" && (err != nil || client.base != c.base):
			t.Errorf("%s: %v, want %s", c.node, err, c.base)
		}
	}
}

// TestSocket asks over the socket of a data directory: no pin and no key.
func TestSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "mc")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := socket.Listen(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("a key was sent over the socket")
		}
		answer(w, 200, `{"path":"`+r.URL.Path+`"}`)
	})}
	go func() { _ = s.Serve(l) }()
	defer s.Close()
	var out struct{ Path string }
	c := open(t, Options{Data: dir, Key: "mk_key"})
	if err := c.Do(t.Context(), Request{Method: "GET", Path: "/status"}, &out); err != nil || out.Path != "/status" {
		t.Fatalf("got %+v, %v", out, err)
	}
	c.Close()
}

func TestReadsOwnWrites(t *testing.T) {
	var asked []string
	revision := "41"
	_, o := over(t, func(w http.ResponseWriter, r *http.Request) {
		low := r.Header.Get("X-Mesh-Min-Revision")
		asked = append(asked, r.Method+" "+low)
		if low != "" && len(low) > len(revision) {
			answer(w, 400, `{"error":"no such revision","code":"AHEAD"}`)
			return
		}
		w.Header().Set("X-Mesh-Revision", revision)
		answer(w, 200, `{}`)
	})
	do := func(method string) {
		t.Helper()
		c := open(t, o) // each command is a process of its own
		if err := c.Do(t.Context(), Request{Method: method, Path: "/x", Own: method == "GET"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	do("GET")
	revision = "1042"
	do("POST")
	revision = "1040"
	do("POST") // a lower one does not count
	do("GET")
	revision = "7" // another mesh lives here now
	do("GET")
	do("GET")
	want := "GET |POST |POST |GET 1042|GET 1042|GET |GET "
	if got := strings.Join(asked, "|"); got != want {
		t.Fatalf("asked %q, want %q", got, want)
	}
}

// TestBrokenConnections repeats a write under one idempotency key, and never
// one that the node could not recognise.
func TestBrokenConnections(t *testing.T) {
	for _, c := range []struct {
		name   string
		once   bool
		breaks int
		want   exit.Code
		asked  int
	}{
		{"breaks once", false, 1, exit.Done, 2},
		{"breaks always", false, 100, exit.Unknown, attempts},
		{"must not be repeated", true, 1, exit.Unknown, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			keys := map[string]bool{}
			asked := 0
			s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				asked++
				keys[r.Header.Get("Idempotency-Key")] = true
				if asked <= c.breaks {
					panic(http.ErrAbortHandler)
				}
				answer(w, 200, `{}`)
			}))
			defer s.Close()
			// HTTP/1.1, without net/http repeating on a connection it reuses.
			client := open(t, Options{Node: s.URL, Pin: spki(s.Certificate())})
			client.http.Transport.(*http.Transport).DisableKeepAlives = true
			err := client.Do(t.Context(), Request{Method: "POST", Path: "/x", Body: map[string]int{"a": 1}, Once: c.once}, nil)
			if exit.CodeOf(err) != c.want || asked != c.asked || len(keys) != 1 {
				t.Fatalf("exit %d (%v) after %d requests under %d keys; want %d after %d under 1", exit.CodeOf(err), err, asked, len(keys), c.want, c.asked)
			}
			if keys[""] != c.once {
				t.Fatalf("idempotency keys %v with once=%v", keys, c.once)
			}
		})
	}
}

func TestCancelledIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, o := over(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	err := open(t, o).Do(ctx, Request{Method: "POST", Path: "/x"}, nil)
	if exit.CodeOf(err) != exit.Interrupted {
		t.Fatalf("exit %d (%v), want %d", exit.CodeOf(err), err, exit.Interrupted)
	}
}

func TestQueryAndHeaders(t *testing.T) {
	_, o := over(t, func(w http.ResponseWriter, r *http.Request) {
		data, _ := json.Marshal(map[string]string{
			"q": r.URL.Query().Get("q"), "auth": r.Header.Get("Authorization"), "id": r.Header.Get("X-Request-Id"), "proto": r.Proto,
		})
		answer(w, 200, string(data))
	})
	var out map[string]string
	if err := open(t, o).Get(t.Context(), "/x", url.Values{"q": {"a&b=c"}}, &out); err != nil {
		t.Fatal(err)
	}
	if out["q"] != "a&b=c" || out["auth"] != "Bearer mk_key" || !strings.HasPrefix(out["id"], "cli-") || out["proto"] != "HTTP/2.0" {
		t.Fatalf("the node saw %v", out)
	}
}

func FuzzParsePins(f *testing.F) {
	for _, s := range []string{"", ",", "sha256//", strings.Repeat("AA:", 31) + "AA", strings.Repeat("A", 43) + "="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := ParsePins(s); err == nil && len(p.keys)+len(p.certificates) == 0 {
			t.Fatal("a pin that pins nothing")
		}
	})
}

// Who has sent no key is told how a key is given, not how a header is spelled.
func TestMissingKeyIsASentence(t *testing.T) {
	_, o := over(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 401, `{"error":"Missing Authorization: Bearer <api_key> header","code":"UNAUTHORIZED"}`)
	})
	o.Key = ""
	err := open(t, o).Do(t.Context(), Request{Method: "GET", Path: "/x"}, nil)
	if want := "the node answers only those who have an API key; give one with --key-file or MESHD_KEY"; !strings.HasPrefix(exit.Line(err), want) {
		t.Errorf("%q", exit.Line(err))
	}
}

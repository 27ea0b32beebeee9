//go:build unix

package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/node/socket"
)

// TestInterrupted is Ctrl-C while a node takes its time: the verb ends at once,
// silently, with the code shells expect.
func TestInterrupted(t *testing.T) {
	data, err := os.MkdirTemp("", "mi")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(data)
	l, err := socket.Listen(data, "")
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	defer s.Close()

	code := make(chan int, 1)
	var out, errOut bytes.Buffer
	go func() {
		code <- run([]string{"status", "--data", data}, strings.NewReader(""), &out, &errOut, config.System{UID: 1, Home: data})
	}()
	deadline := time.After(patience)
	select {
	case <-asked:
	case <-deadline:
		t.Fatal("the node was never asked")
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-code:
		if got != 130 || out.Len() > 0 || errOut.Len() > 0 {
			t.Fatalf("exit %d, printed %q and %q", got, &out, &errOut)
		}
	case <-deadline:
		t.Fatal("the verb did not end")
	}
}

// TestInterruptedImport says where to go on, as far as the node has told.
func TestInterruptedImport(t *testing.T) {
	told := make(chan struct{})
	data, err := os.MkdirTemp("", "mi")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(data)
	l, err := socket.Listen(data, "")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"nodes":3,"stored":41}` + "\n"))
		w.(http.Flusher).Flush()
		close(told)
		<-r.Context().Done()
	}))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	defer s.Close()

	code := make(chan int, 1)
	var out, errOut bytes.Buffer
	go func() {
		code <- run([]string{"graph", "import", "-", "--json", "--data", data}, strings.NewReader("{}\n"), writerFunc(func(p []byte) (int, error) {
			if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil { // once the line has been read
				return 0, err
			}
			return out.Write(p)
		}), &errOut, config.System{UID: 1, Home: data})
	}()
	<-told
	select {
	case got := <-code:
		if got != 130 || !strings.Contains(errOut.String(), "go on with --from-line 42") {
			t.Fatalf("exit %d, %s", got, &errOut)
		}
	case <-time.After(patience):
		t.Fatal("the import goes on")
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

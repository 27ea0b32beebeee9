package main

import (
	"bytes"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
)

// TestHealthPastTheSocket is a container whose socket cannot be reached: the
// port answers, under the certificate of the data directory and no other.
func TestHealthPastTheSocket(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/health" || r.Header.Get("Authorization") != "" {
			t.Errorf("asked %s with %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		_, _ = io.WriteString(w, `{"status":"healthy","version":"v1"}`)
	}))
	defer s.Close()
	data := t.TempDir()
	check := func(want int) {
		t.Helper()
		var out, errOut bytes.Buffer
		sys := config.System{UID: 1, Home: data, Environ: []string{"MESHD_DATA=" + data, "MESHD_LISTEN=" + s.Listener.Addr().String(), "MESHD_KEY=mk_x"}}
		if code := run([]string{"health"}, strings.NewReader(""), &out, &errOut, sys); code != want {
			t.Errorf("exit %d, want %d; %s%s", code, want, &out, &errOut)
		}
	}
	check(3) // no certificate, no trust

	dir := filepath.Join(data, "identity")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "node.crt")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	check(0)

	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	check(3)
}

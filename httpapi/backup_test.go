package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node"
)

// shelf gives out one backup; it ends where broken says.
type shelf struct {
	data   []byte
	broken bool
	fail   error
	asked  consensus.ReadOptions
	closed chan struct{}
}

func (s *shelf) Backup(_ context.Context, o consensus.ReadOptions) (*node.Backup, error) {
	s.asked = o
	if s.fail != nil {
		return nil, s.fail
	}
	var r io.Reader = bytes.NewReader(s.data)
	if s.broken {
		r = io.MultiReader(bytes.NewReader(s.data[:len(s.data)/2]), failing{})
	}
	return &node.Backup{ReadCloser: onClose{r, s.closed}, BackupInfo: consensus.BackupInfo{Revision: 42}, Size: int64(len(s.data))}, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

type onClose struct {
	io.Reader
	closed chan struct{}
}

func (c onClose) Close() error { close(c.closed); return nil }

func shelfAPI(t *testing.T, s *shelf) *API {
	t.Helper()
	s.closed = make(chan struct{})
	cfg := testConfig(io.Discard)
	cfg.Backups = s
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestBackupIsForAdministrators(t *testing.T) {
	s := &shelf{data: []byte("the whole state")}
	h := shelfAPI(t, s).Handler()
	for key, want := range map[string]int{"": 401, viewerKey: 403, userKey: 403} {
		if res := ask(t, h, "GET", "/backup", "", "X-API-Key: "+key); res.StatusCode != want {
			t.Errorf("with the key %.4q: %d, want %d", key, res.StatusCode, want)
		}
	}
	res := ask(t, h, "GET", "/backup", "", "X-API-Key: "+adminKey)
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != 200 || string(body) != "the whole state" || res.Header.Get("X-Mesh-Revision") != "42" || res.Header.Get("Content-Length") != "15" {
		t.Errorf("%d %q %v", res.StatusCode, body, res.Header)
	}
	<-s.closed
}

func TestBackupConsistency(t *testing.T) {
	for query, want := range map[string]consensus.Consistency{
		"": consensus.Linearizable, "?consistency=stale": consensus.Stale, "?consistency=leader": consensus.Leader, "?max_age=5s": consensus.Stale,
	} {
		s := &shelf{data: []byte("x")}
		if res := ask(t, shelfAPI(t, s).Handler(), "GET", "/backup"+query, "", "X-API-Key: "+adminKey); res.StatusCode != 200 || s.asked.Consistency != want {
			t.Errorf("%q: %d with %v, want %v", query, res.StatusCode, s.asked.Consistency, want)
		}
	}
	s := &shelf{fail: consensus.ErrNoLeader}
	if e := refusal(t, ask(t, shelfAPI(t, s).Handler(), "GET", "/backup", "", "X-API-Key: "+adminKey)); e.Code != CodeNoLeader {
		t.Error(e)
	}
}

// A backup cut short does not look whole, and its file is let go of.
func TestBackupCut(t *testing.T) {
	for _, broken := range []bool{true, false} {
		s := &shelf{data: []byte(strings.Repeat("state", 1<<20)), broken: broken}
		url, client := serveTLS(t, shelfAPI(t, s))
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, "GET", url+"/backup", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-API-Key", adminKey)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if broken {
			if n, err := io.Copy(io.Discard, res.Body); err == nil {
				t.Errorf("%d bytes look whole", n)
			}
		} else {
			cancel() // the client has gone
		}
		<-s.closed
		cancel()
		res.Body.Close()
	}
}

//go:build linux

package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshd/meshd/test/chaos/check"
	"github.com/meshd/meshd/test/chaos/fabric"
	"github.com/meshd/meshd/test/realmesh"
)

// output gives the events of a run to its test.
type output struct{ t *testing.T }

func (o output) Write(p []byte) (int, error) {
	o.t.Logf("%s", p[:len(p)-1])
	return len(p), nil
}

// directory is kept where the test fails.
func directory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "meshd-chaos-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("history and logs are in %s", dir)
			return
		}
		os.RemoveAll(dir)
	})
	return dir
}

// A short run of each kind of trouble that CI has time for. `make chaos` runs
// longer ones.
func TestShortRun(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	rep, err := Run(context.Background(), Config{
		Binary: realmesh.Binary(t), Seed: 23, Duration: 20 * time.Second, Think: 40 * time.Millisecond,
		Faults: []string{"kill-leader", "power", "power-all", "one-way", "isolate-leader", "transfer", "join", "leave"}, Dir: directory(t), Log: output{t},
	})
	if errors.Is(err, fabric.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Log(rep)
	if rep.Failed() {
		t.Error("a promise was broken")
	}
}

// form makes a mesh of three for a scripted test.
func form(t *testing.T) *runner {
	t.Helper()
	r, err := newRunner(Config{Binary: realmesh.Binary(t), Hosts: 3, Nodes: 3, Dir: directory(t), Log: output{t}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	err = r.open(context.Background())
	if errors.Is(err, fabric.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A leader that is cut off takes writes which no majority has; when it comes
// back it clears them from its log. Started again after that it must still read
// what lies before.
func TestRestartAfterClearingTheEndOfTheLog(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	r := form(t)
	ctx := context.Background()
	c := r.newClient(1)
	t.Cleanup(c.close)
	leads := func(not *node) (*node, error) {
		for _, n := range r.nodes {
			if n == not {
				continue
			}
			s, err := c.status(n)
			if err != nil {
				return nil, err
			}
			for _, l := range r.nodes {
				if l != not && s.Leader != nil && s.Leader.Name == l.Name() {
					return l, nil
				}
			}
		}
		return nil, errors.New("nobody leads")
	}
	old, err := leads(nil)
	if err != nil {
		t.Fatal(err)
	}
	write := func(n *node, label string) answer {
		return c.askAt(n, 2*time.Second, http.MethodPost, "/graph/nodes", map[string]any{"session_id": "s", "node_type": "thing", "label": label})
	}
	if a := write(old, "before"); a.outcome != check.OK {
		t.Fatalf("the first write: %+v", a)
	}
	var rest []*fabric.Host
	for _, n := range r.nodes {
		rest = append(rest, n.host)
	}
	end := r.fabric.Disturb(fabric.Link{Cut: true}, between([]*fabric.Host{old.host}, rest, true)...)
	if a := write(old, "in vain"); a.outcome == check.OK {
		t.Fatal("a leader without followers acknowledged a write")
	}
	var next *node
	if err := eventually(ctx, 20*time.Second, func() (err error) { next, err = leads(old); return err }); err != nil {
		t.Fatal(err)
	}
	if err := eventually(ctx, 10*time.Second, func() error {
		if a := write(next, "after"); a.outcome != check.OK {
			return fmt.Errorf("%s", a.code)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	end()
	same := func() error {
		var first status
		for i, n := range r.nodes {
			s, err := c.status(n)
			if err != nil {
				return err
			}
			if i == 0 {
				first = s
			} else if s.Hash != first.Hash {
				return fmt.Errorf("%s is at revision %d, %s at %d", n.Name(), s.Revision, r.nodes[0].Name(), first.Revision)
			}
		}
		return nil
	}
	if err := eventually(ctx, 30*time.Second, same); err != nil {
		t.Fatal(err)
	}
	old.kill()
	r.again(old)
	if err := eventually(ctx, 20*time.Second, same); err != nil {
		log, _ := os.ReadFile(filepath.Join(r.dir, old.Name()+".log"))
		t.Fatalf("after the restart: %v\n%s", err, tail(log, 1500))
	}
}

// Each file that a later start needs is synced when it is made: a node that has
// just joined starts again after its machine lost its power.
func TestPowerCutRightAfterJoining(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	r := form(t)
	for _, n := range r.nodes {
		if n.disk == nil {
			t.Skip("no disks of their own on this machine")
		}
		n.kill()
	}
	for _, n := range r.nodes {
		n.cut()
		r.again(n)
	}
	c := r.newClient(1)
	t.Cleanup(c.close)
	for _, n := range r.nodes {
		if err := eventually(context.Background(), 20*time.Second, func() error {
			a := c.askAt(n, 5*time.Second, http.MethodPost, "/graph/nodes", map[string]any{"session_id": "s", "node_type": "thing", "label": n.Name()})
			if a.outcome != check.OK {
				return fmt.Errorf("%d %s", a.status, a.code)
			}
			return nil
		}); err != nil {
			log, _ := os.ReadFile(filepath.Join(r.dir, n.Name()+".log"))
			t.Errorf("%s after the power cut: %v\n%s", n.Name(), err, tail(log, 1500))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.problems) > 0 {
		t.Errorf("%v", r.problems)
	}
}

// The leader gives its leadership away when asked, and only the leader can.
func TestHandOver(t *testing.T) {
	if testing.Short() {
		t.Skip("takes five seconds")
	}
	r := form(t)
	c := r.newClient(1)
	t.Cleanup(c.close)
	s, err := c.status(r.nodes[0])
	if err != nil || s.Leader == nil {
		t.Fatal(s, err)
	}
	for _, n := range r.nodes {
		if n.Name() == s.Leader.Name {
			continue
		}
		if a := c.askAt(n, 5*time.Second, http.MethodPost, "/seat/hand-over", map[string]any{}); a.code != "NOT_LEADER" {
			t.Errorf("a follower: %d %s", a.status, a.body)
		}
	}
	for _, n := range r.nodes {
		if n.Name() != s.Leader.Name {
			continue
		}
		var done struct{ Leader string }
		a := c.askAt(n, 10*time.Second, http.MethodPost, "/seat/hand-over", map[string]any{})
		if a.outcome != check.OK || !c.decode(a, &done) || done.Leader == "" || done.Leader == n.Name() {
			t.Errorf("the leader %s: %d %s", n.Name(), a.status, a.body)
		}
	}
}

// A request whose connection breaks is of unknown outcome and is not sent again
// behind the client's back, whatever it carries.
func TestClientSendsOnce(t *testing.T) {
	r, err := newRunner(Config{Dir: directory(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.file.Close() })
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1)%2 == 0 { // on a connection that is in use already
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				c.Close()
			}
		}
	}))
	t.Cleanup(s.Close)
	n := &node{run: r, name: "n"}
	for _, method := range []string{http.MethodDelete, http.MethodPost} {
		c := r.newClient(1)
		t.Cleanup(c.close)
		c.conns[n] = &http.Client{Transport: &http.Transport{DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
		}}}
		var body any
		if method == http.MethodPost {
			body = map[string]any{"label": "x"}
		}
		asked.Store(0)
		if a := c.askAt(n, time.Second, method, "/", body, "Idempotency-Key", "k"); a.outcome != check.OK {
			t.Fatalf("%s: %+v", method, a)
		}
		if a := c.askAt(n, time.Second, method, "/", body, "Idempotency-Key", "k"); a.outcome != check.Unknown || asked.Load() != 2 {
			t.Errorf("%s: %s after %d requests", method, a.outcome, asked.Load())
		}
	}
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

func TestUnknownScenarioIsRefused(t *testing.T) {
	if _, err := Run(context.Background(), Config{Scenario: "peace", Log: io.Discard}); err == nil {
		t.Error("a scenario that does not exist was run")
	}
}

// Package e2e_test runs whole meshes of real processes over real TLS on real
// disks, and breaks them on purpose. Each test is named after its scenario;
// the F-numbers are the project's names for failures a mesh must survive.
//
// What may take seconds by contract is waited for with Eventually; nothing
// here counts on a pause being long enough.
package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// The exit codes that scripts rely on.
const (
	done        = 0
	failed      = 1
	usage       = 2
	unreachable = 3
	refused     = 4
)

// says fails unless every one of the words is in the text.
func says(t testing.TB, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not said in: %s", w, lastLines(text, 12))
		}
	}
}

// wantExit fails unless the verb ended with the code and one sentence that has
// all the words.
func wantExit(t testing.TB, r realmesh.Result, code int, words ...string) {
	t.Helper()
	if r.Code != code {
		t.Errorf("exit %d, want %d: %s%s", r.Code, code, r.Stdout, r.Stderr)
	}
	says(t, r.Stderr, words...)
}

// ends waits for a node that was started to end by itself with the code and a
// sentence.
func ends(t testing.TB, n *realmesh.Node, code int, words ...string) {
	t.Helper()
	if got := n.WaitExit(30 * time.Second); got != code {
		t.Errorf("%s ended with %d, want %d:\n%s", n.Name, got, code, lastLines(n.LastLog(), 12))
	}
	says(t, n.LastLog(), words...)
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// stopAt ends a node cleanly and says if it did not end well.
func stop(t testing.TB, n *realmesh.Node) {
	t.Helper()
	if code := n.Stop(); code != done {
		t.Errorf("%s ended with %d on SIGTERM:\n%s", n.Name, code, lastLines(n.LastLog(), 12))
	}
}

// leaderOf returns which of the nodes leads, once one of them says so of itself.
func leaderOf(t testing.TB, nodes ...*realmesh.Node) *realmesh.Node {
	t.Helper()
	var leader *realmesh.Node
	realmesh.Eventually(t, 30*time.Second, "somebody leads", func() error {
		for _, n := range nodes {
			s, err := n.Status()
			if err == nil && s.Leader != nil && s.Leader.ID == s.Node.ID && s.State != "no_majority" {
				leader = n
				return nil
			}
		}
		return fmt.Errorf("none of %d nodes leads", len(nodes))
	})
	return leader
}

// others are the nodes without one.
func others(nodes []*realmesh.Node, one *realmesh.Node) []*realmesh.Node {
	var out []*realmesh.Node
	for _, n := range nodes {
		if n != one {
			out = append(out, n)
		}
	}
	return out
}

// member is the line about one node in another's list, by name.
func member(n *realmesh.Node, name string) (realmesh.Member, bool, error) {
	members, err := n.Members()
	for _, m := range members {
		if m.Name == name {
			return m, true, err
		}
	}
	return realmesh.Member{}, false, err
}

// relay carries bytes between whoever connects and a node, and remembers what
// came in.
type relay struct {
	net.Listener
	to   string
	mu   sync.Mutex
	seen bytes.Buffer
}

func startRelay(t testing.TB, to string) *relay {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: ln, to: to}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			in, err := ln.Accept()
			if err != nil {
				return
			}
			go r.carry(in)
		}
	}()
	return r
}

func (r *relay) carry(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer out.Close()
	go func() {
		_, _ = io.Copy(in, out)
		in.Close()
	}()
	_, _ = io.Copy(out, io.TeeReader(in, r))
}

// Write remembers, up to a megabyte.
func (r *relay) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen.Len() < 1<<20 {
		r.seen.Write(p)
	}
	return len(p), nil
}

func decode(t testing.TB, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("no JSON: %v\n%s", err, text)
	}
}

// long says whether the tests that take minutes are wanted too.
func long() bool { return os.Getenv("MESHD_TEST_LONG") != "" }

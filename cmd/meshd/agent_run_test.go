//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/meshd/meshd/node/socket"
)

// TestAgentScripts runs testdata/agent/*.txt, which have a node: "node" starts
// it and sets NODE, PIN and KEY, "listed NAME" waits until an agent has come there,
// "emptied NAME" until its inbox is. EXAMPLES is where the examples are.
func TestAgentScripts(t *testing.T) {
	// Started in the background, a test may have been told to ignore Ctrl-C, and
	// would pass that on to the programs that are stopped by it.
	if signal.Ignored(os.Interrupt) {
		signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/agent",
		Setup: func(e *testscript.Env) error {
			data, err := os.MkdirTemp("", "ma") // the path of its socket has to be short
			if err != nil {
				return err
			}
			e.Defer(func() { _ = os.RemoveAll(data) })
			home := filepath.Join(e.WorkDir, "home")
			e.Values["news"] = new(news)
			e.Setenv("HOME", home)
			e.Setenv("MESHD_DATA", data)
			examples, err := filepath.Abs("../../httpapi/client/examples")
			if err != nil {
				return err
			}
			e.Setenv("EXAMPLES", examples)
			e.Setenv("npm_config_cache", filepath.Join(os.TempDir(), "meshd-test-npm"))
			return os.MkdirAll(home, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "node": startNode, "listed": listed, "emptied": emptied},
		Condition: func(name string) (bool, error) {
			if name != "long" {
				return false, fmt.Errorf("the condition %q is not known", name)
			}
			return os.Getenv("MESHD_TEST_LONG") != "", nil
		},
	})
}

func startNode(ts *testscript.TestScript, _ bool, _ []string) {
	data := ts.Getenv("MESHD_DATA")
	bin, err := exec.LookPath("meshd")
	ts.Check(err)
	cmd := exec.Command(bin, "init", "--name", "n1", "--listen", "127.0.0.1:0", "--data", data)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "MESHD_") })
	log, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	said, serves := bufio.NewScanner(log), make(chan bool, 1)
	go func() {
		for said.Scan() {
			if strings.Contains(said.Text(), `"msg":"serving"`) {
				serves <- true
			}
		}
		close(serves)
	}()
	select {
	case ok := <-serves:
		if !ok {
			ts.Fatalf("the node ended")
		}
	case <-time.After(patience):
		ts.Fatalf("the node does not serve")
	}
	var c struct {
		Pin string `json:"spki_sha256"`
	}
	ts.Check(ts.Exec("meshd", "cert", "--json"))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &c))
	var s struct {
		Node struct {
			Address string `json:"address"`
		} `json:"node"`
	}
	ts.Check(ts.Exec("meshd", "status", "--json"))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &s))
	key, err := os.ReadFile(filepath.Join(data, "admin.key"))
	ts.Check(err)
	_, port, _ := strings.Cut(s.Node.Address, ":")
	ts.Setenv("NODE", "https://127.0.0.1:"+port)
	ts.Setenv("PIN", c.Pin)
	ts.Setenv("KEY", strings.TrimSpace(string(key)))
	ts.Value("news").(*news).follow(ts)
}

// news is what a script has heard of its node's agents so far.
type news struct {
	feed *bufio.Scanner
	end  context.CancelFunc
}

// follow begins to hear of agents, so that nothing is missed that a script waits
// for later.
func (n *news) follow(ts *testscript.TestScript) {
	ctx, cancel := context.WithCancel(context.Background())
	n.end = cancel
	ts.Defer(cancel)
	feed, err := openLocal(ctx, ts.Getenv("MESHD_DATA"), "/events?types=agent.started")
	ts.Check(err)
	ts.Defer(func() { _ = feed.Close() })
	if n.feed = bufio.NewScanner(feed); !n.feed.Scan() { // the first line says that it has begun
		ts.Fatalf("the node tells nothing of its agents: %v", n.feed.Err())
	}
}

// listed waits until an agent is there, since the script last waited for it.
func listed(ts *testscript.TestScript, _ bool, args []string) {
	n := ts.Value("news").(*news)
	late := time.AfterFunc(patience, n.end)
	defer late.Stop()
	for n.feed.Scan() {
		var e struct {
			Data struct{ Data struct{ Agent string } }
		}
		ts.Check(json.Unmarshal(n.feed.Bytes(), &e))
		if e.Data.Data.Agent == args[0] {
			return
		}
	}
	ts.Fatalf("%s is not listed: %v", args[0], n.feed.Err())
}

// openLocal opens a feed of the node of a directory, as JSON lines.
func openLocal(ctx context.Context, data, path string) (io.ReadCloser, error) {
	at, err := socket.Find(data)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", at)
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://meshd"+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/x-ndjson")
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("%s: %s", path, resp.Status)
	}
	return resp.Body, nil
}

// emptied waits until an agent has ended all it had. Nothing tells of that moment
// but the inbox itself.
func emptied(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		ts.Check(ts.Exec("meshd", "inbox", args[0], "--json"))
		if strings.TrimSpace(ts.ReadFile("stdout")) == "[]" {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the inbox of %s is not empty", args[0])
		}
	}
}

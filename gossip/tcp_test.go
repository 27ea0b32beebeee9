package gossip

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// loopback is a mesh over real TCP. The dialler sends its id as a length and a
// name, where a real mesh has TLS.
type loopback struct {
	t      *testing.T
	timing timing
	roster []string

	mu    sync.Mutex
	addrs map[string]string
}

type tcpNode struct {
	*Gossip
	listener net.Listener
	wg       sync.WaitGroup
}

func (l *loopback) start(id string, registry prometheus.Registerer) *tcpNode {
	l.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	l.mu.Lock()
	l.addrs[id] = ln.Addr().String() // another port in each run
	l.mu.Unlock()
	n := &tcpNode{listener: ln}
	n.Gossip, err = open(Config{
		MeshID: "mesh", NodeID: id, Self: Record{Name: id},
		Known:      func(string) bool { return true },
		Roster:     func() []string { return l.roster },
		Registerer: registry,
		Dial: func(ctx context.Context, to string) (net.Conn, error) {
			l.mu.Lock()
			addr := l.addrs[to]
			l.mu.Unlock()
			if addr == "" {
				return nil, errors.New("no address yet")
			}
			c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
			if err != nil {
				return nil, err
			}
			if _, err := c.Write(append([]byte{byte(len(id))}, id...)); err != nil {
				c.Close()
				return nil, err
			}
			return c, nil
		},
	}, l.timing)
	if err != nil {
		l.t.Fatal(err)
	}
	n.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			n.wg.Go(func() {
				name := make([]byte, 1)
				if _, err := io.ReadFull(c, name); err != nil {
					c.Close()
					return
				}
				name = make([]byte, name[0])
				if _, err := io.ReadFull(c, name); err != nil {
					c.Close()
					return
				}
				n.Serve(string(name), c)
			})
		}
	})
	return n
}

func (n *tcpNode) stop(t *testing.T) {
	t.Helper()
	n.listener.Close()
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	n.wg.Wait()
}

func killAndReturnOverTCP(t *testing.T, tm timing, limit time.Duration) {
	l := &loopback{t: t, timing: tm, roster: []string{"a", "b", "c"}, addrs: make(map[string]string)}
	registry := prometheus.NewRegistry()
	nodes := map[string]*tcpNode{"a": l.start("a", registry), "b": l.start("b", nil), "c": l.start("c", nil)}
	defer func() {
		for _, n := range nodes {
			n.stop(t)
		}
		if left, _ := registry.Gather(); len(left) != 0 {
			t.Error("metrics stay registered after Close")
		}
	}()
	wait := func(what string, want Status, viewers ...string) {
		t.Helper()
		began := time.Now()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for ; ; <-tick.C {
			ok := true
			for _, v := range viewers {
				for _, m := range nodes[v].Members() {
					if m.NodeID == "c" && m.Status != want || m.NodeID != "c" && m.Status != StatusAlive {
						ok = false
					}
				}
			}
			if ok {
				took := time.Since(began)
				if t.Logf("%s after %v", what, took); took > limit {
					t.Logf("%v is to be enough at rest", limit)
				}
				return
			}
			if time.Since(began) > time.Minute {
				t.Fatalf("%s: not within a minute", what)
			}
		}
	}
	wait("formed", StatusAlive, "a", "b", "c")
	if families, err := registry.Gather(); err != nil || len(families) == 0 {
		t.Errorf("no metrics: %v", err)
	}
	nodes["c"].stop(t)
	wait("failed", StatusFailed, "a", "b")
	nodes["c"] = l.start("c", nil)
	wait("alive at another port", StatusAlive, "a", "b", "c")
}

// scaled divides every interval.
func (t timing) scaled(by time.Duration) timing {
	return timing{
		probe: t.probe / by, probeTimeout: t.probeTimeout / by,
		gossip: t.gossip / by, pushPull: t.pushPull / by,
		toTheDead: t.toTheDead / by, rejoin: t.rejoin / by,
		lease: t.lease / by, leaseTick: t.leaseTick / by,
	}
}

func TestKillAndReturnOverTCP(t *testing.T) {
	killAndReturnOverTCP(t, defaultTiming().scaled(4), 10*time.Second)
}

func TestKillAndReturnInRealTime(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	killAndReturnOverTCP(t, defaultTiming(), 10*time.Second)
}

func TestMemberlistLinesHaveLevels(t *testing.T) {
	var out bytes.Buffer
	l := newMemberlistLogger(slog.New(slog.NewTextHandler(&out, nil)))
	l.Print("[DEBUG] memberlist: noise")
	l.Print("[WARN] memberlist: ignoring alive message for 'x'")
	l.Print("[ERR] memberlist: Push/Pull with x failed: refused")
	if out.Len() != 0 {
		t.Errorf("noise at info: %s", &out)
	}
	l.Print("[INFO] memberlist: Marking x as failed")
	l.Print("[ERR] memberlist: something else")
	for _, want := range []string{`level=INFO msg=memberlist line="Marking x as failed"`, `level=WARN msg=memberlist line="something else"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %s", want, &out)
		}
	}
}

func TestOpenRefusesBadConfig(t *testing.T) {
	f := newFabric(t, "a")
	for name, change := range map[string]func(*Config){
		"no mesh id":        func(c *Config) { c.MeshID = "" },
		"a slash":           func(c *Config) { c.NodeID = "a/b" },
		"no dial":           func(c *Config) { c.Dial = nil },
		"a record too much": func(c *Config) { c.Self.Agents = agents(1100, 1000) },
	} {
		cfg := f.config("a")
		change(&cfg)
		if g, err := Open(cfg); err == nil {
			t.Errorf("%s: opened", name)
			g.Close()
		}
	}
}

// Two in one registry would hide each other's figures.
func TestOpenUndoesItsMetricsOnFailure(t *testing.T) {
	virtually(t, func(t *testing.T) {
		f := newFabric(t, "a", "b")
		defer f.stopAll()
		registry := prometheus.NewRegistry()
		cfg := f.config("a")
		cfg.Registerer = registry
		f.startWith(cfg)
		cfg = f.config("b")
		cfg.Registerer = registry
		if g, err := Open(cfg); err == nil {
			t.Error("opened")
			g.Close()
		}
		f.kill("a")
		f.startWith(cfg)
	})
}

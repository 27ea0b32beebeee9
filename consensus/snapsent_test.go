package consensus

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// outrun lets a node of three fall behind until only a snapshot can help it,
// and returns it, stopped.
func outrun(t *testing.T, nodes []*node) (leader, away *node) {
	t.Helper()
	leader = leaderOf(t, nodes)
	away = others(nodes, leader)[0]
	leader.do(t, "add n")
	last := away.Status().AppliedIndex
	away.kill()
	body := strings.Repeat("x", 16<<10)
	eventually(t, 20*time.Second, "the log no longer reaches back", func() bool {
		for i := range 10 {
			leader.do(t, fmt.Sprintf("big k%d %s", i, body))
		}
		first, err := leader.log.FirstIndex()
		return err == nil && first > last+1
	})
	leader.do(t, "add n")
	return leader, away
}

// A snapshot that was damaged on the leader's disk is not sent: the leader says
// so, takes another, and the follower gets that.
func TestSnapshotIsVerifiedWhenSent(t *testing.T) {
	t.Parallel()
	_, _, nodes := mesh(t, 3, func(c *Config) { steady(c); c.hooks.snapBytes = 64 << 10 })
	leader, away := outrun(t, nodes)
	before, _ := leader.snapshots.newest()
	flip(t, newestOf(t, leader.dir, nameSnapshots+"/*/state.bin"), 3000)
	away.open()
	same(t, nodes)
	if out := away.do(t, "add n"); out.Result[7] != 3 {
		t.Fatalf("%+v", out)
	}
	eventually(t, 5*time.Second, "the damaged one is set aside, or was superseded before", func() bool {
		_, err := os.Stat(filepath.Join(leader.dir, nameSnapshots, "damaged.tmp"))
		now, _ := leader.snapshots.newest()
		return err == nil || now > before && leader.snapshots.bad.Load() == nil
	})
	for _, x := range nodes {
		if x.machine.broken() != nil {
			t.Errorf("%s: %v", x.id, x.machine.broken())
		}
	}
}

// A snapshot that a bad wire has changed does not come into force: it is sent
// again.
func TestSnapshotIsVerifiedWhenLoaded(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	armed, changed := false, make(chan struct{})
	_, _, nodes := mesh(t, 3, func(c *Config) {
		c.hooks.snapBytes = 64 << 10
		dial := c.Dial
		c.Dial = func(ctx context.Context, id string) (net.Conn, error) {
			conn, err := dial(ctx, id)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && armed {
				return &changingConn{Conn: conn, after: 60 << 10, done: changed}, nil
			}
			return conn, err
		}
	})
	_, away := outrun(t, nodes)
	mu.Lock()
	armed = true
	mu.Unlock()
	away.open()
	select {
	case <-changed:
	case <-time.After(time.Minute):
		t.Fatal("no snapshot was sent")
	}
	mu.Lock()
	armed = false
	mu.Unlock()
	same(t, nodes)
	if out := away.do(t, "add n"); out.Result[7] != 3 {
		t.Fatalf("%+v", out)
	}
}

// changingConn flips a bit, once, after so many bytes.
type changingConn struct {
	net.Conn
	mu    sync.Mutex
	after int
	done  chan struct{}
}

func (c *changingConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.after -= len(b); c.after < 0 && len(b) > 1000 {
		select {
		case <-c.done:
		default:
			close(c.done)
			b = append([]byte{}, b...)
			b[len(b)/2] ^= 1
		}
	}
	return c.Conn.Write(b)
}

// The log of the process blocks, as with a full pipe for standard error: reads,
// writes and closing go on (F28). The program's own writer drops lines; this is
// for whatever logger a Group is given on its hot path.
func TestF28NothingIsLoggedOnTheHotPath(t *testing.T) {
	block := newBlockingHandler()
	_, _, nodes := mesh(t, 3, func(c *Config) { steady(c); c.Logger = block.logger() })
	leader := leaderOf(t, nodes)
	block.stop()
	defer block.resume()
	for i := range 50 {
		leader.do(t, "add n")
		if got := nodes[i%3].get(t, ReadOptions{Consistency: Linearizable}, "n"); got[7] != byte(i+1) {
			t.Fatalf("after %d: %x", i+1, got)
		}
	}
}

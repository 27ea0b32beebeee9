package faults

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// register is one node of the graph whose number only one writer raises. It
// judges linearizable reads while they happen.
type register struct {
	t     testing.TB
	key   string
	path  string
	floor atomic.Uint64 // what every read that begins now must reach

	mu      sync.Mutex
	clients map[*realmesh.Node]*realmesh.Client
	next    uint64
	gone    sync.Map // nodes that are read no more

	reads, refused, writes, unknown atomic.Int64
	stopped                         chan struct{}
	stop                            sync.Once
	work                            sync.WaitGroup
}

func newRegister(t testing.TB, nodes ...*realmesh.Node) *register {
	t.Helper()
	r := &register{t: t, key: nodes[0].AdminKey(), clients: map[*realmesh.Node]*realmesh.Client{}, stopped: make(chan struct{})}
	for _, n := range nodes {
		r.at(n)
	}
	var made struct{ ID uint64 }
	r.at(nodes[0]).Want(http.StatusCreated, &made, http.MethodPost, "/graph/nodes",
		map[string]any{"session_id": "register", "node_type": "register", "label": "r", "properties": map[string]any{"n": 0}})
	r.path = fmt.Sprintf("/graph/nodes/%d", made.ID)
	r.mustWrite(nodes[0])
	t.Cleanup(r.end)
	return r
}

// at is the client at a node.
func (r *register) at(n *realmesh.Node) *realmesh.Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.clients[n]
	if c == nil {
		c = n.Client(r.key)
		r.clients[n] = c
	}
	return c
}

// read asks for the number, at a consistency.
func (r *register) read(n *realmesh.Node, query string, headers ...string) (uint64, realmesh.Answer, error) {
	a, err := r.at(n).Ask(http.MethodGet, r.path+query, nil, headers...)
	if err != nil || a.Status != http.StatusOK {
		return 0, a, err
	}
	var got struct {
		Properties struct{ N uint64 }
	}
	if err := json.Unmarshal(a.Body, &got); err != nil {
		return 0, a, err
	}
	return got.Properties.N, a, nil
}

// raise lifts the floor.
func (r *register) raise(n uint64) {
	for {
		old := r.floor.Load()
		if old >= n || r.floor.CompareAndSwap(old, n) {
			return
		}
	}
}

// write raises the number by one request; the number it tried, and whether it
// was acknowledged. One goroutine at a time.
func (r *register) write(c *realmesh.Client) (uint64, bool) {
	r.next++
	n := r.next
	a, err := c.Ask(http.MethodPut, r.path, map[string]any{"properties": map[string]any{"n": n}}, "Idempotency-Key", fmt.Sprintf("register-%d", n))
	if err == nil && a.Status == http.StatusOK {
		r.raise(n)
		r.writes.Add(1)
		return n, true
	}
	if err == nil && a.Status < 500 && a.Status != http.StatusTooManyRequests {
		r.t.Errorf("a write was answered %s", a)
	}
	r.unknown.Add(1)
	return n, false
}

// mustWrite writes at a node until it is acknowledged.
func (r *register) mustWrite(n *realmesh.Node) uint64 {
	r.t.Helper()
	c := r.at(n)
	var got uint64
	realmesh.Eventually(r.t, 30*time.Second, "a write at "+n.Name, func() error {
		v, ok := r.write(c)
		if !ok {
			return fmt.Errorf("not acknowledged")
		}
		got = v
		return nil
	})
	return got
}

// check reads once, linearizable, and judges; it says whether there was an
// answer.
func (r *register) check(n *realmesh.Node) bool {
	floor := r.floor.Load()
	begun := time.Now()
	got, a, err := r.read(n, "?consistency=linearizable")
	switch {
	case err != nil || a.Status != http.StatusOK:
		if err == nil && a.Status != http.StatusServiceUnavailable {
			r.t.Errorf("a read at %s was answered %s", n.Name, a)
		}
		r.refused.Add(1)
		return false
	case got < floor:
		r.t.Errorf("a linearizable read at %s gave %d, though %d was known when it began %s ago (revision %d)", n.Name, got, floor, time.Since(begun).Round(time.Millisecond), a.Revision())
	}
	r.raise(got)
	r.reads.Add(1)
	return true
}

// start reads at every node of readers and writes at those of writers until
// end.
func (r *register) start(readers, writers []*realmesh.Node) {
	for _, n := range readers {
		r.reader(n)
	}
	r.work.Go(func() {
		rng := rand.New(rand.NewPCG(1, 2))
		for r.pause() {
			r.write(r.at(writers[rng.IntN(len(writers))]))
		}
	})
}

func (r *register) reader(n *realmesh.Node) {
	r.at(n)
	r.work.Go(func() {
		for r.pause() {
			if _, gone := r.gone.Load(n); gone {
				return
			}
			r.check(n)
		}
	})
}

// pause leaves the machine something for the mesh, and says whether to go on.
func (r *register) pause() bool {
	select {
	case <-r.stopped:
		return false
	case <-time.After(3 * time.Millisecond):
		return true
	}
}

// more waits until so many reads were answered from now on.
func (r *register) more(reads int64) {
	r.t.Helper()
	want := r.reads.Load() + reads
	realmesh.Eventually(r.t, 30*time.Second, "linearizable reads are answered", func() error {
		if got := r.reads.Load(); got < want {
			return fmt.Errorf("%d of %d", got, want)
		}
		return nil
	})
}

func (r *register) end() {
	r.stop.Do(func() { close(r.stopped) })
	r.work.Wait()
}

// finish ends reading and writing, and compares all nodes.
func (r *register) finish(nodes ...*realmesh.Node) {
	r.t.Helper()
	r.end()
	for _, n := range nodes {
		realmesh.Eventually(r.t, 30*time.Second, "a linearizable read at "+n.Name, func() error {
			if !r.check(n) {
				return fmt.Errorf("refused")
			}
			return nil
		})
	}
	realmesh.Eventually(r.t, 40*time.Second, "all hold the same", func() error { return realmesh.Same(nodes...) })
	r.t.Logf("%d reads and %d writes answered, %d and %d not", r.reads.Load(), r.writes.Load(), r.refused.Load(), r.unknown.Load())
}

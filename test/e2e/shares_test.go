package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// One key that sends, asks and proposes without end is refused at its share of
// the mesh, at every node, while another goes on, and an administrator too.
func TestAFloodingKeyIsRefusedAndOthersGoOn(t *testing.T) {
	if os.Getenv("MESHD_TEST_LONG") == "" {
		t.Skip("fills a quarter of a mesh: set MESHD_TEST_LONG=1")
	}
	nodes := formed(t)
	_, flood := nodes[0].APIKey("agent")
	_, other := nodes[0].APIKey("agent")
	modest := nodes[1].Client(other)
	done := make(chan struct{})
	var modestly sync.WaitGroup
	var took []time.Duration
	modestly.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
			start := time.Now()
			a, err := modest.Ask(http.MethodPost, "/messages", map[string]any{"to": "quiet", "durable": true, "body": 1})
			if err != nil || a.Status != http.StatusOK {
				t.Errorf("another credential: %s %v", a, err)
				return
			}
			took = append(took, time.Since(start))
		}
	})
	const names = 2500
	parallel := func(n int, ask func(c *realmesh.Client, i int) bool) {
		var next atomic.Int64
		var all sync.WaitGroup
		for w := range 16 {
			c := nodes[w%3].Client(flood)
			all.Go(func() {
				for i := next.Add(1) - 1; i < int64(n) && ask(c, int(i)); i = next.Add(1) - 1 {
				}
			})
		}
		all.Wait()
	}
	refused := func(what, code string, n int, method, path string, body func(i int) any) {
		t.Helper()
		start := time.Now()
		var taken atomic.Int64
		var no atomic.Pointer[realmesh.Answer]
		parallel(n, func(c *realmesh.Client, i int) bool {
			a, err := c.Ask(method, path, body(i))
			switch {
			case err != nil || a.Status >= 500:
				return true // too busy for the moment
			case a.Status < 300:
				taken.Add(1)
				return true
			}
			no.Store(&a)
			return false
		})
		a := no.Load()
		if a == nil {
			t.Fatalf("%d %s were taken, and none refused", taken.Load(), what)
		}
		var said struct{ Details map[string]any }
		if err := json.Unmarshal(a.Body, &said); err != nil || a.Status != http.StatusTooManyRequests || a.Code() != code || said.Details["share"] != "credential" {
			t.Fatalf("%s: %s", what, a)
		}
		t.Logf("%d %s in %v, then %s", taken.Load(), what, time.Since(start).Round(time.Millisecond), a)
		for _, node := range nodes {
			if a, err := node.Client(flood).Ask(method, path, body(0)); err != nil || a.Code() != code {
				t.Errorf("%s at another node: %s %v", what, a, err)
			}
		}
	}
	parallel(names, func(c *realmesh.Client, i int) bool {
		for {
			a, err := c.Ask(http.MethodPost, fmt.Sprintf("/messages/send/flood-%d", i), map[string]any{"target_instance": fmt.Sprint("flood-", i), "message_type": "Query", "payload": 1})
			if err == nil && a.Status < 300 {
				return true
			}
			if err == nil && a.Status < 500 {
				t.Errorf("a name: %s", a)
				return false
			}
		}
	})
	refused("broadcasts", "INBOX_FULL", 1000, http.MethodPost, "/messages/send/flood-0", func(int) any {
		return map[string]any{"message_type": "Query", "payload": 1}
	})
	refused("proposals", "PROPOSALS_FULL", 10_000, http.MethodPost, "/proposals", func(int) any {
		return map[string]any{"kind": "k", "body": 1, "electors": []string{"flood-0"}}
	})
	refused("tasks", "TASKS_FULL", 60_000, http.MethodPost, "/tasks", func(int) any {
		return map[string]any{"needs": []string{"nobody-can"}, "body": 1, "from": "flood-0", "deadline": "1h"}
	})
	close(done)
	modestly.Wait()
	slices.Sort(took)
	if len(took) == 0 {
		t.Fatal("another credential sent nothing")
	}
	t.Logf("another sent %d messages meanwhile: half within %v, 99 of 100 within %v, all within %v", len(took), took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
	modest.Want(http.StatusCreated, nil, http.MethodPost, "/tasks", map[string]any{"needs": []string{"nobody-can"}, "body": 1})
	modest.Want(http.StatusCreated, nil, http.MethodPost, "/proposals", map[string]any{"kind": "k", "body": 1, "electors": []string{"quiet"}})
	nodes[2].Client(nodes[0].AdminKey()).Want(http.StatusOK, nil, http.MethodPost, "/messages", map[string]any{"to": "quiet", "durable": true, "body": 1})
	realmesh.Eventually(t, 30*time.Second, "all nodes hold the same", func() error { return realmesh.Same(nodes...) })
}

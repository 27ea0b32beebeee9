package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// A thousand agents come back at the same moment, each with messages waiting,
// then all of their connections break at once and they come to another node:
// each has each message at least once, the names are claimed by a few commands,
// and what was acknowledged does not come again.
func TestAStormOfAgentsGetsItsInboxes(t *testing.T) {
	many := 100
	if os.Getenv("MESHD_TEST_LONG") != "" {
		many = 1000
	}
	t.Parallel()
	nodes := formed(t)
	_, key := nodes[0].APIKey("agent")
	sender, admin := nodes[0].Client(key), nodes[0].Client(nodes[0].AdminKey())
	name := func(i int) string { return fmt.Sprint("storm-", i) }
	each(many, func(i int) {
		durably(t, sender, name(i), 1)
		durably(t, sender, name(i), 2)
	})
	before, err := nodes[0].Status()
	if err != nil {
		t.Fatal(err)
	}
	agents := make([]*inboxAgent, many)
	began := time.Now()
	each(many, func(i int) {
		agents[i] = inboxOf(t, nodes[1+i%2], key, name(i), func(a *inboxAgent, m received) {
			if string(m.Body) == "1" {
				ackIt(a, m)
			}
		})
	})
	attached := time.Since(began)
	each(many, func(i int) {
		if got := bodies(agents[i].waits(2)[:2]); got != "1 2" {
			t.Errorf("%s heard %s", name(i), got)
		}
	})
	took := time.Since(began)
	realmesh.Eventually(t, 20*time.Second, "half of the messages are acknowledged", func() error {
		return waiting(admin, many)
	})
	after, err := nodes[0].Status()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d agents attached in %s and had their messages after %s, with %d commands", many, attached, took, after.Revision-before.Revision)

	each(many, func(i int) { agents[i].cut() })
	began = time.Now()
	each(many, func(i int) { agents[i] = inboxOf(t, nodes[2-i%2], key, name(i), ackIt) })
	each(many, func(i int) {
		if got := agents[i].waits(1)[0]; string(got.Body) != "2" {
			t.Errorf("%s heard %+v", name(i), got)
		}
	})
	t.Logf("at another node they had the rest after %s", time.Since(began))
	realmesh.Eventually(t, 20*time.Second, "all is acknowledged", func() error { return waiting(admin, 0) })
}

// each runs fn for 0 to n-1, fifty at a time.
func each(n int, fn func(i int)) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, 50)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			fn(i)
		})
	}
	wg.Wait()
}

// waiting says whether so many messages wait in all inboxes, by the metrics of
// a node.
func waiting(c *realmesh.Client, want int) error {
	a, err := c.Ask(http.MethodGet, "/metrics", nil)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(a.Body)) {
		if value, ok := strings.CutPrefix(line, "meshd_inbox_messages "); ok {
			if got, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err != nil || int(got) != want {
				return fmt.Errorf("%s wait", strings.TrimSpace(value))
			}
			return nil
		}
	}
	return fmt.Errorf("the metrics do not say: %s", a)
}

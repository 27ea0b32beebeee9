package e2e_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// ledger writes graph nodes without keys while a mesh is being broken, and
// remembers what was acknowledged: each exactly once must be there at the end.
// A write whose answer did not come is repeated with the same Idempotency-Key,
// at any node, until it is acknowledged.
type ledger struct {
	t         testing.TB
	key       string
	namespace string
	clients   []*realmesh.Client
	stopped   chan struct{}
	stop      sync.Once
	writers   sync.WaitGroup

	mu    sync.Mutex
	acked map[string]uint64 // label to id
	tried map[string]bool
	bad   []string
	last  time.Time
	gap   time.Duration // the longest between two acknowledgements
}

func newLedger(t testing.TB, namespace string, nodes ...*realmesh.Node) *ledger {
	t.Helper()
	_, key := nodes[0].APIKey("user")
	l := &ledger{t: t, key: key, namespace: namespace, stopped: make(chan struct{}), acked: map[string]uint64{}, tried: map[string]bool{}}
	for _, n := range nodes {
		l.clients = append(l.clients, n.Client(key))
	}
	return l
}

// start begins writing with some writers until finish.
func (l *ledger) start(writers int, seed uint64) {
	l.last = time.Now()
	for w := range writers {
		l.writers.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(w)))
			pace := time.NewTicker(4 * time.Millisecond) // leaves the machine something for the mesh
			defer pace.Stop()
			for i := 0; ; i++ {
				select {
				case <-l.stopped:
					return
				case <-pace.C:
					l.write(fmt.Sprintf("w%d-%d", w, i), rng)
				}
			}
		})
	}
}

// write brings one write to an acknowledgement, or until the end of the test.
func (l *ledger) write(label string, rng *rand.Rand) {
	l.mu.Lock()
	l.tried[label] = true
	l.mu.Unlock()
	for {
		c := l.pick(rng)
		a, err := c.Ask(http.MethodPost, "/graph/nodes", map[string]any{"session_id": l.namespace, "node_type": "entry", "label": label},
			"Idempotency-Key", l.namespace+"/"+label)
		if err == nil && a.Status == http.StatusCreated {
			var n struct{ ID uint64 }
			_ = json.Unmarshal(a.Body, &n)
			l.mu.Lock()
			l.acked[label] = n.ID
			now := time.Now()
			l.gap = max(l.gap, now.Sub(l.last))
			l.last = now
			l.mu.Unlock()
			return
		}
		if err == nil && a.Status < 500 && a.Status != http.StatusTooManyRequests && a.Code() != "IDEMPOTENCY_IN_FLIGHT" {
			l.mu.Lock()
			l.bad = append(l.bad, fmt.Sprintf("%s: %s", label, a))
			l.mu.Unlock()
			return
		}
		select {
		case <-l.stopped:
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// count is how many writes were acknowledged until now.
func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// more waits until some more writes are acknowledged than now.
func (l *ledger) more(n int, timeout time.Duration) {
	l.t.Helper()
	want := l.count() + n
	realmesh.Eventually(l.t, timeout, "writes are acknowledged", func() error {
		if got := l.count(); got < want {
			return fmt.Errorf("%d of %d", got, want)
		}
		return nil
	})
}

// pause ends the writers, for good.
func (l *ledger) pause() {
	l.stop.Do(func() { close(l.stopped) })
	l.writers.Wait()
}

// finish ends the writers and compares what each node holds with what was
// promised.
func (l *ledger) finish(nodes ...*realmesh.Node) {
	l.t.Helper()
	l.pause()
	for _, b := range l.bad {
		l.t.Errorf("a write was answered wrongly: %s", b)
	}
	realmesh.Eventually(l.t, 40*time.Second, "all hold the same", func() error { return realmesh.Same(nodes...) })
	for _, n := range nodes {
		l.check(n)
	}
	l.t.Logf("%d writes acknowledged, longest gap %s", len(l.acked), l.gap.Round(time.Millisecond))
}

func (l *ledger) check(n *realmesh.Node) {
	l.t.Helper()
	there := map[string]int{}
	for _, label := range n.Labels(l.namespace) {
		there[label]++
	}
	var lost, twice, foreign []string
	for label := range l.acked {
		if there[label] == 0 {
			lost = append(lost, label)
		}
	}
	for label, times := range there {
		if times > 1 {
			twice = append(twice, label)
		}
		if !l.tried[label] {
			foreign = append(foreign, label)
		}
	}
	if len(lost)+len(twice)+len(foreign) > 0 {
		slices.Sort(lost)
		l.t.Errorf("%s: %d acknowledged writes are lost %v, %d are there twice %v, %d were never written %v", n.Name, len(lost), lost[:min(5, len(lost))], len(twice), twice, len(foreign), foreign)
	}
}

// also lets the writers use one more node.
func (l *ledger) also(n *realmesh.Node) {
	c := n.Client(l.key)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clients = append(l.clients, c)
}

// pick is any of the clients.
func (l *ledger) pick(rng *rand.Rand) *realmesh.Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.clients[rng.IntN(len(l.clients))]
}

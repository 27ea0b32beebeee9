package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// outcomes are how many recipients of one message are said to have it, not to
// have it and never to get it, and to be in doubt.
type outcomes struct{ Delivered, Refused, Unknown int }

func (o outcomes) all() int { return o.Delivered + o.Refused + o.Unknown }

// A node is cut off in the middle of live messages to agent@*. Each is answered
// within its time and counts every recipient that the mesh took to be there:
// delivered to those who have it, unknown for the ones behind the cut until the
// others have given their node up. Nobody has what was refused, or anything
// twice.
func TestAPartitionInABroadcast(t *testing.T) {
	t.Parallel()
	w := realmesh.NewWires(t)
	nodes := w.Mesh(3)
	leader := realmesh.Leader(t, nodes...)
	far := others(nodes, leader)[0]
	near := others(nodes, far)
	_, key := leader.APIKey("agent")
	sender := leader.Client(key)
	var band []*inboxAgent
	for _, n := range nodes {
		band = append(band, inboxOf(t, n, key, "band", ackIt))
	}
	const timeout = 3 * time.Second
	var mu sync.Mutex
	said := map[int]outcomes{}
	number := 0
	// send sends the next message, notes what is said of it, and returns that.
	send := func() outcomes {
		mu.Lock()
		i := number
		number++
		mu.Unlock()
		began := time.Now()
		a, err := sender.Ask(http.MethodPost, "/messages", map[string]any{"to": "band@*", "body": i, "timeout": timeout.String(), "wait": false})
		if err != nil {
			t.Errorf("message %d: %v", i, err)
			return outcomes{}
		}
		var got struct{ Counts *outcomes }
		if err := json.Unmarshal(a.Body, &got); err != nil || got.Counts == nil {
			t.Errorf("message %d after %s: %s", i, time.Since(began), a)
			return outcomes{}
		}
		mu.Lock()
		said[i] = *got.Counts
		mu.Unlock()
		return *got.Counts
	}
	whole := func(when string) {
		t.Helper()
		realmesh.Eventually(t, 60*time.Second, "all three have it "+when, func() error {
			if got := send(); got.Delivered != len(nodes) || got.all() != len(nodes) {
				return fmt.Errorf("%+v", got)
			}
			return nil
		})
	}
	whole("at first")

	// Messages are under way when the wires are cut, and come on.
	var under sync.WaitGroup
	first := number
	answered := make(chan struct{}, 40)
	for i := range 40 {
		under.Go(func() { send(); answered <- struct{}{} })
		if i == 10 {
			<-answered
			w.Split([]*realmesh.Node{far}, near)
		}
	}
	under.Wait()
	doubt := 0
	for i := first; i < number; i++ {
		got := said[i]
		// On a busy machine the far one may have been given up already, and a near
		// one told too late that it has it.
		if doubt += got.Unknown; got.all() > len(nodes) || got.Delivered+got.Unknown < len(near) {
			t.Errorf("message %d while the wires were cut: %+v", i, got)
		}
		if got.all() != len(nodes) || got.Delivered < len(near) {
			t.Logf("message %d while the wires were cut: %+v", i, got)
		}
	}
	if doubt == 0 {
		t.Error("nobody was in doubt")
	}
	t.Logf("of %d messages to each of %d while the wires were cut, %d are in doubt", number-first, len(nodes), doubt)
	realmesh.Eventually(t, 60*time.Second, "the far one is given up and counted no more", func() error {
		if got := send(); got.Delivered != len(near) || got.all() != len(near) {
			return fmt.Errorf("%+v", got)
		}
		return nil
	})
	w.Heal()
	realmesh.Alive(t, 60*time.Second, nodes...)
	whole("at last")

	// Whatever was held up between the nodes came before the last one, or never
	// will: order is kept.
	heard := map[int]int{}
	for i, a := range band {
		var order []int
		for _, m := range a.heard() {
			n := 0
			if m.Type != "receive" || json.Unmarshal(m.Body, &n) != nil {
				t.Errorf("%s heard %+v", nodes[i].Name, m)
				continue
			}
			order = append(order, n)
			heard[n]++
		}
		slices.Sort(order)
		if len(slices.Compact(slices.Clone(order))) != len(order) {
			t.Errorf("the one at %s heard some twice: %v", nodes[i].Name, order)
		}
	}
	sum := outcomes{}
	for i := range number {
		got, ok := said[i]
		if n := heard[i]; !ok || n < got.Delivered || n > got.Delivered+got.Unknown {
			t.Errorf("message %d: %+v is said, %d heard it", i, got, n)
		}
		sum = outcomes{sum.Delivered + got.Delivered, sum.Refused + got.Refused, sum.Unknown + got.Unknown}
	}
	t.Logf("of all %d messages: %+v", number, sum)
}

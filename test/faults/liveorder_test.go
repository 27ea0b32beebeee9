package faults

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// letter is what a receiver reads of a live message.
type letter struct {
	Type string `json:"type"`
	Body int    `json:"body"`
}

// takes reads live messages until its connection ends, and notes their numbers.
func (s socket) takes(mu *sync.Mutex, seen *[]int) {
	if s.SetReadDeadline(time.Time{}) != nil {
		return
	}
	for {
		var l letter
		if s.ReadJSON(&l) != nil {
			return
		}
		if l.Type == "receive" {
			mu.Lock()
			*seen = append(*seen, l.Body)
			mu.Unlock()
		}
	}
}

// The node of an agent is stopped for moments, for longer than the patience of a
// connection, and killed, while one sender goes on: its live messages come in
// their order and once, and what it is told of each is true.
func TestLiveOrderWhereANodeIsPausedAndKilled(t *testing.T) {
	if !long() {
		t.Skip("takes minutes: MESHD_TEST_LONG=1")
	}
	nodes := realmesh.Three(t)
	key := nodes[0].AdminKey()
	host := nodes[2]
	var mu sync.Mutex
	var seen []int
	attach := func() socket {
		var s socket
		realmesh.Eventually(t, 30*time.Second, "the agent is attached", func() (err error) {
			if s, err = dialSocket(t.Context(), host, "/agents/worker/ws", key); err == nil {
				_, err = s.next(10*time.Second, "hello")
			}
			return err
		})
		go s.takes(&mu, &seen)
		return s
	}
	worker := attach()
	defer func() { _ = worker.UnderlyingConn().Close() }()

	sender, err := dialSocket(t.Context(), nodes[0], "/ws", key)
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	window := make(chan struct{}, 128)
	told := map[int]string{} // the reader's until it has ended
	ended := make(chan struct{})
	stop := make(chan struct{})
	sent := make(chan int, 1)
	go func() {
		defer close(ended)
		for total := -1; total < 0 || len(told) < total; {
			f, err := sender.next(time.Minute, "ack", "nack")
			if f.Status == "" {
				t.Errorf("the sender hears %+v, %v", f, err)
				return
			}
			n, _ := strconv.Atoi(f.ID)
			told[n] = f.Status
			<-window
			select {
			case total = <-sent:
			default:
			}
		}
	}()
	go func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				sent <- n // one more, which ends the reader
				window <- struct{}{}
				_ = sender.WriteJSON(map[string]any{"type": "send", "id": strconv.Itoa(n), "to": "worker", "timeout": "5s", "body": n})
				return
			case window <- struct{}{}:
			}
			if sender.WriteJSON(map[string]any{"type": "send", "id": strconv.Itoa(n), "to": "worker", "timeout": "5s", "body": n}) != nil {
				return
			}
			time.Sleep(time.Duration(rand.N(2000)) * time.Microsecond) // some hundred a second
		}
	}()
	pauses := []time.Duration{300 * time.Millisecond, 12 * time.Second, time.Second, 3 * time.Second, 11 * time.Second, 500 * time.Millisecond, 14 * time.Second}
	for i, pause := range pauses {
		time.Sleep(2 * time.Second) // traffic between the faults
		host.Pause()
		time.Sleep(pause)
		host.Resume()
		if i%3 == 2 {
			time.Sleep(time.Second)
			host.Kill()
			_ = worker.UnderlyingConn().Close()
			host.Start("serve")
			host.WaitServing()
			worker = attach()
		}
	}
	time.Sleep(2 * time.Second)
	close(stop)
	<-ended
	mu.Lock()
	defer mu.Unlock()
	late, by := 0, map[string]int{}
	was := map[int]bool{}
	for i, n := range seen {
		if i > 0 && n <= slices.Max(seen[max(0, i-2000):i]) {
			late++
		}
		if was[n] {
			t.Errorf("message %d came twice", n)
		}
		was[n] = true
	}
	for n, status := range told {
		by[status]++
		if status == "refused" && was[n] {
			t.Errorf("message %d is said to be refused, and came", n)
		}
	}
	if late > 0 {
		t.Errorf("%d of %d messages came behind later ones", late, len(seen))
	}
	t.Logf("%d messages, %d seen, %d overtaken; the sender was told %v", len(told), len(seen), late, by)
}

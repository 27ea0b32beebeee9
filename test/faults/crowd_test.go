package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meshd/meshd/test/realmesh"
)

// frame is what these tests read of a node's frames.
type frame struct {
	Type   string `json:"type"`
	ID     string `json:"id"`
	Code   string `json:"code"`
	Error  string `json:"error"`
	Status string `json:"status"`
	Counts struct {
		Delivered int `json:"delivered"`
		Refused   int `json:"refused"`
		Unknown   int `json:"unknown"`
	} `json:"counts"`
}

// socket is one WebSocket of a client.
type socket struct{ *websocket.Conn }

func dialSocket(ctx context.Context, n *realmesh.Node, path, key string) (socket, error) {
	d := websocket.Dialer{
		TLSClientConfig: realmesh.PinnedTLS(pinOf(n)), HandshakeTimeout: 30 * time.Second,
		ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10,
		NetDialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
	}
	conn, res, err := d.DialContext(ctx, "wss://"+n.Address+path, http.Header{"Authorization": {"Bearer " + key}})
	if err != nil {
		if res != nil {
			err = fmt.Errorf("%w: %s", err, res.Status)
		}
		return socket{}, err
	}
	return socket{conn}, nil
}

// pins are those of the nodes, by data directory: a thousand clients that come at
// once do not each start a program to learn it.
var pins struct {
	sync.Mutex
	of map[string]string
}

func pinOf(n *realmesh.Node) string {
	pins.Lock()
	defer pins.Unlock()
	if pins.of == nil {
		pins.of = map[string]string{}
	}
	if pins.of[n.Data] == "" {
		pins.of[n.Data] = n.Pin()
	}
	return pins.of[n.Data]
}

// next reads frames until one is of a type that is wanted.
func (s socket) next(patience time.Duration, types ...string) (frame, error) {
	if err := s.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return frame{}, err
	}
	for {
		var f frame
		if err := s.ReadJSON(&f); err != nil {
			return f, err
		}
		if f.Type == "error" {
			return f, fmt.Errorf("%s: %s", f.Code, f.Error)
		}
		for _, t := range types {
			if f.Type == t {
				return f, nil
			}
		}
	}
}

// listen reads until the connection ends. Who does not read answers no pings,
// and is taken for dead after 45 s: less than thousands take to attach where the
// machine is busy.
func (s socket) listen() {
	if s.SetReadDeadline(time.Time{}) != nil {
		return
	}
	for {
		if _, _, err := s.NextReader(); err != nil {
			return
		}
	}
}

func (s socket) subscribe(topic string) error {
	if err := s.WriteJSON(map[string]any{"type": "subscribe", "id": "s", "topics": []string{topic}}); err != nil {
		return err
	}
	_, err := s.next(time.Minute, "result")
	return err
}

// resident is the memory of a process that is its own, in bytes (proc(5)).
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skipf("needs /proc: %v", err)
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Skip("needs RssAnon in /proc")
	return 0
}

// clientsOfANode is how many clients a test gives to one node, at most want. A
// node gives clients half of the descriptors that this machine lets it have; some
// are for who reads, publishes and asks.
func clientsOfANode(want int) int {
	data, _ := os.ReadFile("/proc/self/limits")
	_, line, _ := strings.Cut(string(data), "Max open files")
	var files int
	if _, err := fmt.Sscan(line, &files); err != nil { // unlimited, or not told
		return want
	}
	return min(want, files/2-100)
}

// crowd opens many sockets, some at a time.
func crowd(t *testing.T, count int, open func(i int) (socket, error)) []socket {
	t.Helper()
	all := make([]socket, count)
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	places := make(chan struct{}, 64)
	for i := range all {
		places <- struct{}{}
		group.Go(func() {
			defer func() { <-places }()
			s, err := open(i)
			if err != nil {
				failed.CompareAndSwap(nil, &err)
				return
			}
			all[i] = s
		})
	}
	group.Wait()
	t.Cleanup(func() {
		for _, s := range all {
			if s.Conn != nil {
				_ = s.UnderlyingConn().Close()
			}
		}
	})
	if err := failed.Load(); err != nil {
		t.Fatalf("opening %d connections: %v", count, *err)
	}
	return all
}

// Thousands of subscribers that take a few messages and no more, or read nothing
// at all, cost a node bounded memory, the publisher is told how many had no room,
// and one that reads gets everything (F25). Who only takes no more goes on to
// answer pings and is there to the end; who reads nothing is taken for dead by and
// by.
func TestF25SlowSubscribers(t *testing.T) {
	slow, messages, bound := 300, 600, int64(200<<20)
	if long() {
		slow, bound = clientsOfANode(10_000), 600<<20
	}
	began := time.Now()
	node := realmesh.New(t, "a")
	node.Found()
	key := node.AdminKey()
	dial := func(int) (socket, error) {
		s, err := dialSocket(t.Context(), node, "/ws", key)
		if err == nil {
			err = s.subscribe("news/>")
		}
		return s, err
	}
	var cut atomic.Int64 // of those that answer pings
	crowd(t, slow, func(i int) (socket, error) {
		s, err := dial(i)
		if err == nil && i%4 > 0 {
			err = s.WriteJSON(map[string]any{"type": "hello", "credit": 4})
		}
		if err == nil && i%4 > 0 {
			go func() {
				s.listen()
				cut.Add(1)
			}()
		}
		return s, err
	})
	reader := crowd(t, 1, dial)[0]
	publisher, err := dialSocket(t.Context(), node, "/ws", key)
	if err != nil {
		t.Fatal(err)
	}
	defer publisher.Close()
	before := resident(t, node.PID())
	attached := time.Since(began)

	// The publisher is ahead of the one that reads by less than waits for any
	// client at any time (64 KiB), and of the others by as much as they are slow.
	const ahead = 6
	seen := make(chan struct{}, messages)
	go func() {
		defer close(seen)
		for range messages {
			if _, err := reader.next(2*time.Minute, "receive"); err != nil {
				t.Errorf("the one that reads: %v", err)
				return
			}
			seen <- struct{}{}
		}
	}()
	told := make(chan frame, messages)
	go func() {
		defer close(told)
		for range messages {
			f, err := publisher.next(2*time.Minute, "ack")
			if err != nil {
				t.Errorf("the publisher: %v", err)
				return
			}
			told <- f
		}
	}()
	text := strings.Repeat("x", 8<<10)
	most := before
	for i := range messages {
		if i >= ahead {
			if _, ok := <-seen; !ok {
				t.Fatalf("the one that reads got %d messages less than were sent", ahead)
			}
		}
		if err := publisher.WriteJSON(map[string]any{"type": "send", "id": strconv.Itoa(i), "to": "topic/news/today", "timeout": "5s", "body": text}); err != nil {
			t.Fatal(err)
		}
		if i%16 == 0 {
			most = max(most, resident(t, node.PID()))
		}
	}
	got := messages - ahead
	for range seen {
		got++
	}
	if got != messages {
		t.Errorf("the one that reads got %d of %d messages", got, messages)
	}
	delivered, refused, unknown := 0, 0, 0
	for f := range told {
		c := f.Counts
		// One that reads has it, though a busy node may have told so too late.
		if c.Delivered+c.Unknown < 1 || c.Delivered+c.Refused+c.Unknown > slow+1 {
			t.Errorf("message %s: the publisher was told %+v of %d subscribers", f.ID, c, slow+1)
		}
		delivered, refused, unknown = delivered+c.Delivered, refused+c.Refused, unknown+c.Unknown
	}
	most = max(most, resident(t, node.PID()))
	// A machine that is busy enough lets some of these answer no ping in time.
	if n := cut.Load(); n > int64(slow)/10 {
		t.Errorf("%d subscribers that are slow, and not dead, were cut", n)
	}
	if refused+unknown == 0 {
		t.Error("nobody was too slow: the test is too weak")
	}
	if most-before > bound {
		t.Errorf("%d slow subscribers cost %d MB, more than %d", slow, (most-before)>>20, bound>>20)
	}
	t.Logf("%d slow subscribers, attached within %s, %d messages of 8 KiB: %d delivered, %d refused, %d unknown, all told %s later; the node took %d MB more, from %d; %d were cut", slow, attached.Round(time.Second), messages, delivered, refused, unknown, (time.Since(began) - attached).Round(time.Second), (most-before)>>20, before>>20, cut.Load())
}

// All clients of a node that died come back at the same moment: the others
// serve on, and everybody is attached again.
func TestReconnectStorm(t *testing.T) {
	clients, bound := 300, int64(300<<20)
	if long() {
		clients, bound = clientsOfANode(5000), 600<<20
	}
	nodes := realmesh.Three(t)
	key := nodes[0].AdminKey()
	attach := func(n *realmesh.Node, i int) (socket, error) {
		s, err := dialSocket(t.Context(), n, fmt.Sprintf("/agents/storm-%d/ws", i), key)
		if err == nil {
			_, err = s.next(time.Minute, "hello")
		}
		if err == nil {
			go s.listen()
		}
		return s, err
	}
	before := crowd(t, clients, func(i int) (socket, error) { return attach(nodes[2], i) })
	realmesh.Eventually(t, time.Minute, "every agent is known at another node", func() error { return known(nodes[1], key, "", clients) })
	nodes[2].Kill()
	gone := time.Now()
	// Everybody at once, and without a pause between tries.
	var group sync.WaitGroup
	var tries, back atomic.Int64
	after := make([]socket, clients)
	for i := range before {
		group.Go(func() {
			_ = before[i].UnderlyingConn().Close()
			for time.Since(gone) < 3*time.Minute && t.Context().Err() == nil {
				tries.Add(1)
				s, err := attach(nodes[i%2], i)
				if err == nil {
					after[i] = s
					back.Add(1)
					return
				}
				if s.Conn != nil {
					_ = s.UnderlyingConn().Close()
				}
			}
		})
	}
	group.Wait()
	took := time.Since(gone)
	defer func() {
		for _, s := range after {
			if s.Conn != nil {
				_ = s.UnderlyingConn().Close()
			}
		}
	}()
	if int(back.Load()) != clients {
		t.Fatalf("%d of %d are attached again after %s", back.Load(), clients, took)
	}
	most := int64(0)
	for _, n := range nodes[:2] {
		most = max(most, resident(t, n.PID()))
	}
	if most > bound {
		t.Errorf("a node has %d MB after the storm, more than %d", most>>20, bound>>20)
	}
	realmesh.Eventually(t, time.Minute, "every agent is known again", func() error { return known(nodes[0], key, nodes[2].Name, clients) })
	asker, err := dialSocket(t.Context(), nodes[0], "/ws", key)
	if err != nil {
		t.Fatal(err)
	}
	defer asker.Close()
	for _, i := range []int{0, 1, clients / 2, clients - 1} {
		if err := asker.WriteJSON(map[string]any{"type": "send", "id": strconv.Itoa(i), "to": fmt.Sprintf("storm-%d", i), "body": i}); err != nil {
			t.Fatal(err)
		}
		if f, err := asker.next(30*time.Second, "ack"); err != nil || f.Status != "delivered" {
			t.Errorf("a message to storm-%d: %+v, %v", i, f, err)
		}
	}
	t.Logf("%d clients were back %s after their node was killed, with %d tries; a node then had %d MB at most", clients, took.Round(time.Millisecond), tries.Load(), most>>20)
}

// known says whether a node knows of all storm agents, and of none of them at
// the node called gone.
func known(n *realmesh.Node, key, gone string, want int) error {
	var list struct {
		Agents []struct {
			Name  string `json:"name"`
			Hosts []struct {
				Node string `json:"node"`
			} `json:"hosts"`
		} `json:"agents"`
	}
	a, err := n.Client(key).Ask(http.MethodGet, "/agents", nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(a.Body, &list); err != nil {
		return err
	}
	got := 0
	for _, g := range list.Agents {
		if strings.HasPrefix(g.Name, "storm-") {
			got++
			for _, h := range g.Hosts {
				if h.Node == gone {
					return fmt.Errorf("%s is still at %s", g.Name, gone)
				}
			}
		}
	}
	if got != want {
		return fmt.Errorf("%d of %d agents are known", got, want)
	}
	return nil
}

package e2e_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// rawReader is a client of a stream that reads only when it is told to.
type rawReader struct {
	conn net.Conn
	body *bufio.Reader
}

// rawly asks over a connection of its own, and does not wait for the answer.
func rawly(t testing.TB, n *realmesh.Node, key, path string) (conn *tls.Conn, req *http.Request) {
	t.Helper()
	raw, err := net.DialTimeout("tcp", n.Address, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	conn = tls.Client(raw, realmesh.PinnedTLS(pinOf(n)))
	req, err = http.NewRequest(http.MethodGet, "https://"+n.Address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	if err := req.Write(conn); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return conn, req
}

// readRaw asks and returns once the first event of the answer has come.
func readRaw(t testing.TB, n *realmesh.Node, key, path string) *rawReader {
	t.Helper()
	conn, req := rawly(t, n, key, path)
	_ = conn.SetReadDeadline(time.Now().Add(2 * time.Minute))
	res, err := http.ReadResponse(bufio.NewReaderSize(conn, 16), req)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(res.Body)
		t.Fatalf("%s: %s %s", path, res.Status, text)
	}
	r := &rawReader{conn, bufio.NewReaderSize(res.Body, 16)}
	if name, _, err := r.event(); name != "bookmark" {
		t.Fatalf("%s begins with %q: %v", path, name, err)
	}
	return r
}

// event reads the next event. Pings are none.
func (r *rawReader) event() (name string, data []byte, err error) {
	for {
		line, err := r.body.ReadBytes('\n')
		text := strings.TrimSuffix(string(line), "\n")
		switch {
		case err != nil:
			return "", nil, err
		case text == "" && data != nil:
			return name, data, nil
		case strings.HasPrefix(text, "event: "):
			name = text[len("event: "):]
		case strings.HasPrefix(text, "data: "):
			data = []byte(text[len("data: "):])
		}
	}
}

// news reads until all that was sent to a topic was told or counted as dropped,
// and returns how much of it was told.
func (r *rawReader) news(sent int, other func(name string, data []byte)) (told int, err error) {
	for dropped := 0; told+dropped < sent; {
		_ = r.conn.SetReadDeadline(time.Now().Add(2 * time.Minute))
		name, data, err := r.event()
		if err != nil {
			return told, err
		}
		var e struct {
			Live  bool
			Count int
		}
		if err := json.Unmarshal(data, &e); err != nil {
			return told, err
		}
		switch {
		case name == "dropped":
			dropped += e.Count
		case name == "cut":
			return told, fmt.Errorf("cut: %s", data)
		case e.Live:
			told++
		default:
			other(name, data)
		}
	}
	return told, nil
}

// memoryOf is the most that a node's process has held, in MiB; 0 where the
// system does not say.
func memoryOf(n *realmesh.Node) (most int) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.PID()))
	if _, rest, ok := strings.Cut(string(b), "VmHWM:"); ok {
		_, _ = fmt.Sscan(rest, &most)
	}
	return most >> 10
}

// Clients that read nothing of their streams and long polls take neither the
// messages nor the time of one that does, and cannot have a node hold all that
// was sent; each learns what it missed, or its stream ends.
func TestSlowReadersHarmNobodyElse(t *testing.T) {
	t.Parallel()
	crowd, news, letters := 40, 60, 100
	if long() {
		crowd = 500
	}
	n := realmesh.New(t, "alpha")
	n.Found()
	_, key := n.APIKey("admin")
	c := n.Client(key)
	before := memoryOf(n)

	body := strings.Repeat("x", 200<<10)
	for range 20 {
		durably(t, c, "polled", body)
	}
	var slow []*rawReader
	for i := range crowd {
		name := "crowd" // as the one that reads
		if i%2 == 0 {
			name = fmt.Sprintf("slow-%d", i)
		}
		slow = append(slow, readRaw(t, n, key, "/messages/"+name+"/stream?topics=news&only=live"))
		readRaw(t, n, key, "/messages/crowd/stream?only=durable&lease=3s")
		readRaw(t, n, key, "/events?since=0")
		rawly(t, n, key, "/messages/polled?wait=30s")
	}
	events := readRaw(t, n, key, "/events?types=agent.*")
	quick := readRaw(t, n, key, "/messages/crowd/stream?topics=news&lease=3s")

	for range letters {
		durably(t, c, "crowd", "a letter", "max_attempts", 100)
	}
	var sending, acking sync.WaitGroup
	// Several at once, as each waits a second for those who do not read; over few
	// connections, since a node that writes to a thousand greets new ones slowly.
	places := make(chan struct{}, 8)
	for range news {
		places <- struct{}{}
		sending.Go(func() {
			defer func() { <-places }()
			a, err := c.Ask(http.MethodPost, "/messages", map[string]any{"to": "topic/news", "body": body})
			// Where nobody at all had room for it, it is refused.
			if err != nil || a.Status != http.StatusOK && !strings.Contains(string(a.Body), `"OVERLOADED"`) {
				t.Errorf("to the topic: %s %v", a, err)
			}
		})
	}
	ack := func(name string, data []byte) {
		var m struct{ Seq uint64 }
		if err := json.Unmarshal(data, &m); name != "" || err != nil {
			t.Errorf("who reads hears %s %s", name, data)
		}
		acking.Go(func() {
			if a, err := c.Ask(http.MethodPost, "/messages/crowd/ack", map[string]any{"seqs": []uint64{m.Seq}}); err != nil || a.Status >= 300 {
				t.Errorf("an acknowledgement: %s %v", a, err)
			}
		})
	}
	told, err := quick.news(news, ack)
	if err != nil {
		t.Fatalf("who reads heard %d of %d: %v", told, news, err)
	}
	sending.Wait()
	heldMost := memoryOf(n)
	t.Logf("who reads was told %d of %d; the node held %d MiB before, %d MiB at most beside %d of each kind that do not", told, news, before, heldMost, crowd)

	// What dead streams have leased comes to who reads.
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			name, data, err := quick.event()
			if err != nil {
				return // the end of the test
			}
			ack(name, data)
		}
	}()
	_ = quick.conn.SetReadDeadline(time.Now().Add(10 * time.Minute))
	realmesh.Eventually(t, 2*time.Minute, "who reads gets all of the inbox", func() error {
		for _, of := range []string{"", "/dead"} {
			a, err := c.Ask(http.MethodGet, "/messages/crowd"+of+"?bodies=false&limit=1", nil)
			if err != nil {
				return err
			}
			if !strings.Contains(string(a.Body), `"messages":[]`) {
				return fmt.Errorf("it has %s", a)
			}
		}
		return nil
	})
	_ = quick.conn.Close()
	<-over
	acking.Wait()
	_ = events.conn.SetReadDeadline(time.Now().Add(2 * time.Minute))
	readRaw(t, n, key, "/messages/newcomer/stream?only=live")
	for {
		_, data, err := events.event()
		if err != nil {
			t.Fatalf("who follows the events: %v", err)
		}
		if strings.Contains(string(data), "newcomer") {
			break
		}
	}

	// Those who read late know how much they missed, unless they were cut off.
	var mu sync.Mutex
	ends := map[string]int{}
	var reading sync.WaitGroup
	for _, s := range slow {
		reading.Go(func() {
			told, err := s.news(news, func(name string, data []byte) { t.Errorf("a slow one hears %s %s", name, data) })
			end := "were cut off"
			var timeout net.Error
			switch {
			case err == nil && told < news:
				end = "were told what they missed"
			case err == nil:
				end = "missed nothing"
			case errors.As(err, &timeout) && timeout.Timeout():
				t.Errorf("a slow one was told %d of %d, and nothing of the rest", told, news)
			}
			mu.Lock()
			defer mu.Unlock()
			ends[end]++
		})
	}
	reading.Wait()
	t.Logf("of the slow ones: %v", ends)
	// Each may hold 4 MiB of messages; all of them hold the same ones here. Large
	// answers share 256 MiB while they are written, and hold about as much again
	// twice: what they were made of, and room to grow; streams share 256 MiB more.
	if most := 1536; heldMost > most {
		t.Errorf("the node held %d MiB, more than %d", heldMost, most)
	}
}

package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	mrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// hostileTLS is a client with a key nobody knows, for one protocol.
func hostileTLS(t testing.TB, protocol string) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	if protocol != "" {
		c.NextProtos = []string{protocol}
	}
	return c
}

// While a port is scanned, flooded, stalled and fed garbage, the mesh keeps its
// leader, answers those it knows, and ends with the connections it began with.
func TestF17GarbageOnThePortHarmsNobody(t *testing.T) {
	nodes := realmesh.Three(t)
	target := leaderOf(t, nodes...)
	before := mustStatus(t, target)
	c := target.Client(nodes[0].AdminKey())
	c.Want(http.StatusOK, nil, http.MethodGet, "/status", nil)
	size := rssAnon(target.PID())

	// Somebody works all the while, over a new connection each time.
	work, worked := make(chan struct{}), make(chan struct{})
	var worst time.Duration
	var failures []string
	rounds := 0
	go func() {
		defer close(worked)
		pin := target.On(t).Pin()
		for i := 0; ; i++ {
			select {
			case <-work:
				return
			default:
			}
			begun := time.Now()
			fresh := realmesh.NewClient(t, target.Address, pin, c.Key)
			a, err := fresh.Ask(http.MethodPost, "/graph/nodes", map[string]any{"session_id": "f17", "node_type": "note", "label": strconv.Itoa(i)})
			if err != nil || a.Status != http.StatusCreated {
				failures = append(failures, fmt.Sprintf("%s %v", a, err))
			}
			worst = max(worst, time.Since(begun))
			rounds++
		}
	}()

	var held []net.Conn
	var mu sync.Mutex
	hold := func(conn net.Conn) {
		mu.Lock()
		defer mu.Unlock()
		held = append(held, conn)
	}
	// Handshakes that never get on.
	for range 300 {
		conn, err := net.DialTimeout("tcp", target.Address, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte{0x16, 3, 1})
		hold(conn)
	}
	// Connections on which nothing is ever said.
	for range 500 {
		conn, err := net.DialTimeout("tcp", target.Address, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		hold(conn)
	}
	// Every protocol, by somebody with a key of his own: lengths of 4 GiB,
	// halves of frames, noise.
	rng := mrand.New(mrand.NewPCG(17, 17))
	noise := make([]byte, 64<<10)
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	for _, protocol := range []string{"meshd-raft/1", "meshd-gossip/1", "meshd-peer/1", "meshd-join/1", "http/1.1", "h2", "", "nonsense/9"} {
		conf := hostileTLS(t, protocol)
		for name, bytes := range map[string][]byte{
			"4 GiB":      {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3},
			"4 GiB CBOR": {0x5b, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3},
			"half":       {0, 0, 0, 40, 0xa1, 0x01},
			"noise":      noise,
			"zeros":      make([]byte, 4096),
			"http":       []byte("POST /graph/nodes HTTP/1.1\r\nHost: x\r\nContent-Length: 4294967296\r\n\r\n{"),
		} {
			conn, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Minute}, "tcp", target.Address, conf)
			if err != nil {
				continue // shut out at once
			}
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			_, _ = conn.Write(bytes)
			if name == "noise" {
				if n, err := io.Copy(io.Discard, io.LimitReader(conn, 1<<20)); err == nil && n >= 1<<20 {
					t.Errorf("noise on %q is answered without end", protocol)
				}
				conn.Close()
				continue
			}
			hold(conn)
		}
	}
	// No TLS at all.
	for _, line := range []string{"GET / HTTP/1.0\r\n\r\n", "SSH-2.0-scanner\r\n", "\x00\x00\x00\x00", string(noise)} {
		if conn, err := net.DialTimeout("tcp", target.Address, time.Minute); err == nil {
			_, _ = io.WriteString(conn, line)
			hold(conn)
		}
	}
	realmesh.Eventually(t, 20*time.Second, "work goes on through it", func() error {
		members, err := target.Members()
		if err != nil {
			return err
		}
		for _, m := range members {
			if m.Status != "alive" {
				return fmt.Errorf("%s is %s", m.Name, m.Status)
			}
		}
		return nil
	})
	close(work)
	<-worked
	peak := rssAnon(target.PID())
	for _, f := range failures {
		t.Errorf("a request with a key failed: %s", f)
	}
	t.Logf("%d writes over new connections meanwhile, the slowest took %s; %d hostile connections; %d KiB anonymous before, %d in the middle", rounds, worst.Round(time.Millisecond), len(held), size, peak)
	realmesh.Took(t, 10*time.Second, worst, "the slowest write")
	if rounds == 0 {
		t.Error("nobody worked meanwhile")
	}
	if peak > size+128<<10 {
		t.Errorf("anonymous memory went from %d to %d KiB", size, peak)
	}
	if !target.Running() {
		t.Fatal("the node has ended")
	}
	after := mustStatus(t, target)
	if after.Term != before.Term || after.Leader == nil || after.Leader.Name != target.Name {
		t.Errorf("the leader changed: %+v, was %+v", after, before)
	}
	for _, conn := range held {
		conn.Close()
	}
	realmesh.Eventually(t, 30*time.Second, "the connections are gone", func() error {
		if n := descriptors(target.PID()); n > 120 {
			return fmt.Errorf("%d descriptors", n)
		}
		return nil
	})
	realmesh.Formed(t, 20*time.Second, nodes...)
	if log := target.Log(); strings.Contains(log, "panic") || strings.Contains(log, "goroutine ") {
		t.Error("something panicked")
	}
}

func rssAnon(pid int) int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "RssAnon:" {
			n, _ := strconv.Atoi(f[1])
			return n
		}
	}
	return 0
}

func descriptors(pid int) int {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(entries)
}

// A pipe that nobody reads takes the log: the node goes on, answers and ends
// when it is told to.
func TestF28BlockedLogStopsNothing(t *testing.T) {
	n := realmesh.New(t, "solo")
	n.Env = []string{"MESHD_LOG_LEVEL=debug"}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	n.Found()
	stop(t, n)
	n.Output = w
	n.Start("serve")
	n.WaitServing()
	leaderOf(t, n)
	key := n.AdminKey()
	c := n.Client(key)
	var worst time.Duration
	for i := range 400 {
		begun := time.Now()
		c.Want(http.StatusCreated, nil, http.MethodPost, "/graph/nodes", map[string]any{"session_id": "f28", "node_type": "note", "label": strconv.Itoa(i)},
			"X-Request-Id", strings.Repeat("r", 120))
		worst = max(worst, time.Since(begun))
	}
	t.Logf("the slowest of 400 writes took %s", worst.Round(time.Millisecond))
	realmesh.Took(t, 5*time.Second, worst, "a write")
	begun := time.Now()
	stop(t, n)
	realmesh.Took(t, 10*time.Second, time.Since(begun), "its end")
}

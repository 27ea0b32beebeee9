package wire

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/node/identity"
)

// rawLink is a member that speaks whatever it likes after the hello.
func rawLink(t *testing.T, as, to *node) *tls.Conn {
	t.Helper()
	c := rawTLS(t, as, to, ProtocolPeer)
	if err := writeMessage(c, as.hello(), maxHello); err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := readMessage(c, &a, maxHello); err != nil || a.Code != answerOK {
		t.Fatal(a, err)
	}
	return c
}

func rawTLS(t *testing.T, as, to *node, protocol string) *tls.Conn {
	t.Helper()
	c, err := tls.Dial("tcp", to.address, clientConfig(as.identity, protocol, []identity.Pin{to.identity.Pin()}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

func requestFrame(f frame) []byte { return append(f.appendHead(nil), f.body...) }

// F17: whatever a member sends, its connection ends and the others' go on.
func TestHostileFrames(t *testing.T) {
	noise := make([]byte, 64<<10)
	_, _ = rand.Read(noise)
	noise[0] = 0xff
	for name, bytes := range map[string][]byte{
		"4 GiB length":       {0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 1},
		"one over the limit": append(binary.BigEndian.AppendUint32(nil, maxFrame+1), make([]byte, 9)...),
		"zero length":        make([]byte, 64),
		"garbage":            noise,
		"unknown kind":       {0, 0, 0, 9, 99, 0, 0, 0, 0, 0, 0, 0, 1},
		"no method":          requestFrame(frame{kind: frameRequest, id: 1}),
		"long ping":          append(binary.BigEndian.AppendUint32(nil, 9+17), append([]byte{5}, make([]byte, 25)...)...),
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			c := rawLink(t, a, b)
			_, _ = c.Write(bytes) // the other side may hang up in the middle
			if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection stayed open")
			}
			eventually(t, "no session left", func() bool { return len(b.openSessions(nil)) == 0 })
		})
	}
}

func TestHalfAFrameThenSilence(t *testing.T) {
	a, b := pair(t, func(_ *Config, l *limits) { l.dead = 300 * time.Millisecond })
	other := startNode(t)
	introduce(a, b, other)
	b.Handle("echo", echo)
	whole := requestFrame(frame{kind: frameRequest, id: 1, method: "echo", body: make([]byte, 1000)})
	c := rawLink(t, a, b)
	if _, err := c.Write(whole[:500]); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Call(within(t, patience), b.id, "echo", nil); err != nil {
		t.Error("another peer:", err)
	}
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("it is never given up")
	}
}

// A peer that sends requests and reads no answers is cut, not stored.
func TestPeerThatNeverReads(t *testing.T) {
	a, b := pair(t, func(c *Config, l *limits) { c.Budgets.QueueBytes = 64 << 10; l.write = 300 * time.Millisecond })
	b.Handle("echo", echo)
	c := rawLink(t, a, b)
	request := requestFrame(frame{kind: frameRequest, id: 1, method: "echo", body: make([]byte, 256<<10)})
	eventually(t, "the connection is cut", func() bool {
		_, err := c.Write(request)
		return err != nil
	})
	eventually(t, "no session left", func() bool { return len(b.openSessions(nil)) == 0 })
}

func TestHostileHellos(t *testing.T) {
	for name, bytes := range map[string][]byte{
		"4 GiB":       {0xff, 0xff, 0xff, 0xff},
		"over limit":  binary.BigEndian.AppendUint32(nil, maxHello+1),
		"empty":       {0, 0, 0, 0},
		"not CBOR":    {0, 0, 0, 3, 0xff, 0xff, 0xff},
		"wrong types": {0, 0, 0, 3, 0xa1, 0x01, 0x01},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			for _, protocol := range []string{ProtocolPeer, ProtocolRaft, ProtocolGossip} {
				c := rawTLS(t, a, b, protocol)
				_, _ = c.Write(bytes)
				if n, _ := io.Copy(io.Discard, c); n != 0 {
					t.Errorf("%s answered with %d bytes", protocol, n)
				}
			}
		})
	}
	t.Run("another node's id", func(t *testing.T) {
		a, b := pair(t)
		c := rawTLS(t, a, b, ProtocolPeer)
		h := a.hello()
		h.NodeID = b.id
		if err := writeMessage(c, h, maxHello); err != nil {
			t.Fatal(err)
		}
		var got answer
		if err := readMessage(c, &got, maxHello); err != nil || got.Code != answerBadHello {
			t.Error(got, err)
		}
	})
	t.Run("silence", func(t *testing.T) {
		a, b := pair(t, func(_ *Config, l *limits) { l.hello = 200 * time.Millisecond })
		c := rawTLS(t, a, b, ProtocolPeer)
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("it is never given up")
		}
	})
}

// F17: a thousand handshakes that never end, and the peers do not notice.
func TestSlowLoris(t *testing.T) {
	const many = 1000
	a, b := pair(t, func(c *Config, _ *limits) { c.Budgets.Strangers = 200; c.Budgets.Handshakes = 2 })
	b.Handle("echo", echo)
	b.HandleHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	conns := make([]net.Conn, 0, many)
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	for i := range many {
		c, err := net.Dial("tcp", b.address)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		if i%2 == 0 {
			_, _ = c.Write([]byte{0x16, 3, 1, 2, 0, 1}) // a record that never ends
		}
	}
	if _, err := a.Call(within(t, patience), b.id, "echo", nil); err != nil {
		t.Error(err)
	}
	eventually(t, "the budget is kept", func() bool {
		b.budget.mu.Lock()
		defer b.budget.mu.Unlock()
		return b.budget.strangers.Len() <= 200 && len(b.budget.all) <= 202
	})
	if _, err := a.Call(within(t, patience), b.id, "echo", nil); err != nil {
		t.Error(err)
	}
	begin := time.Now()
	if err := b.Close(); err != nil || time.Since(begin) > patience {
		t.Errorf("closed after %v: %v", time.Since(begin), err)
	}
}

// A client flood does not reach clients that have shown a credential.
func TestAuthenticatedClientsOutliveAFlood(t *testing.T) {
	n := startNode(t, func(c *Config, _ *limits) { c.Budgets.Strangers = 8; c.Budgets.Clients = 16 })
	n.HandleHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { Authenticated(r.Context()) }))
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	get := func() {
		t.Helper()
		response, err := client.Get("https://" + n.address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	get()
	var opened *inbound
	n.budget.mu.Lock()
	for c := range n.budget.all {
		opened = c
	}
	n.budget.mu.Unlock()
	for range 100 {
		c, err := net.Dial("tcp", n.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	eventually(t, "the flood is bounded", func() bool {
		n.budget.mu.Lock()
		defer n.budget.mu.Unlock()
		return len(n.budget.all) <= 9
	})
	get()
	n.budget.mu.Lock()
	_, open := n.budget.all[opened]
	n.budget.mu.Unlock()
	if !open {
		t.Error("the authenticated connection was closed for strangers")
	}
}

// fakeConn is a connection from an address of choice.
type fakeConn struct {
	net.Conn
	from string
}

func (c fakeConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.from))
}
func (fakeConn) Close() error { return nil }

func TestBudgetPerAddress(t *testing.T) {
	dropped := map[string]int{}
	b := newBudget(Budgets{Strangers: 10, StrangersPerAddress: 2, Clients: 12}, func(r string) { dropped[r]++ })
	add := func(from string) *inbound { return b.add(fakeConn{from: from}, nil) }
	isOpen := func(c *inbound) bool { _, ok := b.all[c]; return ok }

	first, second := add("192.0.2.1:1"), add("192.0.2.1:2")
	first.busy.Store(true)
	third := add("192.0.2.1:3")
	if !isOpen(first) || isOpen(second) || !isOpen(third) {
		t.Error("not the oldest idle one was closed")
	}
	six := []*inbound{add("[2001:db8::1]:1"), add("[2001:db8::2]:1"), add("[2001:db8::3]:1")}
	if isOpen(six[0]) || !isOpen(six[2]) {
		t.Error("a /64 is not one address")
	}
	if dropped["per_address"] != 2 {
		t.Errorf("dropped %v", dropped)
	}
	peer := add("192.0.2.9:1")
	b.admit(peer, true)
	again := add("192.0.2.9:2") // from where a peer came: last to go
	for i := range 30 {
		add(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}).String() + ":1")
	}
	if !isOpen(again) || !isOpen(peer) {
		t.Error("a peer's connection went before strangers'")
	}
	if b.strangers.Len() > 10 {
		t.Errorf("%d strangers", b.strangers.Len())
	}
	for range 20 {
		if c := add("203.0.113.1:1"); c != nil {
			b.admit(c, false)
		}
	}
	if b.clients > 12 {
		t.Errorf("%d clients", b.clients)
	}
	b.closeAll()
	if len(b.all) != 0 || b.clients != 0 || len(b.bySource) != 0 || b.strangers.Len() != 0 {
		t.Error("counts are left over")
	}
	if add("192.0.2.1:1") != nil {
		t.Error("a closed budget took a connection")
	}
}

// Close ends hijacked connections and handlers that only watch their context.
func TestCloseEndsEverything(t *testing.T) {
	a, b := pair(t)
	hijacked := make(chan struct{})
	b.HandleHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		close(hijacked)
		_, _ = io.Copy(io.Discard, c)
	}))
	b.HandleJoin(func(ctx context.Context, c *JoinConn) { <-ctx.Done() })
	b.Handle("hang", func(ctx context.Context, _ identity.NodeID, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	var clients sync.WaitGroup
	clients.Go(func() {
		c, err := tls.Dial("tcp", b.address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		_, _ = io.Copy(io.Discard, c)
	})
	<-hijacked
	j, err := DialJoin(within(t, patience), a.identity, b.address, []identity.Pin{b.identity.Pin()})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	clients.Go(func() {
		if _, err := a.Call(context.Background(), b.id, "hang", nil); err == nil {
			t.Error("the call was answered")
		}
	})
	eventually(t, "all connected", func() bool { return len(b.openSessions(nil)) == 2 })
	begin := time.Now()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > patience {
		t.Errorf("took %v", took)
	}
	clients.Wait()
	if _, err := b.Call(context.Background(), a.id, "x", nil); !errors.Is(err, ErrClosed) && !errors.Is(err, ErrUnreachable) {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error("second close:", err)
	}
}

func FuzzFrame(f *testing.F) {
	f.Add(requestFrame(frame{kind: frameRequest, id: 1, method: "m", trace: "t", timeout: 5, body: []byte("b")}))
	f.Add(requestFrame(frame{kind: framePing, id: 2, revision: 3, clock: 4}))
	f.Add(requestFrame(frame{kind: frameCancel, id: 3}))
	f.Add(requestFrame(frame{kind: frameTraffic, body: []byte("records")}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newFrameReader(bytes.NewReader(data))
		for {
			got, err := r.next()
			if err != nil {
				return
			}
			// What was understood can be written and is understood again.
			again, err := newFrameReader(bytes.NewReader(requestFrame(got))).next()
			if err != nil || again.kind != got.kind || again.id != got.id || again.method != got.method ||
				again.trace != got.trace || !bytes.Equal(again.body, got.body) || again.clock != got.clock {
				t.Fatalf("%+v became %+v, %v", got, again, err)
			}
		}
	})
}

func FuzzHello(f *testing.F) {
	var buffer bytes.Buffer
	_ = writeMessage(&buffer, hello{MeshID: "m", NodeID: "n", Revision: 1}, maxHello)
	f.Add(buffer.Bytes())
	buffer.Reset()
	_ = writeMessage(&buffer, answer{Code: answerRemoved, Sentence: "s"}, maxHello)
	f.Add(buffer.Bytes())
	f.Add([]byte{0, 0, 0, 1, 0xbf})
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var h hello
		var a answer
		_ = readMessage(bytes.NewReader(data), &h, maxHello)
		if readMessage(bytes.NewReader(data), &a, maxHello) == nil {
			_ = a.err()
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
			t.Errorf("%d bytes allocated for %d", grown, len(data))
		}
	})
}

package agenttest

import (
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// Proxy stands in front of a node and cuts connections.
type Proxy struct {
	// URL is what a program asks in place of the node's.
	URL string
	// Cuts counts the connections that were cut.
	Cuts atomic.Int64

	l     net.Listener
	to    string
	every atomic.Int64 // bytes, about; 0: never
	mu    sync.Mutex
	open  map[net.Conn]struct{}
	shut  bool
}

// NewProxy makes a proxy in front of https://HOST:PORT that ends with the test.
func NewProxy(t testing.TB, url string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{l: l, URL: "https://" + l.Addr().String(), to: strings.TrimPrefix(url, "https://"), open: map[net.Conn]struct{}{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.carry(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.Shut(true)
		wg.Wait()
	})
	return p
}

// Every has connections cut after about so many bytes in one direction, in the
// middle of whatever is carried; 0: never. It holds for those made from now on.
func (p *Proxy) Every(bytes int) { p.every.Store(int64(bytes)) }

// Cut cuts all connections now.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		p.Cuts.Add(1)
		_ = c.Close()
	}
}

// Gone is the end of the node's process: connections are cut and new ones
// refused.
func (p *Proxy) Gone() {
	_ = p.l.Close()
	p.Shut(true)
}

// Shut cuts all connections and lets no new ones through, or does again.
func (p *Proxy) Shut(yes bool) {
	p.mu.Lock()
	p.shut = yes
	p.mu.Unlock()
	if yes {
		p.Cut()
	}
}

func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut {
		return false
	}
	p.open[c] = struct{}{}
	return true
}

func (p *Proxy) carry(in net.Conn) {
	defer in.Close()
	if !p.keep(in) {
		return
	}
	defer func() {
		p.mu.Lock()
		delete(p.open, in)
		p.mu.Unlock()
	}()
	out, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer out.Close()
	var wg sync.WaitGroup
	cut := func(to, from net.Conn) {
		left := int64(-1)
		if every := p.every.Load(); every > 0 {
			left = 4<<10 + rand.Int64N(2*every) // past the handshake
		}
		if left < 0 {
			_, _ = io.Copy(to, from)
		} else if n, _ := io.CopyN(to, from, left); n == left {
			p.Cuts.Add(1)
			if tcp, ok := to.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // what is on its way may be lost
			}
		}
		_ = to.Close()
		_ = from.Close()
	}
	wg.Go(func() { cut(out, in) })
	cut(in, out)
	wg.Wait()
}

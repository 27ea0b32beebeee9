//go:build linux

package fabric

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// pair makes two hosts and a server on the second that echoes.
func pair(t *testing.T) (*Fabric, *Host, *Host) {
	t.Helper()
	f := New()
	t.Cleanup(f.Close)
	var hosts [2]*Host
	for i, name := range []string{"a", "b"} {
		h, err := f.Host(name)
		if errors.Is(err, ErrUnsupported) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		hosts[i] = h
	}
	var ln net.Listener
	var err error
	if e := hosts[1].do(func() { ln, err = net.Listen("tcp4", "0.0.0.0:7000") }); e != nil || err != nil {
		t.Fatal(e, err)
	}
	var (
		mu       sync.Mutex
		accepted []net.Conn
		serving  sync.WaitGroup
	)
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for _, c := range accepted {
			c.Close()
		}
		mu.Unlock()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			accepted = append(accepted, c)
			mu.Unlock()
			serving.Go(func() {
				defer c.Close()
				buf := make([]byte, 64)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					if _, err := c.Write(buf[:n]); err != nil {
						return
					}
				}
			})
		}
	})
	return f, hosts[0], hosts[1]
}

func (h *Host) dialTo(a netip.Addr, timeout time.Duration) (c net.Conn, err error) {
	if e := h.do(func() { c, err = net.DialTimeout("tcp4", netip.AddrPortFrom(a, 7000).String(), timeout) }); e != nil {
		return nil, e
	}
	return c, err
}

func echo(t *testing.T, c net.Conn, timeout time.Duration) error {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("x")); err != nil {
		return err
	}
	_, err := c.Read(make([]byte, 1))
	return err
}

func TestPacketsPassDelayAndCut(t *testing.T) {
	f, a, b := pair(t)
	c, err := a.dialTo(b.Addr(), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := echo(t, c, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	end := f.Disturb(Link{Delay: 100 * time.Millisecond}, [2]*Host{a, b}, [2]*Host{b, a})
	begun := time.Now()
	if err := echo(t, c, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took < 200*time.Millisecond {
		t.Errorf("a round trip over a delay of 100 ms a way took %s", took)
	}
	end()
	// Cut in one direction: the question arrives, the answer does not.
	end = f.Disturb(Link{Cut: true}, [2]*Host{b, a})
	if err := echo(t, c, 300*time.Millisecond); err == nil {
		t.Error("an answer came over a link that is cut")
	}
	end()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Errorf("the answer does not come after the cut: %v", err)
	}
	if n := f.Counts(); n.Cut == 0 || n.Delayed == 0 || n.Passed == 0 {
		t.Errorf("counts: %+v", n)
	}
}

func TestHostMoves(t *testing.T) {
	_, a, b := pair(t)
	old := b.Addr()
	moved := netip.MustParseAddr("10.77.1.9")
	if err := b.SetAddr(moved); err != nil {
		t.Fatal(err)
	}
	if c, err := a.dialTo(old, 300*time.Millisecond); err == nil {
		c.Close()
		t.Error("the old address still answers")
	}
	c, err := a.dialTo(moved, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := echo(t, c, 5*time.Second); err != nil {
		t.Error(err)
	}
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

package wire

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// inbound is an accepted TCP connection, counted from accept to close whatever
// becomes of it: a handshake, an HTTP connection, a hijacked one, a peer's.
type inbound struct {
	net.Conn
	budget *budget
	source netip.Prefix
	closed chan struct{}
	once   sync.Once
	// busy says that an HTTP request is being served.
	busy atomic.Bool
	// release gives back the place in the gate, if one is held.
	release atomic.Pointer[func()]
	meter   *meter

	// Guarded by budget.mu. place is nil once the connection is no stranger.
	place *list.Element
	peer  bool
}

func (c *inbound) hold(release func()) { c.release.Store(&release) }

func (c *inbound) leaveGate() {
	if c.release.Load() == nil {
		return
	}
	if release := c.release.Swap(nil); release != nil {
		(*release)()
	}
}

func (c *inbound) Read(b []byte) (int, error) {
	c.leaveGate()
	n, err := c.Conn.Read(b)
	c.meter.read(n)
	return n, err
}

func (c *inbound) Write(b []byte) (int, error) {
	c.leaveGate()
	n, err := c.Conn.Write(b)
	c.meter.wrote(n)
	return n, err
}

func (c *inbound) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		err = c.Conn.Close()
		close(c.closed)
		c.leaveGate()
		c.budget.remove(c)
	})
	return err
}

// budget counts inbound connections and closes the least deserving one when
// there are too many. mu is held for lookups only, never over I/O.
type budget struct {
	limits Budgets
	drop   func(reason string)

	mu        sync.Mutex
	strangers *list.List // of *inbound, oldest first
	bySource  map[netip.Prefix]int
	all       map[*inbound]struct{}
	clients   int // all that are not of peers
	known     map[netip.Prefix]time.Time
	closed    bool
}

// maxKnown bounds the memory of where peers came from.
const maxKnown = 4096

func newBudget(limits Budgets, drop func(string)) *budget {
	return &budget{
		limits:    limits,
		drop:      drop,
		strangers: list.New(),
		bySource:  make(map[netip.Prefix]int),
		all:       make(map[*inbound]struct{}),
		known:     make(map[netip.Prefix]time.Time),
	}
}

// sourceOf groups IPv6 by /64, since whoever has one address there has all.
func sourceOf(a net.Addr) netip.Prefix {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Prefix{}
	}
	addr := ap.Addr().Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() && !addr.IsLoopback() {
		bits = 64
	}
	prefix, _ := addr.Prefix(bits)
	return prefix
}

// add counts an accepted connection, or closes it and returns nil.
func (b *budget) add(c net.Conn, m *meter) *inbound {
	in := &inbound{Conn: c, budget: b, source: sourceOf(c.RemoteAddr()), closed: make(chan struct{}), meter: m}
	var victim *inbound
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		_ = c.Close()
		return nil
	}
	reason := ""
	switch {
	case !in.source.Addr().IsLoopback() && b.bySource[in.source] >= b.limits.StrangersPerAddress:
		victim, reason = b.victim(in.source), "per_address"
	case b.strangers.Len() >= b.limits.Strangers:
		victim, reason = b.victim(netip.Prefix{}), "strangers"
	case b.clients >= b.limits.Clients:
		// Clients that have proven themselves are not cut for a stranger.
		if victim, reason = b.victim(netip.Prefix{}), "clients"; victim == nil {
			b.mu.Unlock()
			b.drop(reason)
			_ = c.Close()
			return nil
		}
	}
	in.place = b.strangers.PushBack(in)
	b.bySource[in.source]++
	b.all[in] = struct{}{}
	b.clients++
	b.mu.Unlock()
	if victim != nil {
		b.drop(reason)
		_ = victim.Close()
	}
	return in
}

// victim finds the oldest stranger, of one source if it is valid: one from
// where no peer has come and that is not being served before all others.
func (b *budget) victim(of netip.Prefix) *inbound {
	var best *inbound
	rank := 4
	for e := b.strangers.Front(); e != nil && rank > 0; e = e.Next() {
		c := e.Value.(*inbound)
		if of.IsValid() && c.source != of {
			continue
		}
		r := 0
		if c.busy.Load() {
			r++
		}
		if _, known := b.known[c.source]; known && !c.source.Addr().IsLoopback() {
			r += 2
		}
		if r < rank {
			best, rank = c, r
		}
	}
	return best
}

// admit takes a connection out of the strangers: it has shown a credential
// or, as a peer, a pinned key.
func (b *budget) admit(c *inbound, peer bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, open := b.all[c]; !open {
		return
	}
	b.unplace(c)
	if !peer || c.peer {
		return
	}
	c.peer = true
	b.clients--
	if len(b.known) >= maxKnown {
		for oldest := range b.known { // any one: it comes back with the next connection
			delete(b.known, oldest)
			break
		}
	}
	b.known[c.source] = time.Now()
}

func (b *budget) isKnown(c net.Conn) bool {
	in, ok := c.(*inbound)
	if !ok {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_, known := b.known[in.source]
	return known
}

func (b *budget) unplace(c *inbound) {
	if c.place == nil {
		return
	}
	b.strangers.Remove(c.place)
	c.place = nil
	if b.bySource[c.source]--; b.bySource[c.source] <= 0 {
		delete(b.bySource, c.source)
	}
}

func (b *budget) remove(c *inbound) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, open := b.all[c]; !open {
		return
	}
	delete(b.all, c)
	b.unplace(c)
	if !c.peer {
		b.clients--
	}
}

// forget drops sources of peers that have not been seen for an hour.
func (b *budget) forget(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for source, seen := range b.known {
		if now.Sub(seen) > time.Hour {
			delete(b.known, source)
		}
	}
	for c := range b.all {
		if c.peer {
			b.known[c.source] = now
		}
	}
}

// closeAll cuts every connection and refuses new ones.
func (b *budget) closeAll() {
	b.mu.Lock()
	b.closed = true
	open := make([]*inbound, 0, len(b.all))
	for c := range b.all {
		open = append(open, c)
	}
	b.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
}

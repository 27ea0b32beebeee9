//go:build linux

package fabric

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// maxHosts bounds the matrix of links.
const maxHosts = 16

// Fabric carries packets between its hosts. Safe for concurrent use.
type Fabric struct {
	links [maxHosts][maxHosts]atomic.Pointer[Link]
	pipes [maxHosts][maxHosts]*pipe
	table atomic.Pointer[map[netip.Addr]*Host]

	passed, cut, lost, delayed, unroutable atomic.Int64

	mu     sync.Mutex
	hosts  []*Host
	rules  map[int]rule
	next   int
	closed chan struct{}
	wg     sync.WaitGroup
}

type rule struct {
	pairs [][2]*Host
	link  Link
}

// New makes a network without hosts.
func New() *Fabric {
	f := &Fabric{rules: map[int]rule{}, closed: make(chan struct{})}
	f.table.Store(&map[netip.Addr]*Host{})
	return f
}

// Disturb lays a disturbance on the directed pairs (from, to), beside those that
// lie there already, and returns what takes it away again.
func (f *Fabric) Disturb(link Link, pairs ...[2]*Host) (end func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := f.next
	f.next++
	f.rules[id] = rule{pairs, link}
	f.apply()
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.rules, id)
		f.apply()
	}
}

// Calm takes every disturbance away.
func (f *Fabric) Calm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.rules)
	f.apply()
}

func (f *Fabric) apply() {
	var sum [maxHosts][maxHosts]Link
	for _, r := range f.rules {
		for _, p := range r.pairs {
			sum[p[0].index][p[1].index] = sum[p[0].index][p[1].index].with(r.link)
		}
	}
	for i := range sum {
		for j := range sum[i] {
			if sum[i][j] == (Link{}) {
				f.links[i][j].Store(nil)
			} else {
				f.links[i][j].Store(&sum[i][j])
			}
		}
	}
}

// Counts says what happened to packets until now.
func (f *Fabric) Counts() Counts {
	return Counts{f.passed.Load(), f.cut.Load(), f.lost.Load(), f.delayed.Load(), f.unroutable.Load()}
}

// Close ends all hosts, and the processes that still run on them.
func (f *Fabric) Close() {
	f.mu.Lock()
	hosts := f.hosts
	f.hosts = nil
	if hosts != nil {
		close(f.closed)
	}
	f.mu.Unlock()
	for _, h := range hosts {
		h.close()
	}
	f.wg.Wait()
}

// route learns which host has which address.
func (f *Fabric) route() {
	t := map[netip.Addr]*Host{}
	for _, h := range f.hosts {
		t[h.addr] = h
	}
	f.table.Store(&t)
}

// carry takes one packet from a host on its way. It must not keep p.
func (f *Fabric) carry(from *Host, p []byte) {
	if len(p) < 20 || p[0]>>4 != 4 || int(binary.BigEndian.Uint16(p[2:])) > len(p) {
		return // the network speaks IPv4 only
	}
	to := (*f.table.Load())[netip.AddrFrom4([4]byte(p[16:20]))]
	if to == nil {
		f.unroutable.Add(1)
		return
	}
	if l := f.links[from.index][to.index].Load(); l != nil {
		switch {
		case l.Cut:
			f.cut.Add(1)
			return
		case l.Loss > 0 && rand.Float64() < l.Loss:
			f.lost.Add(1)
			return
		case l.Delay > 0 || l.Jitter > 0:
			d := l.Delay
			if l.Jitter > 0 {
				d += rand.N(l.Jitter)
			}
			f.delayed.Add(1)
			f.pipes[from.index][to.index].put(p, d)
			return
		}
	}
	f.passed.Add(1)
	to.deliver(p)
}

// pipe holds packets back, in order.
type pipe struct{ queue chan late }

type late struct {
	due    time.Time
	packet []byte
}

// put drops what does not fit, as a full router does.
func (p *pipe) put(packet []byte, d time.Duration) {
	select {
	case p.queue <- late{time.Now().Add(d), append([]byte(nil), packet...)}:
	default:
	}
}

func (f *Fabric) run(p *pipe, to *Host) {
	for {
		select {
		case l := <-p.queue:
			select {
			case <-time.After(time.Until(l.due)):
			case <-f.closed:
				return
			}
			to.deliver(l.packet)
		case <-f.closed:
			return
		}
	}
}

// Host joins a host of the address 10.77.0.n to the network.
func (f *Fabric) Host(name string) (*Host, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	index := len(f.hosts)
	if index == maxHosts {
		return nil, fmt.Errorf("a fabric has room for %d hosts", maxHosts)
	}
	h := &Host{Name: name, index: index, fabric: f, addr: netip.AddrFrom4([4]byte{10, 77, 0, byte(index + 1)})}
	if err := h.open(); err != nil {
		return nil, err
	}
	f.hosts = append(f.hosts, h)
	for _, other := range f.hosts {
		for _, way := range [][2]*Host{{h, other}, {other, h}} {
			if p := &f.pipes[way[0].index][way[1].index]; *p == nil {
				*p = &pipe{make(chan late, 4096)}
				pp, to := *p, way[1]
				f.wg.Go(func() { f.run(pp, to) })
			}
		}
	}
	f.route()
	f.wg.Go(h.read)
	return h, nil
}

package main

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// request is one client at A with so many requests under way to a receiver at B
// that gives each body back.
func request(o options, sys system) (result, error) {
	name := o.run + "-echo"
	to, err := sys.Dial(o.addresses[1], name, func(b []byte) []byte { return b })
	if err != nil {
		return result{}, err
	}
	defer to.Close()
	from, err := sys.Dial(o.addresses[0], o.run+"-client", nil)
	if err != nil {
		return result{}, err
	}
	defer from.Close()
	if err := known(from, name, o); err != nil {
		return result{}, err
	}
	return workers(o, o.inflight, func(i int, b []byte) error { return from.Request(name, b) }), nil
}

// known waits until the name is known at the sender's node.
func known(from peer, name string, o options) (err error) {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = from.Request(name, body(o.size, 0, 0)); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s is not reached: %w", name, err)
}

// workers lets so many do one thing after the other.
func workers(o options, n int, do func(i int, b []byte) error) result {
	m := newMeter(n)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			b := body(o.size, i, 0)
			for k := int64(0); !stop.Load(); k++ {
				renumber(b, k)
				begun := time.Now()
				m.did(i, begun, do(i, b))
			}
		})
	}
	m.during(o)
	stop.Store(true)
	wg.Wait()
	return m.done()
}

// flow is a sender at A and a receiver at B that counts.
type flow struct {
	o       options
	from    peer
	to      peer
	name    string
	ledger  *ledger
	sent    int64
	meter   *meter
	window  *window     // nil: no receipts
	heard   func(error) // takes a receipt
	ahead   int64       // how far a sender without receipts goes before the receiver; 0: any
	payload []byte
}

func newFlow(o options, sys system) (*flow, error) {
	f := &flow{o: o, name: o.run + "-sink", ledger: newLedger(1), meter: newMeter(1), payload: body(o.size, 0, 0)}
	var counting atomic.Bool
	var err error
	f.to, err = sys.Dial(o.addresses[1], f.name, func(b []byte) []byte {
		if !counting.Load() {
			return b
		}
		f.ledger.take(b)
		if f.meter.on.Load() {
			f.meter.ops.Add(1)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if f.from, err = sys.Dial(o.addresses[0], o.run+"-source", nil); err != nil {
		return nil, err
	}
	if err := known(f.from, f.name, o); err != nil {
		return nil, err
	}
	counting.Store(true)
	switch {
	case sys.Receipts():
		n := f.from.Window()
		if o.window > 0 {
			n = min(n, o.window)
		}
		f.window = newWindow(n)
		f.heard = func(err error) {
			f.window.give()
			if err != nil {
				f.meter.fail(err)
			}
		}
	default:
		f.ahead = int64(o.window)
		f.heard = func(error) {}
	}
	return f, nil
}

// window is how many may be under way of one sender. It holds a sender up and
// costs the one who gives back no more than a count.
type window struct {
	free  atomic.Int64
	again chan struct{}
}

func newWindow(n int) *window {
	w := &window{again: make(chan struct{}, 1)}
	w.free.Store(int64(n))
	return w
}

func (w *window) take() {
	if w.free.Add(-1) < 0 {
		<-w.again
	}
}

func (w *window) give() {
	if w.free.Add(1) == 0 {
		w.again <- struct{}{}
	}
}

func (f *flow) close() {
	f.from.Close()
	f.to.Close()
}

func (f *flow) send() {
	renumber(f.payload, f.sent)
	if f.window != nil {
		f.window.take()
	}
	for f.ahead > 0 && f.sent-f.ledger.res.received.Load() >= f.ahead {
		time.Sleep(50 * time.Microsecond)
	}
	f.sent++
	if err := f.from.Send(f.name, f.payload, f.heard); err != nil {
		f.meter.fail(err)
	}
}

// oneway sends as fast as it goes. What was received while measuring counts.
func oneway(o options, sys system) (result, error) {
	f, err := newFlow(o, sys)
	if err != nil {
		return result{}, err
	}
	defer f.close()
	var stop atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for !stop.Load() {
			f.send()
		}
	})
	f.meter.during(o)
	stop.Store(true)
	wg.Wait()
	f.ledger.settle(f.sent)
	r := f.meter.done()
	f.ledger.tell(&r, f.sent)
	r.Consumed = r.Ops
	return r, nil
}

// pace sends at a rate for some time and says whether it could.
func (f *flow) pace(rate int, d time.Duration) (kept bool) {
	begun, first := time.Now(), f.sent
	for {
		passed := time.Since(begun)
		if passed >= d {
			break
		}
		due := int64(float64(rate) * passed.Seconds())
		if f.sent-first >= due {
			time.Sleep(200 * time.Microsecond)
			continue
		}
		for range min(due-(f.sent-first), 256) {
			f.send()
		}
	}
	return float64(f.sent-first) >= 0.97*float64(rate)*d.Seconds()
}

// paced sends at a rate, searched for if none is given: the most that loses
// nothing and that the sender keeps.
func paced(o options, sys system) (result, error) {
	try := func(rate int, d time.Duration, measured bool) (good bool, r result, err error) {
		f, err := newFlow(o, sys)
		if err != nil {
			return false, r, err
		}
		defer f.close()
		if measured {
			f.pace(rate, o.warm)
			f.meter.begin()
		}
		good = f.pace(rate, d)
		if measured {
			f.meter.end()
		}
		f.ledger.settle(f.sent)
		r = f.meter.done()
		f.ledger.tell(&r, f.sent)
		r.Consumed, r.Rate = r.Ops, rate
		return good && r.Received == r.Sent, r, nil
	}
	rate := o.rate
	if rate == 0 {
		low, high := 0, 0
		for next := 16000; high == 0 || high-low > low/16; {
			good, _, err := try(next, time.Second, false)
			if err != nil {
				return result{}, err
			}
			if good {
				low = next
			} else {
				high = next
			}
			if next = low * 2; high > 0 {
				next = (low + high) / 2
			}
			if next < 100 {
				return result{}, fmt.Errorf("something is lost at any rate")
			}
		}
		rate = low
	}
	for {
		_, r, err := try(rate, o.measure, true)
		if err != nil || r.Received == r.Sent || o.rate > 0 {
			return r, err
		}
		rate = rate * 9 / 10 // a second lost none, a longer time did
	}
}

// talk is many agents on all nodes, each asking a random other, one after the
// other, and answering whoever asks.
func talk(o options, sys system) (result, error) {
	names := make([]string, o.peers)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%d", o.run, i)
	}
	peers, err := dialMany(o, func(i int) (peer, error) {
		return sys.Dial(o.addresses[i%3], names[i], func(b []byte) []byte { return b })
	})
	defer closeAll(peers)
	if err != nil {
		return result{}, err
	}
	// The last one's name is known everywhere: so are the others, mostly.
	for _, p := range peers[:3] {
		for _, name := range names[len(names)-3:] {
			if err := known(p, name, o); err != nil {
				return result{}, err
			}
		}
	}
	return workers(o, o.peers, func(i int, b []byte) error {
		j := rand.IntN(o.peers - 1)
		if j >= i {
			j++
		}
		return peers[i].Request(names[j], b)
	}), nil
}

// dialMany connects all, some at a time.
func dialMany(o options, dial func(i int) (peer, error)) ([]peer, error) {
	peers := make([]peer, o.peers)
	var next atomic.Int64
	var first error
	var once sync.Once
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < o.peers; i = int(next.Add(1)) - 1 {
				p, err := dial(i)
				if err != nil {
					once.Do(func() { first = fmt.Errorf("connection %d: %w", i+1, err) })
					next.Store(int64(o.peers))
					return
				}
				peers[i] = p
			}
		})
	}
	wg.Wait()
	return peers, first
}

func closeAll(peers []peer) {
	for _, p := range peers {
		if p != nil {
			p.Close()
		}
	}
}

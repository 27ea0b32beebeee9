package main

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// fanout publishes to a topic that many subscribe to, on all nodes; so many
// publications are under way, and one is done when every subscriber has it.
// An operation is one subscriber's having it; the times are those of the last.
func fanout(o options, sys system) (result, error) {
	f := &fan{
		topic: o.run + "/fan", subscribers: int64(o.peers), m: newMeter(1),
		window: make(chan struct{}, max(1, o.inflight)), finished: make(chan int64, fanRing),
	}
	peers, err := dialMany(o, func(i int) (peer, error) {
		p, err := sys.Dial(o.addresses[i%3], fmt.Sprintf("%s-%d", o.run, i), nil)
		if err != nil {
			return nil, err
		}
		return p, p.Subscribe(f.topic, f.take)
	})
	defer closeAll(peers)
	if err != nil {
		return result{}, err
	}
	from, err := sys.Dial(o.addresses[0], o.run+"-publisher", nil)
	if err != nil {
		return result{}, err
	}
	defer from.Close()
	time.Sleep(time.Second) // interest spreads
	ended, quit, counted := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		f.publish(from, body(o.size, 0, 0))
	}()
	go func() {
		defer close(counted)
		f.count(quit)
	}()
	f.m.during(o)
	f.stop.Store(true)
	<-ended
	all := f.sent * f.subscribers
	for end := time.Now().Add(5 * time.Second); f.received.Load() < all && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	close(quit)
	<-counted
	r := f.m.done()
	r.Sent, r.Received, r.Consumed = all, f.received.Load(), r.Ops
	return r, nil
}

// fanRing is more than may be under way.
const fanRing = 1 << 12

// fan is one publisher and its subscribers. Publications lie in rings by their
// number.
type fan struct {
	topic       string
	subscribers int64
	m           *meter
	window      chan struct{} // those under way
	finished    chan int64    // their numbers, when the last subscriber has them
	had         [fanRing]atomic.Int64
	begun       [fanRing]time.Time
	received    atomic.Int64
	sent        int64 // publish's, until it has ended
	stop        atomic.Bool
}

// take counts what a subscriber gets.
func (f *fan) take(b []byte) {
	_, n := parse(b)
	f.received.Add(1)
	if f.m.on.Load() {
		f.m.ops.Add(1)
	}
	if f.had[n%fanRing].Add(1) == f.subscribers {
		f.had[n%fanRing].Store(0)
		f.finished <- n
	}
}

// publish goes on until it is stopped, as fast as the window lets it.
func (f *fan) publish(from peer, b []byte) {
	told := func(err error) {
		if err != nil {
			f.m.fail(err)
		}
	}
	for !f.stop.Load() {
		select {
		case f.window <- struct{}{}:
		case <-time.After(10 * time.Second):
			f.m.fail(fmt.Errorf("some subscribers did not get all within 10 s"))
			return
		}
		renumber(b, f.sent)
		f.begun[f.sent%fanRing] = time.Now()
		f.sent++
		if err := from.Publish(f.topic, b, told); err != nil {
			f.m.fail(err)
			return
		}
	}
}

// count notes how long the publications took that everybody has.
func (f *fan) count(quit <-chan struct{}) {
	for {
		select {
		case n := <-f.finished:
			if f.m.on.Load() {
				f.m.took[0] = append(f.m.took[0], time.Since(f.begun[n%fanRing]))
			}
			<-f.window
		case <-quit:
			return
		}
	}
}

// idle holds connections to A until its input ends. Each is called by a name.
func idle(o options, sys system) (result, error) {
	begun := time.Now()
	peers, err := dialMany(o, func(i int) (peer, error) {
		return sys.Dial(o.addresses[0], fmt.Sprintf("%s-%d", o.run, i), func(b []byte) []byte { return b })
	})
	defer closeAll(peers)
	if err != nil {
		return result{}, err
	}
	took := time.Since(begun)
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return result{Ops: int64(len(peers)), Seconds: took.Seconds()}, nil
}

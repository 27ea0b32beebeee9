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
	const ring = 1 << 12
	topic := o.run + "/fan"
	var had [ring]atomic.Int64
	var begun [ring]time.Time
	all := int64(o.peers)
	m := newMeter(1)
	window := make(chan struct{}, max(1, o.inflight))
	finished := make(chan int64, ring)
	var received atomic.Int64
	take := func(b []byte) {
		_, n := parse(b)
		received.Add(1)
		if m.on.Load() {
			m.ops.Add(1)
		}
		if had[n%ring].Add(1) == all {
			had[n%ring].Store(0)
			finished <- n
		}
	}
	peers, err := dialMany(o, func(i int) (peer, error) {
		p, err := sys.Dial(o.addresses[i%3], fmt.Sprintf("%s-%d", o.run, i), nil)
		if err != nil {
			return nil, err
		}
		return p, p.Subscribe(topic, take)
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
	var stop atomic.Bool
	var sent int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := body(o.size, 0, 0)
		for !stop.Load() {
			select {
			case window <- struct{}{}:
			case <-time.After(10 * time.Second):
				m.fail(fmt.Errorf("some subscribers did not get all within 10 s"))
				return
			}
			renumber(b, sent)
			begun[sent%ring] = time.Now()
			sent++
			if err := from.Publish(topic, b, func(err error) {
				if err != nil {
					m.fail(err)
				}
			}); err != nil {
				m.fail(err)
				return
			}
		}
	}()
	quit := make(chan struct{})
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		for {
			select {
			case n := <-finished:
				if m.on.Load() {
					m.took[0] = append(m.took[0], time.Since(begun[n%ring]))
				}
				<-window
			case <-quit:
				return
			}
		}
	}()
	m.during(o)
	stop.Store(true)
	<-ended
	for end := time.Now().Add(5 * time.Second); received.Load() < sent*all && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	close(quit)
	<-counted
	r := m.done()
	r.Sent, r.Received, r.Consumed = sent*all, received.Load(), r.Ops
	return r, nil
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

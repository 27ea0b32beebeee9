package main

import (
	"sync"
	"sync/atomic"
	"time"
)

// durable is publishers at A, each with one message under way, or one with a
// window of many, and a consumer at B that acknowledges each message. An
// operation is an accepted message.
func durable(o options, sys system) (result, error) {
	name := o.run + "-inbox"
	n := o.inflight
	if o.window > 0 {
		n = 1
	}
	l := newLedger(n)
	m := newMeter(n)
	var consumed atomic.Int64
	var mu sync.Mutex
	to, err := sys.Consume(o.addresses[1], name, func(b []byte) {
		mu.Lock()
		defer mu.Unlock()
		l.take(b)
		if m.on.Load() {
			consumed.Add(1)
		}
	})
	if err != nil {
		return result{}, err
	}
	defer to.Close()
	from := make([]peer, n)
	defer func() { closeAll(from) }()
	for i := range from {
		if from[i], err = sys.Dial(o.addresses[0], "", nil); err != nil {
			return result{}, err
		}
	}
	var stop atomic.Bool
	var sent atomic.Int64
	var wg sync.WaitGroup
	for i := range from {
		wg.Go(func() {
			if o.window > 0 {
				stream(o, from[i], name, m, &stop, &sent)
				return
			}
			b, heard := body(o.size, i, 0), make(chan error, 1)
			for k := int64(0); !stop.Load(); k++ {
				renumber(b, k)
				begun := time.Now()
				err := from[i].Durable(name, b, func(err error) { heard <- err })
				if err == nil {
					err = <-heard
				}
				if err == nil {
					sent.Add(1)
				}
				m.did(i, begun, err)
			}
		})
	}
	m.during(o)
	got := consumed.Load()
	stop.Store(true)
	wg.Wait()
	l.settle(sent.Load())
	r := m.done()
	l.tell(&r, sent.Load())
	r.Consumed = got
	return r, nil
}

// stream publishes with a window.
func stream(o options, from peer, name string, m *meter, stop *atomic.Bool, sent *atomic.Int64) {
	window := make(chan struct{}, o.window)
	b := body(o.size, 0, 0)
	var mu sync.Mutex // did is one worker's
	for k := int64(0); !stop.Load(); k++ {
		window <- struct{}{}
		renumber(b, k)
		begun := time.Now()
		done := func(err error) {
			if err == nil {
				sent.Add(1)
			}
			mu.Lock()
			m.did(0, begun, err)
			mu.Unlock()
			<-window
		}
		if err := from.Durable(name, b, done); err != nil {
			done(err)
		}
	}
	for range o.window {
		window <- struct{}{} // all have been heard of
	}
}

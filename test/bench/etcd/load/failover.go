package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Writes of failover.
const (
	failoverEvery   = 50 * time.Millisecond
	failoverTimeout = 5 * time.Second
)

// failover sends a write every 50 ms, whatever became of those before, and
// prints for each acknowledged one when it was sent and when it was answered,
// in Unix nanoseconds: whoever kills the leader knows when. Neither a server
// that holds a write until there is a leader nor one that loses it decides so
// how long it took.
func failover(o options) error {
	keys, err := readKeys(o)
	if err != nil {
		return err
	}
	o.clients = 1
	conns, err := dialAll(o) // of etcd and HTTP, which many goroutines may use
	if err != nil {
		return err
	}
	var out sync.Mutex
	tick := time.NewTicker(failoverEvery)
	defer tick.Stop()
	end := time.Now().Add(o.measure)
	for n := 0; time.Now().Before(end); n++ {
		<-tick.C
		go func() {
			sent := time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), failoverTimeout)
			defer cancel()
			if conns[0].Write(ctx, keys[n%len(keys)], value(o.size, 0, sent.UnixNano())) == nil {
				out.Lock()
				defer out.Unlock()
				fmt.Println(sent.UnixNano(), time.Now().UnixNano())
			}
		}()
	}
	return nil
}

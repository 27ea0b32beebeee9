package main

import (
	"context"
	"fmt"
	"time"
)

// failover writes without a pause and prints, for each acknowledged write, when
// it was sent and when it was answered, in Unix nanoseconds: whoever kills the
// leader knows when. A write that fails is sent again, as a user would.
func failover(o options) error {
	keys, err := readKeys(o)
	if err != nil {
		return err
	}
	o.clients = 1
	conns, err := dialAll(o)
	if err != nil {
		return err
	}
	for end, n := time.Now().Add(o.measure), int64(0); time.Now().Before(end); n++ {
		sent := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := conns[0].Write(ctx, keys[int(n)%len(keys)], value(o.size, 0, sent.UnixNano()))
		cancel()
		if err != nil {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		fmt.Println(sent.UnixNano(), time.Now().UnixNano())
	}
	return nil
}

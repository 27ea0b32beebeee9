package consensus

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// flight is an entry that lands when it is told to.
type flight struct {
	raft.ApplyFuture
	land chan struct{}
}

func (f *flight) Error() error { <-f.land; return nil }

// What comes while an entry is under way goes together in the next one, at
// once when that one lands, and after gatherTime if it does not.
func TestCommandsGatherBehindAnEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCoalescer(func() uint32 { return Level })
		c.own = func() ack { return ack{} }
		c.stamp = func() int64 { return time.Now().UnixMilli() }
		flights := make(chan *flight, 16)
		var sizes []int
		c.apply = func(data []byte) raft.ApplyFuture {
			e, err := decodeEntry(data)
			if err != nil {
				t.Error(err)
			}
			sizes = append(sizes, len(e.envelopes))
			f := &flight{land: make(chan struct{})}
			flights <- f
			return f
		}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() { c.run(stop, &wg) })
		add := func(n int) {
			for range n {
				env := envelope{seq: 1, part: "p", body: []byte("b")}
				if err := c.add([][]byte{env.encode()}); err != nil {
					t.Error(err)
				}
			}
			synctest.Wait()
		}
		begun := time.Now()
		add(1) // nothing is under way: no waiting
		first := <-flights
		add(5)
		close(first.land)
		synctest.Wait()
		second := <-flights
		if time.Since(begun) != 0 {
			t.Errorf("the second entry waited %s beyond the first", time.Since(begun))
		}
		add(3)
		third := <-flights // the second does not land
		if waited := time.Since(begun); waited != gatherTime {
			t.Errorf("an entry waited %s for one that was lost", waited)
		}
		close(second.land)
		close(third.land)
		close(stop)
		wg.Wait()
		if len(sizes) != 3 || sizes[0] != 1 || sizes[1] != 5 || sizes[2] != 3 {
			t.Errorf("entries of %v commands, want 1, 5, 3", sizes)
		}
	})
}

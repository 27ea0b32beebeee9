package consensus

import (
	"context"
	"encoding/binary"
	"sync/atomic"
	"testing"
	"time"
)

// listening is the part with a Listener in place of its Observer.
type listening struct {
	quiet
	applied, resets atomic.Int64
}

func (l *listening) Applied()     { l.applied.Add(1) }
func (l *listening) Reset(Reader) { l.resets.Add(1) }

// A Listener hears of each batch before its proposer does, and the batch is not
// committed for it; whoever looks sees it all the same.
func TestListener(t *testing.T) {
	part := &listening{quiet: quiet{&kv{}}}
	x := one(t, func(c *Config) { c.Parts = []Part{part} })
	n := int64(0)
	// On a busy machine the patience of an open transaction may be over before
	// one looks, so one looks again.
	eventually(t, 20*time.Second, "a batch is left uncommitted", func() bool {
		x.do(t, "add n")
		n++
		if got := part.applied.Load(); got != n {
			t.Fatalf("told %d times of %d batches", got, n)
		}
		return x.machine.owing.Load()
	})
	if _, err := x.View(context.Background(), ReadOptions{}, func(r Reader) error {
		if v := r.Get(kvTable, []byte("n")); len(v) != 8 || binary.BigEndian.Uint64(v) != uint64(n) {
			t.Errorf("n is %x after %d", v, n)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	was := part.resets.Load()
	x.kill()
	x.open()
	eventually(t, 5*time.Second, "the listener hears of the new state", func() bool { return part.resets.Load() > was })
}

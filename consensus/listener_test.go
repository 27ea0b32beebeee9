package consensus

import (
	"context"
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
	left := false
	for n := int64(1); n <= 50; n++ {
		x.do(t, "add n")
		if got := part.applied.Load(); got != n {
			t.Fatalf("told %d times of %d batches", got, n)
		}
		left = left || x.machine.owing.Load()
	}
	if !left {
		t.Fatal("every batch was committed at once")
	}
	if _, err := x.View(context.Background(), ReadOptions{}, func(r Reader) error {
		if v := r.Get(kvTable, []byte("n")); len(v) != 8 || v[7] != 50 {
			t.Errorf("n is %x", v)
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

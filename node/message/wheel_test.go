package message

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

type clockwork struct {
	timed timed
	due   time.Time
	at    []time.Time
}

func (c *clockwork) expire() { c.at = append(c.at, time.Now()) }

// Deadlines near, far and beyond a turn of the wheel come at their tick, once,
// and not at all when they were taken back.
func TestWheel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWheel()
		var all []*clockwork
		for i := range 3000 {
			c := &clockwork{due: time.Now().Add(time.Duration(rand.Int64N(int64(3 * wheelSlots * wheelTick))))}
			if i < 10 {
				c.due = time.Now().Add(-time.Second) // too late already
			}
			for range 2 { // the second changes nothing
				if !w.add(&c.timed, c, c.due) {
					t.Fatal("refused")
				}
				if i < 10 {
					break // it may have come by now, and would once more
				}
			}
			all = append(all, c)
			if i%100 == 0 {
				time.Sleep(37 * time.Millisecond)
			}
		}
		synctest.Wait()
		for i, c := range all {
			if i%3 == 0 {
				w.remove(&c.timed)
				w.remove(&c.timed)
				if len(c.at) == 0 {
					c.due = time.Time{}
				}
			}
		}
		time.Sleep(4 * wheelSlots * wheelTick)
		synctest.Wait()
		for i, c := range all {
			switch late := time.Duration(0); {
			case c.due.IsZero() && len(c.at) > 0:
				t.Fatalf("%d came though it was taken back", i)
			case c.due.IsZero():
			case len(c.at) != 1:
				t.Fatalf("%d came %d times", i, len(c.at))
			default:
				if late = c.at[0].Sub(c.due); i >= 10 && (late < 0 || late > wheelTick) {
					t.Fatalf("%d came %v late", i, late)
				}
			}
		}
		left := &clockwork{}
		w.add(&left.timed, left, time.Now().Add(time.Hour))
		if got := w.close(); len(got) != 1 || w.add(&timed{}, left, time.Now()) {
			t.Error("closing", len(got))
		}
	})
}

func BenchmarkWheel(b *testing.B) {
	w := newWheel()
	defer w.close()
	c := &clockwork{}
	at := time.Now().Add(30 * time.Second)
	b.ReportAllocs()
	for b.Loop() {
		w.add(&c.timed, c, at)
		w.remove(&c.timed)
	}
}

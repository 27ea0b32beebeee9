package graphsync

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Where one long query may run, two take turns, and a quick one
// beside them waits for neither.
func TestLongQueriesTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newQueryGate(3)
		g.long = make(chan struct{}, 1)
		var order []string
		running := 0
		query := func(name string, steps int) {
			r, err := g.enter(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer r.end()
			for range steps {
				if err := r.pause(time.Now()); err != nil {
					t.Error(err)
				}
				if !r.turn.IsZero() {
					if running++; running != 1 {
						t.Errorf("%d long queries run", running)
					}
					if len(order) == 0 || order[len(order)-1] != name {
						order = append(order, name)
					}
				}
				time.Sleep(time.Millisecond) // of work
				if !r.turn.IsZero() {
					running--
				}
			}
		}
		go query("a", 25)
		go query("b", 25)
		synctest.Wait()
		time.Sleep(12 * time.Millisecond)
		begun := time.Now()
		query("quick", 4)
		if took := time.Since(begun); took != 4*time.Millisecond {
			t.Errorf("a quick query took %s", took)
		}
		time.Sleep(time.Second)
		if len(order) < 6 || slices.Contains(order, "quick") {
			t.Errorf("the turns were %v", order)
		}
		if len(g.long)+len(g.underWay)+int(g.queue.Load()) != 0 {
			t.Error("something is held")
		}
	})
}

// One that waits for its turn ends with its caller.
func TestAQueryThatWaitsForItsTurnEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newQueryGate(2)
		g.long <- struct{}{} // for ever
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, err := g.enter(ctx)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(quickQuery)
		if err := r.pause(time.Now()); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		r.end()
		if len(g.underWay) != 0 || g.queue.Load() != 0 {
			t.Error("something is held")
		}
	})
}

package consensus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
)

// spoil makes a node's state another than that of the rest, as a part does that
// is not deterministic.
func (x *node) spoil(t *testing.T, key, value string) {
	t.Helper()
	x.part.mu.Lock()
	x.part.own = value
	x.part.mu.Unlock()
	x.net.mu.Lock()
	x.net.differ = true
	x.net.mu.Unlock()
	x.do(t, "own "+key)
}

// A replica whose state is not that of the majority is found, whoever it is and
// whoever asks, while writes go on (F6).
func TestF6ScrubFindsTheReplicaThatDiffers(t *testing.T) {
	t.Parallel()
	for _, spoilLeader := range []bool{false, true} {
		t.Run(fmt.Sprint("leader ", spoilLeader), func(t *testing.T) {
			_, _, nodes := mesh(t, 3, nil)
			leader := leaderOf(t, nodes)
			for i := range 50 {
				leader.do(t, fmt.Sprintf("set k%d v", i))
			}
			stop := make(chan struct{})
			var clients sync.WaitGroup
			clients.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						_, _ = nodes[0].try("add n")
					}
				}
			})
			for _, x := range nodes {
				r, err := x.Scrub(context.Background())
				if err != nil || !r.OK() || len(r.Hashes) != 3 {
					t.Fatalf("%+v, %v", r, err)
				}
			}
			close(stop)
			clients.Wait()
			same(t, nodes)
			victim := others(nodes, leader)[0]
			if spoilLeader {
				victim = leader
			}
			victim.spoil(t, "k7", "w")
			r, err := others(nodes, victim)[0].Scrub(context.Background())
			if err != nil || len(r.Differ) != 1 || r.Differ[0] != victim.id || r.Undecided {
				t.Fatalf("%+v, %v", r, err)
			}
			<-victim.Failed()
			if !errors.Is(victim.Fault(), ErrStateDiffers) || FaultOf(victim.Fault()) != FaultDamaged {
				t.Fatalf("the fault is %v", victim.Fault())
			}
			others(nodes, victim)[0].do(t, "add n")
		})
	}
}

// Of two, nobody can say who is wrong: it is told and nothing is done.
func TestScrubOfTwoDecidesNothing(t *testing.T) {
	_, _, nodes := mesh(t, 2, nil)
	leader := leaderOf(t, nodes)
	leader.do(t, "set k v")
	same(t, nodes)
	others(nodes, leader)[0].spoil(t, "k", "w")
	r, err := leader.Scrub(context.Background())
	if err != nil || !r.Undecided || len(r.Differ) != 0 || r.OK() {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, x := range nodes {
		if x.Fault() != nil {
			t.Fatal(x.Fault())
		}
	}
}

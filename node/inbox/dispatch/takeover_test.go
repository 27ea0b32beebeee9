package dispatch

import (
	"slices"
	"testing"
	"time"
)

// reads lets a box push what it will of an inbox, one turn after the other, and
// says what went out.
func reads(b *box, inbox []uint64, gone map[uint64]bool, now time.Time) (out []uint64) {
	for b.ready(now) {
		b.begin(now)
		n := 0
		for _, seq := range inbox {
			if e := (entry{seq: seq, lane: seq % 7, size: 300}); !gone[seq] && b.wants(e) && b.take(e) {
				out = append(out, seq)
				if n++; n == maxTurn {
					break
				}
			}
		}
		b.end(n == maxTurn, time.Time{})
		if n == 0 {
			break
		}
	}
	return out
}

// A dispatcher that dies takes with it what the state has not heard: at most 1,024
// messages that are with the agent, and the acknowledgements of 4,096 and what was
// out when there were as many. That is what the next one pushes again of an inbox,
// however much is in it, and none of what the state knows.
func TestATakeoverPushesAgainNoMoreThanWasOut(t *testing.T) {
	const most, steps = maxOut + maxSettling - 1, 30
	inbox := make([]uint64, 30_000)
	for i := range inbox {
		inbox[i] = uint64(i + 1)
	}
	now, gone := time.Time{}.Add(time.Hour), map[uint64]bool{}
	hosts := []uint32{1, 2, 3, 4, 5}
	for life := range 3 {
		old := newBox()
		old.instances(hosts, now)
		handed := map[uint64]bool{}
		// The agent acknowledges most at once; the state takes what comes first, and
		// then there is no leader.
		for step := range steps {
			for _, seq := range reads(old, inbox, gone, now) {
				if handed[seq] {
					t.Fatalf("%d went out twice from one", seq)
				}
				handed[seq] = true
			}
			for seq := range handed {
				if s := old.out[seq]; s != nil && !s.settling && (seq+uint64(step))%5 != 0 {
					old.outcome(seq, acked, now)
				}
				if s := old.out[seq]; s != nil && s.settling && step < 4+life {
					gone[seq] = true
					old.settled(seq)
				}
			}
			now = now.Add(50 * time.Millisecond)
		}
		next := newBox()
		next.instances(hosts, now)
		again := 0
		for _, seq := range inbox {
			if handed[seq] && !gone[seq] {
				again++
			}
			if e := (entry{seq: seq, lane: seq % 7}); gone[seq] && old.out[seq] != nil && next.wants(e) {
				t.Fatalf("%d is out and gone", seq)
			}
		}
		if again != len(old.out) || again > most || again < maxSettling {
			t.Fatalf("life %d: %d would come again, %d are out, at most %d should", life, again, len(old.out), most)
		}

		// What the node of the agent has heard acknowledged is not pushed by it.
		for seq, s := range old.out {
			if s.settling {
				next.adopt(seq)
			}
		}
		for _, seq := range reads(next, inbox, gone, now) {
			if s := old.out[seq]; s != nil && s.settling {
				t.Fatalf("%d was acknowledged, and is pushed again", seq)
			}
		}
		t.Logf("life %d: %d were with the old one", life, again)
		inbox = slices.DeleteFunc(inbox, func(seq uint64) bool { return gone[seq] })
	}
}

package graphsync

import (
	"context"
	"time"
)

// The feeder works in rounds: what changed up to now, each document once. When it
// has caught up it rests in proportion to the round, so that under sustained
// writes it takes a bounded part of the machine, and what changes several times
// meanwhile is indexed once. Elapsed time counts as work, so that it takes less
// where others want the processors.
const (
	// restShare times the work is the rest: a twentieth of the time is worked.
	restShare = 19
	// restLeast is how long changes gather where nobody waits for them. A look
	// at the state ends the transaction that consensus keeps open for the
	// entries to come, and has it commit each for a while: one after every
	// write would make all writes dearer.
	restLeast = 100 * time.Millisecond
	// restMost bounds how old the index is for whoever asks it first.
	restMost = 5 * time.Second
	// feedBreath bounds a pause in the middle of a round.
	feedBreath = time.Second
	// interactive is how long after a search the next one is expected.
	interactive = 10 * time.Second
)

// restAfter is how long to rest after some work: as long as that, where searches
// are being made.
func restAfter(worked time.Duration, sought bool) time.Duration {
	if sought {
		return min(max(worked, restLeast), feedBreath)
	}
	return min(max(restShare*worked, restLeast), restMost)
}

// rest waits until it is time for the next round. It is called where there is
// something to index, some time after the last round ended. A search cuts it
// short, and one that has to wait ends it.
func (f *feeder) rest(ctx context.Context, ended time.Time, worked time.Duration) {
	x := &f.s.index
	began := time.Now()
	for !x.urgent() {
		until := ended.Add(restAfter(worked, x.soughtLately()))
		if least := began.Add(restLeast); until.Before(least) {
			until = least
		}
		left := time.Until(until)
		if left <= 0 || !x.awaitAsked(ctx, left) {
			return
		}
	}
}

// breathe leaves half of the time to others in the middle of a round, unless
// somebody waits.
func (f *feeder) breathe(ctx context.Context, worked time.Duration) {
	x := &f.s.index
	until := time.Now().Add(min(worked, feedBreath))
	for !x.urgent() && x.awaitAsked(ctx, time.Until(until)) {
	}
}

// soughtLately says that the index was asked for in the last seconds.
func (x *indexer) soughtLately() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return !x.sought.IsZero() && time.Since(x.sought) < interactive
}

// awaitAsked waits until the index is asked for; false after d, or when ctx ends.
func (x *indexer) awaitAsked(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-x.asked:
		return true
	case <-t.C:
	case <-ctx.Done():
	}
	return false
}

package dispatch

import (
	"time"

	"github.com/meshd/meshd/node/inbox"
)

// backoff is the time before the next delivery of a message that came back for
// the given time, where its agent names none. Who did not acknowledge in time
// was waited for already. A connection that broke, or a first no, is followed
// up soon, but only the first time: it may be the message that breaks it.
func backoff(attempts int, redelivery time.Duration, r result) time.Duration {
	switch {
	case r == late:
		return 0
	case attempts <= 1:
		return min(redelivery, time.Second)
	}
	return inbox.Backoff(redelivery, attempts-1)
}

// patience is how long the acknowledgement of a message is waited for that was
// delivered so many times before.
func patience(before int, redelivery time.Duration) time.Duration {
	return inbox.Backoff(redelivery, before+1)
}

// window is how many messages an agent's instances seem to take at once: it
// falls to what they have when one of them refuses, doubles with each round of
// acknowledgements up to half of where they refused, and grows by one a round from
// there (slow start and congestion avoidance, RFC 5681 section 3.1).
type window struct {
	most, size, known, round int
}

func newWindow(hosts int) window {
	most := min(perHost*max(hosts, 1), maxOut)
	return window{most: most, size: most, known: most}
}

func (w *window) shrink(has int) {
	w.size = max(has, 1)
	w.known, w.round = w.size/2, 0
}

func (w *window) grow() {
	if w.size >= w.most {
		return
	}
	if w.round++; w.size < w.known || w.round >= w.size {
		w.size, w.round = w.size+1, 0
	}
}

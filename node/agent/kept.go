package agent

import (
	"slices"
	"sync/atomic"

	"github.com/meshd/meshd/node/message"
)

// Bounds of what is kept for clients that may resume: of one, and of a node;
// one that keeps no more than fairShare is not bothered with the latter.
const (
	maxKept    = 256 << 10
	maxAllKept = 256 << 20
)

// kept are the numbered frames that a client has not confirmed, as far as they
// fit. The zero value is empty.
type kept struct {
	last  uint64 // the number of the last frame
	text  []byte
	first int   // where in text the oldest frame begins
	ends  []int // where in text each ends; the last of them is frame last
	await []awaited
	owed  int // bytes that came into await since those that ended were dropped
}

// awaited is a message that is delivered when frame is confirmed, whether it
// is still kept or not.
type awaited struct {
	frame uint64
	d     *message.Delivery
}

// add keeps the next frame.
func (k *kept) add(frame []byte, d *message.Delivery, all *atomic.Int64) {
	k.last++
	if d != nil {
		k.await = append(k.await, awaited{k.last, d})
		if k.owed += perMessage + len(frame); k.owed > maxQueueBytes {
			k.owed = 0 // a client that never confirms anything must not pile them up
			k.await = slices.DeleteFunc(k.await, func(a awaited) bool { return a.d.Ended() })
		}
	}
	if k.first > 0 && k.first >= len(k.text)/2 {
		k.compact()
	}
	k.text = append(k.text, frame...)
	k.ends = append(k.ends, len(k.text))
	all.Add(int64(len(frame)))
	for k.size() > maxKept || k.size() > fairShare && all.Load() > maxAllKept {
		k.drop(all)
	}
}

func (k *kept) size() int { return len(k.text) - k.first }

// drop forgets the oldest frame.
func (k *kept) drop(all *atomic.Int64) {
	all.Add(int64(k.first - k.ends[0]))
	k.first = k.ends[0]
	k.ends = k.ends[1:]
}

func (k *kept) compact() {
	n := copy(k.text, k.text[k.first:])
	ends := make([]int, 0, max(2*len(k.ends), 64))
	for _, e := range k.ends {
		ends = append(ends, e-k.first)
	}
	k.text, k.ends, k.first = k.text[:n], ends, 0
}

// confirm forgets the frames up to seen and returns the messages that are
// delivered with them. It is false for a frame that was never sent.
func (k *kept) confirm(seen uint64, all *atomic.Int64) (done []awaited, ok bool) {
	if seen > k.last {
		return nil, false
	}
	for len(k.ends) > 0 && k.last-uint64(len(k.ends))+1 <= seen {
		k.drop(all)
	}
	if len(k.ends) == 0 {
		k.text, k.ends, k.first = k.text[:0], k.ends[:0], 0
		if cap(k.text) > 8<<10 { // an idle session keeps little
			k.text, k.ends = nil, nil
		}
	}
	n := 0
	for n < len(k.await) && k.await[n].frame <= seen {
		n++
	}
	done = k.await[:n:n]
	if k.await = k.await[n:]; len(k.await) == 0 {
		k.await = nil
	}
	return done, true
}

// since calls fn for each frame after seen; false where some of them are kept
// no more.
func (k *kept) since(seen uint64, fn func(frame []byte)) bool {
	oldest := k.last - uint64(len(k.ends)) // all after this one are kept
	if seen < oldest || seen > k.last {
		return false
	}
	begin := k.first
	for i, e := range k.ends {
		if oldest+uint64(i)+1 > seen {
			fn(k.text[begin:e])
		}
		begin = e
	}
	return true
}

// release forgets all.
func (k *kept) release(all *atomic.Int64) {
	all.Add(-int64(k.size()))
	*k = kept{last: k.last}
}

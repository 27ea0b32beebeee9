package main

// waiting are the frames that are not answered, by their numbers, which are
// consecutive.
type waiting struct {
	first uint64 // the number of what is at slots[0]
	slots []waiter
	empty int // of the slots in front
}

// waiter is told the end of a send, or gets the frame that answers.
type waiter struct {
	sent     func(error)
	answered func(*frame, error)
}

func (w *waiting) add(n uint64, d waiter) {
	if len(w.slots) == w.empty {
		w.first, w.slots, w.empty = n, w.slots[:0], 0
	} else if w.empty > 4096 && w.empty > len(w.slots)/2 {
		left := copy(w.slots, w.slots[w.empty:])
		clear(w.slots[left:])
		w.first, w.slots, w.empty = w.first+uint64(w.empty), w.slots[:left], 0
	}
	w.slots = append(w.slots, d)
}

func (w *waiting) remove(n uint64) (d waiter) {
	if at := n - w.first; n >= w.first && at < uint64(len(w.slots)) {
		d, w.slots[at] = w.slots[at], waiter{}
	}
	for w.empty < len(w.slots) && w.slots[w.empty].sent == nil && w.slots[w.empty].answered == nil {
		w.empty++
	}
	return d
}

func (d waiter) tell(f *frame, err error) {
	if d.sent != nil {
		d.sent(err)
	} else if d.answered != nil {
		d.answered(f, err)
	}
}

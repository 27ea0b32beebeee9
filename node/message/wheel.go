package message

import (
	"math/bits"
	"sync"
	"time"
)

// Deadlines are kept to the next of these.
const (
	wheelTick  = 10 * time.Millisecond
	wheelSlots = 4096
)

// wheel runs callbacks at their deadlines, all with one timer: adding and
// removing one costs a few pointers, since nearly all are removed before they
// are due. It is a hashed wheel: what lies further away than one turn stays in
// its slot and is passed by (Varghese and Lauck, 1987, scheme 6).
type wheel struct {
	start time.Time

	mu     sync.Mutex
	slots  []*timed
	filled [wheelSlots / 64]uint64
	passed int64 // the last tick that was run
	armed  int64 // the tick the timer is set for; 0: none
	timer  *time.Timer
	closed bool
}

// timed is one deadline; embed it in what is to end.
type timed struct {
	prev, next *timed
	tick       int64 // 0: none
	owner      interface{ expire() }
}

func newWheel() *wheel { return &wheel{start: time.Now(), slots: make([]*timed, wheelSlots)} }

func (w *wheel) tickOf(at time.Time, up time.Duration) int64 {
	return int64((at.Sub(w.start) + up) / wheelTick)
}

// add calls owner.expire once at about the deadline, on a goroutine of the
// timer, unless remove comes first. After close it returns false and nothing is
// called. One that was added already stays as it is.
func (w *wheel) add(t *timed, owner interface{ expire() }, at time.Time) bool {
	tick := w.tickOf(at, wheelTick-1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || t.tick > 0 {
		return !w.closed
	}
	tick = max(tick, w.passed+1)
	t.tick, t.owner = tick, owner
	slot := tick % wheelSlots
	head := w.slots[slot]
	t.prev, t.next = nil, head
	if head != nil {
		head.prev = t
	}
	w.slots[slot] = t
	w.filled[slot/64] |= 1 << (slot % 64)
	if w.armed == 0 || tick < w.armed {
		w.arm(tick)
	}
	return true
}

// remove takes a deadline back.
func (w *wheel) remove(t *timed) {
	w.mu.Lock()
	if t.tick > 0 {
		w.unlink(t)
	}
	w.mu.Unlock()
}

// unlink needs the lock.
func (w *wheel) unlink(t *timed) {
	slot := t.tick % wheelSlots
	if t.prev != nil {
		t.prev.next = t.next
	} else if w.slots[slot] = t.next; t.next == nil {
		w.filled[slot/64] &^= 1 << (slot % 64)
	}
	if t.next != nil {
		t.next.prev = t.prev
	}
	t.prev, t.next, t.tick = nil, nil, 0
}

// arm sets the timer for a tick. It needs the lock.
func (w *wheel) arm(tick int64) {
	w.armed = tick
	wait := time.Until(w.start.Add(time.Duration(tick) * wheelTick))
	if w.timer == nil {
		w.timer = time.AfterFunc(wait, w.turn)
		return
	}
	w.timer.Reset(wait)
}

// turn runs what is due and sets the timer for the next filled slot.
func (w *wheel) turn() {
	now := w.tickOf(time.Now(), 0)
	var due []interface{ expire() }
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return
	}
	for tick := max(w.passed+1, now-wheelSlots+1); tick <= now; tick++ {
		slot := tick % wheelSlots
		if w.filled[slot/64]&(1<<(slot%64)) == 0 {
			continue
		}
		for t := w.slots[slot]; t != nil; {
			next := t.next
			if t.tick <= now {
				w.unlink(t)
				due = append(due, t.owner)
			}
			t = next
		}
	}
	w.passed, w.armed = max(w.passed, now), 0
	if tick := w.nextFilled(); tick > 0 {
		w.arm(tick)
	}
	w.mu.Unlock()
	for _, owner := range due {
		owner.expire()
	}
}

// nextFilled returns the first tick after passed whose slot holds something,
// which may be due in a later turn; 0 where there is none. It needs the lock.
func (w *wheel) nextFilled() int64 {
	from := w.passed + 1
	first := int(from % wheelSlots)
	words := len(w.filled)
	for i := 0; i <= words; i++ {
		word := (first/64 + i) % words
		have := w.filled[word]
		switch i {
		case 0:
			have &= ^uint64(0) << (first % 64)
		case words:
			have &= 1<<(first%64) - 1
		}
		if have != 0 {
			slot := word*64 + bits.TrailingZeros64(have)
			return from + int64((slot-first+wheelSlots)%wheelSlots)
		}
	}
	return 0
}

// close stops the wheel and returns what was still to come.
func (w *wheel) close() []*timed {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
	var left []*timed
	for _, head := range w.slots {
		for t := head; t != nil; t = t.next {
			left = append(left, t)
		}
	}
	for _, t := range left {
		w.unlink(t)
	}
	return left
}

package message

import (
	"maps"
	"slices"
)

// maxRing is how far the oldest exchange in the ring is behind the newest.
const maxRing = maxOpen

// exchange is a message that has begun at this end of a strand.
type exchange struct {
	waiter
	size int
}

// exchanges are those of a strand that are under way, by their numbers. They are
// consecutive, and most end in about the order in which they began: a ring holds
// them, and what is left behind is kept aside. Its owner guards it.
type exchanges struct {
	ring []exchange // number n is at n modulo its length, a power of two
	low  uint64     // the ring holds numbers from here on
	next uint64     // and below this one
	late map[uint64]exchange
	n    int
}

func (e *exchanges) at(number uint64) *exchange { return &e.ring[number&uint64(len(e.ring)-1)] }

// add takes the exchange with the next number.
func (e *exchanges) add(number uint64, x exchange) {
	if e.low == e.next {
		e.low = number
	}
	for number-e.low >= uint64(len(e.ring)) {
		switch {
		case len(e.ring) < maxRing:
			e.grow()
		case e.at(e.low).waiter != nil:
			if e.late == nil {
				e.late = map[uint64]exchange{}
			}
			e.late[e.low] = *e.at(e.low)
			*e.at(e.low) = exchange{}
			fallthrough
		default:
			e.low++
		}
	}
	*e.at(number) = x
	e.next = number + 1
	e.n++
}

func (e *exchanges) grow() {
	old := *e
	e.ring = make([]exchange, max(64, 2*len(old.ring)))
	for number := e.low; number < e.next; number++ {
		*e.at(number) = *old.at(number)
	}
}

// remove takes an exchange out.
func (e *exchanges) remove(number uint64) (x exchange, ok bool) {
	if number < e.low || number >= e.next {
		if x, ok = e.late[number]; ok {
			delete(e.late, number)
			e.n--
		}
		return x, ok
	}
	slot := e.at(number)
	if x = *slot; x.waiter == nil {
		return x, false
	}
	*slot = exchange{}
	e.n--
	for e.low < e.next && e.at(e.low).waiter == nil {
		e.low++
	}
	return x, true
}

// each calls do for all of them, in order.
func (e *exchanges) each(do func(number uint64, x exchange)) {
	for _, number := range slices.Sorted(maps.Keys(e.late)) {
		do(number, e.late[number])
	}
	for number := e.low; number < e.next; number++ {
		if x := *e.at(number); x.waiter != nil {
			do(number, x)
		}
	}
}

package agent

// idWindow is how many consecutive numbers are kept as bits.
const idWindow = 2 * maxSends

// underWay are the ids of a client's sends that are under way. Most clients
// count: ids that are numbers, not far from each other, take a bit each. The
// zero value is empty. Its owner guards it.
type underWay struct {
	n      int
	low    uint64 // the number of the first bit, a multiple of 64
	bits   []uint64
	others map[string]struct{}
}

// word is where the bit of a number is that lies within the window.
func (u *underWay) word(number uint64) (at *uint64, bit uint64) {
	if u.bits == nil || number < u.low || number-u.low >= idWindow {
		return nil, 0
	}
	return &u.bits[number/64%uint64(len(u.bits))], 1 << (number % 64)
}

// add is false where the id is there already.
func (u *underWay) add(id string) bool {
	if _, twice := u.others[id]; twice {
		return false
	}
	number, ok := parseNumber(id)
	if ok {
		u.reach(number)
	}
	at, bit := u.word(number)
	switch {
	case !ok || at == nil:
		if u.others == nil {
			u.others = map[string]struct{}{}
		}
		u.others[id] = struct{}{}
	case *at&bit != 0:
		return false
	default:
		*at |= bit
	}
	u.n++
	return true
}

// reach moves the window to a number, past what has ended.
func (u *underWay) reach(number uint64) {
	if u.bits == nil {
		u.bits = make([]uint64, idWindow/64)
	}
	if u.n == len(u.others) { // no bit is set
		u.low = number &^ 63
	}
	for number >= u.low && number-u.low >= idWindow {
		if at, _ := u.word(u.low); *at != 0 {
			return
		}
		u.low += 64
	}
}

// remove takes an id out, if it is there.
func (u *underWay) remove(id string) {
	if number, ok := parseNumber(id); ok {
		if at, bit := u.word(number); at != nil && *at&bit != 0 {
			*at &^= bit
			u.n--
			return
		}
	}
	if _, ok := u.others[id]; ok {
		delete(u.others, id)
		u.n--
	}
}

// trim gives back what an idle client does not need.
func (u *underWay) trim() {
	if u.n == 0 {
		*u = underWay{}
	}
}

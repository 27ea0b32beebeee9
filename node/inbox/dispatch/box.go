package dispatch

import (
	"slices"
	"time"
)

// Bounds of one inbox.
const (
	// maxOut is how many of its messages may be with its agent, unacknowledged.
	maxOut = 1024
	// perHost and perHostBytes bound those at one node: what a session there
	// certainly takes (agent.Server lets 256 messages or 4 MiB wait for a
	// client). A message that another node refuses may be overtaken by one that
	// was under way behind it, so it is better not to be refused.
	perHost      = 250
	perHostBytes = 3 << 20
	// maxSettling is how many acknowledgements and returns may wait for the
	// state before no more is pushed: there is no leader, or it is behind.
	maxSettling = 4096
)

// Times of a pause. What ends it as a rule is an acknowledgement or an instance
// that comes.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
)

// entry is what decides whether a message that is due is pushed.
type entry struct {
	seq uint64
	// lane is one sender's messages of one priority to one address, which are
	// kept in order.
	lane uint64
	// node is the node that the address names, 0 for any.
	node       uint32
	size       int
	attempts   int
	redelivery time.Duration
}

// result is what became of a push.
type result uint8

const (
	acked    result = iota // the agent has acknowledged it
	returned               // the agent gave it back
	lost                   // its connection broke: the agent may have seen it
	late                   // no acknowledgement came in time: likewise
	full                   // certainly not seen: no instance has room
	gone                   // certainly not seen: no instance is there
)

// box is the pure core of pushing one inbox: what is with the agent, and what
// waits for what. It has no clock, lock or goroutine.
//
// It remembers nothing of messages that are not out: the inbox is read from its
// beginning each time, which costs little where what is out is bounded, and what
// cannot be pushed now is passed over. So a box at rest takes next to no memory,
// and whatever the state says holds: there is no position to go wrong.
type box struct {
	hosts   []uint32 // nodes with instances that take inbox messages
	out     map[uint64]*sent
	pushed  int // of out: with the agent; the others are settling
	bytes   int // of those
	lanes   map[uint64]int
	paused  map[uint32]*pause // by the node addressed
	unread  bool              // something may be there that was not looked at
	passed  int               // how many were passed over by the last reading
	readAt  time.Time
	nextDue time.Time // when the first of those that are not due is; zero: none
	room    window
	// lent are about to be leased, by until when they are not pushed for that;
	// lentUntil is when the last of them is again.
	lent      map[uint64]time.Time
	lentUntil time.Time
	// bars hold lanes back since the agent's nodes changed; the first ends at
	// barsUntil.
	bars      map[uint64]*bar
	barsUntil time.Time
}

// sent is a message that was handed out.
type sent struct {
	entry
	settling bool // the state has not heard yet what became of it
	back     bool // and what it will hear is that it came back
	bar      *bar // it was out when the agent's nodes changed
}

// pause says that what is addressed so is not taken now.
type pause struct {
	until time.Time
	last  time.Duration
	full  bool // an acknowledgement ends it
	over  bool // the next push finds out
}

func newBox() *box { return &box{unread: true, room: newWindow(1)} }

// changed says that the state has something new for the inbox, or has taken
// something back.
func (b *box) changed() { b.unread = true }

// instances says on which nodes the agent takes inbox messages.
func (b *box) instances(nodes []uint32, now time.Time) {
	b.barLanes(now)
	b.hosts, b.paused = nodes, nil
	b.room = newWindow(len(nodes))
	b.unread = true
}

// ready says whether the inbox should be read now.
func (b *box) ready(now time.Time) bool {
	if len(b.hosts) == 0 {
		return false
	}
	if !b.nextDue.IsZero() && !now.Before(b.nextDue) {
		b.nextDue, b.unread = time.Time{}, true
	}
	for _, p := range b.paused {
		if !p.over && !now.Before(p.until) {
			p.over, b.unread = true, true
		}
	}
	if b.lent != nil && !now.Before(b.lentUntil) {
		b.lent, b.unread = nil, true
	}
	b.lift(now)
	return b.unread && b.hasRoom() && !now.Before(b.mayRead())
}

// hasRoom asks for an eighth of the window, so that the inbox is not read once
// for each acknowledgement while the window is full.
func (b *box) hasRoom() bool {
	return b.free() > 0 && (b.pushed == 0 || b.free() >= b.room.size/8)
}

// free is how many more may go out.
func (b *box) free() int {
	if len(b.out)-b.pushed >= maxSettling {
		return 0
	}
	return b.room.size - b.pushed
}

// freeBytes is how many bytes more may go out.
func (b *box) freeBytes() int { return perHostBytes*len(b.hosts) - b.bytes }

// mayRead keeps reading over and over what is passed over to a small part of
// the time, however many messages that is.
func (b *box) mayRead() time.Time {
	return b.readAt.Add(time.Duration(max(b.passed-2*maxOut, 0)) * time.Microsecond / 2)
}

// wakeAt is when ready should be asked again if nothing happens before; the
// zero time is never.
func (b *box) wakeAt() (at time.Time) {
	if len(b.hosts) == 0 {
		return at
	}
	sooner := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if b.unread && b.hasRoom() {
		sooner(b.mayRead())
	}
	if !b.nextDue.IsZero() {
		sooner(b.nextDue)
	}
	for _, p := range b.paused {
		if !p.over {
			sooner(p.until)
		}
	}
	if b.lent != nil {
		sooner(b.lentUntil)
	}
	if b.bars != nil {
		sooner(b.barsUntil)
	}
	return at
}

// begin says that the inbox is read from its beginning now. At most free() of
// the messages for which wants says yes are pushed: take is asked for each, in
// order, and then end called.
func (b *box) begin(now time.Time) {
	b.unread, b.passed, b.readAt = false, 0, now
	b.lapse(now)
}

// wants says whether a message that is due may go out.
func (b *box) wants(e entry) bool {
	if _, lent := b.lent[e.seq]; !lent && b.out[e.seq] == nil && b.open(e.lane) && b.takes(e.node) {
		return true
	}
	b.passed++
	return false
}

// open says whether a lane waits for nothing that is out.
func (b *box) open(lane uint64) bool { return b.lanes[lane] == 0 && b.bars[lane] == nil }

// take says that the message goes out, or that it does not: what came of those
// before it has changed the answer since.
func (b *box) take(e entry) bool {
	if b.free() <= 0 {
		b.unread = true
		return false
	}
	if !b.wants(e) {
		return false
	}
	if b.out == nil {
		b.out = map[uint64]*sent{}
	}
	b.out[e.seq] = &sent{entry: e}
	b.pushed++
	b.bytes += e.size
	return true
}

// end says what the reading left: more that is due, and when the next becomes
// due.
func (b *box) end(more bool, next time.Time) {
	b.unread = b.unread || more
	b.nextDue = next
}

// takes says whether an instance at the node addressed may take a message.
func (b *box) takes(node uint32) bool {
	if p := b.paused[node]; p != nil && !p.over {
		return false
	}
	return node == 0 || slices.Contains(b.hosts, node)
}

// still says whether a message that was taken should go out yet; if not, it is
// as if it had not been read. It is asked because a push before it may have been
// refused on the spot, or what was read not be believed any more.
func (b *box) still(seq uint64, believed bool) bool {
	s := b.out[seq]
	if s == nil || s.settling {
		return false
	}
	if believed && b.open(s.lane) && b.takes(s.node) {
		return true
	}
	b.unread = b.unread || !believed
	b.drop(seq, s)
	return false
}

func (b *box) drop(seq uint64, s *sent) {
	b.unbar(s)
	if !s.settling {
		b.pushed--
		b.bytes -= s.size
	}
	delete(b.out, seq)
	if len(b.out) == 0 {
		b.out = nil // a map keeps the room it once needed
	}
}

// outcome takes what became of a push. Of an acknowledgement, a return and a
// loss the state must hear: settle is true, and the message is remembered until
// settled is called. After is the time until the redelivery, if the agent has
// named none.
func (b *box) outcome(seq uint64, r result, now time.Time) (settle bool, after time.Duration) {
	s := b.out[seq]
	if s == nil || s.settling {
		return false, 0
	}
	switch r {
	case full, gone:
		b.drop(seq, s)
		b.pauseFor(s.node, r == full, now)
		return false, 0
	case acked:
		b.room.grow()
		b.freed()
	default:
		if b.lanes == nil {
			b.lanes = map[uint64]int{}
		}
		s.back = true
		b.lanes[s.lane]++
		after = backoff(s.attempts+1, s.redelivery, r)
	}
	b.unbar(s)
	s.bar, s.settling = nil, true
	b.pushed--
	b.bytes -= s.size
	return true, after
}

// adopt takes a message as acknowledged that another node has pushed: it is not
// pushed here, and settled once the state knows. False: it is out here already.
func (b *box) adopt(seq uint64) bool {
	if b.out[seq] != nil {
		return false
	}
	if b.out == nil {
		b.out = map[uint64]*sent{}
	}
	b.out[seq] = &sent{entry: entry{seq: seq}, settling: true}
	return true
}

// freed ends the pauses that want of room has made; the next one is short again.
func (b *box) freed() {
	for _, p := range b.paused {
		if p.full {
			p.over, b.unread = true, true
		}
		if p.over {
			p.last = 0
		}
	}
}

func (b *box) pauseFor(node uint32, isFull bool, now time.Time) {
	if isFull {
		b.room.shrink(b.pushed)
	}
	p := b.paused[node]
	if p == nil {
		if b.paused == nil {
			b.paused = map[uint32]*pause{}
		}
		p = &pause{over: true}
		b.paused[node] = p
	}
	if p.over { // the first refusal since it was tried
		p.last = min(max(2*p.last, firstPause), lastPause)
		p.until = now.Add(p.last)
	}
	p.over, p.full = false, isFull
}

// settled says that the state, as it is read here, has taken what became of a
// message. What came back has its next attempt and its time there, or is a dead
// letter: until that is known, later messages of its sender are held back here,
// from then on by the state.
func (b *box) settled(seq uint64) {
	s := b.out[seq]
	if s == nil || !s.settling {
		return
	}
	if s.back {
		if b.lanes[s.lane]--; b.lanes[s.lane] == 0 {
			delete(b.lanes, s.lane)
		}
		b.unread = true
	}
	b.drop(seq, s)
}

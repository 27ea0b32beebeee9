package dispatch

import (
	"math"
	"time"
)

// levels is how many priorities there are; level 0 goes first.
const levels = 4

// Bounds of one inbox.
const (
	// maxOut is how many of its messages may be with its agent, unacknowledged.
	maxOut = 1024
	// maxSettling is how many acknowledgements and returns may wait for the
	// state before no more is pushed: it has no leader, or is behind.
	maxSettling = 4096
	// maxLanes is how many senders may have a message that waits for its
	// redelivery before nothing more is pushed until one of them is due.
	maxLanes = 4096
)

// none is the position behind every message.
const none = math.MaxUint64

// Times of a gate that an agent's full or vanished instances have closed. What
// opens it as a rule is an acknowledgement or an instance that comes.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
)

// entry is what is asked of a stored message before it is pushed.
type entry struct {
	seq   uint64
	level int
	// lane is one sender's messages of one priority to one address, which are
	// kept in order.
	lane uint64
	// node is the node that the address names, "" for any.
	node     string
	size     int
	attempts int
	// due is when it may be delivered, and leased until when somebody else has
	// it; the zero time is now, and nobody.
	due, leased time.Time
	redelivery  time.Duration
}

// verdict is what the core says of an entry.
type verdict uint8

const (
	pass verdict = iota // not now: it is read again when that changes
	push
	stop // nor anything behind it: reading goes on with it when there is room
)

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

// box is the pure core of pushing one inbox: what is with the agent, what waits
// for what, and where to read on. It has no clock, lock or goroutine.
//
// The inbox is read once from its beginning, each priority by its own position.
// What cannot be pushed yet is passed over and not remembered, but for the
// lowest position at which that happened: when something opens (a sender's
// redelivery is due, an instance came, a delay is over) reading goes back there.
// So a box takes memory for what is out and for senders that wait, and none for
// what only lies there.
type box struct {
	out      map[uint64]*sent
	pushed   int // of out: with the agent; the others are settling
	next     [levels]uint64
	held     [levels]uint64 // the lowest that was passed over
	unread   bool           // something may be there at next
	passed   int            // how many were read and not pushed since reading went back
	lent     bool           // one of them because somebody else has it
	lanes    map[uint64]*lane
	paused   map[string]*pause // by the node addressed
	hosts    []string          // nodes with instances that take inbox messages
	opens    time.Time         // when reading should go back; zero: nothing waits for a time
	wentBack time.Time
	room     window
}

// sent is a message that was handed out.
type sent struct {
	lane       uint64
	node       string
	level      int
	size       int
	attempts   int
	redelivery time.Duration
	settling   bool // the state has not heard yet what became of it
	back       bool // and what it will hear is that it came back
}

// lane holds back the later messages of a sender.
type lane struct {
	waiting int       // returns that the state has not taken yet
	until   time.Time // when the one that waits longest is due
}

// pause says that what is addressed so is not taken now.
type pause struct {
	until time.Time
	last  time.Duration
	open  bool // the next push finds out
	full  bool // an acknowledgement opens it
}

func newBox() *box {
	b := &box{unread: true, room: newWindow()}
	for i := range b.held {
		b.held[i] = none
	}
	return b
}

// changed says that the state has something new for the inbox, or has taken
// something back.
func (b *box) changed(now time.Time) {
	b.unread = true
	if b.lent {
		b.goBackAt(now)
	}
}

// reset says that the state was replaced: everything is read again.
func (b *box) reset() {
	b.next = [levels]uint64{}
	b.unread = true
}

// instances says on which nodes the agent takes inbox messages.
func (b *box) instances(nodes []string, now time.Time) {
	b.hosts, b.paused = nodes, nil
	b.room = newWindow()
	b.goBackAt(now)
}

// ready says whether there is something to read and room for it, having gone
// back to what was passed over if its time has come.
func (b *box) ready(now time.Time) bool {
	if len(b.hosts) == 0 {
		return false
	}
	if !b.opens.IsZero() && !now.Before(b.opens) && !now.Before(b.mayGoBack()) {
		b.goBack(now)
	}
	return b.unread && b.hasRoom()
}

func (b *box) hasRoom() bool {
	return b.pushed < b.room.size && len(b.out)-b.pushed < maxSettling && len(b.lanes) < maxLanes
}

// begin says that the inbox is read from next on, up to its end if more does
// not say otherwise.
func (b *box) begin() { b.unread = false }
func (b *box) more()  { b.unread = true }

// wakeAt is when ready should be asked again if nothing happens before; the
// zero time is never.
func (b *box) wakeAt() time.Time {
	if len(b.hosts) == 0 || b.opens.IsZero() {
		return time.Time{}
	}
	if at := b.mayGoBack(); at.After(b.opens) {
		return at
	}
	return b.opens
}

// mayGoBack keeps reading again and again what is passed over to a small part
// of the time, however many messages that is.
func (b *box) mayGoBack() time.Time {
	return b.wentBack.Add(time.Duration(b.passed) * 50 * time.Microsecond)
}

func (b *box) goBackAt(t time.Time) {
	if b.opens.IsZero() || t.Before(b.opens) {
		b.opens = t
	}
}

// goBack opens what is due and reads from the first that was passed over. A
// sender's lane opens here and nowhere else: were it opened while reading is
// further on, later messages would overtake those that were passed over.
func (b *box) goBack(now time.Time) {
	b.opens, b.wentBack, b.passed, b.lent = time.Time{}, now, 0, false
	for id, l := range b.lanes {
		switch {
		case l.waiting > 0:
		case now.Before(l.until):
			b.goBackAt(l.until)
		default:
			delete(b.lanes, id)
		}
	}
	for _, p := range b.paused {
		if p.open || !now.Before(p.until) {
			p.open = true
		} else {
			b.goBackAt(p.until)
		}
	}
	for i, at := range b.held {
		if at < b.next[i] {
			b.next[i] = at
		}
		if at != none {
			b.unread = true
		}
		b.held[i] = none
	}
}

// offer asks what to do with the next message read. Entries of a level come in
// ascending order from next[level] on.
func (b *box) offer(e entry, now time.Time) verdict {
	if b.out[e.seq] != nil {
		b.next[e.level] = e.seq + 1
		b.passed++
		return pass
	}
	if now.Before(e.leased) {
		b.lent = true
		return b.pass(e, e.leased)
	}
	if now.Before(e.due) {
		if e.attempts > 0 {
			// It waits for its redelivery: what its sender sent later does too.
			if len(b.lanes) >= maxLanes && b.lanes[e.lane] == nil {
				return stop
			}
			l := b.lane(e.lane)
			if l.until.Before(e.due) {
				l.until = e.due
			}
		}
		return b.pass(e, e.due)
	}
	if b.lanes[e.lane] != nil || !b.takes(e.node) {
		return b.pass(e, time.Time{})
	}
	if !b.hasRoom() {
		return stop
	}
	if b.out == nil {
		b.out = map[uint64]*sent{}
	}
	b.out[e.seq] = &sent{lane: e.lane, node: e.node, level: e.level, size: e.size, attempts: e.attempts, redelivery: e.redelivery}
	b.pushed++
	b.next[e.level] = e.seq + 1
	return push
}

func (b *box) pass(e entry, until time.Time) verdict {
	b.hold(e.level, e.seq)
	b.next[e.level] = e.seq + 1
	b.passed++
	if !until.IsZero() {
		b.goBackAt(until)
	}
	return pass
}

func (b *box) hold(level int, seq uint64) { b.held[level] = min(b.held[level], seq) }

func (b *box) lane(id uint64) *lane {
	l := b.lanes[id]
	if l == nil {
		if b.lanes == nil {
			b.lanes = map[uint64]*lane{}
		}
		l = &lane{}
		b.lanes[id] = l
	}
	return l
}

// takes says whether an instance at the node addressed may take a message.
func (b *box) takes(node string) bool {
	if p := b.paused[node]; p != nil && !p.open {
		return false
	}
	if node == "" {
		return len(b.hosts) > 0
	}
	for _, h := range b.hosts {
		if h == node {
			return true
		}
	}
	return false
}

// still says whether a message that was to be pushed should go out now; if not,
// it is as if it had not been read. It is asked when pushes before it were
// refused on the spot.
func (b *box) still(seq uint64) bool {
	s := b.out[seq]
	if s == nil || s.settling {
		return false
	}
	if b.lanes[s.lane] == nil && b.takes(s.node) {
		return true
	}
	b.drop(seq, s)
	b.hold(s.level, seq)
	return false
}

func (b *box) drop(seq uint64, s *sent) {
	if !s.settling {
		b.pushed--
	}
	delete(b.out, seq)
	if len(b.out) == 0 {
		b.out = nil // a map keeps the room it once needed
	}
}

// outcome takes what became of a push. Of an acknowledgement, a return and a
// loss the state must hear: settle is true, and the message stays known until
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
		b.hold(s.level, seq)
		b.pauseFor(s.node, r == full, now)
		return false, 0
	case acked:
		b.room.grow()
		b.freed(now)
	default:
		s.back = true
		b.lane(s.lane).waiting++
		after = backoff(s.attempts+1, s.redelivery, r)
	}
	s.settling = true
	b.pushed--
	return true, after
}

// freed opens what was closed for want of room.
func (b *box) freed(now time.Time) {
	for _, p := range b.paused {
		if p.full {
			p.open, p.last = true, 0
			b.goBackAt(now)
		}
	}
}

func (b *box) pauseFor(node string, isFull bool, now time.Time) {
	if isFull {
		b.room.shrink(b.pushed)
	}
	p := b.paused[node]
	if p == nil {
		if b.paused == nil {
			b.paused = map[string]*pause{}
		}
		p = &pause{open: true}
		b.paused[node] = p
	}
	if p.open { // the first refusal since it was tried
		p.last = min(max(2*p.last, firstPause), lastPause)
		p.until = now.Add(p.last)
	}
	p.open, p.full = false, isFull
	b.goBackAt(p.until)
}

// settled says that the state, as it is read here, has taken what became of a
// message. What came back is then read again: it has its next attempt and time
// there, or is a dead letter.
func (b *box) settled(seq uint64, now time.Time) {
	s := b.out[seq]
	if s == nil || !s.settling {
		return
	}
	if s.back {
		l := b.lanes[s.lane]
		l.waiting--
		b.hold(s.level, seq)
		b.goBackAt(now)
	}
	b.drop(seq, s)
}

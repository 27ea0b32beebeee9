package inbox

import (
	"slices"
	"sort"
	"sync"
	"sync/atomic"
)

// entry is what memory knows of one message.
type entry struct {
	seq     uint64
	expires int64 // ms
	until   int64 // ms: due from then on
	id      uint32
	sender  uint32
	node    uint32 // the instance it is for, hashed; 0: any
	size    uint32
	prio    Priority
	// attempts that were counted; spent: as many as it may have, by leases.
	attempts byte
	spent    bool
	// back says that it was returned and waits for its redelivery.
	back bool
	gone bool
}

// overdue is from when it should be a dead letter.
func (e *entry) overdue() int64 {
	if e.spent {
		return min(e.expires, e.until)
	}
	return e.expires
}

// What a command has changed, for memory.
type op byte

const (
	opName   op = iota + 1 // an inbox has come to be
	opForget               // and is no more
	opPlace                // another node dispatches it
	opTouch                // watchers of the inbox want to know
	opAdd                  // a message waits
	opRemove               // it does not any more
	opUpdate               // it waits with other words
	opDead                 // a dead letter has come to be
	opBury                 // and is no more
	opOwner                // a name has an owner, or none any more
)

type change struct {
	op    op
	inbox uint64
	name  string // of the agent; of the node, with opPlace
	epoch uint64
	e     entry
}

// index is which messages are in which inbox, in order of delivery, derived
// from the state. It is read by those who deliver and list; no command depends
// on it: what they choose by it is named in a command, and judged there by the
// state alone.
type index struct {
	mu    sync.Mutex
	names map[string]*shelf
	ids   map[uint64]*shelf
	meta  meta
	// owners counts changes of who owns names.
	owners atomic.Uint64
}

// shelf is one inbox.
type shelf struct {
	id   uint64
	name string
	// node dispatches it since epoch.
	node    string
	epoch   uint64
	ready   [ranks]queue
	waiting map[uint64]entry // not due, by number
	backs   int              // of them that wait for their redelivery
	timers  timers
	dead    []deadEntry // in order of number
	// soonest is no later than the first expiry here, 0: none.
	soonest int64
}

type deadEntry struct {
	seq uint64
	at  int64
	id  uint32
}

func newIndex() *index {
	return &index{names: map[string]*shelf{}, ids: map[uint64]*shelf{}}
}

// take brings it up to date with what commands have changed.
func (x *index) take(changes []change, m meta) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.meta = m
	var s *shelf
	for i := range changes {
		c := &changes[i]
		if c.op == opName {
			x.name(c.inbox, c.name)
			continue
		}
		if s == nil || s.id != c.inbox {
			if s = x.ids[c.inbox]; s == nil {
				// Named in the same command, further on.
				s = x.name(c.inbox, "")
			}
		}
		switch c.op {
		case opForget:
			delete(x.names, s.name)
			delete(x.ids, s.id)
			s = nil
		case opPlace:
			s.node, s.epoch = c.name, c.epoch
		case opOwner:
			x.owners.Add(1)
		case opAdd:
			s.add(c.e)
		case opRemove:
			s.remove(c.e)
		case opUpdate:
			s.remove(c.e)
			s.add(c.e)
		case opDead:
			s.bury(deadEntry{c.e.seq, c.e.until, c.e.id})
		case opBury:
			if i, ok := s.findDead(c.e.seq); ok {
				s.dead = slices.Delete(s.dead, i, i+1)
			}
		}
	}
}

func (x *index) name(id uint64, name string) *shelf {
	s := x.ids[id]
	if s == nil {
		s = &shelf{id: id}
		x.ids[id] = s
	}
	if name != "" {
		s.name = name
		x.names[name] = s
	}
	return s
}

func (s *shelf) add(e entry) {
	if at := e.overdue(); s.soonest == 0 || at < s.soonest {
		s.soonest = at
	}
	if e.until == 0 {
		s.ready[e.prio.rank()].add(e)
		return
	}
	if s.waiting == nil {
		s.waiting = map[uint64]entry{}
	}
	s.leave(e.seq) // a command that comes again after a fault
	s.waiting[e.seq] = e
	if e.back {
		s.backs++
	}
	s.timers.push(timer{e.until, e.seq})
	if len(s.timers) > 2*len(s.waiting)+64 {
		s.timers = s.timers[:0]
		for seq, e := range s.waiting {
			s.timers.push(timer{e.until, seq})
		}
	}
}

func (s *shelf) remove(e entry) {
	if s.ready[e.prio.rank()].remove(e.seq) {
		return
	}
	s.leave(e.seq)
	if len(s.waiting) == 0 {
		s.waiting, s.timers = nil, nil
	}
}

// leave takes a message from those that are not due.
func (s *shelf) leave(seq uint64) {
	if e, ok := s.waiting[seq]; ok {
		delete(s.waiting, seq)
		if e.back {
			s.backs--
		}
	}
}

// promote makes ready what is due.
func (s *shelf) promote(now int64) {
	for len(s.timers) > 0 && s.timers[0].at <= now {
		t := s.timers.pop()
		if e, ok := s.waiting[t.seq]; ok && e.until == t.at {
			s.leave(t.seq)
			s.ready[e.prio.rank()].add(e)
		}
	}
}

// next is when the next message becomes due; 0: none is waiting for a time.
func (s *shelf) next() int64 {
	for len(s.timers) > 0 {
		t := s.timers[0]
		if e, ok := s.waiting[t.seq]; ok && e.until == t.at {
			return t.at
		}
		s.timers.pop()
	}
	return 0
}

func (s *shelf) findDead(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(s.dead, seq, func(d deadEntry, seq uint64) int {
		switch {
		case d.seq < seq:
			return -1
		case d.seq > seq:
			return 1
		}
		return 0
	})
}

func (s *shelf) bury(d deadEntry) {
	if i, ok := s.findDead(d.seq); !ok {
		s.dead = slices.Insert(s.dead, i, d)
	}
}

// queue is the messages of one priority that are due, in order of number. Most
// are appended, and taken from the front.
type queue struct {
	list []entry
	head int // all before it are gone
	gone int // from head on
}

func (q *queue) len() int { return len(q.list) - q.head - q.gone }

func (q *queue) find(seq uint64) int {
	return q.head + sort.Search(len(q.list)-q.head, func(i int) bool { return q.list[q.head+i].seq >= seq })
}

func (q *queue) add(e entry) {
	e.gone = false
	if n := len(q.list); n == q.head || q.list[n-1].seq < e.seq {
		q.list = append(q.list, e)
		return
	}
	i := q.find(e.seq)
	if q.list[i].seq == e.seq {
		if q.list[i].gone {
			q.gone--
		}
		q.list[i] = e
		return
	}
	q.list = slices.Insert(q.list, i, e)
}

func (q *queue) remove(seq uint64) bool {
	i := q.find(seq)
	if i == len(q.list) || q.list[i].seq != seq || q.list[i].gone {
		return false
	}
	q.list[i].gone = true
	q.gone++
	for q.head < len(q.list) && q.list[q.head].gone {
		q.head++
		q.gone--
	}
	q.tidy()
	return true
}

// tidy lets go of what is gone once it is more than half.
func (q *queue) tidy() {
	waste := q.head + q.gone
	switch {
	case waste == len(q.list):
		q.list, q.head, q.gone = q.list[:0], 0, 0
		if cap(q.list) > 4096 {
			q.list = nil
		}
	case waste > 64 && waste > len(q.list)/2:
		kept := q.list[:0]
		for _, e := range q.list[q.head:] {
			if !e.gone {
				kept = append(kept, e)
			}
		}
		if cap(kept) > 4096 && len(kept) < cap(kept)/4 {
			kept = slices.Clone(kept)
		}
		q.list, q.head, q.gone = kept, 0, 0
	}
}

// timer is when a message becomes due; timers are a heap. One whose message is
// gone, or due at another time, is passed over.
type timer struct {
	at  int64
	seq uint64
}

type timers []timer

func (h timers) less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}

func (h *timers) push(t timer) {
	*h = append(*h, t)
	s := *h
	for i := len(s) - 1; i > 0; {
		up := (i - 1) / 2
		if !s.less(i, up) {
			break
		}
		s[i], s[up] = s[up], s[i]
		i = up
	}
}

func (h *timers) pop() timer {
	s := *h
	top, n := s[0], len(s)-1
	s[0] = s[n]
	s = s[:n]
	for i := 0; ; {
		c := 2*i + 1
		if c >= n {
			break
		}
		if c+1 < n && s.less(c+1, c) {
			c++
		}
		if !s.less(c, i) {
			break
		}
		s[i], s[c] = s[c], s[i]
		i = c
	}
	*h = s
	return top
}

// hash is FNV-1a of 32 bits. It narrows a search, no more.
func hash(b []byte) uint32 { return hashMore(2166136261, b) }

func hashMore(h uint32, b []byte) uint32 {
	for _, c := range b {
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}

func senderHash(agent, principal []byte) uint32 {
	return hashMore(hashMore(hash(agent), []byte{0}), principal)
}

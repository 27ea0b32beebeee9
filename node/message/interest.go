package message

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
)

// Bounds of what a node says it is interested in. Past them it says that it is
// interested in everything, and picks out itself what it wants.
const (
	maxInterest      = 4096
	maxInterestBytes = 128 << 10
	// maxChanges is how many changes are kept to be told one by one.
	maxChanges = 1024
	// retryInterest is how long after a failure a living node is told again.
	retryInterest = 250 * time.Millisecond
)

var everything = Pattern{">"}

// interest keeps the living nodes told of what the sessions here subscribe to,
// and remembers what they have told: each tells each its set of patterns, all
// of it over a new connection and then the changes, and hears that it was
// taken. Its lock is taken while a strand's is held, and that of topics while
// its own is, never the other way round.
type interest struct {
	router *Router

	mu sync.Mutex
	// told is what this node is interested in, as it tells it: version counts
	// its changes, of which the last are in changes.
	told    map[Pattern]struct{}
	bytes   int
	flooded bool // everything is told instead of told
	version uint64
	changes []change
	base    uint64 // version before changes[0]
	peers   map[string]*audience
	moved   chan struct{} // closed when a peer has heard something; nil if nobody waits

	heard map[string]*heard // guarded by the topics' lock
}

type change struct {
	pattern Pattern
	gone    bool
}

// audience is a node that is told.
type audience struct {
	in      *interest
	node    string
	strand  *Strand // over which it has been told
	acked   uint64  // up to which version
	sending bool
	sent    uint64
	over    *Strand
	timed   timed
	// owed says that it is to be told over its connection even that there is
	// nothing: an earlier process of this node may have told more.
	owed bool
}

// heard is what another node has told.
type heard struct {
	node     string
	strand   *Strand
	version  uint64
	patterns map[Pattern]struct{}
}

func (*heard) subscribes() {}

func newInterest(r *Router) *interest {
	return &interest{
		router: r, told: map[Pattern]struct{}{}, version: 1, base: 1,
		peers: map[string]*audience{}, heard: map[string]*heard{},
	}
}

// changed brings what is told of a pattern in line with the subscriptions, and
// returns the version that includes it.
func (in *interest) changed(p Pattern, _ bool) uint64 {
	in.mu.Lock()
	_, was := in.told[p]
	is := in.router.topics.wanted(p)
	if was == is {
		version := in.version
		in.mu.Unlock()
		return version
	}
	if is {
		in.told[p] = struct{}{}
		in.bytes += len(p.text) + 2
	} else {
		delete(in.told, p)
		in.bytes -= len(p.text) + 2
	}
	in.version++
	switch flooded := len(in.told) > maxInterest || in.bytes > maxInterestBytes; {
	case flooded != in.flooded:
		in.flooded = flooded
		in.changes, in.base = nil, in.version
	case flooded:
		// Nothing that is told has changed; the version has, for who waits.
		in.changes, in.base = nil, in.version
	default:
		in.changes = append(in.changes, change{p, !is})
		if len(in.changes) > maxChanges {
			drop := len(in.changes) / 2
			in.changes = slices.Clone(in.changes[drop:])
			in.base += uint64(drop)
		}
	}
	version := in.version
	in.mu.Unlock()
	in.tell()
	return version
}

// tell tells every living node that does not know yet.
func (in *interest) tell() {
	for _, node := range in.router.cfg.Peers() {
		in.tellOne(node)
	}
}

// audience needs the lock.
func (in *interest) audience(node string) *audience {
	a := in.peers[node]
	if a == nil {
		a = &audience{in: in, node: node}
		in.peers[node] = a
	}
	return a
}

// tellOne tells one node, unless it knows or is being told, or nothing is owed
// to it.
func (in *interest) tellOne(node string) {
	in.mu.Lock()
	a := in.audience(node)
	idle := !a.owed && a.strand == nil && in.version == 1
	if a.sending || a.strand != nil && a.acked == in.version || idle || in.router.closed.Load() {
		in.mu.Unlock()
		return
	}
	a.sending = true
	in.mu.Unlock()
	in.router.lane(node).wait(parcel{
		size: maxInterestBytes / 8,
		send: func(s *Strand) bool { return s.begin(maxInterestBytes/8, a, a.write) },
		fail: func(err error) { a.answered(outcome{}, err) },
	})
}

// placed implements waiter: the strand is the one that write is for.
func (a *audience) placed(s *Strand, _ uint64) bool {
	a.in.mu.Lock()
	a.over = s
	a.in.mu.Unlock()
	return true
}

// write appends what the node does not know: all, or the changes if it heard
// the rest over the same strand.
func (a *audience) write(b []byte, number uint64) []byte {
	in := a.in
	in.mu.Lock()
	defer in.mu.Unlock()
	const room = 4
	start := len(b)
	b = append(b, recordInterest, 0, 0, 0, 0)
	b = binary.AppendUvarint(b, number)
	a.sent = in.version
	put := func(p Pattern, gone bool) {
		is := byte(1)
		if gone {
			is = 0
		}
		b = appendString(append(b, is), p.text)
	}
	if a.strand == a.over && a.strand != nil && a.acked >= in.base {
		b = binary.AppendUvarint(binary.AppendUvarint(b, a.acked), in.version)
		for _, c := range in.changes[a.acked-in.base:] {
			put(c.pattern, c.gone)
		}
	} else {
		b = binary.AppendUvarint(binary.AppendUvarint(b, 0), in.version)
		if in.flooded {
			put(everything, false)
		} else {
			for p := range in.told {
				put(p, false)
			}
		}
	}
	putPadded(b[start+1:start+1+room], uint64(len(b)-start-1-room))
	return b
}

// answered implements waiter: the node has taken it, or must be told again.
func (a *audience) answered(o outcome, err error) {
	in := a.in
	in.mu.Lock()
	a.sending = false
	ok := err == nil && o.Status == Delivered
	over := a.over
	if ok {
		a.strand, a.acked, a.owed = over, a.sent, false
	} else {
		a.strand, a.acked = nil, 0
	}
	again := a.acked != in.version
	if ok && in.moved != nil {
		close(in.moved)
		in.moved = nil
	}
	in.mu.Unlock()
	if ok && over.over.Load() {
		in.lost(over) // it ended while its word was on the way to here
	}
	switch {
	case ok && again:
		in.tellOne(a.node)
	case !ok && in.living(a.node):
		in.router.wheel.add(&a.timed, a, time.Now().Add(retryInterest))
	}
}

// expire tells the node again some time after it could not be told.
func (a *audience) expire() {
	if a.in.living(a.node) {
		a.in.tellOne(a.node)
	}
}

func (in *interest) living(node string) bool { return slices.Contains(in.router.cfg.Peers(), node) }

// wait returns when all living nodes have taken the version, or at until.
func (in *interest) wait(ctx context.Context, version uint64, until time.Time) error {
	var timeout <-chan time.Time
	for {
		in.mu.Lock()
		all := true
		for _, node := range in.router.cfg.Peers() {
			a := in.peers[node]
			all = all && a != nil && a.strand != nil && a.acked >= version
		}
		if all {
			in.mu.Unlock()
			return nil
		}
		if in.moved == nil {
			in.moved = make(chan struct{})
		}
		moved := in.moved
		in.mu.Unlock()
		if timeout == nil {
			timer := time.NewTimer(time.Until(until))
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-moved:
		case <-timeout:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// connected sees to it that a node with a new connection is told over it, or
// as soon as it is known to live.
func (in *interest) connected(node string) {
	in.mu.Lock()
	in.audience(node).owed = true
	in.mu.Unlock()
	if in.living(node) {
		in.tellOne(node)
	}
}

// lost notes that a node must be told anew, and does so while it lives.
func (in *interest) lost(s *Strand) {
	in.mu.Lock()
	a := in.peers[s.node]
	anew := a != nil && a.strand == s && !a.sending
	if a != nil && a.strand == s {
		a.strand, a.acked, a.owed = nil, 0, true
	}
	in.mu.Unlock()
	if anew && in.living(s.node) {
		in.router.wheel.add(&a.timed, a, time.Now().Add(retryInterest))
	}
}

// PeersChanged says that Config.Peers has another answer: nodes that have come
// are told what this one is interested in, and of those that are gone nothing
// is kept that is not needed.
func (r *Router) PeersChanged() {
	in := r.interest
	living := r.cfg.Peers()
	in.mu.Lock()
	maps.DeleteFunc(in.peers, func(node string, a *audience) bool {
		owed := a.owed && !r.lane(node).down.Load() // once it is known to live
		return !a.sending && a.strand == nil && !owed && !slices.Contains(living, node)
	})
	if in.moved != nil { // who waits for a node that has gone need not
		close(in.moved)
		in.moved = nil
	}
	in.mu.Unlock()
	r.topics.forget(in.heard, living)
	in.tell()
	r.orphanAll(func(node string) bool { return slices.Contains(living, node) })
}

// forget drops what nodes have told that are gone. One that comes back tells
// anew, since its connection has ended too.
func (t *topics) forget(all map[string]*heard, living []string) {
	t.mu.Lock()
	var gone []*heard
	for node, h := range all {
		if !slices.Contains(living, node) {
			gone = append(gone, h)
		}
	}
	t.mu.Unlock()
	for _, h := range gone {
		t.mu.Lock()
		if h.strand.over.Load() && all[h.node] == h {
			for p := range h.patterns {
				t.trie.remove(p, h)
			}
			delete(all, h.node)
			t.unmatch()
		}
		t.mu.Unlock()
	}
}

// take takes what another node says it is interested in, and answers.
func (in *interest) take(s *Strand, r *record) {
	t := textReader{rest: string(r.body)}
	from, to := t.uvarint(), t.uvarint()
	var changes []change
	for t.rest != "" && !t.bad && len(changes) <= maxInterest+maxChanges {
		is := t.uvarint()
		p, err := ParsePattern(t.text())
		if is > 1 || err != nil {
			t.bad = true
		}
		changes = append(changes, change{p, is == 0})
	}
	s.mu.Lock()
	s.in++
	s.mu.Unlock()
	if t.bad || t.rest != "" {
		s.settled(r.number, 0, refusedBy(invalid("frame", "the interest of the node cannot be read")))
		return
	}
	if err := in.router.topics.hear(in.heard, s, from, to, changes); err != nil {
		s.settled(r.number, 0, refusedBy(err))
		return
	}
	s.settled(r.number, 0, outcome{Status: Delivered})
}

// hear replaces or changes what a node has told.
func (t *topics) hear(all map[string]*heard, s *Strand, from, to uint64, changes []change) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := all[s.node]
	if h == nil {
		h = &heard{node: s.node, patterns: map[Pattern]struct{}{}}
		all[s.node] = h
	}
	if from != 0 && (h.strand != s || h.version != from) {
		return consensus.Refuse(CodeInvalid, "the changes do not follow what was told before")
	}
	if from == 0 && h.strand != nil && h.strand != s && !h.strand.over.Load() && to < h.version {
		// It lay on an older connection while the newer was told over. Of a new
		// process of the node this holds for a moment only, and it tells again.
		return consensus.Refuse(CodeInvalid, "newer interest was told before")
	}
	if from == 0 {
		for p := range h.patterns {
			t.trie.remove(p, h)
		}
		clear(h.patterns)
	}
	for _, c := range changes {
		if c.gone {
			if _, has := h.patterns[c.pattern]; has {
				delete(h.patterns, c.pattern)
				t.trie.remove(c.pattern, h)
			}
		} else if len(h.patterns) < maxInterest+maxChanges {
			h.patterns[c.pattern] = struct{}{}
			t.trie.add(c.pattern, h)
		}
	}
	h.strand, h.version = s, to
	t.unmatch()
	return nil
}

package client

import (
	"context"
	"strconv"
	"time"
)

// Bounds of resuming.
const (
	// maxKept bounds the frames that are kept until the node has confirmed
	// them, in bytes.
	maxKept = 4 << 20
	// The node is told what was taken after so many frames or bytes, or so long.
	seenFrames = 64
	seenBytes  = 64 << 10
	seenAfter  = 80 * time.Millisecond
)

// agentSession is what an Agent and one node have between them: the frames
// under way, numbered in each direction. It may outlive a connection. All but
// the first block belongs to the Agent's lock.
type agentSession struct {
	at     int // the node's place in the configuration
	node   string
	limits nodeLimits
	secret string        // by which it is resumed; empty: it cannot be
	window time.Duration // for which it can

	lost time.Time // when the connection broke
	over bool      // nothing of it will come any more

	last      uint64 // number of the last frame written
	kept      []kept // written and not confirmed, in their order
	keptBytes int
	again     int // of kept, those that a resumed connection has yet to write

	taken      uint64 // number of the last frame taken
	told       uint64 // what of it the node knows
	takenBytes int    // since then
	tellNow    bool
}

// kept is a frame that was written.
type kept struct {
	number uint64
	data   []byte
}

// resumable says whether the session may go on by another connection.
func (s *agentSession) resumable() bool {
	return s != nil && !s.over && s.secret != "" && time.Since(s.lost) < s.window
}

// confirmed lets go of what the node has taken, and says whether all that comes
// after it is still there.
func (s *agentSession) confirmed(number uint64) bool {
	n := 0
	for n < len(s.kept) && s.kept[n].number <= number {
		s.keptBytes -= len(s.kept[n].data)
		n++
	}
	clear(s.kept[:n])
	if s.kept = s.kept[n:]; len(s.kept) == 0 {
		s.kept = nil
	}
	s.again = min(s.again, len(s.kept))
	next := number + 1
	return s.last == number || len(s.kept) > 0 && s.kept[0].number == next
}

// keep remembers a frame that is written.
func (s *agentSession) keep(data []byte) uint64 {
	if s.secret == "" {
		return 0
	}
	s.last++
	s.kept = append(s.kept, kept{s.last, data})
	s.keptBytes += len(data)
	for s.keptBytes > maxKept && len(s.kept) > 1 {
		s.keptBytes -= len(s.kept[0].data)
		s.kept[0].data = nil
		s.kept = s.kept[1:]
	}
	return s.last
}

// took notes a frame of the node; fresh is false where it was taken before, gap
// true where one is missing.
func (a *Agent) took(l *link, number uint64, size int) (fresh, gap bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := l.session
	switch {
	case number == 0:
		return true, false
	case number <= s.taken:
		return false, false
	case number > s.taken+1:
		s.secret = "" // what is lost cannot be had any more
		return false, true
	}
	s.taken = number
	s.takenBytes += size
	switch {
	case s.tellNow:
	case s.taken-s.told >= seenFrames || s.takenBytes >= seenBytes:
		s.tellNow = true
		l.nudge()
	case s.taken == s.told+1:
		time.AfterFunc(seenAfter, func() { a.tellSeen(l) })
	}
	return true, false
}

// tellSeen has the node told what was taken.
func (a *Agent) tellSeen(l *link) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.link == l && l.session.taken > l.session.told {
		l.session.tellNow = true
		l.nudge()
	}
}

// begin makes l the Agent's connection. It returns the sends whose trace is lost
// with the session of before.
func (a *Agent) begin(l *link) (lost []*sending) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := l.session
	if !l.resumed {
		lost = a.dropSession()
		a.session = s
		a.speakForTasks()
		head := []frameOut{}
		for _, sub := range a.subs {
			head = append(head, frameOut{data: sub.frame()})
		}
		for id, q := range a.asks {
			if _, renewed := a.subscription(id); !renewed {
				head = append(head, frameOut{data: q.data})
			}
		}
		a.out = append(head, a.out...)
		l.hello = hello(&a.cfg, s, true)
	} else {
		s.again = len(s.kept)
		s.tellNow = true
	}
	a.link = l
	a.window = max(s.limits.Sends, 1)
	a.openRoom()
	l.nudge()
	return lost
}

// end takes the connection away, and returns the sends whose trace is lost.
func (a *Agent) end(l *link, stopping bool) []*sending {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.link = nil
	l.session.lost = time.Now()
	if l.session.resumable() && a.ctx.Err() == nil && !stopping {
		return nil
	}
	return a.dropSession()
}

// dropSession gives up what only the session knew: answers and acknowledgements
// on their way, and the fate of live messages that were written, which it
// returns. Durable ones are queued again. It needs the lock.
func (a *Agent) dropSession() []*sending {
	s := a.session
	if s == nil || s.over {
		return nil
	}
	s.over, s.kept = true, nil
	a.acks, a.credit = nil, 0
	lost := a.takeSends(func(s *sending) bool { return s.written && !s.durable })
	var out []frameOut
	a.outBytes = 0
	for _, f := range a.out { // unwritten sends keep their place
		if f.send != nil && !f.send.ended {
			out = append(out, f)
			a.outBytes += len(f.data)
		}
	}
	a.out = append(a.againSends(), out...)
	return lost
}

// gather appends frames that are to be written now, at most about 64 KiB.
func (a *Agent) gather(l *link, b []byte) []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.link != l {
		return b
	}
	s := l.session
	w := frameWriter{b: b, most: s.limits.Frames}
	if l.hello != nil {
		w.add(l.hello, 0)
		w.seal() // alone: until the node has it, the session cannot be resumed
		l.hello = nil
	}
	if s.tellNow && s.taken > s.told {
		w.add(append(strconv.AppendUint([]byte(`{"type":"seen","frame":`), s.taken, 10), '}'), 0)
		s.told = s.taken
	}
	s.tellNow, s.takenBytes = false, 0
	for s.again > 0 && len(w.b) < maxHeld {
		k := s.kept[len(s.kept)-s.again]
		w.add(k.data, k.number)
		s.again--
	}
	if s.again > 0 {
		w.seal()
		return w.b
	}
	number := func(data []byte) { w.add(data, s.keep(data)) }
	for len(a.acks) > 0 && len(w.b) < maxHeld {
		number(a.ackFrame())
	}
	if a.credit > 0 && a.credit >= a.cfg.Credit/4 && s.secret != "" {
		number(append(strconv.AppendInt([]byte(`{"type":"credit","add":`), int64(a.credit), 10), '}'))
		a.credit = 0
	}
	n := 0
	for _, f := range a.out {
		if len(w.b) >= maxHeld {
			break
		}
		n++
		a.outBytes -= len(f.data)
		if f.send != nil {
			if f.send.ended {
				continue
			}
			f.send.written, f.send.ever = true, true
		}
		number(f.data)
	}
	clear(a.out[:n])
	if a.out = a.out[n:]; len(a.out) == 0 {
		a.out = nil
	}
	if len(w.b) == 0 && a.drained != nil { // what was gathered before is written
		close(a.drained)
		a.drained = nil
	}
	w.seal()
	return w.b
}

// flushed waits until all that is queued is written, or there is nobody to
// write it to.
func (a *Agent) flushed(ctx context.Context) error {
	a.mu.Lock()
	l := a.link
	if l == nil {
		a.mu.Unlock()
		return nil
	}
	if a.drained == nil {
		a.drained = make(chan struct{})
	}
	drained := a.drained
	a.mu.Unlock()
	l.nudge()
	select {
	case <-drained:
		return nil
	case <-a.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// maxAcks is how many receive frames one ack frame names.
const maxAcks = 1024

// ackFrame takes acknowledgements together into a frame. It needs the lock.
func (a *Agent) ackFrame() []byte {
	n := min(len(a.acks), maxAcks)
	b := append(make([]byte, 0, 32+12*n), `{"type":"ack","ids":[`...)
	for i, id := range a.acks[:n] {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, id)
	}
	if a.acks = a.acks[n:]; len(a.acks) == 0 {
		a.acks = nil
	}
	return append(b, "]}"...)
}

// queue puts a frame in line and wakes the writer. It needs the lock.
func (a *Agent) queue(f frameOut) {
	a.outBytes += len(f.data)
	a.out = append(a.out, f)
	if a.link != nil {
		a.link.nudge()
	}
}

package client

import (
	"context"
	"time"
)

// agentSession is what an Agent and one node have between them: the frames
// under way. It may outlive a connection.
type agentSession struct {
	at     int // the node's place in the configuration
	node   string
	limits nodeLimits
	lost   time.Time // when the connection broke
	over   bool      // nothing of it will come any more
}

// resumable says whether the session may go on by another connection.
func (s *agentSession) resumable() bool { return false }

// begin makes l the Agent's connection.
func (a *Agent) begin(l *link) {
	a.mu.Lock()
	if !l.resumed {
		a.dropSession()
		a.session = l.session
	}
	a.link = l
	a.window = max(l.session.limits.Sends, 1)
	a.openRoom()
	var head []frameOut
	if !l.resumed {
		if hello, err := appendHello(nil, &a.cfg); err == nil {
			head = append(head, frameOut{data: hello})
		}
		head = append(head, a.subscribeFrames()...)
	}
	a.out = append(head, a.out...)
	a.mu.Unlock()
	l.nudge()
}

// end takes the connection away, and returns the sends whose trace is lost.
func (a *Agent) end(l *link, err error) []*sending {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.link = nil
	l.session.lost = time.Now()
	if l.session.resumable() && a.ctx.Err() == nil {
		return nil
	}
	return a.dropSession()
}

// dropSession gives up what only the session knew: answers and acknowledgements
// on their way, and the fate of live messages that were written, which it
// returns. Durable ones are queued again. It needs the lock.
func (a *Agent) dropSession() []*sending {
	if a.session == nil || a.session.over {
		return nil
	}
	a.session.over = true
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
	for len(a.acks) > 0 && len(b) < maxHeld {
		b = appendText(b, a.ackFrame())
	}
	n := 0
	for _, f := range a.out {
		if len(b) >= maxHeld {
			break
		}
		n++
		a.outBytes -= len(f.data)
		if f.send != nil {
			if f.send.ended {
				continue
			}
			f.send.written = true
		}
		b = appendText(b, f.data)
	}
	clear(a.out[:n])
	if a.out = a.out[n:]; len(a.out) == 0 {
		a.out = nil
	}
	if len(b) == 0 && a.drained != nil { // what was gathered before is written
		close(a.drained)
		a.drained = nil
	}
	return b
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

// enqueue puts a frame in line and wakes the writer.
func (a *Agent) enqueue(f frameOut) {
	a.mu.Lock()
	a.outBytes += len(f.data)
	a.out = append(a.out, f)
	l := a.link
	a.mu.Unlock()
	if l != nil {
		l.nudge()
	}
}

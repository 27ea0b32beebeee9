package wire

import (
	"bufio"
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// link is one connection of ProtocolPeer. It has two goroutines: run, which
// reads, and the writer. Neither waits for a handler.
type link struct {
	*session
	incarnation uint64
	dial        uint64
	since       time.Time
	queue       *queue
	traffic     Traffic         // nil: one of the two ends knows of none
	ctx         context.Context // ends with the link; parent of the handlers'
	cancel      context.CancelFunc

	// confirmed is set by each frame read, and cleared when a second link to
	// the same peer appears, to learn whether this one still lives.
	confirmed atomic.Bool
	heard     atomic.Int64 // Unix nanoseconds of the last frame
	writing   atomic.Bool  // the writer has taken what is not flushed yet
	running   atomic.Int64 // calls of the peer being served
	held      atomic.Int64 // bytes of their bodies

	mu      sync.Mutex
	calls   map[uint64]chan outcome       // ours, by id; nil once the link has ended
	serving map[uint64]context.CancelFunc // theirs
	nextID  uint64
	pings   map[uint64]time.Time // sent and not answered
	pinged  time.Time
	clock   clockSamples
}

// outcome is what became of a call.
type outcome struct {
	body   []byte
	err    error
	unsent bool // it never left this node
}

// newLink makes the link of a session; traffic is what the other end has said.
func newLink(s *session, incarnation, dial uint64, traffic bool) *link {
	l := &link{
		session:     s,
		incarnation: incarnation,
		dial:        dial,
		since:       time.Now(),
		queue:       newQueue(s.port.budgets.QueueBytes),
		calls:       make(map[uint64]chan outcome),
		serving:     make(map[uint64]context.CancelFunc),
		pings:       make(map[uint64]time.Time),
	}
	l.heard.Store(l.since.UnixNano())
	l.ctx, l.cancel = context.WithCancel(s.port.ctx)
	if open := s.port.traffic.Load(); open != nil && s.traffic && traffic {
		l.traffic = (*open)(Carrier{l})
	}
	return l
}

// run serves the link until it ends.
func (l *link) run() {
	l.port.group.Go(l.write)
	l.sendPing(time.Now())
	if l.traffic != nil {
		l.traffic.Began()
	}
	reader := newFrameReader(l.Conn)
	for {
		f, err := reader.next()
		if err != nil {
			l.end(err)
			return
		}
		l.heard.Store(time.Now().UnixNano())
		if !l.confirmed.Load() {
			l.confirmed.Store(true)
		}
		if f.kind != frameTraffic {
			l.receive(f)
		} else if err := l.arrived(f.body); err != nil {
			l.port.logger.Warn("a connection is cut: what came over it cannot be read", "peer", l.peer.Short(), "error", err)
			l.end(err)
			return
		}
	}
}

func (l *link) receive(f frame) {
	switch f.kind {
	case frameRequest:
		l.serve(f)
	case frameResult:
		l.resolve(f.id, outcome{body: f.body})
	case frameFailure:
		remote := new(RemoteError)
		if err := decoder.Unmarshal(f.body, remote); err != nil {
			remote = &RemoteError{Code: CodeInternal, Sentence: "the other node failed in a way this one does not understand"}
		}
		l.resolve(f.id, outcome{err: remote})
	case frameCancel:
		l.mu.Lock()
		cancel := l.serving[f.id]
		l.mu.Unlock()
		if cancel != nil {
			cancel()
		}
	case framePing:
		l.port.shown(l.peer, f.revision)
		l.reply(frame{kind: framePong, id: f.id, revision: l.port.trust.Revision(), clock: l.port.clock().UnixMicro()})
	case framePong:
		l.port.shown(l.peer, f.revision)
		l.pong(f)
	}
}

// end fails what is in flight and closes the connection. It is called by
// whoever notices first and is harmless after that.
func (l *link) end(err error) {
	l.cut()
	l.cancel()
	l.mu.Lock()
	calls := l.calls
	l.calls = nil
	l.mu.Unlock()
	unsent := l.queue.close()
	if calls == nil {
		return
	}
	for _, f := range unsent {
		if c := calls[f.id]; f.kind == frameRequest && c != nil {
			delete(calls, f.id)
			c <- outcome{unsent: true}
		}
	}
	for _, c := range calls {
		c <- outcome{err: ErrLost}
	}
	if l.traffic != nil {
		l.traffic.Ended()
	}
	l.port.logger.Debug("link ended", "peer", l.peer.Short(), "error", err)
	l.port.linkEnded(l)
}

// write sends what is queued, many frames in one flush.
func (l *link) write() {
	w := bufio.NewWriterSize(deadlineWriter{l}, 64<<10)
	var spare []frame
	var head []byte
	for {
		select {
		case <-l.queue.wake:
		case <-l.done:
			l.end(ErrLost)
			return
		}
		l.writing.Store(true)
		for {
			batch := l.queue.take(spare)
			var traffic []byte
			if l.traffic != nil {
				traffic = l.traffic.Next()
			}
			if len(batch) == 0 && traffic == nil {
				spare = batch
				break
			}
			for i := range batch {
				head = batch[i].appendHead(head[:0])
				_, err := w.Write(head)
				if err == nil {
					_, err = w.Write(batch[i].body)
				}
				if err != nil {
					l.end(err)
					return
				}
			}
			spare = batch
			if traffic == nil {
				continue
			}
			f := frame{kind: frameTraffic, body: traffic}
			head = f.appendHead(head[:0])
			_, err := w.Write(head)
			if err == nil {
				_, err = w.Write(traffic)
			}
			if err != nil {
				l.end(err)
				return
			}
		}
		if err := w.Flush(); err != nil {
			l.end(err)
			return
		}
		l.writing.Store(false)
	}
}

// deadlineWriter gives each write to the connection its own time.
type deadlineWriter struct{ l *link }

func (w deadlineWriter) Write(b []byte) (int, error) {
	_ = w.l.SetWriteDeadline(time.Now().Add(w.l.port.limits.write))
	return w.l.Conn.Write(b)
}

// reply queues a frame that answers one of the peer's.
func (l *link) reply(f frame) {
	if l.queue.pushNow(f) == pushFull {
		l.port.metrics.dropped.WithLabelValues("unread_answers").Inc()
		l.end(ErrLost)
	}
}

func (l *link) register() (id uint64, result chan outcome, ok bool) {
	result = make(chan outcome, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls == nil {
		return 0, nil, false
	}
	l.nextID++
	l.calls[l.nextID] = result
	return l.nextID, result, true
}

func (l *link) resolve(id uint64, o outcome) {
	l.mu.Lock()
	c := l.calls[id]
	delete(l.calls, id)
	l.mu.Unlock()
	if c != nil {
		c <- o
	}
}

// abandon forgets a call whose caller has left and tells the other side.
func (l *link) abandon(id uint64) {
	l.mu.Lock()
	_, open := l.calls[id]
	delete(l.calls, id)
	l.mu.Unlock()
	if open {
		l.reply(frame{kind: frameCancel, id: id})
	}
}

// retire says that nothing is in flight either way, the last answers written, and
// that the traffic will put nothing more on the link.
func (l *link) retire() bool {
	l.mu.Lock()
	quiet := len(l.calls) == 0 && len(l.serving) == 0
	l.mu.Unlock()
	quiet = quiet && l.queue.empty() && !l.writing.Load()
	return quiet && (l.traffic == nil || l.traffic.Retire())
}

// idle says that a change of link now changes the order of nothing.
func (l *link) idle() bool {
	l.mu.Lock()
	idle := len(l.calls) == 0
	l.mu.Unlock()
	return idle && (l.traffic == nil || l.traffic.Quiet())
}

func (l *link) alive() bool {
	select {
	case <-l.done:
		return false
	default:
		return true
	}
}

// tick pings when it is time, and gives up a link that has been silent.
func (l *link) tick(now time.Time) {
	if now.Sub(time.Unix(0, l.heard.Load())) > l.port.limits.dead {
		l.port.logger.Info("peer has gone silent, its connection is given up", "peer", l.peer.Short())
		l.end(ErrLost)
		return
	}
	l.mu.Lock()
	due := now.Sub(l.pinged) >= l.port.limits.ping
	l.mu.Unlock()
	if due {
		l.sendPing(now)
	}
}

func (l *link) sendPing(now time.Time) {
	l.mu.Lock()
	l.nextID++
	id := l.nextID
	for old, sent := range l.pings {
		if now.Sub(sent) > l.port.limits.dead {
			delete(l.pings, old)
		}
	}
	l.pings[id], l.pinged = now, now
	l.mu.Unlock()
	l.reply(frame{kind: framePing, id: id, revision: l.port.trust.Revision(), clock: l.port.clock().UnixMicro()})
}

func (l *link) pong(f frame) {
	received, clock := time.Now(), l.port.clock()
	l.mu.Lock()
	defer l.mu.Unlock()
	sent, ok := l.pings[f.id]
	if !ok {
		return
	}
	delete(l.pings, f.id)
	rtt := received.Sub(sent)
	l.clock.add(rtt, offset(time.UnixMicro(f.clock), clock.Add(-rtt), clock))
}

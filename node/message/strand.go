package message

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of one connection with another node.
const (
	// chunkBytes is how much goes out as one frame, where one record is not
	// larger by itself.
	chunkBytes = 64 << 10
	// maxOpen and maxOpenBytes bound the exchanges that one node has under
	// way with another, in each direction, so that a node that does not
	// answer takes only its own share. The messages that wait to be written
	// have as many bytes at most, whether or not their end is waited for.
	maxOpen      = 16384
	maxOpenBytes = 48 << 20
	// maxAnswerBytes is how much may wait for a node that sends messages and
	// does not read what became of them, before the connection is cut.
	maxAnswerBytes = 64 << 20
)

// waiter is told what becomes of a message.
type waiter interface {
	// placed says which exchange it is, before answered; false gives the
	// message up before it is sent, and answered is not called. The strand is
	// locked.
	placed(s *Strand, number uint64) bool
	// answered gets, once, the other node's word, or an error of the way there:
	// ErrNotSent if the message certainly stayed here.
	answered(o outcome, err error)
}

// sink takes the end of a delivery.
type sink interface {
	settled(number uint64, size int, o outcome)
}

// Strand is what rides on one connection with another node, as long as it
// lives: it numbers the exchanges that begin here, gathers what waits to be
// written and takes what comes. The connection's writer calls Next, its reader
// Arrived, and whoever notices its end calls Ended. Safe for concurrent use.
type Strand struct {
	router *Router
	node   string
	lane   *lane
	wake   func()
	cut    func()

	mu sync.Mutex
	// chunks wait to be written; the last one still grows.
	chunks  []*chunk
	waiting int    // bytes in chunks
	answers int    // bytes of them that are outcomes
	writing *chunk // what Next has given out
	asleep  bool   // the writer has seen nothing to write
	next    uint64 // number of the next exchange that begins here
	taken   uint64 // exchanges up to here may have left
	open    exchanges
	bytes   int // of the bodies of open
	in      int // messages of the other node that are not settled
	inBytes int
	acks    acks
	ended   bool // nothing is taken any more

	over atomic.Bool // and everybody was told

	count linkCount
}

// linkCount is what one connection, and one node, is measured by.
type linkCount struct {
	out, outBytes, in, inBytes, batches, batchesIn atomic.Uint64
}

type chunk struct {
	data    []byte
	last    uint64 // the highest number of an exchange in it
	answers int
}

// chunks keeps the memory of chunks of all connections.
var chunks = sync.Pool{New: func() any { return &chunk{data: make([]byte, 0, chunkBytes)} }}

// Connected makes what rides on a new connection with an authenticated node.
// wake tells the connection's writer to call Next until that returns nil, and
// cut ends the connection; neither may block or call back.
func (r *Router) Connected(node string, wake, cut func()) *Strand {
	return &Strand{
		router: r, node: node, lane: r.lane(node), wake: wake, cut: cut,
		asleep: true,
	}
}

// Began says that the connection is in use: the Link's Reach may choose it. It
// may have ended already.
func (s *Strand) Began() {
	if !s.lane.began(s) {
		return
	}
	s.router.interest.connected(s.node)
}

// Next returns what is to be written now as one frame, or nil. It is the
// writer's until the next call.
func (s *Strand) Next() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.writing; w != nil && cap(w.data) >= chunkBytes && cap(w.data) <= 2*chunkBytes {
		w.data = w.data[:0]
		chunks.Put(w)
	}
	s.writing = nil
	if len(s.chunks) == 0 || s.ended {
		s.asleep = true
		return nil
	}
	c := s.chunks[0]
	s.chunks[0] = nil
	if s.chunks = s.chunks[1:]; len(s.chunks) == 0 {
		s.chunks = nil
	}
	s.waiting -= len(c.data)
	s.answers -= c.answers
	s.taken = max(s.taken, c.last)
	s.writing = c
	s.count.batches.Add(1)
	s.count.outBytes.Add(uint64(len(c.data)))
	return c.data
}

// room returns the chunk to append size bytes to. It needs the lock.
func (s *Strand) room(size int) *chunk {
	if n := len(s.chunks); n > 0 && len(s.chunks[n-1].data)+size <= chunkBytes {
		return s.chunks[n-1]
	}
	c := &chunk{}
	if size > chunkBytes {
		c.data = make([]byte, 0, size)
	} else {
		c = chunks.Get().(*chunk)
		c.last, c.answers = 0, 0
	}
	s.chunks = append(s.chunks, c)
	return c
}

// begin numbers an exchange and appends its record. It returns false, and
// calls nobody, when the strand has ended.
func (s *Strand) begin(size int, w waiter, write func(b []byte, number uint64) []byte) bool {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return false
	}
	s.next++
	number := s.next
	if !w.placed(s, number) {
		s.mu.Unlock()
		return true
	}
	s.open.add(number, exchange{w, size})
	s.bytes += size
	c := s.room(size + recordRoom)
	before := len(c.data)
	c.data = write(c.data, number)
	c.last = number
	s.waiting += len(c.data) - before
	wake := s.rouse()
	s.mu.Unlock()
	if wake {
		s.wake()
	}
	return true
}

// recordRoom is about what a record takes beside its body.
const recordRoom = 256

// message begins the exchange of one message. full says that as many are
// under way with this node as may be.
func (s *Strand) message(m *Message, e envelope, w waiter, now time.Time) (ok, full bool) {
	s.mu.Lock()
	switch {
	case s.ended:
		s.mu.Unlock()
		return false, false
	case s.open.n >= maxOpen || s.bytes+len(m.Body) > maxOpenBytes,
		// What nobody waits for any more is still to be written.
		s.waiting-s.answers+len(m.Body) > maxOpenBytes:
		s.mu.Unlock()
		return true, true
	}
	s.next++
	number := s.next
	if !w.placed(s, number) {
		s.mu.Unlock()
		return true, false
	}
	s.open.add(number, exchange{w, len(m.Body)})
	s.bytes += len(m.Body)
	c := s.room(len(m.Body) + recordRoom)
	before := len(c.data)
	c.data = appendMessage(c.data, number, m, e, now)
	c.last = number
	s.waiting += len(c.data) - before
	wake := s.rouse()
	s.mu.Unlock()
	s.count.out.Add(1)
	if wake {
		s.wake()
	}
	return true, false
}

// rouse says whether the writer must be woken. It needs the lock.
func (s *Strand) rouse() bool {
	wake := s.asleep
	s.asleep = false
	return wake
}

// forget gives up waiting for the end of an exchange.
func (s *Strand) forget(number uint64) {
	s.mu.Lock()
	if x, ok := s.open.remove(number); ok {
		s.bytes -= x.size
	}
	s.mu.Unlock()
}

// errLost is the end of an exchange whose connection broke after it had left.
var errLost = errors.New("the connection broke before the answer")

// Ended says that the connection is no more: what waits to be written never
// will be, and of what has left nothing more is heard.
func (s *Strand) Ended() {
	s.mu.Lock()
	if s.over.Swap(true) {
		s.mu.Unlock()
		return
	}
	retired := s.ended // then the other node has taken everything
	s.ended = true
	open, taken := s.open, s.taken
	s.open, s.chunks, s.writing = exchanges{}, nil, nil
	s.waiting, s.answers, s.bytes = 0, 0, 0
	s.mu.Unlock()
	s.lane.lost(s)
	if !retired {
		s.orphan()
	}
	// In order, since what has not left may go elsewhere.
	open.each(func(number uint64, x exchange) {
		err := errLost
		if number > taken {
			err = errBroke
		}
		x.answered(outcome{}, err)
	})
	s.router.interest.lost(s)
}

// Quiet says that nothing is under way either way.
func (s *Strand) Quiet() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.quiet()
}

func (s *Strand) quiet() bool { return s.open.n == 0 && s.in == 0 && len(s.chunks) == 0 }

// Retire refuses what comes from now on if nothing is under way, and reports
// whether it does: then nothing is lost with the connection.
func (s *Strand) Retire() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quiet() {
		s.ended = true
	}
	return s.ended
}

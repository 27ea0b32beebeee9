package agent

import (
	"context"
	"sync/atomic"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/event"
	"github.com/meshd/meshd/node/message"
)

// Client is who is at the other end of a connection.
type Client struct {
	// Principal is the credential's.
	Principal string
	// Name is that of the agent it becomes; without one it only sends.
	Name string
	// AnyName says that it may act as any agent of this name, whoever owns it.
	AnyName bool
	// Resumes says that its first frame names the session that it goes on with.
	Resumes bool
	// Requests answers the types of frames that this package does not know;
	// nil: none.
	Requests Requests
	// Hears says whether it may be told of what concerns these; nil: it may.
	Hears func(*event.Audience) bool
}

// Requests is what one connection may ask beyond messages. Begin is called in
// the order of the frames; the requests it returns run at the same time.
type Requests interface {
	// Permit says whether the client may send messages now: nil, or what it is
	// told. It is asked before each, so a credential can be withdrawn.
	Permit() error
	// Stay says whether the client may stay connected: what it was admitted by
	// still holds. It need not be allowed to send messages.
	Stay() error
	// Listen says whether the client may subscribe to topics now.
	Listen() error
	// Follow says whether the client may follow events now.
	Follow() error
	// Told is an error as clients are told it: by the error catalogue.
	Told(err error) error
	// Begin reads a frame and returns its id where it could be read. The frame
	// is the request's to keep. A type that is not known is neither a request
	// nor an error; an error says that the frame was bad.
	Begin(kind string, frame []byte) (id string, r Request, err error)
}

// Request is one frame to be answered.
type Request interface {
	// Waits says that the answer may take longer than computing it.
	Waits() bool
	// Answer returns the whole frame that answers, or what is told in an error
	// frame: a *consensus.Refusal as it is. ctx ends with the connection.
	Answer(ctx context.Context) ([]byte, error)
}

// Bounds of requests under way: of one connection, and of all of a node's.
const (
	maxRequests     = 256
	maxAllRequests  = 4096
	maxRequestBytes = 64 << 20
)

// load counts the requests under way of all connections.
type load struct {
	count, bytes atomic.Int64
}

func (l *load) take(size int64) bool {
	count, bytes := l.count.Add(1), l.bytes.Add(size)
	if count <= maxAllRequests && bytes <= maxRequestBytes {
		return true
	}
	l.give(size)
	return false
}

func (l *load) give(size int64) {
	l.count.Add(-1)
	l.bytes.Add(-size)
}

// job is a request on its way through the crew.
type job struct {
	client  *client
	id      string
	request Request
	size    int64
}

// request takes a frame of a type that only Requests knows; known is false
// where that does not either. number is the frame's, in a session whose frames
// are numbered.
func (c *client) request(kind string, frame []byte, numbered bool, number uint64) (known bool, err error) {
	id, r, err := c.who.Requests.Begin(kind, frame)
	if r == nil && err == nil {
		return false, nil
	}
	if numbered {
		if fresh, err := c.arrived(number, len(frame)); !fresh {
			return true, err
		}
	}
	if err != nil {
		c.tell(errorFrame(id, err))
		return true, err
	}
	c.server.asked.Inc()
	if st, ok := r.(Stream); ok {
		c.stream(id, st)
		return true, nil
	}
	j := job{c, id, r, int64(len(frame))}
	if !r.Waits() {
		j.answer()
		return true, nil
	}
	if c.waiting.Load() >= maxRequests {
		c.tell(errorFrame(id, consensus.Refuse(message.CodeOverloaded, "too many requests of this connection are under way")))
		return true, nil
	}
	if !c.server.load.take(j.size) {
		c.tell(errorFrame(id, consensus.Refuse(message.CodeOverloaded, "too many requests are under way on this node")))
		return true, nil
	}
	c.waiting.Add(1)
	c.jobs.Add(1)
	c.server.crew.do(j)
	return true, nil
}

// run is answer for a request that was counted.
func (j job) run() {
	defer func() {
		j.client.server.load.give(j.size)
		j.client.waiting.Add(-1)
		j.client.jobs.Done()
	}()
	j.answer()
}

// answer writes on the goroutine that has the answer: waking another would
// cost as much as the writing.
func (j job) answer() {
	c := j.client
	frame, err := c.server.guard(c.ctx, j.request)
	c.mu.Lock()
	ok := c.ended
	if err != nil && !ok {
		out := errorFrame(j.id, err)
		ok = c.put(&out)
	} else if !ok {
		ok = c.queue.own(frame, true)
	}
	c.mu.Unlock()
	switch l := c.link.Load(); {
	case !ok:
		c.told(false)
	case l == nil || l.reading.Load():
	case !c.scheduled.Swap(true):
		c.flush()
	}
}

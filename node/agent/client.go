package agent

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/gorilla/websocket"
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// client is one session: what a client is to the node, whatever connection it
// has at the moment. It has no goroutine of its own. The link's reads; whoever
// has something for the client queues it, and one of them writes what waits.
type client struct {
	server  *Server
	who     Client
	session *message.Session // nil for a client without a name that subscribes to nothing
	outbox  *message.Outbox  // of a client without a name that sends; guarded by mu
	ctx     context.Context  // ends with the session
	cancel  context.CancelFunc
	waiting atomic.Int32   // requests under way
	streams atomic.Int32   // streams under way
	jobs    sync.WaitGroup // the same, and subscriptions
	slot    int            // of the server's clock, see tick.go

	link      atomic.Pointer[link] // nil while the connection is away
	writing   sync.Mutex           // who holds it writes, numbers and keeps frames
	scheduled atomic.Bool          // somebody will write, or is about to
	kept      kept                 // frames that were not confirmed; guarded by writing
	listening sync.Mutex           // held while a session without a name is made

	named    atomic.Bool // its agent's name is known to be its own
	claiming atomic.Pointer[claiming]

	resumable   atomic.Bool   // the client said resume
	taking      sync.Mutex    // held while a frame of a resumable session is taken
	taken       atomic.Uint64 // the last frame taken; written with taking
	unseen      atomic.Int32  // frames taken and not confirmed to the client
	unseenBytes int           // the same; needs taking

	mu     sync.Mutex // guards what follows
	queue  queue
	nextID uint64                       // of receive frames
	unsure map[uint64]*message.Delivery // receive frames to be acknowledged or answered
	owed   int                          // bytes that came into unsure since those that ended were dropped
	sends  underWay
	acks   bool // it acknowledges what it receives
	batch  bool // it takes acknowledgements together
	bulk   bool // the same, and arrays of frames
	subs   subscriptions
	secret string // names the session to resume it
	away   int64  // since when it has no connection, by the server's clock; 0: it has one
	ended  bool
	code   int // how the connection is closed
	why    string
}

// newClient makes a session that is not attached yet.
func (s *Server) newClient(who Client) *client {
	c := &client{server: s, who: who}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	c.queue.credit = -1
	return c
}

// attach queues the hello and attaches the agent, so that the hello comes
// first.
func (c *client) attach() error {
	hello := c.hello()
	c.mu.Lock()
	c.secret = newSecret()
	hello.Session = c.secret
	c.put(&hello)
	c.mu.Unlock()
	if c.who.Name == "" {
		return nil
	}
	if err := c.claim(); err != nil {
		return err
	}
	// The session must outlive its ctx until finish has closed it in order.
	session, err := c.server.cfg.Router.Attach(context.WithoutCancel(c.ctx), c.who.Name, c.who.Principal, message.Profile{}, c)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.session = session
	gone := c.ended
	c.mu.Unlock()
	if gone { // lost to its owner meanwhile
		session.Close()
	}
	return nil
}

func (c *client) hello() outbound {
	requests := 0
	if c.who.Requests != nil {
		requests = maxRequests
	}
	return outbound{
		Type: "hello", Protocol: protocolVersion, Node: c.server.cfg.Router.NodeID(), Agent: c.who.Name,
		Limits: &limits{
			BodyBytes: message.MaxBody, FrameBytes: maxFrame, Frames: maxFrames, Sends: maxSends, Requests: requests,
			Queue: maxQueue, QueueBytes: maxQueueBytes, Subscriptions: maxPatterns,
			MaxTimeout: message.MaxTimeout.String(), Ping: pingEvery.String(), Idle: idleTimeout.String(),
		},
		ResumeWindow: resumeWindow.String(), ResumeBytes: maxKept,
	}
}

// router returns the session of the router, nil where there is none.
func (c *client) router() *message.Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// end notes why the session ends and ends it, on another goroutine: it may be
// called wherever something went wrong.
func (c *client) end(code int, why string) {
	if c.note(code, why) {
		c.server.crew.do(finisher{c})
	}
}

// note is false where the session has ended, or is about to.
func (c *client) note(code int, why string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.why != "" {
		return false
	}
	c.code, c.why = code, why
	return true
}

func (c *client) reason() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.why
}

type finisher struct{ c *client }

func (f finisher) run() { f.c.finish() }

// finish ends the session once note has said why: what waits is told, the agent
// detached, so that what was not sent is refused and not lost, and the
// connection closed. It waits for nothing but the last write.
func (c *client) finish() {
	l := c.link.Load()
	if l != nil {
		l.hurry()
	}
	c.writing.Lock()
	if l = c.link.Load(); l != nil {
		c.drain(l, true)
	}
	c.mu.Lock()
	c.ended = true
	c.present()
	session, outbox, code, why, secret := c.session, c.outbox, c.code, c.why, c.secret
	cancels := c.subs.takeEvents()
	c.mu.Unlock()
	c.writing.Unlock()
	for _, cancel := range cancels {
		cancel()
	}
	if session != nil {
		session.Close()
	}
	if outbox != nil {
		outbox.Close()
	}
	if w := c.claiming.Load(); w != nil {
		w.client.Store(nil) // the answer may be long in coming
	}
	c.server.forget(c, secret)
	if l != nil {
		l.close(code, why)
	}
	c.mu.Lock()
	c.queue.discard(&c.server.held)
	c.mu.Unlock()
	c.writing.Lock()
	c.kept.release(&c.server.heldKept)
	c.writing.Unlock()
	c.cancel()
}

// permitted looks at the client's credential again, and ends a session whose
// credential was revoked, or whose name has come to another.
func (c *client) permitted() bool {
	if c.who.Requests == nil {
		return true
	}
	err := c.who.Requests.Stay()
	if err == nil {
		return true
	}
	var no *consensus.Refusal
	if errors.As(err, &no) && no.Code == CodeNotYourAgent {
		c.lost(err)
		return false
	}
	c.end(websocket.ClosePolicyViolation, "the credential is no longer good")
	return false
}

// lost ends a session whose name belongs to another.
func (c *client) lost(err error) {
	c.tell(errorFrame("", c.refusal(err)))
	c.end(websocket.ClosePolicyViolation, "the name belongs to another")
}

// tell queues a frame of the node's own; a client that lets even those pile up
// is cut off.
func (c *client) tell(f outbound) {
	c.mu.Lock()
	ok := c.put(&f)
	c.mu.Unlock()
	c.told(ok)
}

// told wakes a writer after something was queued, or ends the session where
// there was no room.
func (c *client) told(ok bool) {
	if !ok {
		c.end(websocket.CloseTryAgainLater, "the client does not read")
		return
	}
	c.wake()
}

// put needs mu. It is false where there is no room.
func (c *client) put(f *outbound) bool {
	if c.ended {
		return true
	}
	text, err := f.encode()
	if err != nil { // only what is no JSON cannot be encoded, and all of it was checked
		c.server.cfg.Logger.Error("a frame cannot be encoded", "type", f.Type, "error", err)
		return true
	}
	return c.queue.own(text, numbered(f.Type))
}

// numbered says whether frames of a type count for resuming.
func numbered(kind string) bool { return kind != "hello" && kind != "seen" && kind != "pong" }

// refusal is err as the client is told it.
func (c *client) refusal(err error) error {
	if c.who.Requests == nil {
		return err
	}
	return c.who.Requests.Told(err)
}

// Deliver implements message.Receiver.
func (c *client) Deliver(d *message.Delivery) error {
	if !c.permitted() {
		return consensus.Refuse(message.CodeAgentGone, "the agent "+c.who.Name+" has lost its credential")
	}
	c.mu.Lock()
	if d.Message.Stored != nil && !c.acks {
		c.mu.Unlock()
		return consensus.Refuse(message.CodeUnsupported, "this session takes no messages of the inbox: it does not acknowledge")
	}
	ok := !c.ended && c.queue.carry(d, &c.server.held)
	if !ok && isTopic(d.Message.To) {
		c.queue.dropped++
	}
	quiet := c.queue.credit == 0
	c.mu.Unlock()
	if !ok {
		return &consensus.Refusal{
			Code: message.CodeOverloaded, Sentence: "the receiver takes its messages more slowly than they come",
			Details: map[string]string{"agent": c.who.Name, "retry_after": "1s"},
		}
	}
	if !quiet {
		c.wake()
	}
	return nil
}

// Missed implements message.Misser.
func (c *client) Missed() {
	c.mu.Lock()
	c.queue.dropped++
	c.mu.Unlock()
}

func isTopic(to string) bool { return len(to) > 6 && to[:6] == "topic/" }

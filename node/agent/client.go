package agent

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// client is one connection: run reads on the caller's goroutine, write writes
// on one of its own, and Deliver only queues. Who has answered a request writes
// it himself, unless somebody is writing: that one writes it too.
type client struct {
	server          *Server
	conn            *websocket.Conn
	principal, name string
	session         *message.Session // nil for a client without a name
	requests        Requests         // nil: none
	waiting         atomic.Int32     // requests under way
	streams         atomic.Int32     // streams under way
	jobs            sync.WaitGroup   // the same, for run to wait for
	queue           *queue
	writing         sync.Mutex // who holds it empties the queue
	cork            *corked    // nil: each frame is written by itself
	heard           time.Time  // when the read deadline was moved last; the reader's
	cancel          context.CancelFunc
	closing         atomic.Bool

	mu      sync.Mutex
	nextID  uint64
	pending map[string]*message.Delivery // receive frames to be acknowledged or answered
	sends   map[string]struct{}          // ids of the client's sends under way
	acks    bool
	code    int // how the connection is closed
	why     string
}

// start queues the hello and attaches the agent, so that the hello comes first.
func (c *client) start(ctx context.Context) error {
	c.pending, c.sends = map[string]*message.Delivery{}, map[string]struct{}{}
	requests := 0
	if c.requests != nil {
		requests = maxRequests
	}
	c.queue.push(item{frame: outbound{
		Type: "hello", Protocol: protocolVersion, Node: c.server.cfg.Router.NodeID(), Agent: c.name,
		Limits: &limits{
			BodyBytes: message.MaxBody, FrameBytes: maxFrame, Sends: maxSends, Requests: requests, Queue: maxQueue, QueueBytes: maxQueueBytes,
			MaxTimeout: message.MaxTimeout.String(), Ping: pingEvery.String(), Idle: idleTimeout.String(),
		},
	}})
	if c.name == "" {
		return nil
	}
	var err error
	// The session must outlive ctx until stop has closed it in order.
	c.session, err = c.server.cfg.Router.Attach(context.WithoutCancel(ctx), c.name, c.principal, message.Profile{}, c)
	return err
}

// run serves until the connection is done with.
func (c *client) run(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.write(ctx)
	}()
	err := c.read(ctx)
	c.cancel()
	<-done
	c.jobs.Wait()
	if cerr := c.conn.Close(); err == nil && cerr != nil && !errors.Is(cerr, net.ErrClosed) {
		err = cerr
	}
	return err
}

// end notes why the connection is closed and lets the writer close it.
func (c *client) end(code int, why string) {
	c.mu.Lock()
	if c.why == "" {
		c.code, c.why = code, why
	}
	c.mu.Unlock()
	c.cancel()
}

func (c *client) reason() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.why
}

// tell queues a frame of the node's own; a client that lets even those pile up
// is cut off.
func (c *client) tell(f outbound) {
	if !c.queue.push(item{frame: f}) {
		c.crowded()
	}
}

func (c *client) crowded() { c.end(websocket.CloseTryAgainLater, "the client does not read") }

// Deliver implements message.Receiver.
func (c *client) Deliver(d *message.Delivery) error {
	if !c.permitted() {
		return consensus.Refuse(message.CodeAgentGone, "the agent "+c.name+" has lost its credential")
	}
	m := d.Message
	c.mu.Lock()
	c.nextID++
	id := strconv.FormatUint(c.nextID, 10)
	c.mu.Unlock()
	from := m.From
	ok := c.queue.push(item{delivery: d, frame: outbound{
		Type: "receive", ID: id, MessageID: m.ID, From: &from, To: m.To, MessageType: m.Type, Body: m.Body,
		Conversation: m.Conversation, Wait: d.WantReply, RequestID: m.RequestID,
	}})
	if !ok {
		return consensus.Refuse(message.CodeOverloaded, "the agent "+c.name+" reads its messages more slowly than they come")
	}
	return nil
}

// permitted looks at the client's credential again, and ends a connection whose
// credential was revoked.
func (c *client) permitted() bool {
	if c.requests == nil || c.requests.Stay() == nil {
		return true
	}
	c.end(websocket.ClosePolicyViolation, "the credential is no longer good")
	return false
}

// write sends what is queued, and pings, until ctx ends; then it closes.
func (c *client) write(ctx context.Context) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			c.stop()
			return
		case <-tick.C:
			c.permitted()
			c.sweep()
			if err := c.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout)); err != nil {
				c.end(websocket.CloseGoingAway, "a ping could not be written")
			}
		case <-c.queue.more:
			c.flush(ctx)
		}
	}
}

// flush writes what is queued, unless another goroutine is at it: that one
// sees what was queued before it lets go, or this one does after.
func (c *client) flush(ctx context.Context) {
	for !c.queue.empty() && ctx.Err() == nil && c.writing.TryLock() {
		err := c.drain(ctx)
		c.writing.Unlock()
		if err != nil {
			c.end(websocket.CloseGoingAway, "a frame could not be written")
			return
		}
	}
}

// drain empties the queue into as few writes as it can. A message counts as
// delivered when the write is done, or when the client acknowledges it if it
// said that it will. It needs writing.
func (c *client) drain(ctx context.Context) error {
	gathered := c.cork != nil && c.queue.several()
	if gathered {
		c.cork.gather()
	}
	var written []*message.Delivery
	var err error
	for it, ok := c.queue.pop(); ok && err == nil && ctx.Err() == nil; it, ok = c.queue.pop() {
		var d *message.Delivery
		if d, err = c.send(it); d != nil {
			written = append(written, d)
		}
	}
	if gathered {
		err = errors.Join(err, c.cork.release())
	}
	if err != nil {
		return err
	}
	for _, d := range written {
		d.Delivered()
	}
	return nil
}

// send writes one frame, and returns the message that is delivered with it.
func (c *client) send(it item) (*message.Delivery, error) {
	d := it.delivery
	awaited := false
	if d != nil {
		if !d.Sent() {
			return nil, nil
		}
		it.frame.DeadlineMs = max(time.Until(d.Message.Deadline).Milliseconds(), 1)
		c.mu.Lock()
		awaited = c.acks
		if awaited || d.WantReply {
			c.pending[it.frame.ID] = d
		}
		crowded := len(c.pending) > 4*maxQueue
		c.mu.Unlock()
		if crowded {
			c.sweep()
		}
	}
	data := it.raw
	if data == nil {
		var err error
		if data, err = it.frame.encode(); err != nil {
			return nil, err
		}
	}
	if err := c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return nil, err
	}
	if err := c.conn.WriteMessage(websocket.TextMessage, data); err != nil {
		return nil, err
	}
	if awaited {
		return nil, nil
	}
	return d, nil
}

// sweep drops deliveries that ended without the client's word.
func (c *client) sweep() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, d := range c.pending {
		if d.Ended() {
			delete(c.pending, id)
		}
	}
}

// stop detaches the agent, so that what waits is refused and not lost, and
// gives the client a moment to answer the close.
func (c *client) stop() {
	if c.session != nil {
		c.session.Close()
	}
	c.mu.Lock()
	code, why := c.code, c.why
	if why == "" {
		code, why = websocket.CloseGoingAway, "the node is closing the connection"
		c.why = why
	}
	c.mu.Unlock()
	c.closing.Store(true)
	_ = c.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, why), time.Now().Add(closeTimeout))
	_ = c.conn.SetReadDeadline(time.Now().Add(closeTimeout))
}

// alive moves the read deadline, at most once a second, except while closing.
func (c *client) alive() error {
	now := time.Now()
	if c.closing.Load() || now.Sub(c.heard) < time.Second {
		return nil
	}
	c.heard = now
	err := c.conn.SetReadDeadline(now.Add(idleTimeout))
	if c.closing.Load() {
		// stop set its own deadline in between; it must stand.
		err = c.conn.SetReadDeadline(time.Now().Add(closeTimeout))
	}
	return err
}

// read takes the client's frames until the connection ends.
func (c *client) read(ctx context.Context) error {
	c.conn.SetReadLimit(maxFrame)
	c.conn.SetPongHandler(func(string) error { return c.alive() })
	c.conn.SetPingHandler(func(data string) error {
		if err := c.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(closeTimeout)); err != nil && !errors.Is(err, websocket.ErrCloseSent) {
			return err
		}
		return c.alive()
	})
	bad := 0
	for {
		if err := c.alive(); err != nil {
			return c.ended(err)
		}
		kind, data, err := c.conn.ReadMessage()
		if err != nil {
			return c.ended(err)
		}
		if c.closing.Load() {
			continue
		}
		if kind != websocket.TextMessage {
			err = badFrame("", "frames are text messages with one JSON object each")
		} else {
			err = c.take(ctx, data)
		}
		if err == nil {
			bad = 0
			continue
		}
		c.server.bad.Inc()
		if bad++; bad >= maxBadFrames {
			c.end(websocket.ClosePolicyViolation, "too many bad frames in a row")
		}
	}
}

// ended is what a failed read means.
func (c *client) ended(err error) error {
	var closed *websocket.CloseError
	switch {
	case c.closing.Load():
		return nil
	case errors.As(err, &closed):
		c.end(websocket.CloseNormalClosure, "the client closed it")
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		c.end(websocket.CloseNormalClosure, "the client is gone")
		return nil
	case errors.Is(err, websocket.ErrReadLimit):
		c.end(websocket.CloseMessageTooBig, "a frame is over the limit")
		return consensus.Refuse(message.CodeTooLarge, "a frame is over the limit")
	}
	c.end(websocket.CloseGoingAway, "nothing was heard of the client")
	return err
}

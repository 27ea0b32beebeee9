package agent

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// maxStreams bounds the streams under way of one connection.
const maxStreams = 64

// Stream is a request whose answer, unless it is an error, is followed by more
// frames.
type Stream interface {
	Request
	// Follow pushes frames until there are no more or ctx ends, as it does with
	// the connection. push waits until the client has read enough of those
	// before; it fails with ctx only. The stream has a goroutine of its own.
	Follow(ctx context.Context, push func(frame []byte) error)
}

// stream starts a stream.
func (c *client) stream(id string, s Stream) {
	if c.streams.Add(1) > maxStreams {
		c.streams.Add(-1)
		c.tell(errorFrame(id, consensus.Refuse(message.CodeOverloaded, fmt.Sprintf("this connection has %d streams under way, which is as many as it may have", maxStreams))))
		return
	}
	ctx := c.ctx
	c.jobs.Go(func() {
		defer c.streams.Add(-1)
		frame, err := c.server.guard(ctx, s)
		if err != nil {
			c.tell(errorFrame(id, err))
			return
		}
		defer func() {
			if p := recover(); p != nil {
				c.server.cfg.Logger.Error("a stream panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				c.tell(errorFrame(id, fmt.Errorf("panic: %v", p)))
			}
		}()
		if c.push(ctx, frame) == nil {
			s.Follow(ctx, func(frame []byte) error { return c.push(ctx, frame) })
		}
	})
}

// push queues a frame of a stream once there is room.
func (c *client) push(ctx context.Context, frame []byte) error {
	for {
		c.mu.Lock()
		if c.queue.room == nil {
			c.queue.room = make(chan struct{}, 1)
		}
		room := c.queue.room
		ok := !c.ended && c.queue.stream(frame)
		c.mu.Unlock()
		if ok {
			c.wake()
			return nil
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

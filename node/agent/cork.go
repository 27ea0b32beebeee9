package agent

import (
	"net"
	"sync"
)

// maxHeld is how many bytes are gathered before they are written after all.
const maxHeld = 64 << 10

// Cork returns c with the power to gather what is written into one write, and
// with TLS into one record. Give it to the WebSocket in place of the
// connection; a Server uses it where it finds it. Whatever else is written
// while it gathers keeps its place.
func Cork(c net.Conn) net.Conn { return &corked{Conn: c} }

type corked struct {
	net.Conn
	mu   sync.Mutex
	hold bool
	buf  []byte
}

// Write implements net.Conn.
func (c *corked) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.hold {
		return c.Conn.Write(p)
	}
	c.buf = append(c.buf, p...)
	if len(c.buf) < maxHeld {
		return len(p), nil
	}
	return len(p), c.flush()
}

// gather keeps what is written from now on until release.
func (c *corked) gather() {
	c.mu.Lock()
	c.hold = true
	c.mu.Unlock()
}

// release writes what was kept.
func (c *corked) release() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold = false
	err := c.flush()
	c.buf = nil // an idle connection keeps no buffer
	return err
}

// flush needs the lock.
func (c *corked) flush() error {
	if len(c.buf) == 0 {
		return nil
	}
	_, err := c.Conn.Write(c.buf)
	c.buf = c.buf[:0]
	return err
}

package main

import (
	"net"
	"sync"

	"github.com/gorilla/websocket"
)

// maxText is how long a message of several frames grows.
const maxText = 64 << 10

// begin makes room for a frame in the open message, or a new one. It needs the
// lock, and the frame is appended to out before end is called.
func (p *meshdPeer) begin() {
	if p.frames == 0 {
		return
	}
	if begin := p.opened(); p.held > 0 && (p.held == p.frames || len(p.out)-begin > maxText-1<<10) {
		p.close()
	}
	if p.held++; p.held == 1 {
		p.out = append(p.out, '[')
	} else {
		p.out = append(p.out, ',')
	}
}

func (p *meshdPeer) end() {
	if p.frames == 0 {
		p.ends = append(p.ends, len(p.out))
	}
}

// opened is where the open message begins.
func (p *meshdPeer) opened() int {
	if n := len(p.ends); n > 0 {
		return p.ends[n-1]
	}
	return 0
}

// close ends the open message.
func (p *meshdPeer) close() {
	if p.held > 0 {
		p.out = append(p.out, ']')
		p.ends = append(p.ends, len(p.out))
		p.held = 0
	}
}

// write adds a frame to those that wait for the flusher.
func (p *meshdPeer) write(encode func([]byte) []byte) {
	p.mu.Lock()
	p.begin()
	p.out = encode(p.out)
	p.end()
	p.mu.Unlock()
	p.kick()
}

func (p *meshdPeer) kick() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// maxAcks is how many one ack frame may name.
const maxAcks = 1024

// acknowledge names a receive frame in the next ack frame.
func (p *meshdPeer) acknowledge(id []byte) {
	p.mu.Lock()
	if p.nacks++; p.nacks == 1 {
		p.acks = append(p.acks[:0], `{"type":"ack","ids":["`...)
	} else {
		p.acks = append(p.acks, `","`...)
	}
	p.acks = append(p.acks, id...)
	if p.nacks == maxAcks {
		p.closeAcks()
	}
	p.mu.Unlock()
	p.kick()
}

// closeAcks makes a frame of the acknowledgements. It needs the lock.
func (p *meshdPeer) closeAcks() {
	if p.nacks == 0 {
		return
	}
	p.begin()
	p.out = append(append(p.out, p.acks...), `"]}`...)
	p.end()
	p.nacks = 0
}

func (p *meshdPeer) writing() {
	var out []byte
	var ends []int
	for {
		select {
		case <-p.wake:
		case <-p.gone:
			return
		}
		p.mu.Lock()
		p.closeAcks()
		p.close()
		out, p.out = p.out, out[:0]
		ends, p.ends = p.ends, ends[:0]
		p.mu.Unlock()
		if len(ends) > 1 {
			p.gathered.gather()
		}
		begin := 0
		for _, end := range ends {
			if err := p.conn.WriteMessage(websocket.TextMessage, out[begin:end]); err != nil {
				p.fail(err)
				return
			}
			begin = end
		}
		if err := p.gathered.release(); err != nil {
			p.fail(err)
			return
		}
	}
}

// gathering holds what the WebSocket writes until it is released, for one TLS
// record in place of many.
type gathering struct {
	net.Conn
	mu   sync.Mutex
	hold bool
	buf  []byte
}

func (g *gathering) gather() {
	g.mu.Lock()
	g.hold = true
	g.mu.Unlock()
}

// Write implements net.Conn.
func (g *gathering) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.hold {
		return g.Conn.Write(p)
	}
	g.buf = append(g.buf, p...)
	if len(g.buf) < 64<<10 {
		return len(p), nil
	}
	return len(p), g.flush()
}

func (g *gathering) release() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hold = false
	return g.flush()
}

// flush needs the lock.
func (g *gathering) flush() error {
	if len(g.buf) == 0 {
		return nil
	}
	_, err := g.Conn.Write(g.buf)
	g.buf = g.buf[:0]
	return err
}

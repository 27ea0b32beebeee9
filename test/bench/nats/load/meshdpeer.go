package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
)

// meshdPeer is a WebSocket. Its frames are gathered by a flusher (meshdwrite.go):
// to one message where the node takes several, and to one write.
type meshdPeer struct {
	conn     *websocket.Conn
	gathered *gathering
	sends    int
	frames   int // how many a message may hold; 0: one
	take     func(*meshdPeer, *frame)

	mu      sync.Mutex // what follows to dead
	id      uint64
	pending waiting
	out     []byte
	ends    []int // of the messages in out
	held    int   // frames of the last message, which still grows
	acks    []byte
	nacks   int // in acks, which is the frame that grows
	dead    error

	topic func([]byte) // set before there is a subscription

	wake chan struct{}
	gone chan struct{}
}

func (p *meshdPeer) reading() {
	var buf []byte
	for {
		_, r, err := p.conn.NextReader()
		if err == nil {
			buf, err = readAll(r, buf[:0])
		}
		if err != nil {
			p.fail(err)
			return
		}
		if err := eachFrame(buf, p.came); err != nil {
			p.fail(err)
			return
		}
	}
}

// came takes a frame of the node.
func (p *meshdPeer) came(f *frame) error {
	switch string(f.kind) {
	case "receive":
		if p.topic != nil && strings.HasPrefix(string(f.to), "topic/") {
			p.topic(f.body)
		} else {
			p.take(p, f)
		}
	case "ack", "reply", "result":
		if len(f.id) > 0 {
			p.heard(number(f.id), f, nil)
		}
		f.eachID(func(id uint64) { p.heard(id, f, nil) })
	case "error":
		err := fmt.Errorf("%s: %s", f.code, f.err)
		if len(f.id) == 0 {
			return err
		}
		p.heard(number(f.id), f, err)
	}
	return nil
}

func number(id []byte) (n uint64) {
	for _, c := range id {
		n = n*10 + uint64(c-'0')
	}
	return n
}

func (p *meshdPeer) heard(id uint64, f *frame, err error) {
	p.mu.Lock()
	d := p.pending.remove(id)
	p.mu.Unlock()
	d.tell(f, err)
}

// fail tells everybody who waits.
func (p *meshdPeer) fail(err error) {
	p.mu.Lock()
	if p.dead != nil {
		p.mu.Unlock()
		return
	}
	p.dead = err
	pending := p.pending.slots
	p.pending = waiting{}
	p.mu.Unlock()
	close(p.gone)
	for _, d := range pending {
		d.tell(nil, err)
	}
}

// ask writes a frame of this type with an id of its own.
func (p *meshdPeer) ask(kind, to string, members string, body []byte, done waiter) error {
	p.mu.Lock()
	if p.dead != nil {
		p.mu.Unlock()
		return p.dead
	}
	p.id++
	p.pending.add(p.id, done)
	p.begin()
	b := append(append(append(p.out, `{"type":"`...), kind...), `","id":"`...)
	b = append(strconv.AppendUint(b, p.id, 10), '"')
	if to != "" {
		b = append(append(append(b, `,"to":"`...), to...), '"')
	}
	b = append(b, members...)
	if body != nil {
		b = append(append(b, `,"body":`...), body...)
	}
	p.out = append(b, '}')
	p.end()
	p.mu.Unlock()
	p.kick()
	return nil
}

func (p *meshdPeer) Window() int { return p.sends }

func (p *meshdPeer) Request(to string, body []byte) error {
	heard := make(chan error, 1)
	err := p.ask("send", to, `,"wait":true,"timeout":"10s"`, body, waiter{answered: func(f *frame, err error) {
		if err == nil && len(f.body) != len(body) {
			err = fmt.Errorf("an answer of %d bytes", len(f.body))
		}
		heard <- err
	}})
	if err != nil {
		return err
	}
	return <-heard
}

func (p *meshdPeer) Send(to string, body []byte, done func(error)) error {
	return p.ask("send", to, "", body, waiter{sent: done})
}

func (p *meshdPeer) Durable(to string, body []byte, done func(error)) error {
	return p.ask("send", to, `,"durable":true`, body, waiter{answered: func(f *frame, err error) {
		if err == nil && string(f.status) != "accepted" {
			err = errors.New("a durable message was not accepted, but " + string(f.status))
		}
		done(err)
	}})
}

func (p *meshdPeer) Publish(topic string, body []byte, done func(error)) error {
	return p.Send("topic/"+topic, body, done)
}

func (p *meshdPeer) Subscribe(topic string, take func([]byte)) error {
	p.topic = take
	heard := make(chan error, 1)
	if err := p.ask("subscribe", "", `,"topics":["`+topic+`"]`, nil, waiter{sent: func(err error) { heard <- err }}); err != nil {
		return err
	}
	return <-heard
}

func (p *meshdPeer) Close() {
	p.fail(net.ErrClosed)
	_ = p.conn.Close()
}

package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
)

type meshdSystem struct {
	o    options
	key  string
	conf *tls.Config
}

func newMeshd(o options) (*meshdSystem, error) {
	secret, err := os.ReadFile(o.key)
	// The node's certificate is its own authority, as it is for a user who
	// pinned it.
	return &meshdSystem{o, strings.TrimSpace(string(secret)), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}}, err
}

func (s *meshdSystem) Receipts() bool { return true }

func (s *meshdSystem) Dial(address, name string, take func([]byte) []byte) (peer, error) {
	hello := s.o.hello
	if name == "" || take == nil {
		name = "" // nobody sends to it
	}
	return s.dial(address, name, hello, func(p *meshdPeer, f *frame) {
		if answer := take(f.body); answer != nil && f.wait {
			p.write(func(b []byte) []byte {
				b = append(append(b, `{"type":"reply","in_reply_to":"`...), f.id...)
				b = append(append(b, `","body":`...), answer...)
				return append(b, '}')
			})
		}
	})
}

func (s *meshdSystem) Consume(address, name string, take func([]byte)) (peer, error) {
	hello := `"acks":true`
	if s.o.hello != "" {
		hello += "," + s.o.hello
	}
	return s.dial(address, name, hello, func(p *meshdPeer, f *frame) {
		take(f.body)
		p.acknowledge(f.id)
	})
}

func (s *meshdSystem) dial(address, name, hello string, take func(*meshdPeer, *frame)) (*meshdPeer, error) {
	p := &meshdPeer{pending: map[uint64]func(*frame, error){}, wake: make(chan struct{}, 1), gone: make(chan struct{}), take: take}
	d := websocket.Dialer{HandshakeTimeout: patience, ReadBufferSize: 32 << 10, WriteBufferSize: 4 << 10,
		NetDialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := (&tls.Dialer{Config: s.conf}).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			p.gathered = &gathering{Conn: c}
			return p.gathered, nil
		}}
	if s.o.op == "idle" {
		d.ReadBufferSize = 1 << 10 // ten thousand of them are this process's memory only
	}
	path := "/ws"
	if name != "" {
		path = "/agents/" + name + "/ws"
	}
	c, res, err := d.Dial("wss://"+address+path, http.Header{"Authorization": {"Bearer " + s.key}})
	if err != nil {
		if res != nil {
			err = fmt.Errorf("%w: %s", err, res.Status)
		}
		return nil, err
	}
	p.conn = c
	_, data, err := c.ReadMessage()
	if err != nil {
		return nil, err
	}
	var greeting struct {
		Type, Error string
		Limits      struct{ Sends, Subscriptions int }
	}
	if err := json.Unmarshal(data, &greeting); err != nil || greeting.Type != "hello" {
		return nil, errors.Join(fmt.Errorf("no hello from the node, but %s: %s", greeting.Type, greeting.Error), err)
	}
	p.sends = greeting.Limits.Sends
	if greeting.Limits.Subscriptions > 0 {
		hello = strings.TrimSuffix(`"batch":true,`+hello, ",") // a node that knows batches of receipts
	}
	go p.writing()
	go p.reading()
	if hello != "" {
		p.write(func(b []byte) []byte { return append(append(append(b, `{"type":"hello",`...), hello...), '}') })
	}
	return p, nil
}

// meshdPeer is a WebSocket whose frames are gathered by a flusher.
type meshdPeer struct {
	conn     *websocket.Conn
	gathered *gathering
	sends    int
	take     func(*meshdPeer, *frame)

	mu      sync.Mutex
	id      uint64
	pending map[uint64]func(*frame, error)
	out     []byte
	ends    []int // of the frames in out
	acks    []byte
	nacks   int
	dead    error
	topic   func([]byte)

	wake chan struct{}
	gone chan struct{}
}

// write adds a frame to those that wait for the flusher.
func (p *meshdPeer) write(encode func([]byte) []byte) {
	p.mu.Lock()
	p.out = encode(p.out)
	p.ends = append(p.ends, len(p.out))
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
	p.out = append(append(p.out, p.acks...), `"]}`...)
	p.ends = append(p.ends, len(p.out))
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
		out, p.out = p.out, out[:0]
		ends, p.ends = p.ends, ends[:0]
		p.mu.Unlock()
		if len(ends) > 1 {
			p.gathered.gather()
		}
		begin := 0
		for _, end := range ends {
			if err := p.conn.WriteMessage(websocket.TextMessage, out[begin:end]); err != nil {
				p.end(err)
				return
			}
			begin = end
		}
		if err := p.gathered.release(); err != nil {
			p.end(err)
			return
		}
	}
}

func (p *meshdPeer) reading() {
	var buf []byte
	for {
		_, r, err := p.conn.NextReader()
		if err == nil {
			buf, err = readAll(r, buf[:0])
		}
		if err != nil {
			p.end(err)
			return
		}
		var f frame
		if err := f.parse(buf); err != nil {
			p.end(err)
			return
		}
		switch string(f.kind) {
		case "receive":
			if p.topic != nil && strings.HasPrefix(string(f.to), "topic/") {
				p.topic(f.body)
			} else {
				p.take(p, &f)
			}
		case "ack", "reply", "result":
			if f.ids == nil {
				p.heard(f.id, &f, nil)
			}
			f.eachID(func(id []byte) { p.heard(id, &f, nil) })
		case "error":
			if len(f.id) == 0 {
				p.end(fmt.Errorf("%s: %s", f.code, f.err))
				return
			}
			p.heard(f.id, &f, fmt.Errorf("%s: %s", f.code, f.err))
		}
	}
}

func (p *meshdPeer) heard(id []byte, f *frame, err error) {
	var n uint64
	for _, c := range id {
		n = n*10 + uint64(c-'0')
	}
	p.mu.Lock()
	done := p.pending[n]
	delete(p.pending, n)
	p.mu.Unlock()
	if done != nil {
		done(f, err)
	}
}

// end tells everybody who waits.
func (p *meshdPeer) end(err error) {
	p.mu.Lock()
	if p.dead != nil {
		p.mu.Unlock()
		return
	}
	p.dead = err
	pending := p.pending
	p.pending = map[uint64]func(*frame, error){}
	p.mu.Unlock()
	close(p.gone)
	for _, done := range pending {
		done(nil, err)
	}
}

// ask writes a frame of this type with an id of its own.
func (p *meshdPeer) ask(kind, to string, members string, body []byte, done func(*frame, error)) error {
	p.mu.Lock()
	if p.dead != nil {
		p.mu.Unlock()
		return p.dead
	}
	p.id++
	p.pending[p.id] = done
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
	p.ends = append(p.ends, len(p.out))
	p.mu.Unlock()
	p.kick()
	return nil
}

func (p *meshdPeer) Window() int { return p.sends }

func (p *meshdPeer) Request(to string, body []byte) error {
	heard := make(chan error, 1)
	err := p.ask("send", to, `,"wait":true,"timeout":"10s"`, body, func(f *frame, err error) {
		if err == nil && len(f.body) != len(body) {
			err = fmt.Errorf("an answer of %d bytes", len(f.body))
		}
		heard <- err
	})
	if err != nil {
		return err
	}
	return <-heard
}

func (p *meshdPeer) Send(to string, body []byte, done func(error)) error {
	return p.ask("send", to, "", body, func(_ *frame, err error) { done(err) })
}

func (p *meshdPeer) Durable(to string, body []byte, done func(error)) error {
	return p.ask("send", to, `,"durable":true`, body, func(f *frame, err error) {
		if err == nil && string(f.status) != "accepted" {
			err = errors.New("a durable message was not accepted, but " + string(f.status))
		}
		done(err)
	})
}

func (p *meshdPeer) Publish(topic string, body []byte, done func(error)) error {
	return p.Send("topic/"+topic, body, done)
}

func (p *meshdPeer) Subscribe(topic string, take func([]byte)) error {
	p.topic = take
	heard := make(chan error, 1)
	if err := p.ask("subscribe", "", `,"topics":["`+topic+`"]`, nil, func(_ *frame, err error) { heard <- err }); err != nil {
		return err
	}
	return <-heard
}

func (p *meshdPeer) Close() {
	p.end(net.ErrClosed)
	_ = p.conn.Close()
}

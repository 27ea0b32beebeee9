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
	p := &meshdPeer{wake: make(chan struct{}, 1), gone: make(chan struct{}), take: take}
	d := websocket.Dialer{HandshakeTimeout: patience, ReadBufferSize: 32 << 10, WriteBufferSize: maxText + 1<<10,
		NetDialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := (&tls.Dialer{Config: s.conf}).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			p.gathered = &gathering{Conn: c}
			return p.gathered, nil
		}}
	if s.o.op == "idle" {
		d.ReadBufferSize, d.WriteBufferSize = 1<<10, 4<<10 // ten thousand of them are this process's memory only
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
		Limits      struct{ Sends, Subscriptions, Frames int }
	}
	if err := json.Unmarshal(data, &greeting); err != nil || greeting.Type != "hello" {
		return nil, errors.Join(fmt.Errorf("no hello from the node, but %s: %s", greeting.Type, greeting.Error), err)
	}
	p.sends = greeting.Limits.Sends
	if p.frames = greeting.Limits.Frames; p.frames > 0 {
		hello = strings.TrimSuffix(`"bulk":true,`+hello, ",") // a node that knows arrays of frames
	} else if greeting.Limits.Subscriptions > 0 {
		hello = strings.TrimSuffix(`"batch":true,`+hello, ",") // a node that knows batches of receipts
	}
	go p.writing()
	go p.reading()
	if hello != "" {
		p.write(func(b []byte) []byte { return append(append(append(b, `{"type":"hello",`...), hello...), '}') })
	}
	return p, nil
}

// meshdPeer is a WebSocket whose frames are gathered by a flusher: to one
// message where the node takes several, and to one write.
type meshdPeer struct {
	conn     *websocket.Conn
	gathered *gathering
	sends    int
	frames   int // how many a message may hold; 0: one
	take     func(*meshdPeer, *frame)

	mu      sync.Mutex
	id      uint64
	pending waiting
	out     []byte
	ends    []int // of the messages in out
	held    int   // frames of the last message, which still grows
	acks    []byte
	nacks   int
	dead    error
	topic   func([]byte)

	wake chan struct{}
	gone chan struct{}
}

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

// waiting are the frames that are not answered, by their numbers, which are
// consecutive.
type waiting struct {
	first uint64 // the number of what is at slots[0]
	slots []waiter
	empty int // of the slots in front
}

// waiter is told the end of a send, or gets the frame that answers.
type waiter struct {
	sent     func(error)
	answered func(*frame, error)
}

func (w *waiting) add(n uint64, d waiter) {
	if len(w.slots) == w.empty {
		w.first, w.slots, w.empty = n, w.slots[:0], 0
	} else if w.empty > 4096 && w.empty > len(w.slots)/2 {
		left := copy(w.slots, w.slots[w.empty:])
		clear(w.slots[left:])
		w.first, w.slots, w.empty = w.first+uint64(w.empty), w.slots[:left], 0
	}
	w.slots = append(w.slots, d)
}

func (w *waiting) remove(n uint64) (d waiter) {
	if at := n - w.first; n >= w.first && at < uint64(len(w.slots)) {
		d, w.slots[at] = w.slots[at], waiter{}
	}
	for w.empty < len(w.slots) && w.slots[w.empty].sent == nil && w.slots[w.empty].answered == nil {
		w.empty++
	}
	return d
}

func (d waiter) tell(f *frame, err error) {
	if d.sent != nil {
		d.sent(err)
	} else if d.answered != nil {
		d.answered(f, err)
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

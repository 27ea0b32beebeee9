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
	"strings"

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

package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// frameRoom is the envelope's room around the largest body of a frame.
	maxFrame = 1<<20 + 128<<10
	// silence is how long nothing may be heard of a node; it pings every 20 s.
	silence       = 45 * time.Second
	writeTimeout  = 10 * time.Second
	socketBuffers = 16 << 10
	// maxHeld is how many bytes one write takes.
	maxHeld = 64 << 10
)

// link is one connection. Its reader is the Agent's run, its writer one more
// goroutine.
type link struct {
	agent   *Agent
	ws      *websocket.Conn
	net     net.Conn
	session *agentSession
	resumed bool
	hello   []byte        // to be written first; nil: not any more
	wake    chan struct{} // has a token while there may be something to write
	closing sync.Once
}

// connect makes a connection to a node, up to its hello.
func (a *Agent) connect(at int) (*link, error) {
	n := a.client.nodes[at]
	ctx, cancel := context.WithTimeout(a.ctx, 2*dialTimeout)
	defer cancel()
	d := websocket.Dialer{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: n.tls, HandshakeTimeout: 2 * dialTimeout,
		ReadBufferSize: socketBuffers, WriteBufferSize: 1 << 10,
		NetDialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext,
	}
	if n.dialSocket != nil {
		d.Proxy, d.NetDialContext = nil, n.dialSocket
	}
	header := http.Header{}
	if a.client.key != "" && n.dialSocket == nil {
		header.Set("Authorization", "Bearer "+a.client.key)
	}
	path := "/ws"
	if a.cfg.Name != "" {
		path = "/agents/" + url.PathEscape(a.cfg.Name) + "/ws"
	}
	old := a.resumableAt(at)
	if old != nil {
		path += "?resume=1"
	}
	// https becomes wss, http (of a socket) ws.
	ws, res, err := d.DialContext(ctx, "ws"+strings.TrimPrefix(n.base, "http")+path, header)
	if res != nil {
		defer res.Body.Close()
	}
	if err != nil {
		if res != nil {
			e := refusalOf(res)
			return nil, e
		}
		return nil, err
	}
	l := &link{agent: a, ws: ws, net: ws.NetConn(), wake: make(chan struct{}, 1)}
	if err := l.greet(at, old); err != nil {
		_ = ws.Close()
		return nil, err
	}
	return l, nil
}

// resumableAt is the session that a node still holds, nil where there is none.
func (a *Agent) resumableAt(at int) *agentSession {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.session; s.resumable() && s.at == at {
		return s
	}
	return nil
}

// greet reads the node's hello, and resumes the session of before where there
// is one.
func (l *link) greet(at int, old *agentSession) error {
	l.ws.SetReadLimit(maxFrame)
	if err := l.ws.SetReadDeadline(time.Now().Add(2 * dialTimeout)); err != nil {
		return err
	}
	if old != nil {
		a := l.agent
		a.mu.Lock()
		resume := appendString([]byte(`{"type":"resume","session":`), old.secret)
		resume = append(strconv.AppendUint(append(resume, `,"seen":`...), old.taken, 10), '}')
		a.mu.Unlock()
		if err := l.ws.WriteMessage(websocket.TextMessage, resume); err != nil {
			return err
		}
	}
	_, data, err := l.ws.ReadMessage()
	if err != nil {
		return fmt.Errorf("the node at %s closed the connection before its hello: %w", l.agent.client.nodes[at].base, err)
	}
	f, err := readFrame(data)
	if err != nil {
		return err
	}
	switch f.Type {
	case "hello":
	case "error":
		return f.refusal()
	default:
		return fmt.Errorf("the node began with a frame of type %.40q", f.Type)
	}
	if f.Resumed && old != nil {
		return l.resume(old, f.Seen)
	}
	if old != nil {
		l.agent.log.Warn("the node has not resumed the session", "agent", l.agent.cfg.Name, "node", f.Node)
	}
	l.session = &agentSession{at: at, node: f.Node, limits: f.Limits, secret: f.Session, window: f.ResumeWindow}
	return nil
}

// resume goes on with a session, if what the node has not seen is still there.
func (l *link) resume(old *agentSession, seen uint64) error {
	a := l.agent
	a.mu.Lock()
	defer a.mu.Unlock()
	if !old.confirmed(seen) {
		old.secret = ""
		return errors.New("more was lost than can be sent again")
	}
	l.session, l.resumed = old, true
	a.figures.resumed.Add(1)
	return nil
}

// serve reads and writes until the connection ends, and returns why.
func (a *Agent) serve(l *link) error {
	a.figures.connections.Add(1)
	lost := a.begin(l)
	if a.ctx.Err() != nil { // Close has looked for a connection before there was one
		l.leave()
		_ = l.ws.Close()
	}
	a.finish(lost, errLost)
	a.opened.Do(func() { close(a.first) })
	a.log.Info("attached", "agent", a.cfg.Name, "node", l.session.node, "resumed", l.resumed)
	a.tell(State{Connected: true, Resumed: l.resumed, Node: l.session.node})
	ended := make(chan struct{})
	written := make(chan struct{})
	go func() {
		defer close(written)
		l.write(ended)
	}()
	err := l.read()
	close(ended)
	_ = l.ws.Close()
	<-written
	lost = a.end(l, websocket.IsCloseError(err, websocket.CloseGoingAway, websocket.ClosePolicyViolation, websocket.CloseMessageTooBig))
	why := fmt.Errorf("%w: %w", errLost, err)
	if a.ctx.Err() != nil {
		why = ErrClosed // nothing broke
	} else {
		a.log.Info("connection lost", "agent", a.cfg.Name, "node", l.session.node, "error", err)
		a.tell(State{Node: l.session.node, Err: err})
	}
	a.finish(lost, why)
	return err
}

var errLost = errors.New("the connection broke and could not be resumed")

// read takes the node's frames until the connection ends.
func (l *link) read() error {
	l.ws.SetPingHandler(func(data string) error {
		_ = l.ws.SetReadDeadline(time.Now().Add(silence))
		err := l.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
		if errors.Is(err, websocket.ErrCloseSent) {
			return nil
		}
		return err
	})
	moved := time.Time{}
	buf := make([]byte, 0, 4<<10)
	var told error
	for {
		if now := time.Now(); now.Sub(moved) > time.Second {
			moved = now
			if err := l.ws.SetReadDeadline(now.Add(silence)); err != nil {
				return err
			}
		}
		_, r, err := l.ws.NextReader()
		if err != nil {
			return errors.Join(told, err)
		}
		if buf, err = readInto(buf[:0], r); err != nil {
			return errors.Join(told, err)
		}
		told = nil
		eachFrame(buf, func(frame []byte) {
			if err := l.take(frame); err != nil {
				told = err // the node says why it will close
			}
		})
		if cap(buf) > maxHeld {
			buf = make([]byte, 0, 4<<10)
		}
	}
}

func readInto(b []byte, r io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

// write writes what is queued, as much as there is at a time, until ended.
func (l *link) write(ended <-chan struct{}) {
	var buf []byte
	for {
		select {
		case <-ended:
			return
		case <-l.wake:
		}
		for {
			buf = l.agent.gather(l, buf[:0])
			if len(buf) == 0 {
				break
			}
			err := l.net.SetWriteDeadline(time.Now().Add(writeTimeout))
			if err == nil {
				_, err = l.net.Write(buf)
			}
			if err != nil {
				_ = l.net.Close() // the reader tells why
				return
			}
			if cap(buf) > 2*maxHeld {
				buf = nil
			}
		}
		buf = nil // a connection at rest keeps no buffer
	}
}

// nudge wakes the writer.
func (l *link) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// leave says goodbye and lets the reader end.
func (l *link) leave() {
	l.closing.Do(func() {
		_ = l.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, "leaving"), time.Now().Add(time.Second))
		_ = l.net.SetReadDeadline(time.Now().Add(time.Second))
	})
}

// webConfig is a TLS configuration for WebSockets, which speak HTTP/1.1.
func webConfig(c *tls.Config) *tls.Config {
	if c == nil {
		c = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	c = c.Clone()
	c.NextProtos = []string{"http/1.1"}
	c.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	return c
}

package agent

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// link is one connection of a client. Its goroutine reads.
type link struct {
	done   func(error) // called when it is over
	client *client
	conn   *websocket.Conn
	net    net.Conn  // below the WebSocket
	hooked bool      // net tells when the reader waits
	bad    int       // bad frames in a row
	spent  bool      // nothing that comes is acted on any more: too many were bad
	to     string    // the address read last, which the next frame is likely to have
	now    time.Time // when the message came whose frames are taken
	// reading says that the reader is at work and looks at the queue before it
	// waits for the client.
	reading atomic.Bool
	heard   atomic.Int64 // by the server's clock
	fresh   int64        // by the server's clock: since when its goroutine reads; 0: it has taken no frame
	closing atomic.Bool
	parted  string                 // why it ended, where its session goes on
	broken  atomic.Pointer[string] // why the node gave it up
}

func newLink(conn *websocket.Conn) *link {
	l := &link{conn: conn, net: conn.NetConn()}
	if t := transportOf(l.net); t != nil {
		l.net, l.hooked = t, true
		t.waits = l
	}
	return l
}

// idle implements waits.
func (l *link) idle() {
	l.reading.Store(false)
	if c := l.client; c != nil && c.ready() && !c.scheduled.Swap(true) {
		c.flush()
	}
}

// busy implements waits.
func (l *link) busy() {
	if l.hooked {
		l.reading.Store(true)
	}
}

// write writes whole WebSocket frames. The client's writing is held.
func (l *link) write(frames []byte) error {
	if err := l.net.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	switch { // who set another deadline in between: it must stand
	case l.closing.Load():
		_ = l.net.SetWriteDeadline(time.Now().Add(closeTimeout))
	case l.broken.Load() != nil:
		return net.ErrClosed
	}
	_, err := l.net.Write(frames)
	return err
}

// hurry lets a write under way, and those that follow, take no longer than a
// goodbye may.
func (l *link) hurry() {
	l.closing.Store(true)
	_ = l.net.SetWriteDeadline(time.Now().Add(closeTimeout))
}

// close says goodbye and gives the client a moment to do so too. The library has
// said it where the client broke the protocol, and says it once only.
func (l *link) close(code int, why string) {
	l.hurry()
	_ = l.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, why), time.Now().Add(closeTimeout))
	_ = l.net.SetReadDeadline(time.Now().Add(closeTimeout))
}

// fail gives up the connection; its reader does the rest. It does not wait.
func (l *link) fail(why string) {
	if l.broken.CompareAndSwap(nil, &why) {
		_ = l.net.SetDeadline(time.Now())
	}
}

// prepare says how the WebSocket reads.
func (l *link) prepare() {
	// readAll bounds frames: the library would close without a word.
	l.conn.SetReadLimit(0)
	l.conn.SetPongHandler(func(string) error {
		l.listen()
		return nil
	})
	l.conn.SetCloseHandler(func(int, string) error { return nil })
	l.conn.SetPingHandler(l.pong)
}

// pong answers a ping of the client.
func (l *link) pong(data string) error {
	l.listen()
	c := l.client
	c.mu.Lock()
	ok := len(c.queue.control) < fairShare
	if ok {
		c.queue.control = appendWS(c.queue.control, opPong, []byte(data))
	}
	c.mu.Unlock()
	c.told(ok)
	return nil
}

// read takes the client's frames until the connection ends, and returns why,
// or errStale when another goroutine should go on.
func (l *link) read() error {
	for {
		kind, r, err := l.conn.NextReader()
		if err != nil {
			return err
		}
		if err := l.message(kind, r); err != nil {
			return err
		}
		if !l.hooked {
			l.idle()
		}
		if l.stale() {
			return errStale
		}
	}
}

// message takes one WebSocket message. The error ends the connection. It is not
// a part of read, whose stack each connection keeps while it waits.
//
//go:noinline
func (l *link) message(kind int, r io.Reader) error {
	c := l.client
	l.listen()
	buf := getBuffer()
	data, charged, err := c.server.readAll(r, c.who.Principal, *buf)
	*buf = data
	if err == nil && !l.spent && !l.closing.Load() {
		if kind == websocket.TextMessage {
			l.now = time.Now()
			l.text(data)
		} else {
			bad := badFrame("", "frames are text messages with JSON objects")
			c.tell(errorFrame("", bad))
			l.judge(bad)
		}
	}
	c.server.large.release(c.who.Principal, charged)
	putBuffer(buf)
	if errors.Is(err, errTooLong) {
		c.tell(errorFrame("", consensus.Refuse(message.CodeTooLarge, errTooLong.Error())))
		// Bytes that nobody reads would have the connection reset, and the
		// words lost on their way.
		_, _ = io.CopyN(io.Discard, r, maxDiscarded)
	}
	return err
}

// errTooLong ends a connection.
var errTooLong = fmt.Errorf("a frame is over the limit of %d bytes; send a body over 1 MiB by POST /messages with durable", maxFrame)

// maxDiscarded bounds what is read of a frame that is over the limit.
const maxDiscarded = 16 << 20

var errStale = errors.New("the stack is larger than waiting takes")

// stale says, after a frame, that a fresh goroutine should read on: to act on
// a frame takes a stack of 8 to 16 KiB, which the runtime would take back only
// in part, and to wait for the next takes less than four. It says so after the
// first frame, and then seldom enough to cost a busy connection nothing.
func (l *link) stale() bool {
	now := l.client.server.clock.Load()
	if l.fresh > 0 && now-l.fresh < int64(pingEvery/time.Second) {
		return false
	}
	l.fresh = now
	if l.hooked {
		l.idle() // what waits is written with the large stack
	}
	return true
}

// listen notes that the client is there.
func (l *link) listen() { l.heard.Store(l.client.server.clock.Load()) }

// maxLarge bounds the large frames that are being read, of all clients,
// maxOwnLarge those of one credential, so that it leaves some room to the others.
const (
	maxLarge    = 256 << 20
	maxOwnLarge = maxLarge / 4 * 3
)

var errCrowded = errors.New("too many large frames come at once")

// readAll reads a frame. What goes beyond a small one is charged to all that
// the node reads at once, until the caller gives it back.
func (s *Server) readAll(r io.Reader, principal string, b []byte) (_ []byte, charged int64, err error) {
	for {
		if len(b) == cap(b) {
			if grow := int64(cap(b)); cap(b) >= fairShare {
				charged += grow
				if !s.large.charge(principal, grow) {
					return b, charged, errCrowded
				}
			}
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case len(b) > maxFrame:
			return b, charged, errTooLong
		case errors.Is(err, io.EOF):
			return b, charged, nil
		case err != nil:
			return b, charged, err
		}
	}
}

// run serves the connection until it is done with. Where read says so, another
// goroutine goes on in place of the caller's.
func (l *link) run() {
	if l.fresh == 0 {
		l.begin()
	}
	err := l.read()
	if err == errStale { //nolint:errorlint // it is never wrapped
		go l.run()
		return
	}
	l.over(err)
}

// begin writes what waits, the hello first.
//
//go:noinline
func (l *link) begin() {
	l.prepare()
	l.busy()
	l.idle()
}

// over ends the connection after reading failed.
//
//go:noinline
func (l *link) over(err error) {
	l.reading.Store(false)
	err = l.finish(err)
	c := l.client
	c.server.cfg.Logger.Info("agent connection closed", "agent", c.who.Name, "principal", c.who.Principal, "reason", cmp.Or(l.parted, c.reason()))
	l.done(err)
}

// finish ends the session with the connection, or lets it wait for another.
func (l *link) finish(err error) error {
	c := l.client
	defer l.conn.Close()
	if c.link.Load() != l {
		l.parted = "the client has another connection"
		return nil
	}
	code, why, goodbye, out := l.ended(err)
	if !goodbye && c.leave(l) {
		l.parted = why + "; its session waits for another"
		return nil
	}
	if c.note(code, why) {
		if lost := c.server.cfg.Lost; !goodbye && lost != nil && c.who.Name != "" {
			lost(c.who.Name)
		}
		c.finish()
	}
	<-c.ctx.Done() // somebody else may be at it
	c.jobs.Wait()
	return out
}

// ended is what a failed read means: how the connection is closed, whether the
// client, or the node, meant it so, and what Serve returns.
func (l *link) ended(err error) (code int, why string, goodbye bool, out error) {
	var closed *websocket.CloseError
	broken := l.broken.Load()
	switch {
	case l.closing.Load():
		return websocket.CloseGoingAway, "the node is closing the connection", true, nil
	case errors.As(err, &closed) && (closed.Code == websocket.CloseNormalClosure || closed.Code == websocket.CloseGoingAway || closed.Code == websocket.CloseNoStatusReceived):
		return websocket.CloseNormalClosure, "the client closed it", true, nil
	case errors.Is(err, errTooLong), errors.Is(err, websocket.ErrReadLimit):
		return websocket.CloseMessageTooBig, "a frame is over the limit", true, consensus.Refuse(message.CodeTooLarge, errTooLong.Error())
	case errors.Is(err, errCrowded):
		return websocket.CloseTryAgainLater, errCrowded.Error(), true, consensus.Refuse(message.CodeOverloaded, errCrowded.Error())
	case broken != nil:
		return websocket.CloseGoingAway, *broken, false, errors.New(*broken)
	case closed != nil, errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return websocket.CloseNormalClosure, "the client is gone", false, nil
	}
	return websocket.CloseGoingAway, "the connection broke", false, err
}

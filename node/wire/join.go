package wire

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/meshd/meshd/node/identity"
)

const (
	maxJoinMessage = 64 << 10
	exporterLabel  = "EXPORTER-meshd-join"
	exporterBytes  = 32
)

// JoinConn is a connection of ProtocolJoin. Both sides have proven a key; the
// joining side has checked the other's pin before it sent anything. Who the
// joiner is remains to be shown. Reading and writing may go on at once, each
// on one goroutine.
type JoinConn struct {
	conn     *tls.Conn
	pin      identity.Pin
	exporter []byte
	close    func() error
}

func newJoinConn(c *tls.Conn, closeConn func() error) (*JoinConn, error) {
	state := c.ConnectionState()
	pin, err := onePin(state.PeerCertificates)
	if err != nil {
		return nil, err
	}
	exporter, err := state.ExportKeyingMaterial(exporterLabel, nil, exporterBytes)
	if err != nil {
		return nil, fmt.Errorf("binding to the TLS session: %w", err)
	}
	return &JoinConn{conn: c, pin: pin, exporter: exporter, close: closeConn}, nil
}

// Pin is the pin of the other side's key.
func (c *JoinConn) Pin() identity.Pin { return c.pin }

// Exporter returns 32 bytes that only the two ends of this TLS session know
// (RFC 8446 section 7.5, label "EXPORTER-meshd-join"). A signature over them
// cannot be used on another connection.
func (c *JoinConn) Exporter() []byte { return append([]byte(nil), c.exporter...) }

// ReadMessage reads one CBOR message of at most 64 KiB into v.
func (c *JoinConn) ReadMessage(v any) error {
	if err := readMessage(c.conn, v, maxJoinMessage); err != nil {
		return fmt.Errorf("reading from %s: %w", c.RemoteAddr(), classify(err))
	}
	return nil
}

// WriteMessage writes v as one CBOR message of at most 64 KiB.
func (c *JoinConn) WriteMessage(v any) error {
	if err := writeMessage(c.conn, v, maxJoinMessage); err != nil {
		return fmt.Errorf("writing to %s: %w", c.RemoteAddr(), classify(err))
	}
	return nil
}

// RemoteAddr is the other side's network address.
func (c *JoinConn) RemoteAddr() net.Addr { return c.conn.RemoteAddr() }

// SetDeadline bounds reads and writes from now on; zero sets no bound.
func (c *JoinConn) SetDeadline(t time.Time) error { return c.conn.SetDeadline(t) }

// Close ends the connection.
func (c *JoinConn) Close() error { return c.close() }

// HandleJoin sets what serves machines that want to join. fn is called on the
// connection's own goroutine with a context that ends when the port closes;
// the connection is closed when it returns. At first it has a deadline of
// 5 s, which fn moves when it has heard something worth waiting for.
func (p *Port) HandleJoin(fn func(ctx context.Context, c *JoinConn)) { p.join.Store(&fn) }

func (p *Port) serveJoin(in *inbound, c *tls.Conn) {
	fn := p.join.Load()
	if fn == nil {
		p.refused(in, ProtocolJoin, "not_ready", ErrNotReady)
		_ = c.Close()
		return
	}
	select {
	case p.joins <- struct{}{}:
		defer func() { <-p.joins }()
	default:
		p.metrics.dropped.WithLabelValues("joins").Inc()
		_ = in.Close()
		return
	}
	s := &session{Conn: c, port: p, protocol: ProtocolJoin, done: make(chan struct{})}
	join, err := newJoinConn(c, s.Close)
	if err != nil {
		p.refused(in, ProtocolJoin, "tls", err)
		_ = in.Close()
		return
	}
	if !p.track(s) {
		s.cut()
		return
	}
	defer s.cut()
	_ = c.SetDeadline(time.Now().Add(p.limits.joinRead))
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	(*fn)(ctx, join)
	_ = s.Close()
}

// DialJoin connects to a member at address ("host:port") over ProtocolJoin.
// If the key that answers is none of pins it fails with ErrPinMismatch, and
// nothing has been sent. The connection has no deadline once it is returned.
func DialJoin(ctx context.Context, id *identity.Identity, address string, pins []identity.Pin) (*JoinConn, error) {
	d := dialer{identity: id, protocol: ProtocolJoin, pins: pins, each: defaultLimits.dial}
	won, err := d.dial(ctx, "", []string{address}, "")
	if err != nil {
		return nil, err
	}
	join, err := newJoinConn(won.conn, won.conn.Close)
	if err != nil {
		_ = won.conn.NetConn().Close()
		return nil, err
	}
	return join, nil
}

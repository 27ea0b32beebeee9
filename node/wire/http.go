package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// unreadTime is how long a client of HTTP/2 has to take what is left of an answer
// when its handler has ended, and for any byte of what waits for the connection.
// Flow control would let it wait for ever, on all streams of each connection.
const unreadTime = 30 * time.Second

// maxStreams is how many requests one connection has at once; a client waits with
// more, or opens another connection.
const maxStreams = 100

// httpSide serves the clients' connections with net/http. They come to it
// after their handshake.
type httpSide struct {
	server  *http.Server
	handler atomic.Pointer[http.Handler]
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once
	group   sync.WaitGroup // the server's accept loop and its requests
	mu      sync.Mutex
	closing bool
	unread  time.Duration // unreadTime
}

type connectionKey struct{}

func newHTTPSide(p *Port, handler http.Handler) *httpSide {
	h := &httpSide{conns: make(chan net.Conn), closed: make(chan struct{}), unread: p.limits.unread}
	if handler != nil {
		h.set(handler)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	h.server = &http.Server{
		Handler:           h,
		TLSConfig:         p.tls.Clone(),
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams, WriteByteTimeout: p.limits.unread},
		ErrorLog:          log.New(httpLog{p.logger}, "", 0),
		BaseContext:       func(net.Listener) context.Context { return p.ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if in := inboundOf(c); in != nil {
				ctx = context.WithValue(ctx, connectionKey{}, in)
			}
			return ctx
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			in := inboundOf(c)
			if in == nil {
				return
			}
			in.busy.Store(state == http.StateActive || state == http.StateHijacked)
			if state == http.StateNew {
				p.metrics.opened.WithLabelValues("http", "in").Inc()
			}
		},
	}
	h.group.Go(func() { _ = h.server.Serve(h) })
	return h
}

func inboundOf(c net.Conn) *inbound {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	in, _ := c.(*inbound)
	return in
}

// Authenticated tells the port that a request on this connection has shown a
// valid credential, so that the connection no longer counts as a stranger's
// and is not closed to make room. ctx is the request's.
func Authenticated(ctx context.Context) {
	if in, ok := ctx.Value(connectionKey{}).(*inbound); ok {
		in.budget.admit(in, false)
	}
}

func (h *httpSide) set(handler http.Handler) { h.handler.Store(&handler) }

// ServeHTTP counts requests, so that Close can wait for them.
func (h *httpSide) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	if h.closing {
		h.mu.Unlock()
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	h.group.Add(1)
	h.mu.Unlock()
	defer h.group.Done()
	handler := h.handler.Load()
	if handler == nil {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.ProtoMajor == 2 { // a deadline is the stream's there, and not the next request's
		defer func() { _ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(h.unread)) }()
	}
	(*handler).ServeHTTP(w, r)
}

// take hands a connection to net/http.
func (h *httpSide) take(c *tls.Conn) {
	select {
	case h.conns <- c:
	case <-h.closed:
		_ = c.NetConn().Close()
	}
}

// Accept, Close and Addr make httpSide the listener of its own server.
func (h *httpSide) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *httpSide) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

func (h *httpSide) Addr() net.Addr { return &net.TCPAddr{} }

func (h *httpSide) close() {
	h.mu.Lock()
	h.closing = true
	h.mu.Unlock()
	_ = h.server.Close()
}

func (h *httpSide) wait() { h.group.Wait() }

// httpLog takes net/http's own lines; they are about misbehaving clients,
// except for panics.
type httpLog struct{ logger *slog.Logger }

var _ io.Writer = httpLog{}

func (l httpLog) Write(line []byte) (int, error) {
	level := slog.LevelDebug
	if bytes.Contains(line, []byte("panic")) {
		level = slog.LevelError
	}
	l.logger.Log(context.Background(), level, "http server", "line", string(bytes.TrimSpace(line)))
	return len(line), nil
}

package agent

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
	"github.com/prometheus/client_golang/prometheus"
)

// Times of a connection.
const (
	pingEvery    = 20 * time.Second
	idleTimeout  = 45 * time.Second
	writeTimeout = 10 * time.Second
	closeTimeout = time.Second
)

// Sizes of a connection.
const (
	// maxFrame leaves room for the envelope around the largest body.
	maxFrame = message.MaxBody + 64<<10
	// maxSends bounds a client's own messages under way.
	maxSends = 256
	// maxBadFrames is how many bad frames in a row close a connection.
	maxBadFrames = 5
	// maxConns bounds the connections of one node.
	maxConns = 8192
)

// Config is what a Server needs; Logger and Registerer may be nil.
type Config struct {
	Router     *message.Router
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Hooks
}

// Server serves agents' WebSocket connections. Safe for concurrent use.
type Server struct {
	cfg   Config
	bad   prometheus.Counter
	asked prometheus.Counter
	load  load
	crew  *crew
	conns prometheus.GaugeFunc

	ctx    context.Context
	cancel context.CancelFunc
	mu     sync.Mutex // guards wg against Close, and open
	open   int
	closed bool
	wg     sync.WaitGroup
}

// NewServer returns a server. Close it before its router.
func NewServer(cfg Config) *Server {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.crew = newCrew(s.ctx.Done())
	s.asked = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "meshd_agent_requests_total", Help: "Requests, other than messages, that came over WebSocket.",
	})
	s.bad = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "meshd_agent_bad_frames_total", Help: "WebSocket frames of agents that could not be understood.",
	})
	s.conns = prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "meshd_agent_connections", Help: "WebSocket connections of agents and clients.",
	}, func() float64 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return float64(s.open)
	})
	if cfg.Registerer != nil {
		for _, c := range []prometheus.Collector{s.bad, s.asked, s.conns} {
			if err := cfg.Registerer.Register(c); err != nil {
				cfg.Logger.Warn("a metric was not registered", "error", err)
			}
		}
	}
	return s
}

// Serve speaks the protocol of PROTOCOL.md on an authenticated connection
// until the client leaves, ctx ends or the server is closed, and closes the
// connection. With a name the client becomes an agent of that name; without
// one it can only send and ask. The error is nil when the client closed the
// connection or was asked to go; a *consensus.Refusal when the name was
// refused, which the client has been told.
func (s *Server) Serve(ctx context.Context, conn *websocket.Conn, who Client) error {
	s.mu.Lock()
	if s.closed || s.open >= maxConns {
		s.mu.Unlock()
		refuse(conn, message.CodeOverloaded, "this node takes no more connections now")
		return consensus.Refuse(message.CodeOverloaded, "this node takes no more connections now")
	}
	s.open++
	s.wg.Add(1)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.open--
		s.mu.Unlock()
		s.wg.Done()
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()

	c := &client{server: s, conn: conn, principal: who.Principal, name: who.Name, requests: who.Requests, queue: newQueue(), cancel: cancel}
	c.cork, _ = conn.NetConn().(*corked)
	if err := c.start(ctx); err != nil {
		frame := errorFrame("", err)
		refuse(conn, frame.Code, frame.Error)
		return err
	}
	s.cfg.Logger.Info("agent connection opened", "agent", who.Name, "principal", who.Principal, "remote", conn.RemoteAddr().String())
	err := c.run(ctx)
	s.cfg.Logger.Info("agent connection closed", "agent", who.Name, "principal", who.Principal, "reason", c.reason())
	return err
}

// Close asks every client to go, waits until they have, and refuses new ones.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()
	s.crew.wg.Wait()
	if s.cfg.Registerer != nil {
		s.cfg.Registerer.Unregister(s.bad)
		s.cfg.Registerer.Unregister(s.asked)
		s.cfg.Registerer.Unregister(s.conns)
	}
}

// Connections counts the clients connected now.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

package agent

import (
	"context"
	"crypto/subtle"
	"log/slog"
	"sync"
	"sync/atomic"
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
	maxSends = 4096
	// maxBadFrames is how many bad frames in a row close a connection.
	maxBadFrames = 5
	// maxConns bounds the connections of one node, and maxAway the sessions
	// without one.
	maxConns = 16384
	maxAway  = 16384
	// maxOwnConns and maxOwnAway bound those of one credential, so that it leaves
	// some to the others.
	maxOwnConns = maxConns / 4 * 3
	maxOwnAway  = maxAway / 4 * 3
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
	cfg       Config
	bad       prometheus.Counter
	asked     prometheus.Counter
	conns     prometheus.GaugeFunc
	load      load
	crew      *crew
	claimWait time.Duration
	tails     tails
	held      atomic.Int64 // bytes of messages that wait for clients
	heldKept  atomic.Int64 // bytes of frames that are kept for clients to resume
	large     shares       // bytes of large frames that are being read
	clock     atomic.Int64 // seconds since it began
	aways     shares       // sessions without a connection

	ctx    context.Context
	cancel context.CancelFunc
	mu     sync.Mutex     // guards what follows, and wg against Close
	open   int            // connections
	owned  map[string]int // the same of each principal
	slots  [clockSlots]map[*client]struct{}
	next   int                // the slot of the next session
	byName map[string]*client // sessions that can be resumed, by their secrets
	closed bool
	wg     sync.WaitGroup // connections and sessions
	ticker sync.WaitGroup
}

// NewServer returns a server. Close it before its router.
func NewServer(cfg Config) *Server {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg, claimWait: claimWait, byName: map[string]*client{}, owned: map[string]int{}}
	s.large.most, s.large.own = maxLarge, maxOwnLarge
	s.aways.most, s.aways.own = maxAway, maxOwnAway
	s.clock.Store(1)
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
	}, func() float64 { return float64(s.Connections()) })
	if cfg.Registerer != nil {
		for _, c := range []prometheus.Collector{s.bad, s.asked, s.conns} {
			if err := cfg.Registerer.Register(c); err != nil {
				cfg.Logger.Warn("a metric was not registered", "error", err)
			}
		}
	}
	s.ticker.Go(s.keepTime)
	return s
}

// Start serves a connection on goroutines of the server's own, which Close waits
// for, so that whoever made the connection need not stay for it. ended is called
// with what Serve would return; it may be nil.
func (s *Server) Start(conn *websocket.Conn, who Client, ended func(error)) {
	if ended == nil {
		ended = func(error) {}
	}
	if err := s.enter(conn, who.Principal); err != nil {
		ended(err)
		return
	}
	go s.serve(conn, who, func(err error) {
		ended(err)
		s.exit(who.Principal)
	})
}

// Serve speaks the protocol of PROTOCOL.md on an authenticated connection
// until the client leaves, ctx ends or the server is closed, and closes the
// connection. With a name the client becomes an agent of that name; without
// one it can only send, ask and subscribe. The error is nil when the client
// closed the connection or was asked to go; a *consensus.Refusal when the name
// was refused, which the client has been told.
func (s *Server) Serve(ctx context.Context, conn *websocket.Conn, who Client) error {
	if err := s.enter(conn, who.Principal); err != nil {
		return err
	}
	defer s.exit(who.Principal)
	done := make(chan error, 1)
	c := s.serve(conn, who, func(err error) { done <- err })
	if c != nil && ctx.Done() != nil {
		defer context.AfterFunc(ctx, func() { c.end(websocket.CloseGoingAway, "the node is closing the connection") })()
	}
	return <-done
}

func (s *Server) enter(conn *websocket.Conn, principal string) error {
	sentence := ""
	s.mu.Lock()
	switch {
	case s.closed || s.open >= maxConns:
		sentence = "this node takes no more connections now"
	case s.owned[principal] >= maxOwnConns:
		sentence = "this node takes no more connections of this credential now"
	default:
		s.open++
		s.owned[principal]++
		s.wg.Add(1)
	}
	s.mu.Unlock()
	if sentence != "" {
		err := consensus.Refuse(message.CodeOverloaded, sentence)
		Refuse(conn, err)
		return err
	}
	return nil
}

func (s *Server) exit(principal string) {
	s.mu.Lock()
	s.open--
	if s.owned[principal]--; s.owned[principal] == 0 {
		delete(s.owned, principal)
	}
	s.mu.Unlock()
	s.wg.Done()
}

// serve begins to serve a connection, and returns its session, nil where there
// is none. done is called once it is over.
func (s *Server) serve(conn *websocket.Conn, who Client, done func(error)) *client {
	l := newLink(conn)
	l.done = done
	l.heard.Store(s.clock.Load())
	c, err := s.sessionOf(l, who)
	if err != nil {
		Refuse(conn, err)
		done(err)
		return nil
	}
	s.cfg.Logger.Info("agent connection opened", "agent", who.Name, "principal", who.Principal, "remote", conn.RemoteAddr().String(), "resumes", who.Resumes)
	go l.run()
	return c
}

// sessionOf finds the session of a connection, or makes it one.
func (s *Server) sessionOf(l *link, who Client) (*client, error) {
	if who.Resumes {
		secret, seen, err := readResume(l.conn)
		if err != nil {
			return nil, errNoResume
		}
		if c := s.resume(l, who, secret, seen); c != nil {
			return c, nil
		}
	}
	c := s.newClient(who)
	l.client = c
	c.link.Store(l)
	if !s.adopt(c) {
		return nil, consensus.Refuse(message.CodeOverloaded, "this node is stopping")
	}
	if err := c.attach(); err != nil {
		err = c.refusal(err)
		c.note(websocket.ClosePolicyViolation, "the agent was refused")
		c.mu.Lock()
		c.ended = true
		c.mu.Unlock()
		s.forget(c, "")
		c.cancel()
		return nil, err
	}
	return c, nil
}

// adopt counts a session.
func (s *Server) adopt(c *client) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.next = (s.next + 1) % clockSlots
	c.slot = s.next
	if s.slots[c.slot] == nil {
		s.slots[c.slot] = map[*client]struct{}{}
	}
	s.slots[c.slot][c] = struct{}{}
	s.wg.Add(1)
	return true
}

// forget takes a session out that has ended.
func (s *Server) forget(c *client, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byName[secret] == c {
		delete(s.byName, secret)
	}
	if _, ok := s.slots[c.slot][c]; ok {
		delete(s.slots[c.slot], c)
		s.wg.Done()
	}
}

// remember lets a session be found by its secret.
func (s *Server) remember(c *client, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.slots[c.slot][c]; ok {
		s.byName[secret] = c
	}
}

// session finds one by its secret. That a map is no slower for secrets that
// begin alike is left to its hash.
func (s *Server) session(secret string) *client {
	s.mu.Lock()
	c := s.byName[secret]
	s.mu.Unlock()
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if subtle.ConstantTimeCompare([]byte(c.secret), []byte(secret)) != 1 {
		return nil
	}
	return c
}

// Close asks every client to go, waits until they have, and refuses new ones.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	for _, c := range s.sessions() {
		c.end(websocket.CloseGoingAway, "the node is stopping")
	}
	s.wg.Wait()
	s.cancel()
	s.ticker.Wait()
	s.crew.wg.Wait()
	if s.cfg.Registerer != nil {
		s.cfg.Registerer.Unregister(s.bad)
		s.cfg.Registerer.Unregister(s.asked)
		s.cfg.Registerer.Unregister(s.conns)
	}
}

func (s *Server) sessions() []*client {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*client
	for _, slot := range s.slots {
		for c := range slot {
			out = append(out, c)
		}
	}
	return out
}

// Connections counts the clients connected now.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

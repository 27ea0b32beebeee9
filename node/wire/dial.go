package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/meshd/meshd/node/identity"
)

const (
	maxAddresses    = 32 // of one node
	maxAddressesPer = 8  // of one name
)

// dialer reaches whichever of several addresses answers with a right key.
type dialer struct {
	identity  *identity.Identity // nil: no certificate is shown
	protocol  string
	pins      []identity.Pin
	each      time.Duration
	headStart time.Duration
	meter     *meter
}

type dialled struct {
	conn    *tls.Conn
	address string
}

// dial tries all addresses at once (the idea of RFC 8305, with the key
// deciding who wins); first, if not empty, gets a head start. Names are
// resolved each time. The error is a *DialError.
func (d dialer) dial(ctx context.Context, node identity.NodeID, addresses []string, first string) (dialled, error) {
	if len(d.pins) == 0 {
		return dialled{}, &DialError{Node: node, Attempts: []Attempt{{Address: "-", Err: errNoPins}}}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan result)
	tried := make(map[string]bool)
	pending := 0
	try := func(address string) {
		if address != "" && !tried[address] && len(tried) < maxAddresses {
			tried[address] = true
			pending++
			go func() {
				conn, err := d.reach(ctx, address)
				results <- result{conn, address, err}
			}()
		}
	}
	tryAll := func() {
		for _, a := range addresses {
			try(a)
		}
	}

	var wait <-chan time.Time
	if first != "" && slices.Contains(addresses, first) {
		try(first)
		timer := time.NewTimer(d.headStart)
		defer timer.Stop()
		wait = timer.C
	} else {
		tryAll()
	}
	var attempts []Attempt
	for pending > 0 {
		select {
		case <-wait:
			tryAll()
		case r := <-results:
			pending--
			if r.err == nil {
				cancel()
				discard(results, pending)
				return dialled{r.conn, r.address}, nil
			}
			attempts = append(attempts, Attempt{Address: r.address, Err: classify(r.err)})
			tryAll()
		}
	}
	return dialled{}, &DialError{Node: node, Attempts: attempts}
}

type result struct {
	conn    *tls.Conn
	address string
	err     error
}

// discard waits for the losers, which end soon as their context has.
func discard(results <-chan result, pending int) {
	if pending == 0 {
		return
	}
	go func() {
		for range pending {
			if r := <-results; r.conn != nil {
				_ = r.conn.NetConn().Close()
			}
		}
	}()
}

// reach resolves one address and connects to whatever it resolves to.
func (d dialer) reach(ctx context.Context, address string) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.each)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return d.connect(ctx, address)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	results := make(chan result)
	count := min(len(ips), maxAddressesPer)
	for _, ip := range ips[:count] {
		go func() {
			conn, err := d.connect(ctx, net.JoinHostPort(ip.Unmap().String(), port))
			results <- result{conn: conn, err: err}
		}()
	}
	var failed error
	for pending := count; pending > 0; pending-- {
		r := <-results
		if r.err == nil {
			cancel()
			discard(results, pending-1)
			return r.conn, nil
		}
		// The most telling failure is the one of a machine that answered.
		if failed == nil || errors.Is(failed, context.DeadlineExceeded) || errors.Is(r.err, ErrPinMismatch) {
			failed = r.err
		}
	}
	if failed == nil {
		failed = ErrNoSuchHost
	}
	return nil, failed
}

// connect does TCP and TLS, and has the pin checked.
func (d dialer) connect(ctx context.Context, address string) (*tls.Conn, error) {
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(metered{raw, d.meter}, clientConfig(d.identity, d.protocol, d.pins))
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	return conn, nil
}

// metered counts an outbound connection's bytes.
type metered struct {
	net.Conn
	meter *meter
}

func (m metered) Read(b []byte) (int, error) {
	n, err := m.Conn.Read(b)
	if m.meter != nil {
		m.meter.read(n)
	}
	return n, err
}

func (m metered) Write(b []byte) (int, error) {
	n, err := m.Conn.Write(b)
	if m.meter != nil {
		m.meter.wrote(n)
	}
	return n, err
}

// dialMember dials a member by id.
func (p *Port) dialMember(ctx context.Context, id identity.NodeID, protocol string) (*session, answer, error) {
	peer, ok := p.trust.ByID(id)
	if !ok {
		return nil, answer{}, fmt.Errorf("node %s: %w", id.Short(), ErrNotMember)
	}
	return p.dialPeer(ctx, peer, protocol)
}

// dialPeer connects, says hello and hears the answer. The session is tracked.
func (p *Port) dialPeer(ctx context.Context, to Peer, protocol string) (s *session, a answer, err error) {
	defer func() {
		result := "ok"
		if err != nil {
			result = "failed"
		}
		p.metrics.dials.WithLabelValues(protocol, result).Inc()
	}()
	if to.ID == p.id {
		return nil, answer{}, fmt.Errorf("node %s: a node does not connect to itself", to.ID.Short())
	}
	if p.ctx.Err() != nil {
		return nil, answer{}, ErrClosed
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()

	pr := p.peerOf(to.ID)
	if pr == nil {
		return nil, answer{}, ErrClosed
	}
	d := dialer{identity: p.identity, protocol: protocol, pins: to.Pins, each: p.limits.dial, headStart: p.limits.headStart, meter: p.meter}
	won, err := d.dial(ctx, to.ID, to.Addresses, pr.lastAddress())
	if err != nil {
		return nil, answer{}, err
	}
	pr.answered(won.address)
	h := p.hello()
	a, err = p.greet(ctx, won.conn, h)
	if err == nil && a.MeshID != p.trust.MeshID() {
		err = ErrWrongMesh
	}
	if err != nil {
		_ = won.conn.NetConn().Close()
		return nil, a, fmt.Errorf("node %s at %s: %w", to.ID.Short(), won.address, err)
	}
	pin, err := onePin(won.conn.ConnectionState().PeerCertificates)
	if err != nil {
		_ = won.conn.NetConn().Close()
		return nil, a, err
	}
	s = &session{Conn: won.conn, port: p, peer: to.ID, pin: pin, protocol: protocol, dialled: true, address: won.address, traffic: h.Traffic, done: make(chan struct{})}
	if !p.track(s) {
		s.cut()
		if p.ctx.Err() != nil {
			return nil, a, ErrClosed
		}
		return nil, a, fmt.Errorf("node %s: %w", to.ID.Short(), ErrNotMember)
	}
	p.shown(to.ID, a.Revision)
	return s, a, nil
}

// greet is the dialling side of the hello.
func (p *Port) greet(ctx context.Context, c *tls.Conn, h hello) (answer, error) {
	stop := context.AfterFunc(ctx, func() { _ = c.NetConn().Close() })
	defer stop()
	_ = c.SetDeadline(time.Now().Add(p.limits.hello))
	var a answer
	err := writeMessage(c, h, maxHello)
	// A refused certificate shows here, and writing may have failed first.
	if readErr := readMessage(c, &a, maxHello); readErr != nil {
		if err == nil || remoteAlert(readErr) != "" {
			err = readErr
		}
		if ctx.Err() != nil {
			return a, fmt.Errorf("%w: %w", ErrTimeout, ctx.Err())
		}
		return a, classify(err)
	}
	if err := a.err(); err != nil {
		return a, err
	}
	clearDeadline(c)
	return a, nil
}

// Probe says whether a machine with one of these keys answers at address: it
// connects, checks the key and hangs up. It needs no membership on either
// side, so it works for a newcomer that does not know us yet.
func (p *Port) Probe(ctx context.Context, address string, pins []identity.Pin) error {
	d := dialer{protocol: "http/1.1", pins: pins, each: p.limits.dial, meter: p.meter}
	won, err := d.dial(ctx, "", []string{address}, "")
	if err != nil {
		return err
	}
	return won.conn.Close()
}

package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Node is one node of the mesh.
type Node struct {
	// URL is https://HOST[:PORT]; the port is 7443 if left out. unix://PATH is
	// the socket of a node of this machine, whose permission is the credential.
	URL string
	// Pin is the SHA-256 of the node's public key in base64, as `meshd cert`
	// prints it. Empty leaves trust to the system's certificate authorities.
	Pin string
}

// Config says whom to ask.
type Config struct {
	// Nodes are asked in this order: the first until it fails, then the next.
	Nodes []Node
	// Key is an API key.
	Key string
	// Patience is for how long a request is repeated that no node answers, or
	// that all put off (no leader, too much to do); 0: 15 s.
	Patience time.Duration
}

const (
	defaultPatience = 15 * time.Second
	dialTimeout     = 5 * time.Second
	// answerTimeout is how long a node may take to begin an answer; one that
	// hangs longer counts as gone.
	answerTimeout = 45 * time.Second
)

// Client asks a mesh. Safe for concurrent use.
type Client struct {
	nodes    []*endpoint
	key      string
	patience time.Duration
	wrote    atomic.Uint64 // revision of the last write
	figures  figures

	mu sync.Mutex
	at int // the node that is asked first
}

type endpoint struct {
	base string
	http *http.Client
	tls  *tls.Config // for WebSockets; nil: of a socket
	// dialSocket makes connections to a local node; nil for others.
	dialSocket func(ctx context.Context, network, address string) (net.Conn, error)
}

// Figures say what a client has done since it was made.
type Figures struct {
	// Requests were sent; Retries of them repeat one that was not answered or
	// put off.
	Requests, Retries uint64
	// Sent and Received are bytes of bodies.
	Sent, Received uint64
}

type figures struct{ requests, retries, sent, received atomic.Uint64 }

// New makes a client. It connects with the first request.
func New(cfg Config) (*Client, error) {
	if len(cfg.Nodes) == 0 {
		return nil, errors.New("a client needs a node to ask")
	}
	c := &Client{key: cfg.Key, patience: cfg.Patience}
	if c.patience == 0 {
		c.patience = defaultPatience
	}
	for _, n := range cfg.Nodes {
		if path, ok := strings.CutPrefix(n.URL, "unix://"); ok {
			c.nodes = append(c.nodes, local(path))
			continue
		}
		base, err := baseOf(n.URL)
		if err != nil {
			return nil, err
		}
		t := &http.Transport{
			DialContext:           (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSHandshakeTimeout:   dialTimeout,
			IdleConnTimeout:       30 * time.Second,
			ResponseHeaderTimeout: answerTimeout,
			ForceAttemptHTTP2:     true,
			Proxy:                 http.ProxyFromEnvironment,
		}
		if n.Pin != "" {
			if t.TLSClientConfig, err = pinned(n.Pin); err != nil {
				return nil, err
			}
		}
		c.nodes = append(c.nodes, &endpoint{base: base, http: httpOver(t), tls: webConfig(t.TLSClientConfig)})
	}
	return c, nil
}

func httpOver(t *http.Transport) *http.Client {
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// local is a node of this machine, by its socket.
func local(path string) *endpoint {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "unix", path)
	}
	t := &http.Transport{DialContext: dial, IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: answerTimeout}
	return &endpoint{base: "http://localhost", http: httpOver(t), dialSocket: dial}
}

func baseOf(address string) (string, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https":
		return "", fmt.Errorf("the node %.200q is not of the form https://HOST:PORT", address)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil:
		return "", fmt.Errorf("the node %.200q has more than a host and a port", address)
	case u.Port() == "":
		return "https://" + net.JoinHostPort(u.Hostname(), "7443"), nil
	}
	return "https://" + u.Host, nil
}

// Close lets go of idle connections.
func (c *Client) Close() {
	for _, n := range c.nodes {
		n.http.CloseIdleConnections()
	}
}

// Figures returns what the client has done.
func (c *Client) Figures() Figures {
	f := &c.figures
	return Figures{f.requests.Load(), f.retries.Load(), f.sent.Load(), f.received.Load()}
}

// first is where a request begins; another moved on from a node that failed.
func (c *Client) first() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// failed moves on from a node, if nobody has.
func (c *Client) failed(i int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at == i {
		c.at = (i + 1) % len(c.nodes)
	}
}

// saw notes the revision of a write of this client.
func (c *Client) saw(revision uint64) {
	for old := c.wrote.Load(); revision > old && !c.wrote.CompareAndSwap(old, revision); old = c.wrote.Load() {
	}
}

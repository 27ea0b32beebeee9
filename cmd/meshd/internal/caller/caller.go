// Package caller asks a node over its HTTP surface for the command line: over
// the Unix socket of a data directory, whose permission is the credential, or
// over HTTPS with a pin and a key.
//
// It carries what a person should not have to think of: a request id, an
// idempotency key on writes so that a lost answer can be asked for again, and
// the revision of the last write so that what was written is read. Every error
// it returns is a sentence with a next step and an exit code.
//
// It is not the Go client for programs, and it holds no rule of the mesh.
package caller

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/node/socket"
)

// Options says which node to ask, and how.
type Options struct {
	// Data is the data directory whose node is asked where Node is empty.
	Data string
	// DataFlag is what a verb needs to name Data, such as " --data DIR", or
	// nothing; it is for sentences.
	DataFlag string
	// Node is https://HOST:PORT, HOST:PORT, or unix:///PATH.
	Node string
	// Pin is what ParsePin reads; empty leaves trust to the system's
	// certificate authorities.
	Pin string
	// Key is the API key; it is not sent over a socket.
	Key string
	// Cache is a directory for what may be forgotten; empty keeps nothing.
	Cache string
	// Version names this program to the node.
	Version string
}

// Client asks one node. Safe for concurrent use.
type Client struct {
	http      *http.Client
	base      string
	key       string
	agent     string
	where     place
	revisions revisions
}

// place is where the node is, for sentences.
type place struct {
	socket string // path of the socket, or
	host   string // HOST:PORT
	data   string
	flag   string // how a verb names data
}

// String names the node asked.
func (p place) String() string {
	if p.socket != "" {
		return p.socket
	}
	return p.host
}

const dialTimeout = 10 * time.Second

// New makes a client. It connects on the first request.
func New(o Options) (*Client, error) {
	t := &http.Transport{
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: dialTimeout,
		IdleConnTimeout:     30 * time.Second,
	}
	c := &Client{
		http: &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		key:  o.Key, agent: "meshd/" + o.Version,
	}
	path, isSocket := strings.CutPrefix(o.Node, "unix://")
	if o.Node == "" || isSocket {
		var err error
		if o.Node == "" {
			if path, err = socket.Find(o.Data); err != nil {
				return nil, err
			}
		}
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "unix", path)
		}
		c.base, c.key = "http://localhost", ""
		c.where = place{socket: path, data: o.Data, flag: o.DataFlag}
		c.revisions = revisions{path: revisionFile(o, path)}
		return c, nil
	}
	host, err := hostOf(o.Node)
	if err != nil {
		return nil, err
	}
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if o.Pin != "" {
		pins, err := ParsePins(o.Pin)
		if err != nil {
			return nil, err
		}
		// The pin takes the place of names, dates and authorities.
		t.TLSClientConfig.InsecureSkipVerify = true
		t.TLSClientConfig.VerifyConnection = pins.verify
	}
	t.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	t.Proxy = http.ProxyFromEnvironment
	c.base = "https://" + host
	c.where = place{host: host}
	c.revisions = revisions{path: revisionFile(o, host)}
	return c, nil
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Where names the node that is asked: a socket's path or HOST:PORT.
func (c *Client) Where() string { return c.where.String() }

// hostOf reads the --node of an HTTPS client.
func hostOf(node string) (string, error) {
	wrong := func(why string) error {
		return exit.New(exit.Usage, fmt.Sprintf("--node %q %s", node, why), "write it as https://HOST:PORT")
	}
	if !strings.Contains(node, "://") {
		node = "https://" + node
	}
	u, err := url.Parse(node)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return "", wrong("is not an address")
	case u.Scheme != "https":
		return "", wrong("is not https, and nodes speak nothing else")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil:
		return "", wrong("has more than a host and a port")
	case u.Port() == "":
		return net.JoinHostPort(u.Hostname(), "7443"), nil
	}
	return u.Host, nil
}

// Remote says that the node is not asked over a local socket.
func (c *Client) Remote() bool { return c.where.socket == "" }

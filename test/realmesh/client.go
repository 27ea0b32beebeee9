package realmesh

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Client asks one node over HTTPS as any program would: it knows the node by
// its pin and itself by a key. It is safe for concurrent use.
type Client struct {
	t       testing.TB
	Address string
	Key     string
	http    *http.Client
}

// Pin is the SHA-256 of the node's public key, as "meshd cert" prints it.
func (n *Node) Pin() string {
	n.t.Helper()
	var c struct {
		Pin string `json:"spki_sha256"`
	}
	n.JSON(&c, "cert")
	return c.Pin
}

// AdminKey is the key that init kept.
func (n *Node) AdminKey() string {
	n.t.Helper()
	key, err := os.ReadFile(filepath.Join(n.Data, "admin.key"))
	if err != nil {
		n.t.Fatal(err)
	}
	return strings.TrimSpace(string(key))
}

// APIKey makes a key with a role at this node.
func (n *Node) APIKey(role string) (id, key string) {
	n.t.Helper()
	var made struct {
		ID  string `json:"id"`
		Key string `json:"key"`
	}
	n.JSON(&made, "apikey", "create", "--role", role, "--name", "test "+role)
	keys.Store(made.Key, true)
	return made.ID, made.Key
}

// keys are those that APIKey made.
var keys sync.Map

// Client asks this node with a key; an empty key asks as a stranger. A key that
// APIKey made at another node is waited for.
func (n *Node) Client(key string) *Client {
	n.t.Helper()
	c := NewClient(n.t, n.Address, n.Pin(), key)
	if _, made := keys.Load(key); made && n.Running() {
		c.settle()
	}
	return c
}

// settle waits until the key is known, and gives up in silence: it may have been
// revoked, or the node be cut off from where it was made.
func (c *Client) settle() {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if a, err := c.Ask(http.MethodGet, "/status", nil); err != nil || a.Status != http.StatusUnauthorized {
			return
		}
	}
}

// NewClient asks whoever has the pin's key at address.
func NewClient(t testing.TB, address, pin, key string) *Client {
	transport := &http.Transport{TLSClientConfig: PinnedTLS(pin), MaxIdleConnsPerHost: 16}
	c := &Client{t: t, Address: address, Key: key, http: &http.Client{Transport: transport, Timeout: 45 * time.Second}}
	t.Cleanup(transport.CloseIdleConnections)
	return c
}

// PinnedTLS accepts a server by its key alone.
func PinnedTLS(pin string) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, // the pin takes the place of an authority
		VerifyConnection: func(s tls.ConnectionState) error {
			sum := sha256.Sum256(s.PeerCertificates[0].RawSubjectPublicKeyInfo)
			if base64.StdEncoding.EncodeToString(sum[:]) != pin {
				return errors.New("another key than the pin's")
			}
			return nil
		},
	}
}

// Answer is a whole answer of a node.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Code is the catalogue's word for an error, empty for other answers.
func (a Answer) Code() string {
	var e struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(a.Body, &e)
	return e.Code
}

// Revision is what X-Mesh-Revision says, 0 without it.
func (a Answer) Revision() uint64 {
	r, _ := strconv.ParseUint(a.Header.Get("X-Mesh-Revision"), 10, 64)
	return r
}

func (a Answer) String() string { return fmt.Sprintf("%d %s", a.Status, tail(string(a.Body), 600)) }

// Ask sends one request and reads the whole answer. Headers are name, value,
// name, value. A body that is not nil, a string or bytes is sent as JSON.
func (c *Client) Ask(method, path string, body any, headers ...string) (Answer, error) {
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	case []byte:
		in = bytes.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			return Answer{}, err
		}
		in = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, "https://"+c.Address+path, in)
	if err != nil {
		return Answer{}, err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.http.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	return Answer{res.StatusCode, res.Header, raw}, err
}

// Want is Ask for a request that has to be answered with a status; it decodes
// the answer into v unless v is nil.
func (c *Client) Want(status int, v any, method, path string, body any, headers ...string) Answer {
	c.t.Helper()
	a, err := c.Ask(method, path, body, headers...)
	if err != nil {
		c.t.Fatalf("%s %s at %s: %v", method, path, c.Address, err)
	}
	if a.Status != status {
		c.t.Fatalf("%s %s at %s: want %d, got %s", method, path, c.Address, status, a)
	}
	if v != nil {
		if err := json.Unmarshal(a.Body, v); err != nil {
			c.t.Fatalf("%s %s at %s answers no JSON: %v\n%s", method, path, c.Address, err, a)
		}
	}
	return a
}

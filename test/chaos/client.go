//go:build linux

package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/meshd/meshd/test/chaos/check"
)

// errNotSent marks failures before a request was sent.
var errNotSent = errors.New("not sent")

// patience is how long clients wait for an answer. It is shorter than the
// node's own, so that many outcomes stay unknown and take effect later.
const patience = 6 * time.Second

// client is one client program: it works at one node at a time, over
// connections of its own, one operation after the other.
type client struct {
	run   *runner
	id    int
	rng   *rand.Rand
	at    *node
	conns map[*node]*http.Client
}

func (r *runner) newClient(id int) *client {
	return &client{run: r, id: id, rng: rand.New(rand.NewPCG(r.cfg.Seed, uint64(1000+id))), conns: map[*node]*http.Client{}}
}

func (c *client) close() {
	for _, h := range c.conns {
		h.CloseIdleConnections()
	}
}

// move goes to a random node that should be there, most of the time to another.
func (c *client) move() {
	nodes := c.run.members()
	if len(nodes) == 0 {
		nodes = c.run.nodes[:1]
	}
	c.at = nodes[c.rng.IntN(len(nodes))]
}

func (c *client) http(n *node) *http.Client {
	h := c.conns[n]
	if h == nil {
		h = &http.Client{Transport: &http.Transport{
			DialTLSContext:      func(ctx context.Context, _, _ string) (net.Conn, error) { return n.dial(ctx) },
			MaxIdleConnsPerHost: 1,
		}}
		c.conns[n] = h
	}
	return h
}

// answer is what came back: the outcome is judged for a write. For reads only
// OK and not OK differ.
type answer struct {
	node     string
	outcome  check.Outcome
	status   int
	code     string
	revision uint64
	version  uint64 // of the ETag
	replayed bool
	body     []byte
	call     int64
	back     int64
}

// ask sends one request to the node the client is at.
func (c *client) ask(method, path string, body any, headers ...string) answer {
	return c.askAt(c.at, patience, method, path, body, headers...)
}

func (c *client) askAt(n *node, wait time.Duration, method, path string, body any, headers ...string) answer {
	a := answer{node: n.Name()}
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		in = bytes.NewReader(raw)
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "https://127.0.0.1:7443"+path, in)
	if err != nil {
		panic(err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+c.run.key)
	// net/http sends a request twice, unseen, when its connection breaks and it
	// has an idempotency key under this very name: what the first one did, the
	// second one's failure would hide.
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header[strings.ToLower(headers[i])] = headers[i+1 : i+2]
	}
	a.call = int64(c.run.now())
	res, err := c.http(n).Do(req)
	if err == nil {
		a.body, err = io.ReadAll(res.Body)
		res.Body.Close()
	}
	a.back = int64(c.run.now())
	if err != nil {
		a.outcome, a.code = check.Unknown, "LOST"
		if errors.Is(err, errNotSent) {
			a.outcome, a.code = check.Refused, "NOT_SENT"
		}
		return a
	}
	a.status = res.StatusCode
	a.revision, _ = strconv.ParseUint(res.Header.Get("X-Mesh-Revision"), 10, 64)
	if tag := res.Header.Get("ETag"); len(tag) > 2 {
		a.version, _ = strconv.ParseUint(tag[1:len(tag)-1], 10, 64)
	}
	a.replayed = res.Header.Get("Idempotency-Replayed") == "true"
	if a.status/100 == 2 {
		a.outcome = check.OK
		return a
	}
	var e struct {
		Code string `json:"code"`
		Text string `json:"error"`
	}
	_ = json.Unmarshal(a.body, &e)
	a.code = e.Code
	a.outcome = check.Refused
	// The catalogue names one code for outcomes that are not known; these
	// others say nothing of what became of the request.
	switch a.code {
	case "OUTCOME_UNKNOWN", "TIMEOUT", "CLIENT_CLOSED", "INTERNAL", "":
		a.outcome = check.Unknown
	}
	if a.code == "INTERNAL" || a.code == "" {
		c.run.problem("internal", "%s answered %s %s with %d %s", a.node, method, path, a.status, e.Text)
	}
	return a
}

// decode reads the answer's body; one that is no JSON is a problem.
func (c *client) decode(a answer, v any) bool {
	if err := json.Unmarshal(a.body, v); err != nil {
		c.run.problem("internal", "%s answers no JSON: %v", a.node, err)
		return false
	}
	return true
}

package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Request is one request to the mesh, which has to be harmless to repeat: a
// read, a write that is the same twice, or one with an Idempotency.
type Request struct {
	Method string
	Path   string
	Query  url.Values
	// Body is sent as JSON unless it is nil.
	Body any
	// Accept is the media type wanted; empty: JSON.
	Accept string
	// Idempotency is the Idempotency-Key of a write.
	Idempotency string
	// TraceParent is W3C trace context, empty where there is none.
	TraceParent string
	// AfterWrites makes a read wait for this client's own writes.
	AfterWrites bool
}

const (
	mediaJSON  = "application/json"
	mediaLines = "application/x-ndjson"

	minPause, maxPause = 20 * time.Millisecond, time.Second
	// maxAnswer bounds a JSON answer.
	maxAnswer = 64 << 20
)

// Do sends a request and decodes the answer into out, unless that is nil. It
// tries all nodes, and repeats for Config.Patience what is put off.
func (c *Client) Do(ctx context.Context, r Request, out any) error {
	return c.ask(ctx, r, func(res *http.Response) error {
		if out == nil {
			return nil
		}
		d := json.NewDecoder(io.LimitReader(res.Body, maxAnswer))
		if err := d.Decode(out); err != nil {
			return fmt.Errorf("the answer to %s %s cannot be read: %w", r.Method, r.Path, err)
		}
		return nil
	})
}

// ask hands an answer that went well to read, which may see several: an answer
// that breaks off is asked for again.
func (c *Client) ask(ctx context.Context, r Request, read func(*http.Response) error) error {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = json.Marshal(r.Body); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(c.patience)
	pause := minPause
	i := c.first()
	for try := 1; ; try++ {
		if try > 1 {
			c.figures.retries.Add(1)
		}
		err := c.once(ctx, c.nodes[i], r, body, read)
		if err == nil || ctx.Err() != nil || !again(err) || errors.Is(err, ErrPin) && len(c.nodes) == 1 {
			return err
		}
		c.failed(i)
		i = (i + 1) % len(c.nodes)
		if try%len(c.nodes) != 0 {
			continue // another node may know better at once
		}
		wait := pause + rand.N(pause)
		if e := (*Error)(nil); errors.As(err, &e) && e.RetryAfter > 0 {
			wait = min(e.RetryAfter, maxPause) + rand.N(pause)
		}
		if time.Now().Add(wait).After(deadline) {
			if e := (*Error)(nil); errors.As(err, &e) || errors.Is(err, ErrPin) {
				return err
			}
			return fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		pause = min(2*pause, maxPause)
	}
}

// again says that an attempt elsewhere or later may go better.
func again(err error) bool {
	var e *Error
	if errors.As(err, &e) {
		return e.passing()
	}
	var local localError
	return !errors.As(err, &local)
}

// localError is one of this program's own, which no node can better.
type localError struct{ error }

func (l localError) Unwrap() error { return l.error }

func (c *Client) once(ctx context.Context, n *endpoint, r Request, body []byte, read func(*http.Response) error) error {
	target := n.base + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	var in io.Reader
	if body != nil {
		in = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target, in)
	if err != nil {
		return localError{err}
	}
	if body != nil {
		req.Header.Set("Content-Type", mediaJSON)
	}
	req.Header.Set("Accept", mediaJSON)
	if r.Accept != "" {
		req.Header.Set("Accept", r.Accept)
	}
	if c.key != "" && n.dialSocket == nil {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	if r.TraceParent != "" {
		req.Header.Set("traceparent", r.TraceParent)
	}
	if r.Idempotency != "" {
		req.Header.Set("Idempotency-Key", r.Idempotency)
	}
	if rev := c.wrote.Load(); r.AfterWrites && rev > 0 {
		req.Header.Set("X-Mesh-Min-Revision", strconv.FormatUint(rev, 10))
	}
	c.figures.requests.Add(1)
	c.figures.sent.Add(uint64(len(body)))
	res, err := n.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	counted := &counter{ReadCloser: res.Body, c: c}
	res.Body = counted
	if res.StatusCode >= 300 {
		return refusalOf(res)
	}
	if r.Method != http.MethodGet {
		rev, _ := strconv.ParseUint(res.Header.Get("X-Mesh-Revision"), 10, 64)
		c.saw(rev)
	}
	return read(res)
}

// counter counts what is read.
type counter struct {
	io.ReadCloser
	c *Client
}

// Read implements io.Reader.
func (r *counter) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.c.figures.received.Add(uint64(n))
	return n, err
}

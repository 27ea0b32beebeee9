package caller

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
)

const (
	// Timeout is how long an ordinary request may take.
	Timeout = 35 * time.Second
	// maxAnswer bounds an answer that is not a stream.
	maxAnswer = 64 << 20
	// attempts is how often a write is sent while its outcome is unknown.
	attempts = 3
)

// Request is one question to the node.
type Request struct {
	Method, Path string
	Query        url.Values
	// Body is sent as JSON; nil sends none.
	Body any
	// Stream is sent as it is, with ContentType, in place of Body.
	Stream      io.Reader
	ContentType string
	// Accept is the media type wanted; empty is JSON.
	Accept string
	// TraceParent is the W3C trace context that this belongs to, or empty.
	TraceParent string
	// Once marks what must not be sent again, because the node cannot tell a
	// repetition: messages and streams.
	Once bool
	// Reads marks a POST that changes nothing.
	Reads bool
	// Own reads the state at least as new as this person's last write.
	Own bool
	// Timeout is for this request; 0 means Timeout, below 0 none.
	Timeout time.Duration
}

func (r Request) write() bool {
	return !r.Reads && r.Method != http.MethodGet && r.Method != http.MethodHead
}

// Get is a read of the state that includes the person's own writes.
func (c *Client) Get(ctx context.Context, path string, query url.Values, out any) error {
	return c.Do(ctx, Request{Method: http.MethodGet, Path: path, Query: query, Own: true}, out)
}

// Do asks and decodes the answer into out, which may be nil. Fields that this
// program does not know are skipped, since the node may be newer.
func (c *Client) Do(ctx context.Context, r Request, out any) error {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = Timeout
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	res, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return c.unreachable(err, r.write())
	case len(data) > maxAnswer:
		return exit.New(exit.Failed, fmt.Sprintf("the answer is larger than %d bytes", maxAnswer), "ask for less with --limit")
	case out == nil || len(data) == 0:
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("the answer of the node cannot be read: %w", err)
	}
	return nil
}

// Open asks and returns the answer while it is still being sent. The caller
// closes its body; ctx bounds it.
func (c *Client) Open(ctx context.Context, r Request) (*http.Response, error) { return c.send(ctx, r) }

// send repeats a write whose connection broke under the same idempotency key,
// and a read that asked for a revision this mesh never had.
func (c *Client) send(ctx context.Context, r Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = json.Marshal(r.Body); err != nil {
			return nil, fmt.Errorf("writing the request: %w", err)
		}
	}
	id, again := rand.Text(), !r.Once && r.Stream == nil
	var asked bool
	for attempt := 1; ; attempt++ {
		res, err := c.once(ctx, r, body, id)
		if err != nil {
			asked = asked || (r.write() && !dialing(err))
			if again && asked && attempt < attempts && ctx.Err() == nil {
				continue
			}
			return nil, c.unreachable(err, asked)
		}
		if res.StatusCode < 300 {
			if revision, err := strconv.ParseUint(res.Header.Get("X-Mesh-Revision"), 10, 64); err == nil && r.write() {
				c.revisions.save(revision)
			}
			return res, nil
		}
		refused := refusal(res, r.write())
		res.Body.Close()
		if refused.Code == "AHEAD" && r.Own {
			c.revisions.forget()
			r.Own = false
			continue
		}
		return nil, refused
	}
}

func (c *Client) once(ctx context.Context, r Request, body []byte, id string) (*http.Response, error) {
	var reader io.Reader
	switch {
	case r.Stream != nil:
		reader = r.Stream
	case body != nil:
		reader = bytes.NewReader(body)
	}
	address := c.base + r.Path
	if len(r.Query) > 0 {
		address += "?" + r.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, address, reader)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	req.Header.Set("Accept", cmp.Or(r.Accept, "application/json"))
	req.Header.Set("User-Agent", c.agent)
	if r.TraceParent != "" {
		req.Header.Set("Traceparent", r.TraceParent)
	}
	req.Header.Set("X-Request-Id", "cli-"+id)
	switch {
	case r.Stream != nil:
		req.Header.Set("Content-Type", r.ContentType)
	case body != nil:
		req.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	if r.write() && !r.Once && r.Stream == nil {
		req.Header.Set("Idempotency-Key", "cli-"+id)
	}
	if revision := c.revisions.load(); r.Own && revision > 0 {
		req.Header.Set("X-Mesh-Min-Revision", strconv.FormatUint(revision, 10))
	}
	return c.http.Do(req)
}
